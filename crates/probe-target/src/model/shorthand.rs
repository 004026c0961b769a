//! Behaviours in one word, for the command line and experiments: `pass`, `503`, `hang`, `refuse`.
//! `refuse`, `blackhole` and `stop-accepting` change a whole port, all others a route.

use std::fmt;
use std::str::FromStr;

use crate::model::behaviour::{Behaviour, Fault, STATUS};
use crate::model::port_spec::PortState;

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

impl Shorthand {
    /// The behaviour of a route; `None` for words that change [the whole port](Self::on_port).
    pub fn on_route(self) -> Option<Behaviour> {
        match self {
            Self::Pass => Some(Behaviour::status(200)),
            Self::Fail => Some(Behaviour::status(503)),
            Self::Refuse | Self::Blackhole | Self::StopAccepting => None,
            Self::Status(status) => Some(Behaviour::status(status)),
            Self::Fault(fault) => Some(Behaviour::fault(fault)),
        }
    }

    /// The state of the whole port; `None` for words that change [a route](Self::on_route).
    pub fn on_port(self) -> Option<PortState> {
        match self {
            Self::Refuse => Some(PortState::Closed),
            Self::Blackhole => Some(PortState::Blackhole),
            Self::StopAccepting => Some(PortState::StopAccepting),
            Self::Pass | Self::Fail | Self::Status(_) | Self::Fault(_) => None,
        }
    }

    /// All words except the statuses.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let words = ["pass", "fail", "refuse", "blackhole", "stop-accepting"];
        words.into_iter().chain(Fault::all().map(Fault::name))
    }
}

/// All words with their meanings, for help texts.
pub fn table() -> String {
    const OTHERS: [(&str, &str); 6] = [
        (
            "pass",
            "200, laid over the base; of a port, all paths, and open",
        ),
        (
            "fail",
            "503; of a port, all paths; of one that speaks tcp, refuse",
        ),
        (
            "refuse",
            "nobody listens on the port, until this path or any other passes",
        ),
        ("blackhole", "the port accepts and never reads"),
        (
            "stop-accepting",
            "the port is listened on and nobody accepts",
        ),
        ("200–999", "that status"),
    ];
    let faults = Fault::all().map(|fault| (fault.name(), fault.about()));
    let rows = OTHERS.into_iter().chain(faults);
    let rows = rows.map(|(name, about)| format!("\n  {name:16} {about}"));
    format!("A BEHAVIOUR is one word:{}", rows.collect::<String>())
}

impl FromStr for Shorthand {
    /// The reason why the text is not a behaviour, in one sentence.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pass" => return Ok(Self::Pass),
            "fail" => return Ok(Self::Fail),
            "refuse" => return Ok(Self::Refuse),
            "blackhole" => return Ok(Self::Blackhole),
            "stop-accepting" => return Ok(Self::StopAccepting),
            _ => {}
        }
        if let Some(fault) = Fault::named(text) {
            return Ok(Self::Fault(fault));
        }
        let Ok(status) = text.parse::<u16>() else {
            let faults = Fault::names();
            return Err(format!(
                "no behaviour `{text}`, expected pass, fail, refuse, blackhole, stop-accepting, a status 200–999, or one of {faults}"
            ));
        };
        if STATUS.contains(&u64::from(status)) {
            Ok(Self::Status(status))
        } else {
            Err(format!("a status is 200–999, not {status}"))
        }
    }
}

impl fmt::Display for Shorthand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail => f.write_str("fail"),
            Self::Refuse => f.write_str("refuse"),
            Self::Blackhole => f.write_str("blackhole"),
            Self::StopAccepting => f.write_str("stop-accepting"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Fault(fault) => f.write_str(fault.name()),
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
            assert_ne!(
                word.on_route().is_some(),
                word.on_port().is_some(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_status_has_its_range() {
        for text in ["99", "199", "1000"] {
            assert_eq!(
                text.parse::<Shorthand>().unwrap_err(),
                format!("a status is 200–999, not {text}")
            );
        }
        assert!(
            "sulk"
                .parse::<Shorthand>()
                .unwrap_err()
                .starts_with("no behaviour `sulk`")
        );
    }
}
