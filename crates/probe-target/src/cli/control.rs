//! `probe-target flip|heal|state|journal`: the client of the control API, for `kubectl exec` in an image without a shell.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::options::{Grammar, Options, Spec};
use super::serve::{Access, CONTROL, TOKEN_FILE};
use crate::behaviour::Behaviour;
use crate::duration;
use crate::invalid::Invalid;
use crate::opening::{Opening, PortState};
use crate::place::Place;
use crate::word::Word;

const NOTES: &str = "Without --control and PROBE_TARGET_CONTROL, the control address is what the command line of process 1 implies.";

/// How `flip` is written.
pub(crate) const FLIP: Grammar = Grammar {
    usage: "flip [PORT]/PATH BEHAVIOUR [--for 30s] [--count N] … | flip PORT open|closed|blackhole|stop-accepting|reset [--for 30s]",
    about: "Lay a behaviour over a path of a running target, or a state over a port",
    operands: 2,
    options: &[
        Spec {
            name: "for",
            value: "DURATION",
            many: false,
            help: "End it after this time",
        },
        Spec {
            name: "count",
            value: "N",
            many: false,
            help: "End it after this many requests",
        },
        Spec {
            name: "after",
            value: "DURATION",
            many: false,
            help: "Begin it so much later",
        },
        Spec {
            name: "every",
            value: "DURATION",
            many: false,
            help: "Begin it again so long after each beginning, when --for or --count has ended it",
        },
        Spec {
            name: "probability",
            value: "P",
            many: false,
            help: "Only for this share of the requests, 0 to 1",
        },
        Spec {
            name: "seed",
            value: "N",
            many: false,
            help: "Which of them; the same seed means the same ones",
        },
        Spec {
            name: "delay",
            value: "DURATION",
            many: false,
            help: "Let each request wait so long first",
        },
        Spec {
            name: "bytes",
            value: "N",
            many: false,
            help: "How many bytes of the body a fault sends",
        },
        Spec {
            name: "pace",
            value: "DURATION",
            many: false,
            help: "The time between two bytes of a slow fault",
        },
        Spec {
            name: "hops",
            value: "N",
            many: false,
            help: "How many redirects in a chain",
        },
        Spec {
            name: "agent",
            value: "PREFIX",
            many: false,
            help: "Only for callers whose user agent begins so: kube-probe/",
        },
        Spec {
            name: "body",
            value: "TEXT",
            many: false,
            help: "The body of the reply",
        },
        CONTROL,
        TOKEN_FILE,
    ],
    notes: NOTES,
};

/// How `heal` is written.
pub(crate) const HEAL: Grammar = Grammar {
    usage: "heal [[PORT]/PATH | PORT]",
    about: "Take all flips away, or those of one path or port",
    operands: 1,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// How `state` is written.
pub(crate) const STATE: Grammar = Grammar {
    usage: "state",
    about: "Print everything about a running target, as JSON",
    operands: 0,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// How `journal` is written.
pub(crate) const JOURNAL: Grammar = Grammar {
    usage: "journal [--since N]",
    about: "Print the requests a running target was asked, as JSON",
    operands: 0,
    options: &[
        Spec {
            name: "since",
            value: "N",
            many: false,
            help: "Only those from number N on",
        },
        CONTROL,
        TOKEN_FILE,
    ],
    notes: NOTES,
};

/// A call to a running target.
#[derive(Debug)]
pub(crate) struct Control {
    /// Where; `None` means: as process 1 implies.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) access: Access,
    pub(crate) ask: Ask,
}

/// What is asked of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    State,
    Journal(u64),
    /// A behaviour for a path, on one port or on all.
    Lay(Option<u16>, String, Behaviour),
    /// A state for a port, or for all.
    Open(Option<u16>, Opening),
    /// The flips of one place away, or all.
    Heal(Option<Place>),
}

impl Control {
    pub(crate) fn new(command: &str, mut options: Options) -> Result<Self, Invalid> {
        let address = options.read_as("control", super::address)?;
        let access = Access::new(&mut options);
        let ask = match command {
            "state" => Ask::State,
            "journal" => Ask::Journal(options.read_as("since", number)?.unwrap_or(0)),
            "heal" => match options.operands.pop() {
                None => Ask::Heal(None),
                Some(place) => Ask::Heal(Some(Place::parse(&place)?)),
            },
            _ => flip(options)?,
        };
        Ok(Self {
            address,
            access,
            ask,
        })
    }
}

/// Every option of `flip` is a field of the control API's body, so it is read, and refused, as one.
fn flip(mut options: Options) -> Result<Ask, Invalid> {
    let place = Place::parse(&options.operand("[PORT]/PATH")?)?;
    let word = options.operand("BEHAVIOUR")?;
    let port = match place {
        Place::Port(port) => Some(port),
        Place::Route(port, path) => {
            let read: Result<Word, _> = word.parse();
            let read = read.map_err(|message| Invalid::new("BEHAVIOUR", message))?;
            if let Some(behaviour) = read.on_route() {
                let body = with(behaviour.write(), &mut options);
                let behaviour = Behaviour::read(body, "").map_err(option)?;
                return Ok(Ask::Lay(port, path, behaviour));
            }
            port
        }
    };
    let state = state(&word)?;
    let body = with(Opening::new(state).write(), &mut options);
    Ok(Ask::Open(port, Opening::read(body, "").map_err(option)?))
}

/// The body with the options that were given.
fn with(mut body: Map<String, Value>, options: &mut Options) -> Value {
    for spec in FLIP.options {
        if let Some(text) = options.one(spec.name) {
            // Read as what JSON makes of it, so that a wrong one is refused where all are.
            let number = || serde_json::from_str(&text).ok();
            let value = match spec.value {
                "N" | "P" => number().unwrap_or(Value::from(text.as_str())),
                _ => text.into(),
            };
            body.insert(spec.name.to_owned(), value);
        }
    }
    body.into()
}

fn option(invalid: Invalid) -> Invalid {
    Invalid::new(format!("--{}", invalid.field), invalid.message)
}

fn state(word: &str) -> Result<PortState, Invalid> {
    match word {
        "refuse" => Ok(PortState::Closed),
        word => PortState::named(word).ok_or_else(|| {
            let message = format!(
                "a port is refuse, open, closed, blackhole, stop-accepting or reset, not `{word}`; a path has a slash"
            );
            Invalid::new("BEHAVIOUR", message)
        }),
    }
}

/// A duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("must be a duration such as 30s or 1m30s, not `{text}`"))
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("must be a whole number, not `{text}`"))
}
