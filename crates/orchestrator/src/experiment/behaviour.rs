//! What a probe can be made to get, as one word: the same word as on every command line.

use std::fmt;
use std::str::FromStr;

/// Which of a container's probes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// `livenessProbe`: failing restarts the container.
    Liveness,
    /// `readinessProbe`: failing takes the Pod out of its Services.
    Readiness,
    /// `startupProbe`: until it succeeds, the others wait.
    Startup,
}

impl Probe {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a text is no probe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown probe `{0}`; expected `liveness`, `readiness` or `startup`")]
pub struct InvalidProbe(String);

impl FromStr for Probe {
    type Err = InvalidProbe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "liveness" => Ok(Self::Liveness),
            "readiness" => Ok(Self::Readiness),
            "startup" => Ok(Self::Startup),
            other => Err(InvalidProbe(other.into())),
        }
    }
}

/// What a request gets. What a word means depends on the probe's kind: `fail` is 503 for http, a refusal for tcp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// The healthy reply, laid over the base.
    Pass,
    /// The plainest failure the probe knows.
    Fail,
    /// An HTTP status, 200 to 999.
    Status(u16),
    /// The port refuses connections.
    Refuse,
    /// The connection is reset.
    Reset,
    /// The connection is closed before a byte.
    Close,
    /// No answer comes.
    Hang,
}

/// Every word that is not a status.
pub(crate) const WORDS: [&str; 6] = ["pass", "fail", "refuse", "reset", "close", "hang"];

/// Why a text is no behaviour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBehaviour {
    /// A number outside 200–999.
    #[error("status {0} cannot be sent; expected a status from 200 to 999")]
    Status(u64),
    /// Neither a number nor a word we know.
    #[error(
        "unknown behaviour `{0}`; expected a status from 200 to 999, `pass`, `fail`, `refuse`, `reset`, `close` or `hang`"
    )]
    Word(String),
}

impl Behaviour {
    /// The behaviour that replies with this status.
    pub fn status(number: u64) -> Result<Self, InvalidBehaviour> {
        match u16::try_from(number) {
            Ok(status @ 200..=999) => Ok(Self::Status(status)),
            _ => Err(InvalidBehaviour::Status(number)),
        }
    }
}

impl FromStr for Behaviour {
    type Err = InvalidBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pass" => Ok(Self::Pass),
            "fail" => Ok(Self::Fail),
            "refuse" => Ok(Self::Refuse),
            "reset" => Ok(Self::Reset),
            "close" => Ok(Self::Close),
            "hang" => Ok(Self::Hang),
            number => match number.parse() {
                Ok(number) => Self::status(number),
                Err(_) => Err(InvalidBehaviour::Word(text.into())),
            },
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail => f.write_str("fail"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Refuse => f.write_str("refuse"),
            Self::Reset => f.write_str("reset"),
            Self::Close => f.write_str("close"),
            Self::Hang => f.write_str("hang"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for word in WORDS.into_iter().chain(["200", "404", "999"]) {
            assert_eq!(word.parse::<Behaviour>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn a_status_has_three_digits_and_is_final() {
        for (text, error) in [
            ("99", InvalidBehaviour::Status(99)),
            ("100", InvalidBehaviour::Status(100)),
            ("1000", InvalidBehaviour::Status(1000)),
            ("hehe", InvalidBehaviour::Word("hehe".into())),
            ("-1", InvalidBehaviour::Word("-1".into())),
        ] {
            assert_eq!(text.parse::<Behaviour>(), Err(error));
        }
    }
}
