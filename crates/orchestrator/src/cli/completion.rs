//! Words that completions offer for a value that has other forms too.

use std::{ffi::OsStr, sync::LazyLock};

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};
use probe_target::model::{process_fault::ProcessFault, shorthand::Shorthand};

use crate::input::experiment::{ObjectKind, Probe};

/// A parser that takes what another one takes, and offers words.
#[derive(Clone)]
pub(super) struct Offering<P> {
    parser: P,
    words: fn() -> Vec<&'static str>,
}

/// Offers words for the values of a parser. Help texts have their own words about the value: an
/// argument hides these with `hide_possible_values`.
pub(super) fn offering<P: TypedValueParser>(
    parser: P,
    words: fn() -> Vec<&'static str>,
) -> Offering<P> {
    Offering { parser, words }
}

/// What `flip` takes as PROBE.
pub(super) fn probes() -> Vec<&'static str> {
    let probes = [Probe::Liveness, Probe::Readiness, Probe::Startup];
    probes
        .map(Probe::word)
        .into_iter()
        .chain(["process"])
        .collect()
}

/// What `flip` takes as BEHAVIOUR in one word, of a probe or of the process.
pub(super) fn behaviours() -> Vec<&'static str> {
    let mut words: Vec<&str> = Shorthand::names().collect();
    let statuses = ["200", "404", "500", "503"];
    let process = ProcessFault::NAMES.iter().chain(&statuses);
    for word in process {
        if !words.contains(word) {
            words.push(word);
        }
    }
    words
}

/// The beginnings of KIND/NAME.
pub(super) fn kinds_of_pods() -> Vec<&'static str> {
    static KINDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let kinds = ObjectKind::OF_PODS.iter();
        kinds.map(|kind| format!("{}/", kind.short())).collect()
    });
    KINDS.iter().map(String::as_str).collect()
}

impl<P: TypedValueParser> TypedValueParser for Offering<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.words)().into_iter().map(PossibleValue::new)))
    }
}
