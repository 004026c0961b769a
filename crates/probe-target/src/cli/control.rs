//! `probe-target flip|heal|state|journal`: parses calls to the control API of a running target.
//! It serves `kubectl exec` in an image without a shell.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::options::{Grammar, Options, Spec};
use super::serve::{Access, CONTROL, TOKEN_FILE};
use crate::model::behaviour::Behaviour;
use crate::model::duration;
use crate::model::location::Location;
use crate::model::parse_error::ParseError;
use crate::model::percent;
use crate::model::port_spec::{PortSpec, PortState};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;
use crate::model::shorthand::Shorthand;

const NOTES: &str = "Without --control and PROBE_TARGET_CONTROL, the control address is what the command line of process 1 implies, as in a container;\n\
    of a target that runs beside this program, it is 127.0.0.1:(first port + 10000).";

const fn spec(name: &'static str, value: &'static str, help: &'static str) -> Spec {
    Spec {
        name,
        value,
        many: false,
        help,
    }
}

/// The grammar of `flip`.
pub(crate) const FLIP: Grammar = Grammar {
    usage: "flip [PORT]/PATH BEHAVIOUR[,BEHAVIOUR…] [--for 30s] [--count N] …\n       \
            probe-target flip PORT pass|fail|refuse|open|closed|blackhole|stop-accepting|reset [--protocol http] [--for 30s] …\n       \
            probe-target flip process exit|signal|sigterm|memory|stop-accepting [--code 3] [--after 10s] …",
    about: "Lay a behaviour over a path of a running target, a state over a port, or a fault over its process",
    operands: 2,
    options: &[
        spec("for", "DURATION", "End it after this time"),
        spec("count", "N", "End it after this many requests"),
        spec("after", "DURATION", "Begin it so much later"),
        spec(
            "every",
            "DURATION",
            "Begin it again so long after each beginning, when --for, --count or a list of behaviours has ended it",
        ),
        spec(
            "probability",
            "P",
            "Only for this share of the requests, from 0 to 1",
        ),
        spec(
            "seed",
            "N",
            "Which of them: the same seed means the same ones",
        ),
        spec(
            "agent",
            "PREFIX",
            "Only for callers whose user agent begins so; kube-probe/ is the kubelet",
        ),
        spec(
            "delay",
            "DURATION",
            "Hold each answer back so long; of sigterm: end so much later",
        ),
        Spec {
            many: true,
            ..spec(
                "header",
                "NAME: VALUE",
                "A header of the reply; may be repeated",
            )
        },
        spec("body", "TEXT", "The body of the reply"),
        spec(
            "bytes",
            "N",
            "How many bytes of the body a fault sends; of memory: how many to hold, such as 64Mi",
        ),
        spec(
            "pace",
            "DURATION",
            "The time between two bytes of a slow fault",
        ),
        spec("hops", "N", "How many redirects in a chain"),
        spec(
            "protocol",
            "PROTOCOL",
            "What is spoken on the port from now on; a port that is not there is opened",
        ),
        spec("code", "N", "Of exit: the exit code; 1 by default"),
        spec("signal", "NAME", "Of signal: SIGKILL, SIGSEGV, SIGABRT, …"),
        spec(
            "message",
            "TEXT",
            "Of exit and signal: the termination message it leaves",
        ),
        spec("ignore", "", "Of sigterm: SIGTERM is lost"),
        Spec {
            many: true,
            ..spec(
                "fail",
                "[PORT]/PATH|PORT",
                "Of sigterm: what fails from SIGTERM on; may be repeated",
            )
        },
        CONTROL,
        TOKEN_FILE,
    ],
    notes: NOTES,
};

/// The grammar of `heal`.
pub(crate) const HEAL: Grammar = Grammar {
    usage: "heal [[PORT]/PATH | PORT | process FAULT]",
    about: "Take all flips away, or those of one path or port, or one of the process",
    operands: 2,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// The grammar of `state`.
pub(crate) const STATE: Grammar = Grammar {
    usage: "state",
    about: "Print everything about a running target, as JSON",
    operands: 0,
    options: &[CONTROL, TOKEN_FILE],
    notes: NOTES,
};

/// The grammar of `journal`.
pub(crate) const JOURNAL: Grammar = Grammar {
    usage: "journal [wait|stream] [--since N] [--port N] [--path PATH] [--hits N] [--timeout 30s]",
    about: "Print the requests a running target was asked, wait for some to come, or follow them, as JSON",
    operands: 1,
    options: &[
        spec(
            "since",
            "N",
            "Only those from number N on; those to come, if waited for",
        ),
        spec("port", "N", "wait: for requests on this port"),
        spec("path", "PATH", "wait: for requests that this route matches"),
        spec("hits", "N", "wait: for so many; 1 by default"),
        spec(
            "timeout",
            "DURATION",
            "wait: so long, or exit 1; 30s by default, 10m at most",
        ),
        CONTROL,
        TOKEN_FILE,
    ],
    notes: "Times are microseconds since the target's start. `journal` prints one object, whose `next` is where to go on with --since;\n\
            `journal stream` prints a line for each request, until it is interrupted.\n\
            Without --control and PROBE_TARGET_CONTROL, the control address is what the command line of process 1 implies.",
};

/// A call to a running target.
#[derive(Debug)]
pub(crate) struct Control {
    /// The control address; `None` takes the one that process 1 implies.
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
    All(
        u16,
        Result<Behaviour, ParseError>,
        Result<PortSpec, ParseError>,
    ),
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
    let timeout = options.read_as("timeout", duration)?;
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
        let name = options.operand("FAULT")?;
        let known = ProcessFault::NAMES.into_iter().find(|known| *known == name);
        let known = known.ok_or_else(|| ParseError::new("FAULT", ProcessFault::unknown(&name)))?;
        return Ok(Ask::Unafflict(known));
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

/// Words with different meanings for ports with routes and ports that speak tcp.
const PASS: &str = "pass";
const FAIL: &str = "fail";

/// Parses `flip`. Every option is a field of the control API's body, so that parser validates it.
fn flip(mut options: Options) -> Result<Ask, ParseError> {
    let place = options.operand("[PORT]/PATH, PORT or process")?;
    let word = options.operand("BEHAVIOUR")?;
    let refused = |invalid| refused(invalid, &word);
    if place == PROCESS {
        let mut body = Map::new();
        body.insert("fault".to_owned(), word.as_str().into());
        let fault = ProcessFault::read(with(body, &mut options)?, "");
        return fault.map(Ask::Afflict).map_err(refused);
    }
    let given = with(Map::new(), &mut options)?;
    let behaviour = |body| Behaviour::read(beside(body, &given), "").map_err(refused);
    let opening =
        |opening: &PortSpec| PortSpec::read(beside(opening.write(), &given), "").map_err(refused);
    match Location::parse(&place)? {
        Location::Route(port, route) => match laid(&word)? {
            Some(body) => Ok(Ask::Lay(port, route, behaviour(body)?)),
            None if given.get("protocol").is_some() => {
                let message = format!("means nothing beside `{word}` of a path");
                Err(ParseError::new("--protocol", message))
            }
            None => {
                let state = PortSpec::new(state(&word)?);
                let route = Some(route);
                Ok(Ask::Open(port, opening(&PortSpec { route, ..state })?))
            }
        },
        Location::Port(port) => {
            let state = opening(&PortSpec::new(state(&word)?));
            let is_of_all = word == PASS || word == FAIL;
            match laid(&word) {
                // With `--protocol`, it is a state of the port.
                Ok(Some(body)) if is_of_all && given.get("protocol").is_none() => {
                    let behaviour = behaviour(body);
                    match (&behaviour, &state) {
                        (Err(wrong), Err(_)) => Err(wrong.clone()),
                        _ => Ok(Ask::All(port, behaviour, state)),
                    }
                }
                _ => Ok(Ask::Open(Some(port), state?)),
            }
        }
    }
}

/// Adds the options' fields to a body.
fn beside(mut body: Map<String, Value>, given: &Value) -> Value {
    let given = given.as_object().into_iter().flatten();
    body.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    body.into()
}

/// The body for a behaviour or a comma-separated sequence; `None` for words that change the whole
/// port.
fn laid(word: &str) -> Result<Option<Map<String, Value>>, ParseError> {
    if word.contains(',') {
        let mut body = Map::new();
        let words = word.split(',').map(Value::from);
        body.insert("sequence".to_owned(), words.collect());
        return Ok(Some(body));
    }
    let read: Result<Shorthand, _> = word.parse();
    let read = read.map_err(|message| ParseError::new("BEHAVIOUR", message))?;
    Ok(read.on_route().map(|behaviour| behaviour.write()))
}

/// Adds the options that are present to a body.
fn with(mut body: Map<String, Value>, options: &mut Options) -> Result<Value, ParseError> {
    for spec in FLIP.options {
        let mut values = options.many(spec.name);
        let Some(last) = values.pop() else {
            continue;
        };
        // Parsed as JSON where possible; the body's parser rejects invalid values.
        let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::from(text));
        let (field, value) = match spec.value {
            "NAME: VALUE" => ("headers", headers(values.into_iter().chain([last]))?),
            _ if spec.many => (spec.name, values.into_iter().chain([last]).collect()),
            "" => (spec.name, (last != "false").into()),
            "N" | "P" => (spec.name, read(last)),
            _ => (spec.name, last.into()),
        };
        body.insert(field.to_owned(), value);
    }
    Ok(body.into())
}

fn headers(given: impl Iterator<Item = String>) -> Result<Value, ParseError> {
    let mut headers = Map::new();
    for text in given {
        let (name, value) = text.split_once(':').ok_or_else(|| {
            ParseError::new("--header", format!("must be NAME: VALUE, not `{text}`"))
        })?;
        headers.insert(name.trim().to_owned(), value.trim().into());
    }
    Ok(headers.into())
}

/// Translates an error of the body's parser to the command line.
fn refused(invalid: ParseError, word: &str) -> ParseError {
    let field = invalid.field.split('.').next().unwrap_or_default();
    let field = match field {
        "" => return ParseError::new("", format!("`{word}` {}", invalid.message)),
        "fault" | "sequence" => return ParseError::new("BEHAVIOUR", invalid.message),
        "headers" => "header",
        field => field,
    };
    let message = if invalid.message.starts_with("unknown field") {
        format!("means nothing beside `{word}`")
    } else {
        invalid.message
    };
    ParseError::new(format!("--{field}"), message)
}

fn state(word: &str) -> Result<PortState, ParseError> {
    match word {
        "refuse" | FAIL => Ok(PortState::Closed),
        PASS => Ok(PortState::Open),
        word => PortState::named(word).ok_or_else(|| {
            let message = format!(
                "a port is pass, fail, refuse, open, closed, blackhole, stop-accepting or reset, not `{word}`; a path has a slash"
            );
            ParseError::new("BEHAVIOUR", message)
        }),
    }
}

/// Parses a duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("must be a duration such as 30s or 1m30s, not `{text}`"))
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("must be a whole number, not `{text}`"))
}
