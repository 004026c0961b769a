//! The YAML reader's errors in our words. It reads JSON too, which is YAML as well.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{Error, Options, options};

use crate::experiment::written::Scalar;
use crate::experiment::{Source, Span, Spanned};
use crate::problem::{Fault, Problem};

/// What tells an experiment from a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) api_version: Option<Spanned<Scalar>>,
    pub(super) kind: Option<Spanned<Scalar>>,
}

impl Head {
    /// Where a document begins, as far as one can point at it.
    pub(super) fn place(&self, document: Span) -> Span {
        let words = self.api_version.iter().chain(&self.kind);
        words.map(|word| word.span).min().unwrap_or(Span {
            start: document.start,
            end: document.start,
        })
    }
}

/// The head of a document; none if it has no content.
pub(super) fn head(source: &Source, text: &str) -> Result<Option<Head>, Problem> {
    serde_saphyr::from_str_with_options(text, strict())
        .map_err(|error| problem(source, text, &error))
}

/// A document of ours.
pub(super) fn read<T: DeserializeOwned>(source: &Source, text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(text, strict())
        .map_err(|error| problem(source, text, &error))
}

/// A document of Kubernetes', with the words and numbers that kubectl's YAML 1.1 knows: `yes`, `0644`.
pub(super) fn object(source: &Source, text: &str) -> Result<Value, Problem> {
    let options = options! { with_snippet: false, legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| problem(source, text, &error))
}

fn strict() -> Options {
    options! { with_snippet: false, strict_booleans: true }
}

fn problem(source: &Source, text: &str, error: &Error) -> Problem {
    let place = error.location();
    let span = place.map_or_else(Span::default, |place| Span::in_text(place, text));
    fault(error, &found(source, span)).at(source, span)
}

/// What stands in a place, in words.
fn found(source: &Source, span: Span) -> String {
    let rest = source.text.get(span.start..).unwrap_or_default();
    let word = source.text.get(span.range()).unwrap_or_default();
    match word.lines().next() {
        _ if rest.starts_with('[') || rest.starts_with("- ") => "a list".to_owned(),
        _ if rest.starts_with('{') => "a mapping".to_owned(),
        Some(word) => format!("`{word}`"),
        None => "this".to_owned(),
    }
}

/// What is wrong; `there` is what stands where it is wrong.
fn fault(error: &Error, there: &str) -> Fault {
    match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let known = expected
                .iter()
                .copied()
                .filter(|name| !LATER.contains(name));
            Fault::new(format!("unknown field `{field}`")).one_of(field, known)
        }
        Error::SerdeMissingField { field, .. } => Fault::new(format!("missing field `{field}`")),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        } => Fault::new(format!("{} cannot stand here", named(unexpected))).expected(expected),
        Error::Unexpected { expected, .. } => {
            Fault::new(format!("{there} cannot stand here")).expected(named(expected))
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            Fault::new(format!("`{key}` stands here twice"))
        }
        other => Fault::new(without_place(&other.to_string())),
    }
}

/// Fields that are known only to be refused by name.
const LATER: [&str; 3] = ["after", "event", "measure"];

// The reader's names for things, in the words of someone who writes YAML.
fn named(thing: &str) -> String {
    match thing {
        "sequence" | "sequence start" => "a list".into(),
        "map" | "mapping start" => "a mapping".into(),
        "unit value" => "nothing".into(),
        other => match other.split_once(['"', '`']) {
            Some((_, value)) => format!("`{}`", value.trim_end_matches(['"', '`'])),
            None => other.into(),
        },
    }
}

// The place is said in front already.
fn without_place(message: &str) -> &str {
    message
        .split(" at line ")
        .next()
        .unwrap_or(message)
        .lines()
        .next()
        .unwrap_or(message)
}
