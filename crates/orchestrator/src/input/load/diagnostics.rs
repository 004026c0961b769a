//! Parses scalar values and collects diagnostics with source spans.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use probe_target::model::duration;
use rules::names::is_label;

use super::example;
use super::outline::Outline;
use crate::input::experiment::written::Scalar;
use crate::input::experiment::{Bound, ObjectRef, label};
use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{Problem, ProblemText};
use crate::input::source::{Source, Span, Spanned};

/// The longest duration in an experiment, except in flips.
const LONGEST: Duration = Duration::from_hours(24);

/// Collects the problems of one experiment. Parsing continues after a problem, so that one pass
/// finds all of them.
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

    /// The value at this path of field names, parsed as Kubernetes parses YAML.
    pub(super) fn kubernetes(&self, names: &[&str]) -> Option<&'a Node> {
        let inside = |node: &'a Node, name: &&str| node.field(name);
        names.iter().try_fold(self.document, inside)
    }

    /// Reports a problem. Returns `None`, so that a parsing function can return the result.
    pub(super) fn fault<T>(&mut self, span: Span, fault: ProblemText) -> Option<T> {
        self.problems.push(fault.at(self.source, span));
        None
    }

    /// Reports a problem with a field, at the key in front of its value.
    pub(super) fn fault_at_key<T>(&mut self, value: Span, fault: ProblemText) -> Option<T> {
        self.fault(self.outline.key(value), fault)
    }

    /// Reports a problem with mutually exclusive fields, at the last of their keys.
    pub(super) fn fault_at_last_key<T>(
        &mut self,
        values: impl IntoIterator<Item = Option<Span>>,
        fault: ProblemText,
    ) -> Option<T> {
        let last = values.into_iter().flatten().max();
        self.fault_at_key(last.unwrap_or_default(), fault)
    }

    /// Reports a missing field, at the mapping around the value of another field.
    pub(super) fn fault_around<T>(&mut self, value: Span, fault: ProblemText) -> Option<T> {
        self.fault(self.outline.mapping_around(value), fault)
    }

    /// Reports a missing field of the mapping around the value of another field.
    pub(super) fn missing<T>(&mut self, beside: Span, field: &str) -> Option<T> {
        self.fault_around(beside, example::missing(field))
    }

    /// Parses a scalar with the type's [`FromStr`].
    pub(super) fn word<T: FromStr<Err: Display>>(
        &mut self,
        word: &Spanned<Scalar>,
    ) -> Option<Spanned<T>> {
        match word.word().parse() {
            Ok(value) => Some(word.with(value)),
            Err(error) => self.fault(word.span, ProblemText::new(error.to_string())),
        }
    }

    /// Parses a scalar as one of a fixed list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        word: &Spanned<Scalar>,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = word.word();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        let names = choices.iter().map(|(name, _)| *name);
        let fault = ProblemText::new(format!("`{text}` is not {what}"));
        self.fault(word.span, fault.one_of(&text, names))
    }

    pub(super) fn duration(&mut self, word: &Spanned<Scalar>) -> Option<Duration> {
        let text = word.word();
        let duration = match &word.value {
            Scalar::Text(text) => duration::parse(text),
            Scalar::Bool(_) | Scalar::Number(_) => None,
        };
        match duration {
            Some(duration) if duration <= LONGEST => Some(duration),
            Some(_) => {
                let fault = ProblemText::new(format!("`{text}` is too long"));
                self.fault(word.span, fault.expected("at most `24h`"))
            }
            None => {
                let fault = ProblemText::new(format!("`{text}` is not a duration"));
                let expected = "a number with a unit, such as `10s`, `500ms` or `1m30s`";
                self.fault(word.span, fault.expected(expected))
            }
        }
    }

    /// Parses a bound: a duration, or `predicted`.
    pub(super) fn bound(&mut self, word: &Spanned<Scalar>) -> Option<Bound> {
        if word.word() == "predicted" {
            return Some(Bound {
                time: Duration::ZERO,
                predicted: Some(word.span),
            });
        }
        self.duration(word).map(Bound::from)
    }

    /// Parses an optional duration; `absent` is its default.
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

    /// Parses a whole number from 0.
    pub(super) fn number(&mut self, word: &Spanned<Scalar>) -> Option<u32> {
        match &word.value {
            Scalar::Number(number) if let Ok(number) = number.parse() => Some(number),
            _ => self.fault(word.span, unfit(word).expected("a whole number from 0")),
        }
    }

    /// Parses a whole number from 1.
    pub(super) fn count(&mut self, word: &Spanned<Scalar>) -> Option<Spanned<u32>> {
        match &word.value {
            Scalar::Number(number) if let Ok(number @ 1..) = number.parse() => {
                Some(word.with(number))
            }
            _ => self.fault(word.span, unfit(word).expected("a whole number from 1")),
        }
    }

    pub(super) fn label(&mut self, word: &Spanned<Scalar>) -> Option<Spanned<String>> {
        let text = word.word();
        if !is_label(&text) {
            return self.fault(
                word.span,
                ProblemText::new(format!("`{text}` is not a name")).expected(label::EXPECTED),
            );
        }
        Some(word.with(text.into_owned()))
    }

    /// Parses a reference to a Pod or to the Pods of a workload object.
    pub(super) fn pods(&mut self, word: &Spanned<Scalar>) -> Option<Spanned<ObjectRef>> {
        match ObjectRef::of_pods(&word.word()) {
            Ok(pods) => Some(word.with(pods)),
            Err(error) => self.fault(word.span, ProblemText::new(error.to_string())),
        }
    }

    /// Parses a list of DNS labels with at least one item.
    pub(super) fn labels(
        &mut self,
        words: &Spanned<Vec<Spanned<Scalar>>>,
        what: &str,
    ) -> Option<Vec<Spanned<String>>> {
        self.not_empty(words.span, words.len(), what)?;
        // Collected first, so that every invalid item is reported, not only the first.
        let names: Vec<_> = words.iter().map(|word| self.label(word)).collect();
        names.into_iter().collect()
    }

    /// Reports an empty list; `what` is the item it must contain.
    pub(super) fn not_empty(&mut self, list: Span, length: usize, what: &str) -> Option<()> {
        if length > 0 {
            return Some(());
        }
        let fault = ProblemText::new("this list is empty");
        self.fault(list, fault.expected(format!("at least one {what}")))
    }

    /// Reports every name that occurs a second time.
    pub(super) fn unique<'n>(
        &mut self,
        what: &str,
        names: impl Iterator<Item = &'n Spanned<String>>,
    ) {
        let mut seen: Vec<&str> = Vec::new();
        for name in names {
            if seen.contains(&name.as_str()) {
                let fault = ProblemText::new(format!("there is another {what} `{}`", name.value));
                self.fault::<()>(name.span, fault.expected("another name"));
            }
            seen.push(name);
        }
    }
}

/// Turns the parse result of an optional field inside out: an absent field is valid, an invalid
/// one is `None`.
#[expect(
    clippy::option_option,
    reason = "absent, invalid and valid are three different things"
)]
pub(super) fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

/// The span of a field, if it is written.
pub(super) fn span<T>(field: Option<&Spanned<T>>) -> Option<Span> {
    field.map(|field| field.span)
}

pub(super) fn unfit(word: &Spanned<Scalar>) -> ProblemText {
    ProblemText::new(format!("`{}` cannot stand here", word.word()))
}
