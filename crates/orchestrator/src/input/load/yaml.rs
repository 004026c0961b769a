//! Parses YAML (and JSON, a subset of it) with serde-saphyr and rewords its errors.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{
    DefaultMessageFormatter, Error, MessageFormatter as _, Options, budget, options,
};

use super::example::{example, missing};
use super::outline::{Node, Outline};
use crate::input::experiment::written::{Scalar, Tree};
use crate::input::experiment::{Source, Span, Spanned};
use crate::input::problem::{Problem, ProblemText};
use crate::input::schema;

/// The fields that distinguish an experiment from a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) api_version: Option<Spanned<Scalar>>,
    pub(super) kind: Option<Spanned<Scalar>>,
}

impl Head {
    /// The position of a document for errors: its first head field, or else the document's start.
    pub(super) fn place(&self, document: Span) -> Span {
        let words = self.api_version.iter().chain(&self.kind);
        words.map(|word| word.span).min().unwrap_or(Span {
            start: document.start,
            end: document.start,
        })
    }
}

/// Parses the head of a document; `None` if the document is empty.
pub(super) fn head(source: &Source, document: Span) -> Result<Option<Head>, Problem> {
    let text = &source.text[document.range()];
    let mut options = strict();
    // Manifests of a whole cluster are one `List`. What aliases add has limits of its own.
    options.budget = budget! { max_nodes: usize::MAX, max_events: usize::MAX };
    let head: Option<Head> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let place = error.location();
            let span = place.map_or_else(Span::default, |place| Span::in_text(place, text));
            let span = span.moved(document.start);
            fault(&error, &found(source, span)).at(source, span)
        })?;
    Ok(head.map(|mut head| {
        for word in head.api_version.iter_mut().chain(&mut head.kind) {
            word.span = word.span.moved(document.start);
        }
        head
    }))
}

/// Parses an experiment into its typed form.
pub(super) fn read<T: DeserializeOwned>(
    source: &Source,
    text: &str,
    outline: &Outline<'_>,
) -> Result<T, Problem> {
    let read = serde_saphyr::from_str_with_options(text, strict());
    read.map_err(|error| in_outline(source, text, &error, outline))
}

/// Parses an experiment into its outline.
pub(super) fn outline(text: &str) -> Outline<'_> {
    let options = options! {
        with_snippet: false,
        strict_booleans: true,
        // `read` reports duplicate keys; here they must not lose the rest of the outline.
        duplicate_keys: DuplicateKeyPolicy::FirstWins,
        // Only places are asked of the outline, and numbers too large for a float have one.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    };
    Outline::new(
        text,
        serde_saphyr::from_str_with_options(text, options).ok(),
    )
}

fn strict() -> Options {
    options! {
        // The problem quotes the source line itself.
        with_snippet: false,
        // Only `true` and `false`, as in YAML 1.2.
        strict_booleans: true,
        // To kubectl, `7e12345` is text. Inside Kubernetes objects this reader must let it pass;
        // [`Scalar`] refuses it in the experiment's own fields.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    }
}

/// Converts a serde-saphyr error and corrects its position with the outline. serde-saphyr reports a
/// value of the wrong type at its key, and a missing field at the last key of the mapping.
fn in_outline(source: &Source, text: &str, error: &Error, outline: &Outline<'_>) -> Problem {
    let place = error.location();
    let place = place.map_or_else(Span::default, |place| Span::in_text(place, text));
    let (fault, span) = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let mapping = outline.mapping_of(place);
            let known = mapping.map(|mapping| schema::fields_at(&mapping.path));
            let known = known.unwrap_or_default();
            // serde's list also contains fields that exist only to be rejected by name; the schema
            // does not.
            let expected = expected.iter().copied();
            let known = expected.filter(|name| known.iter().any(|known| known == name));
            let fault = ProblemText::new(format!("unknown field `{field}`"));
            (fault.one_of(field, known), place)
        }
        Error::SerdeMissingField { field, .. } => {
            let Some(mapping) = outline.mapping_of(place) else {
                let fault = ProblemText::new(format!("missing field `{field}`"));
                return fault.at(source, place);
            };
            let dot = if mapping.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{field}", mapping.path);
            (missing(&path), outline.place(&mapping))
        }
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        } => {
            let values = outline.values_at(place);
            let fits = |node: &&Node<'_>| is_named(&node.value.value, unexpected);
            let value = values.iter().find(fits).or(values.first());
            let span = value.map_or(place, seen);
            let fault = misfit(&named(unexpected), value);
            (fault.expected(such_as(expected, value)), span)
        }
        Error::Unexpected { expected, .. } => {
            let values = outline.values_at(place);
            let begins = |node: &&Node<'_>| node.value.span.start == place.start;
            let value = values.iter().find(begins);
            let fault = misfit(&found(source, place), value);
            let span = value.map_or(place, seen);
            (fault.expected(such_as(&named(expected), value)), span)
        }
        Error::InvalidBooleanStrict { .. } => {
            let there = found(source, place);
            let fault = ProblemText::new(format!("{there} cannot stand here"));
            (fault.expected("`true` or `false`"), place)
        }
        _ => (fault(error, &found(source, place)), place),
    };
    fault.at(source, span)
}

/// The error text for a value of the wrong type.
fn misfit(there: &str, value: Option<&Node<'_>>) -> ProblemText {
    let missing = value.filter(|node| matches!(node.value.value, Tree::Null) && node.key.is_some());
    let Some(node) = missing else {
        return ProblemText::new(format!("{there} cannot stand here"));
    };
    let name = node.path.rsplit('.').next().unwrap_or_default();
    ProblemText::new(format!("`{name}` has no value"))
}

/// The position for an error about a value: its key if the value is null.
fn seen(node: &Node<'_>) -> Span {
    match (&node.value.value, node.key) {
        (Tree::Null, Some(key)) => key,
        _ => node.value.span,
    }
}

/// The expected type followed by an example, if there is one for this path.
fn such_as(expected: &str, value: Option<&Node<'_>>) -> String {
    match value.and_then(|value| example(&value.path)) {
        Some(example) => format!("{expected} such as `{example}`"),
        None => expected.to_owned(),
    }
}

/// Whether serde's type name `thing` can describe this value.
fn is_named(value: &Tree, thing: &str) -> bool {
    match value {
        Tree::Null => thing == "unit value",
        Tree::Scalar(_) => !matches!(thing, "map" | "sequence" | "unit value"),
        Tree::List(_) => thing == "sequence",
        Tree::Map(_) => thing == "map",
    }
}

/// The longest value, in characters, that a message quotes; the source line below shows it anyway.
const QUOTED: usize = 60;

/// Describes the source text at a span.
fn found(source: &Source, span: Span) -> String {
    let rest = source.text.get(span.start..).unwrap_or_default();
    let word = source.text.get(span.range()).unwrap_or_default();
    match word.lines().next() {
        _ if rest.starts_with('[') || rest.starts_with("- ") => "a list".to_owned(),
        _ if rest.starts_with('{') => "a mapping".to_owned(),
        Some(word) if word.chars().count() <= QUOTED => format!("`{word}`"),
        Some(_) => "this text".to_owned(),
        None => "this".to_owned(),
    }
}

/// Rewords an error; `there` describes the source text at its position.
fn fault(error: &Error, there: &str) -> ProblemText {
    match error.without_snippet() {
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        } => {
            ProblemText::new(format!("{} cannot stand here", named(unexpected))).expected(expected)
        }
        Error::Unexpected { expected, .. } => {
            let expected = match named(expected) {
                // While parsing the head, only the document itself is expected to be a mapping.
                mapping if mapping == MAPPING => format!("{mapping} such as `{DOCUMENT}`"),
                other => other,
            };
            ProblemText::new(format!("{there} cannot stand here")).expected(expected)
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            ProblemText::new(format!("`{key}` stands here twice"))
        }
        // The message alone: the problem has the position.
        other => ProblemText::new(DefaultMessageFormatter.format_message(other)),
    }
}

const MAPPING: &str = "a mapping";

/// An example of a whole document, for errors about a document that is not a mapping.
const DOCUMENT: &str = "{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }";

/// Translates the type names of serde and serde-saphyr into YAML terms.
fn named(thing: &str) -> String {
    match thing {
        "sequence" | "sequence start" => "a list".into(),
        "map" | "mapping start" => MAPPING.into(),
        "unit value" => "nothing".into(),
        other => match other.split_once(['"', '`']) {
            Some((_, value)) => format!("`{}`", value.trim_end_matches(['"', '`'])),
            None => other.into(),
        },
    }
}
