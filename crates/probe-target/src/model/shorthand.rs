//! Behaviours in one word, for the command line and experiments: `pass`, `503`, `hang`, `refuse`.
//! `refuse`, `blackhole` and `stop-accepting` change a whole port, all others a route.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::model::fault::Fault;
use crate::model::field::STATUS;
use crate::model::parse_error::{ParseError, Reason};
use crate::model::port_state::PortState;

/// A behaviour in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shorthand {
    /// A 200, also over a base that fails.
    Pass,
    /// A 503.
    Fail,
    /// The port refuses connections.
    Refuse,
    /// The port accepts connections and never reads.
    Blackhole,
    /// The port listens and does not accept connections.
    StopAccepting,
    /// A status 200–999.
    Status(u16),
    /// A fault of the route.
    Fault(Fault),
}

/// The words that are neither a status nor a fault, with their meanings.
const WORDS: [(&str, Shorthand, &str); 5] = [
    (
        "pass",
        Shorthand::Pass,
        "200; of a port: all paths, and open",
    ),
    (
        "fail",
        Shorthand::Fail,
        "503; of a port: all paths; of a tcp port: refuse",
    ),
    (
        "refuse",
        Shorthand::Refuse,
        "the port is closed until this path or another one passes",
    ),
    (
        "blackhole",
        Shorthand::Blackhole,
        "the port accepts and never reads",
    ),
    (
        "stop-accepting",
        Shorthand::StopAccepting,
        "the port listens and never accepts",
    ),
];

/// The name of all statuses in lists.
const STATUSES: &str = "200–999";

impl Shorthand {
    /// All words except the statuses.
    pub fn names() -> impl Iterator<Item = &'static str> {
        WORDS.map(|(name, ..)| name).into_iter().chain(Fault::NAMES)
    }

    /// Parses a word or the number of a status at this path.
    pub(crate) fn read(value: &Value, path: &str) -> Result<Self, ParseError> {
        let text = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let read: Result<Self, Reason> = text.parse();
        read.map_err(|reason| ParseError::of(path, reason))
    }

    /// The state of the whole port; `None` for words that change a route.
    pub fn on_port(self) -> Option<PortState> {
        match self {
            Self::Refuse => Some(PortState::Closed),
            Self::Blackhole => Some(PortState::Blackhole),
            Self::StopAccepting => Some(PortState::StopAccepting),
            Self::Pass | Self::Fail | Self::Status(_) | Self::Fault(_) => None,
        }
    }
}

/// All words with their meanings, for help texts.
pub fn table() -> String {
    let words = WORDS.map(|(name, _, about)| (name, about));
    let faults = Fault::all().map(|fault| (fault.name(), fault.about()));
    let rows = words.into_iter().chain([(STATUSES, "that status")]);
    let rows = rows.chain(faults);
    let rows = rows.map(|(name, about)| format!("\n  {name:16} {about}"));
    format!("A BEHAVIOUR is one word:{}", rows.collect::<String>())
}

impl FromStr for Shorthand {
    type Err = Reason;

    fn from_str(text: &str) -> Result<Self, Reason> {
        if let Some((_, word, _)) = WORDS.iter().find(|(name, ..)| *name == text) {
            return Ok(*word);
        }
        if let Some(fault) = Fault::named(text) {
            return Ok(Self::Fault(fault));
        }
        let number = text.parse::<u64>().ok();
        match number.filter(|number| STATUS.takes.contains(*number)) {
            Some(status) => Ok(Self::Status(
                u16::try_from(status).expect("a status must be at most 999"),
            )),
            None if number.is_some() => Err(Reason::Invalid {
                expected: STATUS.takes,
                found: text.to_owned(),
            }),
            None => Err(Reason::NotOneOf {
                what: "behaviour",
                found: text.to_owned(),
                known: [STATUSES].into_iter().chain(Self::names()).collect(),
            }),
        }
    }
}

impl fmt::Display for Shorthand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Fault(fault) => f.write_str(fault.name()),
            word => {
                let mut words = WORDS.iter().filter(|(_, known, _)| known == word);
                f.write_str(words.next().map_or("", |(name, ..)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_written_as_it_is_read() {
        for text in Shorthand::names().chain(["200", "999"]) {
            let word: Shorthand = text.parse().unwrap();
            assert_eq!(word.to_string(), text);
        }
    }

    #[test]
    fn a_status_has_its_range() {
        for text in ["99", "199", "1000"] {
            let error = text.parse::<Shorthand>().unwrap_err().to_string();
            let expected = format!("must be a status from 200 to 999, not {text}");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn an_unknown_word_is_rejected_with_all_that_exist() {
        let error = "sulk".parse::<Shorthand>().unwrap_err().to_string();
        let expected =
            "no behaviour `sulk`, expected one of 200–999, pass, fail, refuse, blackhole, ";
        assert_eq!(&error[..expected.len()], expected);
    }
}
