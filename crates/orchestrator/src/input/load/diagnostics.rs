//! Finds out what words mean, and keeps count of those that mean nothing.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::outline::Outline;
use crate::input::experiment::written::{Later, Scalar};
use crate::input::experiment::{Source, Span, Spanned, label, time};
use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{Problem, ProblemText};

/// A file being read. Whatever is wrong is noted, and reading goes on, so that one reading finds everything.
pub(super) struct Diagnostics<'a> {
    source: &'a Source,
    outline: &'a Outline<'a>,
    document: &'a Node,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(source: &'a Source, outline: &'a Outline<'a>, document: &'a Node) -> Self {
        Self {
            source,
            outline,
            document,
            problems: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// The part of the document under these names that Kubernetes defines.
    pub(super) fn kubernetes(&self, names: &[&str]) -> Option<&'a Node> {
        let inside = |node: &'a Node, name: &&str| node.field(name);
        names.iter().try_fold(self.document, inside)
    }

    /// Notes a fault. Returns nothing, so that a reading function can end with it.
    pub(super) fn fault<T>(&mut self, span: Span, fault: ProblemText) -> Option<T> {
        self.problems.push(fault.at(self.source, span));
        None
    }

    /// Notes a fault about a field: at the key in front of its value.
    pub(super) fn fault_at_key<T>(&mut self, value: Span, fault: ProblemText) -> Option<T> {
        self.fault(self.outline.key(value), fault)
    }

    /// Notes that there is one field too many: at the key that stands last.
    pub(super) fn fault_at_last_key<T>(
        &mut self,
        values: impl IntoIterator<Item = Option<Span>>,
        fault: ProblemText,
    ) -> Option<T> {
        let last = values.into_iter().flatten().max();
        self.fault_at_key(last.unwrap_or_default(), fault)
    }

    /// Notes that a field is missing: at the mapping around another field's value.
    pub(super) fn fault_around<T>(&mut self, value: Span, fault: ProblemText) -> Option<T> {
        self.fault(self.outline.mapping_around(value), fault)
    }

    /// A word that has a type of its own.
    pub(super) fn word<T: FromStr<Err: Display>>(
        &mut self,
        word: &Spanned<Scalar>,
    ) -> Option<Spanned<T>> {
        match word.word().parse() {
            Ok(value) => Some(Spanned {
                value,
                span: word.span,
            }),
            Err(error) => self.fault(word.span, ProblemText::new(error.to_string())),
        }
    }

    /// One word of a short list.
    pub(super) fn choice<T: Copy>(
        &mut self,
        word: &Spanned<Scalar>,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let said = word.word();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == said) {
            return Some(*value);
        }
        let names = choices.iter().map(|(name, _)| *name);
        let fault = ProblemText::new(format!("`{said}` is not {what}"));
        self.fault(word.span, fault.one_of(&said, names))
    }

    pub(super) fn duration(&mut self, word: &Spanned<Scalar>) -> Option<Duration> {
        let said = word.word();
        if said == "predicted" {
            return self.fault(
                word.span,
                not_yet("`predicted`").expected("a duration such as `10s`"),
            );
        }
        match time::parse(&said) {
            Ok(duration) => Some(duration),
            Err(error) => self.fault(word.span, ProblemText::new(error.to_string())),
        }
    }

    /// A duration that may be left out.
    pub(super) fn duration_or(
        &mut self,
        word: Option<&Spanned<Scalar>>,
        absent: Duration,
    ) -> Option<Duration> {
        word.map_or(Some(absent), |word| self.duration(word))
    }

    pub(super) fn bool(&mut self, word: &Spanned<Scalar>) -> Option<bool> {
        match word.value {
            Scalar::Bool(value) => Some(value),
            _ => self.fault(word.span, unfit(word).expected("`true` or `false`")),
        }
    }

    /// A whole number; 0 too.
    pub(super) fn number(&mut self, word: &Spanned<Scalar>) -> Option<u32> {
        match &word.value {
            Scalar::Number(number) if let Ok(number) = number.parse() => Some(number),
            _ => self.fault(word.span, unfit(word).expected("a whole number from 0")),
        }
    }

    pub(super) fn label(&mut self, word: &Spanned<Scalar>) -> Option<Spanned<String>> {
        let text = word.word();
        if !label::is_label(&text) {
            return self.fault(
                word.span,
                ProblemText::new(format!("`{text}` is not a name")).expected(label::EXPECTED),
            );
        }
        Some(Spanned {
            value: text.into_owned(),
            span: word.span,
        })
    }

    /// Words of which there must be at least one.
    pub(super) fn labels(
        &mut self,
        words: &Spanned<Vec<Spanned<Scalar>>>,
        what: &str,
    ) -> Option<Vec<Spanned<String>>> {
        if words.is_empty() {
            return self.fault(
                words.span,
                ProblemText::new("this list is empty").expected(format!("at least one {what}")),
            );
        }
        // All are read before any is missed.
        let names: Vec<_> = words.iter().map(|word| self.label(word)).collect();
        names.into_iter().collect()
    }

    /// Says that a field belongs to a later version.
    pub(super) fn later(&mut self, field: &str, said: Option<&Spanned<Later>>) {
        if let Some(said) = said {
            self.fault_at_key::<()>(said.span, not_yet(&format!("`{field}`")));
        }
    }
}

/// What was read of a word that may be absent, but not wrong.
#[expect(
    clippy::option_option,
    reason = "absent, wrong and right are three different things"
)]
pub(super) fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

pub(super) fn unfit(word: &Spanned<Scalar>) -> ProblemText {
    ProblemText::new(format!("`{}` cannot stand here", word.word()))
}

fn not_yet(what: &str) -> ProblemText {
    ProblemText::new(format!("{what} is not in this version of probeflip"))
}
