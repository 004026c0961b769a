//! Suppressed findings: an annotation of an object or its Pod template, or a comment at a field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft::Draft;
use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
    source::{Source, Span},
};
use crate::stand_in::{POD_TEMPLATES, within};

/// The annotation, and what a comment begins with before its colon.
const KEY: &str = "lint.probeflip.dev/ignore";

/// All suppressions of some manifests.
#[derive(Debug, Default)]
pub(super) struct Suppressions {
    /// Those of comments, by file and the line's first byte. A comment on a line of its own counts
    /// for the next line with content too.
    comments: BTreeMap<(PathBuf, usize), Vec<String>>,
    /// Everything that names a rule, with its place.
    named: Vec<(String, Source, Span)>,
}

impl Suppressions {
    /// Reads the comments and annotations of manifests.
    pub(super) fn read(manifests: &[Manifest]) -> Self {
        let mut suppressions = Self::default();
        let sources: BTreeMap<&Path, &Source> = manifests
            .iter()
            .map(|manifest| (manifest.source.path.as_path(), &manifest.source))
            .collect();
        for source in sources.into_values() {
            suppressions.read_comments(source);
        }
        for manifest in manifests {
            for (template, path) in annotated(manifest) {
                let span = manifest.place(&format!("{path}[{KEY}]"));
                for id in ids(template) {
                    let named = (id, manifest.source.clone(), span);
                    suppressions.named.push(named);
                }
            }
        }
        suppressions
    }

    /// Whether a finding of a rule is suppressed.
    pub(super) fn cover(&self, draft: &Draft<'_>, rule: &str) -> bool {
        annotation_covers(draft, rule) || self.comment_covers(draft, rule)
    }

    /// The suppressions of rules that do not exist.
    pub(super) fn unknown(&self, rules: &[&str]) -> Vec<Problem> {
        let unknown = self.named.iter();
        let unknown = unknown.filter(|(id, ..)| !rules.contains(&id.as_str()));
        unknown
            .map(|(id, source, span)| {
                let what = format!("`{id}` suppresses nothing: lint has no such rule");
                let text = ProblemText::new(what).expected("an id such as PL05");
                text.at(source, *span)
            })
            .collect()
    }

    fn comment_covers(&self, draft: &Draft<'_>, rule: &str) -> bool {
        if self.comments.is_empty() {
            return false;
        }
        let source = &draft.manifest().source;
        draft.spans().into_iter().any(|span| {
            let before = source.text.get(..span.start).unwrap_or_default();
            let line = before.rfind('\n').map_or(0, |newline| newline + 1);
            let found = self.comments.get(&(source.path.clone(), line));
            found.is_some_and(|ids| ids.iter().any(|id| id == rule))
        })
    }

    fn read_comments(&mut self, source: &Source) {
        let mut pending: Vec<String> = Vec::new();
        let mut start = 0;
        for line in source.text.split('\n') {
            let begins = line.trim_start().starts_with('#');
            let comment = comment(line);
            if let Some((column, text)) = comment {
                let span = Span {
                    start: start + column,
                    end: start + line.len(),
                };
                let found: Vec<String> = ids(text).collect();
                let named = found.iter().map(|id| (id.clone(), source.clone(), span));
                self.named.extend(named);
                pending.extend(found);
            }
            if !begins && !pending.is_empty() {
                let at = (source.path.clone(), start);
                self.comments.insert(at, std::mem::take(&mut pending));
            }
            start += line.len() + 1;
        }
    }
}

/// Whether an annotation of the object or its Pod template suppresses a finding of a rule.
fn annotation_covers(draft: &Draft<'_>, rule: &str) -> bool {
    let manifest = draft.manifest();
    let template = draft.template().map(metadata_path);
    annotated(manifest)
        .filter(|(_, path)| path == "metadata.annotations" || Some(path) == template.as_ref())
        .any(|(text, _)| ids(text).any(|id| id == rule))
}

/// The suppressing annotations of an object, each with the path of the annotations.
fn annotated(manifest: &Manifest) -> impl Iterator<Item = (&str, String)> {
    let paths = POD_TEMPLATES.map(metadata_path).into_iter();
    paths.filter_map(|path| {
        let pointer = format!("/{}", path.replace('.', "/"));
        let annotations = manifest.object.pointer(&pointer)?;
        Some((annotations.get(KEY).and_then(Value::as_str)?, path))
    })
}

/// The path of the annotations of an object or a Pod template.
fn metadata_path(of: &str) -> String {
    within(of, "metadata.annotations")
}

/// The rules that a comment of a line names, and the column of the comment.
fn comment(line: &str) -> Option<(usize, &str)> {
    let at = line.find(KEY)?;
    let before = line[..at].trim_end();
    let column = before
        .len()
        .checked_sub(1)
        .filter(|_| before.ends_with('#'))?;
    // YAML 1.2 › 6.6 Comments: white space comes before them.
    let begins = column == 0 || before[..column].ends_with(char::is_whitespace);
    let names = line[at + KEY.len()..].strip_prefix(':')?;
    begins.then_some((column, names))
}

/// The rules of a list such as `PL05, PL20`. The first word is always one; what follows the first
/// other word is a reason.
fn ids(text: &str) -> impl Iterator<Item = String> {
    let words = text
        .split([',', ' ', '\t', '\r'])
        .filter(|word| !word.is_empty());
    let is_id = |word: &str| {
        let (letters, number) = word.split_at_checked(2).unwrap_or_default();
        letters.eq_ignore_ascii_case("PL") && number.starts_with(|c: char| c.is_ascii_digit())
    };
    let ids = words.enumerate();
    let ids = ids.take_while(move |(at, word)| *at == 0 || is_id(word));
    ids.map(|(_, word)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_rules_and_may_give_a_reason() {
        let check = |line: &str, expected: &[&str]| {
            let found: Vec<String> =
                comment(line).map_or_else(Vec::new, |(_, text)| ids(text).collect());
            assert_eq!(found, expected, "{line}");
        };
        check("# lint.probeflip.dev/ignore: PL05", &["PL05"]);
        check(
            "  - name: a # lint.probeflip.dev/ignore: PL05,PL20",
            &["PL05", "PL20"],
        );
        check(
            "#lint.probeflip.dev/ignore: PL05, PL20 as the PLC asks",
            &["PL05", "PL20"],
        );
        // Rules that do not exist, of which lint warns.
        check("# lint.probeflip.dev/ignore: * for now", &["*"]);
        check("# lint.probeflip.dev/ignore: pl12, PL99", &["pl12", "PL99"]);
        check("a: b#lint.probeflip.dev/ignore: PL05", &[]);
        check("lint.probeflip.dev/ignore: PL05", &[]);
        check("# lint.probeflip.dev/ignore PL05", &[]);
    }
}
