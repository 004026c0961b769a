//! `probe-target flip|heal|state|journal`: parses calls to the control API of a running target.
//! It serves `kubectl exec` in an image without a shell.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::options::{self, Grammar, Options, Spec};
use super::serve::{Access, CONTROL, TOKEN_FILE};
use crate::model::behaviour::Behaviour;
use crate::model::duration;
use crate::model::field::{Field, PROTOCOL};
use crate::model::flip_spec::{Flip, FlipSpec};
use crate::model::location::Location;
use crate::model::parse_error::{ParseError, Reason};
use crate::model::percent;
use crate::model::port_spec::{PortSpec, PortState};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;

const NOTES: &str = "\
    In a container, --control follows from the command line of process 1. Beside a\n\
    target, give --control 127.0.0.1:(first port + 10000) or PROBE_TARGET_CONTROL.";

/// The grammar of `flip`.
pub(crate) const FLIP: Grammar = Grammar {
    usage: "flip [PORT]/PATH BEHAVIOUR[,BEHAVIOUR…] [OPTIONS]\n       \
            probe-target flip PORT pass|fail|STATE [OPTIONS]\n       \
            probe-target flip process FAULT [OPTIONS]",
    about: "Flip a path, a port or the process of a running target",
    operands: 2,
    fields: true,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// The grammar of `heal`.
pub(crate) const HEAL: Grammar = Grammar {
    usage: "heal [[PORT]/PATH | PORT | process FAULT]",
    about: "Remove all flips, or that of a path, a port or the process",
    operands: 2,
    fields: false,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// The grammar of `state`.
pub(crate) const STATE: Grammar = Grammar {
    usage: "state",
    about: "Print everything about a running target, as JSON",
    operands: 0,
    fields: false,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// The grammar of `journal`.
pub(crate) const JOURNAL: Grammar = Grammar {
    usage: "journal [wait|stream] [OPTIONS]",
    about: "Print, await or follow the requests of a running target, as JSON",
    operands: 1,
    fields: false,
    options: &[
        Spec::new(
            "since",
            "N",
            "Start with request number N; wait: by default with the next one",
        ),
        Spec::new("port", "N", "wait: for requests on this port"),
        Spec::new("path", "PATH", "wait: for requests that this route matches"),
        Spec::new("hits", "N", "wait: for this many [default: 1]"),
        Spec::new(
            "timeout",
            "DURATION",
            "wait: exit 1 after this time; 10m at most [default: 30s]",
        ),
        CONTROL,
        TOKEN_FILE,
    ],
    notes: "Times are microseconds since the target's start. `journal` prints one object;\n\
            its `next` is the next --since. `journal stream` prints a line for each request\n\
            until it is interrupted. --control follows from process 1, as for `state`.",
};

/// A call to a running target.
#[derive(Debug)]
pub(crate) struct Control {
    /// The control address; `None` takes the one in the command line of process 1, the
    /// target of this container.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) access: Access,
    pub(crate) ask: Ask,
}

/// The call to make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    State,
    Journal(u64),
    /// Streams the records from a number on, until interrupted.
    Stream(u64),
    /// Waits for records: the query and its timeout.
    Wait(String, Duration),
    /// Sets the behaviour of a path, on one port or on all with routes.
    Lay(Option<u16>, RoutePath, Behaviour),
    /// Sets the state of one port or of all.
    Open(Option<u16>, PortSpec),
    /// `pass` or `fail` of a port: a behaviour of all its paths, or a state if it speaks tcp.
    All(u16, FlipSpec),
    /// Sets a process fault.
    Afflict(ProcessFault),
    /// Removes the flips of one location, or all.
    Heal(Option<Location>),
    /// Removes the flip of a process fault.
    Unafflict(&'static str),
}

impl Control {
    pub(crate) fn new(command: &str, mut options: Options) -> Result<Self, ParseError> {
        let address = options.read_as("control", super::address)?;
        let access = Access::new(&mut options);
        let ask = match command {
            "state" => Ask::State,
            "journal" => journal(options)?,
            "heal" => heal(options)?,
            _ => flip(options)?,
        };
        Ok(Self {
            address,
            access,
            ask,
        })
    }
}

fn journal(mut options: Options) -> Result<Ask, ParseError> {
    let how = options.operands.pop();
    let since = options.read_as("since", number)?;
    let waits = match how.as_deref() {
        None | Some("stream") => false,
        Some("wait") => true,
        Some(other) => {
            let message =
                format!("no `journal {other}`, expected journal, journal wait or journal stream");
            return Err(ParseError::new("", message));
        }
    };
    let timeout = options.read_as("timeout", options::duration)?;
    let path = options.read_as("path", str::parse::<RoutePath>)?;
    let filters = [
        ("port", options.one("port")),
        ("path", path.map(|path| path.to_string())),
        ("hits", options.one("hits")),
    ];
    if waits {
        let timeout = timeout.unwrap_or(Duration::from_secs(30));
        let since = ("since", since.map(|since| since.to_string()));
        let mut query = format!("timeout={}", duration::format(timeout));
        for (name, value) in filters.into_iter().chain([since]) {
            if let Some(value) = value {
                query.extend(["&", name, "=", &percent::encode(&value)]);
            }
        }
        return Ok(Ask::Wait(query, timeout));
    }
    let timeout = ("timeout", timeout.map(|_| String::new()));
    let mut given = filters.into_iter().chain([timeout]);
    if let Some((name, _)) = given.find(|(_, value)| value.is_some()) {
        let message = "means nothing without `wait`";
        return Err(ParseError::new(format!("--{name}"), message));
    }
    let since = since.unwrap_or(0);
    Ok(if how.is_some() {
        Ask::Stream(since)
    } else {
        Ask::Journal(since)
    })
}

fn heal(mut options: Options) -> Result<Ask, ParseError> {
    let Ok(place) = options.operand("") else {
        return Ok(Ask::Heal(None));
    };
    if place == PROCESS {
        let name = ProcessFault::known(&options.operand("FAULT")?);
        let name = name.map_err(|reason| ParseError::of("FAULT", reason))?;
        return Ok(Ask::Unafflict(name));
    }
    match options.operands.pop() {
        Some(extra) => Err(ParseError::new(
            "",
            format!("unexpected argument `{extra}`"),
        )),
        None => Ok(Ask::Heal(Some(Location::parse(&place)?))),
    }
}

/// The operand for the process in place of a location.
const PROCESS: &str = "process";

/// Parses `flip`. Every option is a field of the flip.
fn flip(mut options: Options) -> Result<Ask, ParseError> {
    let location = options.operand("[PORT]/PATH, PORT or process")?;
    let word = options.operand("BEHAVIOUR")?;
    let given = fields(&mut options)?;
    let rejected = |error| rejected(error, &word, &given);
    if location == PROCESS {
        let fault = ProcessFault::read_beside(word.as_str().into(), given.clone());
        return fault.map(Ask::Afflict).map_err(rejected);
    }
    let spec = || FlipSpec::read(FlipSpec::words(&word), given.clone()).map_err(rejected);
    match Location::parse(&location)? {
        Location::Route(port, route) => match spec()?.flip {
            Flip::Route(behaviour) => Ok(Ask::Lay(port, route, behaviour)),
            Flip::Port(PortSpec {
                protocol: Some(_), ..
            }) => {
                let reason = format!("means nothing beside `{word}` of a path");
                Err(ParseError::new("--protocol", reason))
            }
            Flip::Port(spec) => {
                let route = Some(route);
                Ok(Ask::Open(port, PortSpec { route, ..spec }))
            }
        },
        Location::Port(port) => {
            let is_of_all = matches!(word.as_str(), "pass" | "fail");
            if is_of_all && !given.contains_key(PROTOCOL.name) {
                return Ok(Ask::All(port, spec()?));
            }
            let mut fields = PortSpec::new(state(&word)?).write();
            fields.extend(given.clone());
            let spec = PortSpec::read(fields.into(), "").map_err(rejected)?;
            Ok(Ask::Open(Some(port), spec))
        }
    }
}

/// The fields that the options set.
fn fields(options: &mut Options) -> Result<Map<String, Value>, ParseError> {
    let mut fields = Map::new();
    for field in Field::options() {
        let texts = options.many(field.option);
        if texts.is_empty() {
            continue;
        }
        let value = field.value(texts).map_err(of_option)?;
        fields.insert(field.name.to_owned(), value);
    }
    Ok(fields)
}

/// The error with the option or operand that it is about.
fn rejected(error: ParseError, word: &str, given: &Map<String, Value>) -> ParseError {
    let name = error.field.split('.').next().unwrap_or_default();
    if !given.contains_key(name) {
        let last = error.field.rsplit('.').next().unwrap_or_default();
        return match error.reason {
            Reason::Missing(_) => of_option(ParseError::of(last, error.reason)),
            // About the flip as a whole, not about an item of a sequence.
            Reason::Other(reason) if !word.contains(',') => {
                ParseError::new("", format!("`{word}` {reason}"))
            }
            reason => ParseError::of("BEHAVIOUR", reason),
        };
    }
    match error.reason {
        Reason::UnknownField { .. } => {
            let reason = format!("means nothing beside `{word}`");
            of_option(ParseError::new(name, reason))
        }
        _ => of_option(error),
    }
}

/// The error with the option that sets its field.
pub(crate) fn of_option(error: ParseError) -> ParseError {
    let name = error.field.split('.').next().unwrap_or_default();
    let option = Field::options().find(|field| field.name == name);
    let option = option.map_or(name, |field| field.option);
    ParseError::of(format!("--{option}"), error.reason)
}

fn state(word: &str) -> Result<PortState, ParseError> {
    match word {
        "refuse" | "fail" => Ok(PortState::Closed),
        "pass" => Ok(PortState::Open),
        word => PortState::named(word).ok_or_else(|| {
            let reason = format!(
                "a port is pass, fail, refuse, open, closed, blackhole, stop-accepting or reset, \
                 not `{word}`; a path has a slash"
            );
            ParseError::new("BEHAVIOUR", reason)
        }),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("must be a whole number, not `{text}`"))
}
