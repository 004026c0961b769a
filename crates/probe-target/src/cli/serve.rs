//! `probe-target serve`: parses ports, routes, TLS and control address, and adds them to a plan.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value};

use super::options::{self, Grammar, Options, Spec};
use super::{address, exit};
use crate::model::boot_plan::BootPlan;
use crate::model::boots::Boots;
use crate::model::bound::Bounds;
use crate::model::flip_spec::Flip;
use crate::model::location::{self, Location};
use crate::model::parse_error::ParseError;
use crate::model::plan::{self, Plan, PlannedPort};
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::process_fault::{ProcessAction, ProcessFault, Sigterm};
use crate::model::shorthand::Shorthand;

/// The grammar of `serve`.
pub(crate) const GRAMMAR: Grammar = Grammar {
    usage: "[serve] [--port PORT[=PROTOCOL]]… [--route ROUTE]… [OPTIONS]",
    about: "Serve ports that are healthy on every path until flipped",
    operands: 0,
    fields: false,
    options: &[
        Spec::many(
            "port",
            "[ADDRESS:]PORT[=PROTOCOL]",
            "Listen here: http, https, grpc, grpcs or tcp; or `none` [default: 8080=http]",
        ),
        Spec::many(
            "route",
            "ROUTE",
            "What a path or port does from the start: '8080/readyz=503', '/x=503@1-2',\n'8080=closed@2-'",
        ),
        Spec::many(
            "process",
            "FAULT FIELD=VALUE …",
            "What the process does from the start: 'exit code=3 after=1m @2-'",
        ),
        Spec::new(
            "drain",
            "DURATION",
            "Serve for this long after SIGTERM, then close [default: close at once]",
        ),
        Spec::new(
            "exit-on-term",
            "CODE",
            "Exit with this code after SIGTERM [default: 0]",
        ),
        Spec::new(
            "start-after",
            "DURATION",
            "Open the ports this long after each start, so that probes fail before",
        ),
        CONTROL,
        Spec::new(
            "plan",
            "FILE",
            "Start from the output of GET /v1/plan; options are laid over it",
        ),
        TOKEN_FILE,
        Spec::new(
            "tls-cert",
            "FILE",
            "Certificates of https and grpcs in PEM [default: a generated one]",
        ),
        Spec::new("tls-key", "FILE", "Their private key in PEM"),
        Spec::new(
            "tls-alpn",
            "NAMES",
            "Protocols that https offers by ALPN [default: h2,http/1.1]",
        ),
        JOURNAL,
        Spec::new(
            "state-dir",
            "DIR",
            "Count starts of the container, its boots, in this directory: an emptyDir",
        ),
        Spec::new(
            "keep",
            "",
            "Persist flips there too, unless a bound or a lease ends them",
        ),
    ],
    notes: "The control address is 127.0.0.1:(first port + 10000) by default. Any but a\n\
            loopback address needs a token: --token-file or PROBE_TARGET_TOKEN.\n\
            A path without a port is on every port; @1-2 limits it to boots 1 and 2, @2- to all\n\
            but the first. It is percent-encoded and matches decoded request paths. /a/* matches all below /a/.\n\
            https and grpcs use TLS 1.3; only the image with TLS has them.",
};

pub(crate) const CONTROL: Spec = Spec::new("control", "ADDRESS", "The address of the control API");
pub(crate) const TOKEN_FILE: Spec = Spec::new(
    "token-file",
    "FILE",
    "The bearer token that callers of the control API must send",
);
pub(crate) const JOURNAL: Spec =
    Spec::new("journal", "N", "Keep the last N requests [default: 4096]");

/// The settings of `serve`.
#[derive(Debug)]
pub(crate) struct Serve {
    /// The ports to listen on; `None` for `--port none`, no ports at all.
    ports: Option<Vec<Listening>>,
    routes: Vec<Route>,
    process: Vec<(ProcessFault, Option<Boots>)>,
    /// How long it serves after SIGTERM.
    drain: Option<Duration>,
    /// The exit code after SIGTERM.
    pub(crate) exit_on_term: u8,
    /// How long the ports stay closed after the start.
    start_after: Option<Duration>,
    control: Option<SocketAddr>,
    /// The path of the plan's file.
    pub(crate) plan: Option<String>,
    pub(crate) access: Access,
    pub(crate) tls: Secured,
    /// The number of requests that the journal keeps.
    pub(crate) journal: usize,
    /// The directory of the state file, which counts boots.
    pub(crate) state_dir: Option<String>,
    /// Whether flips are persisted as well.
    pub(crate) keep: bool,
}

/// A port's loopback address (`None` for all addresses), number and protocol.
type Listening = (Option<IpAddr>, u16, Protocol);

/// What a path or port does, on some boots or on all.
type Route = (Location, Flip, Option<Boots>);

/// The TLS settings.
#[derive(Debug)]
pub(crate) struct Secured {
    /// The files of the certificates and of their key.
    pub(crate) pair: Option<(String, String)>,
    /// The protocols offered by ALPN.
    pub(crate) alpn: Vec<String>,
}

/// The token for the control API or its file, if any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) token: Option<String>,
    pub(crate) file: Option<String>,
}

impl Serve {
    pub(crate) fn new(mut options: Options) -> Result<Self, ParseError> {
        let (state_dir, keep) = (options.one("state-dir"), options.flag("keep"));
        if keep && state_dir.is_none() {
            return Err(ParseError::new(
                "--keep",
                "means nothing without --state-dir",
            ));
        }
        let ports = options.many("port");
        let routes = options.many("route");
        let process = options.many("process");
        Ok(Self {
            ports: listening(&ports)?,
            routes: routes
                .iter()
                .map(|text| route(text))
                .collect::<Result<_, _>>()?,
            process: process
                .iter()
                .map(|text| fault(text))
                .collect::<Result<_, _>>()?,
            drain: options.read_as("drain", options::duration)?,
            exit_on_term: options
                .read_as("exit-on-term", exit::code)?
                .unwrap_or_default(),
            start_after: options.read_as("start-after", options::duration)?,
            control: options.read_as("control", address)?,
            plan: options.one("plan"),
            journal: journal(&mut options)?,
            access: Access::new(&mut options),
            state_dir,
            keep,
            tls: Secured::new(&mut options)?,
        })
    }

    /// The base from `plan` and the command line on this boot; without a boot, the part that is the
    /// same on all boots.
    pub(crate) fn base(&self, mut plan: Plan, boot: Option<u64>) -> Result<Plan, ParseError> {
        let mut given = Vec::new();
        for (address, number, protocol) in self.ports.iter().flatten() {
            if given.contains(number) {
                return Err(ParseError::new(
                    "--port",
                    format!("{number} is given twice"),
                ));
            }
            given.push(*number);
            let port = plan.ports.entry(*number).or_default();
            port.opening.protocol = Some(*protocol);
            port.address = address.or(port.address);
        }
        match self.ports {
            None if !plan.ports.is_empty() => {
                let message = "must not be `none`, as the plan has ports";
                return Err(ParseError::new("--port", message));
            }
            Some(_) if plan.ports.is_empty() && !plan.no_ports => {
                plan.ports.insert(8080, PlannedPort::default());
            }
            _ => {}
        }
        let mut faults = Vec::new();
        for (boots, BootPlan { flips, process }) in std::mem::take(&mut plan.boots) {
            let holds = self.holds(Some(boots), boot)?;
            for (place, flip) in flips.0 {
                let applied = plan.apply(&place, &flip, holds);
                applied.map_err(|wrong| wrong.within(&format!("boots.{boots}")))?;
            }
            faults.extend(process.into_iter().filter(|_| holds));
        }
        for (place, flip, boots) in &self.routes {
            let holds = self.holds(*boots, boot)?;
            let applied = plan.apply(place, flip, holds);
            applied.map_err(|wrong| ParseError::of("--route", wrong.reason))?;
        }
        for (fault, boots) in &self.process {
            match boots {
                None => plan.set_process_fault(fault.clone(), "--process")?,
                Some(_) if self.holds(*boots, boot)? => faults.push(fault.clone()),
                Some(_) => {}
            }
        }
        // Last, as what a boot says goes before what holds on all boots.
        for fault in faults {
            plan.replace_process_fault(fault);
        }
        if let Some(delay) = self.drain {
            plan.set_process_fault(drain(delay), "--drain")?;
        }
        for port in plan.ports.values_mut() {
            port.opening.protocol.get_or_insert_default();
            if let Some(delay) = self.start_after
                && port.opening.state == PortState::Open
            {
                port.opening.state = PortState::Closed;
                port.opening.bounds = Bounds::lasting(delay);
            }
        }
        Ok(plan)
    }

    fn holds(&self, boots: Option<Boots>, boot: Option<u64>) -> Result<bool, ParseError> {
        if boots.is_some() && self.state_dir.is_none() {
            let message =
                "must be given to count boots, as --route, --process or --plan names some";
            return Err(ParseError::new("--state-dir", message));
        }
        Ok(boots.is_none_or(|boots| boot.is_some_and(|boot| boots.contain(boot))))
    }

    /// The control address of a target with this base.
    pub(crate) fn control(&self, base: &Plan) -> Result<SocketAddr, ParseError> {
        let wrong = |message: String| Err(ParseError::new("--control", message));
        let Some(control) = self.control else {
            let first = self.ports.iter().flatten().next();
            let first = first.map(|(_, number, _)| number);
            let Some(first) = first.or(base.ports.keys().next()) else {
                return wrong("must be given, as there is no port".to_owned());
            };
            return match first.checked_add(10_000) {
                Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
                None => wrong(format!("must be given, as {first} + 10000 is no port")),
            };
        };
        if base.ports.contains_key(&control.port()) {
            return wrong(format!("{} is a port to be probed", control.port()));
        }
        if !control.ip().is_loopback() && self.access.is_open() {
            return wrong(format!(
                "{control} can be reached by others and needs a token: --token-file or PROBE_TARGET_TOKEN"
            ));
        }
        Ok(control)
    }
}

impl Access {
    pub(crate) fn new(options: &mut Options) -> Self {
        Self {
            token: options.token.take(),
            file: options.one("token-file"),
        }
    }

    /// Whether no token is required.
    pub(crate) fn is_open(&self) -> bool {
        self.token.is_none() && self.file.is_none()
    }
}

impl Secured {
    fn new(options: &mut Options) -> Result<Self, ParseError> {
        let pair = match (options.one("tls-cert"), options.one("tls-key")) {
            (None, None) => None,
            (Some(certificates), Some(key)) => Some((certificates, key)),
            (Some(_), None) => return Err(ParseError::new("--tls-key", "belongs to --tls-cert")),
            (None, Some(_)) => return Err(ParseError::new("--tls-cert", "belongs to --tls-key")),
        };
        let alpn = options.read_as("tls-alpn", alpn)?.unwrap_or_default();
        Ok(Self { pair, alpn })
    }
}

/// Parses `h2,http/1.1`.
fn alpn(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    // RFC 7301: a name has 1 to 255 bytes.
    if names.iter().all(|name| (1..=255).contains(&name.len())) {
        Ok(names)
    } else {
        Err(format!("must be names such as h2,http/1.1, not `{text}`"))
    }
}

/// The option `--journal N`.
pub(crate) fn journal(options: &mut Options) -> Result<usize, ParseError> {
    let read = |text: &str| {
        let size = text
            .parse()
            .ok()
            .filter(|size| (1..=1_000_000).contains(size));
        size.ok_or_else(|| format!("must be a number from 1 to 1000000, not `{text}`"))
    };
    Ok(options.read_as("journal", read)?.unwrap_or(4096))
}

/// The `sigterm` fault that `--drain` sets.
fn drain(delay: Duration) -> ProcessFault {
    ProcessFault {
        act: ProcessAction::Sigterm(Sigterm {
            delay: Some(delay),
            fail: Vec::new(),
        }),
        bounds: Bounds::default(),
        leased: false,
    }
}

/// Parses the values of `--port`; `None` for `none`.
fn listening(ports: &[String]) -> Result<Option<Vec<Listening>>, ParseError> {
    if !ports.iter().any(|text| text == "none") {
        let ports = ports.iter().map(|text| port(text));
        return ports.collect::<Result<_, _>>().map(Some);
    }
    match ports {
        [_] => Ok(None),
        _ => Err(ParseError::new("--port", "`none` must stand alone")),
    }
}

/// Parses `8080`, `8080=http`, `127.0.0.1:8080` or `[::1]:8080`.
fn port(text: &str) -> Result<Listening, ParseError> {
    let wrong = |message| ParseError::new("--port", message);
    let (place, protocol) = text.split_once('=').unwrap_or((text, "http"));
    let (address, number) = match place.rsplit_once(':') {
        None => (None, place),
        Some((address, number)) => {
            let inner = address
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            let address = plan::loopback(inner.unwrap_or(address)).map_err(wrong)?;
            // IPv6 addresses need brackets, as their colons are ambiguous with that of the port.
            if address.is_ipv6() != inner.is_some() {
                let form = if address.is_ipv6() {
                    format!("[{address}]:{number}")
                } else {
                    format!("{address}:{number}")
                };
                return Err(wrong(format!("must be written {form}, not `{place}`")));
            }
            (Some(address), number)
        }
    };
    let number = location::number(number)
        .ok_or_else(|| wrong(format!("must be a number from 1 to 65535, not `{number}`")))?;
    let protocol = Protocol::read(protocol);
    let protocol = protocol.map_err(|reason| ParseError::of("--port", reason))?;
    Ok((address, number, protocol))
}

/// Parses `[PORT]/PATH=BEHAVIOUR[@BOOTS]` or `PORT=STATE[@BOOTS]`.
fn route(text: &str) -> Result<Route, ParseError> {
    let wrong = |message| ParseError::new("--route", message);
    let form = || {
        wrong(format!(
            "must be [PORT]/PATH=BEHAVIOUR or PORT=STATE, not `{text}`"
        ))
    };
    let (place, word) = text.rsplit_once('=').ok_or_else(form)?;
    let (word, boots) = match word.split_once('@') {
        None => (word, None),
        Some((word, boots)) => (word, Some(boots.parse().map_err(wrong)?)),
    };
    if !place.contains('/') && location::number(place).is_none() {
        return Err(form());
    }
    let place =
        Location::parse(place).map_err(|invalid| ParseError::of("--route", invalid.reason))?;
    let flip = match place {
        Location::Port(_) => Flip::Port(PortSpec::new(state(word).map_err(wrong)?)),
        Location::Route(..) => {
            let word: Result<Shorthand, _> = word.parse();
            word.map_err(|reason| ParseError::of("--route", reason))?
                .into()
        }
    };
    Ok((place, flip, boots))
}

/// Parses the state of a port as a whole.
fn state(word: &str) -> Result<PortState, String> {
    if word == "refuse" {
        return Ok(PortState::Closed);
    }
    PortState::named(word).ok_or_else(|| {
        format!(
            "a port is refuse, open, closed, blackhole, stop-accepting or reset, not `{word}`; all \
             paths of one are PORT/*"
        )
    })
}

/// Parses `FAULT FIELD=VALUE … [@BOOTS]`: the fields of the control API's body.
fn fault(text: &str) -> Result<(ProcessFault, Option<Boots>), ParseError> {
    let (text, boots) = match text.trim_end().rsplit_once(" @") {
        Some((text, boots)) if !boots.contains(' ') => {
            let boots: Result<Boots, _> = boots.parse();
            let boots = boots.map_err(|message| ParseError::new("--process", message))?;
            (text, Some(boots))
        }
        _ => (text, None),
    };
    let mut words = text.split_whitespace();
    let mut body = Map::new();
    body.insert("fault".to_owned(), words.next().into());
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| {
            let message = format!("must be FAULT FIELD=VALUE …, not `{text}`");
            ParseError::new("--process", message)
        })?;
        let value = match name {
            "fail" => value.split(',').map(Value::from).collect(),
            "message" => value.into(),
            // Numbers and booleans; everything else is a string.
            _ => serde_json::from_str(value).unwrap_or(value.into()),
        };
        body.insert(name.to_owned(), value);
    }
    Ok((ProcessFault::read(body.into(), "--process")?, boots))
}
