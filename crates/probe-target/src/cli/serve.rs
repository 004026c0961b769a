//! `probe-target serve`: the ports, routes and control address that the command line asks for, laid over a plan.

use std::net::{Ipv4Addr, SocketAddr};

use super::address;
use super::options::{Grammar, Options, Spec};
use super::place::{self, Place};
use crate::invalid::Invalid;
use crate::opening::Protocol;
use crate::plan::Plan;
use crate::word::Word;

/// How `serve` is written.
pub(crate) const GRAMMAR: Grammar = Grammar {
    usage: "[serve] --port 8080 [--port 9000=grpc] [--port 7000=tcp] [--route '[PORT]/PATH=BEHAVIOUR'] [--control ADDRESS] [--plan FILE]",
    about: "Serve ports that are healthy on every path and for every service, until told otherwise",
    operands: 0,
    options: &[
        Spec {
            name: "port",
            value: "PORT[=http|grpc|tcp]",
            many: true,
            help: "Listen there, on IPv4 and IPv6; 8080 if no port is given",
        },
        Spec {
            name: "route",
            value: "ROUTE",
            many: true,
            help: "What a path does from the start: '8080/readyz=503', or '/readyz=503' on every port; of grpc, /SERVICE",
        },
        CONTROL,
        Spec {
            name: "plan",
            value: "FILE",
            many: false,
            help: "Start from a plan, as GET /v1/plan writes it; options are laid over it",
        },
        TOKEN_FILE,
        JOURNAL,
        Spec {
            name: "state-dir",
            value: "DIR",
            many: false,
            help: "Not served by this version",
        },
    ],
    notes: "The control address is 127.0.0.1:(first port + 10000) unless --control says otherwise;\n\
            one that others can reach needs a token, from --token-file or PROBE_TARGET_TOKEN.",
};

pub(crate) const CONTROL: Spec = Spec {
    name: "control",
    value: "ADDRESS",
    many: false,
    help: "The control address",
};
pub(crate) const TOKEN_FILE: Spec = Spec {
    name: "token-file",
    value: "FILE",
    many: false,
    help: "What callers of the control address must show",
};
pub(crate) const JOURNAL: Spec = Spec {
    name: "journal",
    value: "N",
    many: false,
    help: "Keep the last N requests; 4096 by default",
};

/// What `serve` is asked to do.
#[derive(Debug)]
pub(crate) struct Serve {
    ports: Vec<(u16, Protocol)>,
    routes: Vec<(Place, Word)>,
    control: Option<SocketAddr>,
    /// The file of the plan.
    pub(crate) plan: Option<String>,
    pub(crate) access: Access,
    /// How many requests are kept.
    pub(crate) journal: usize,
}

/// Where the token comes from, if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) token: Option<String>,
    pub(crate) file: Option<String>,
}

impl Serve {
    pub(crate) fn new(mut options: Options) -> Result<Self, Invalid> {
        if options.one("state-dir").is_some() {
            return Err(Invalid::new("--state-dir", "not served by this version"));
        }
        let ports = options.many("port");
        let routes = options.many("route");
        Ok(Self {
            ports: ports
                .iter()
                .map(|text| port(text))
                .collect::<Result<_, _>>()?,
            routes: routes
                .iter()
                .map(|text| route(text))
                .collect::<Result<_, _>>()?,
            control: options.read_as("control", address)?,
            plan: options.one("plan"),
            journal: journal(&mut options)?,
            access: Access::new(&mut options),
        })
    }

    /// The base that `plan` and the command line come to.
    pub(crate) fn base(&self, mut plan: Plan) -> Result<Plan, Invalid> {
        let mut given = Vec::new();
        for (number, protocol) in &self.ports {
            if given.contains(number) {
                return Err(Invalid::new("--port", format!("{number} is given twice")));
            }
            given.push(*number);
            plan.ports.entry(*number).or_default().opening.protocol = Some(*protocol);
        }
        if plan.ports.is_empty() {
            plan.ports.insert(8080, crate::plan::PlannedPort::default());
        }
        for (place, word) in &self.routes {
            lay(&mut plan, place, *word)?;
        }
        for port in plan.ports.values_mut() {
            port.opening.protocol.get_or_insert_default();
        }
        Ok(plan)
    }

    /// The control address of a target with this base.
    pub(crate) fn control(&self, base: &Plan) -> Result<SocketAddr, Invalid> {
        let wrong = |message: String| Err(Invalid::new("--control", message));
        let Some(control) = self.control else {
            let first = self.ports.first().map(|(number, _)| number);
            let first = *first.or(base.ports.keys().next()).unwrap_or(&8080);
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

    /// Whether no token is asked for.
    pub(crate) fn is_open(&self) -> bool {
        self.token.is_none() && self.file.is_none()
    }
}

/// `--journal N`.
pub(crate) fn journal(options: &mut Options) -> Result<usize, Invalid> {
    let read = |text: &str| {
        let size = text
            .parse()
            .ok()
            .filter(|size| (1..=1_000_000).contains(size));
        size.ok_or_else(|| format!("must be a number from 1 to 1000000, not `{text}`"))
    };
    Ok(options.read_as("journal", read)?.unwrap_or(4096))
}

/// `8080` or `8080=http`.
fn port(text: &str) -> Result<(u16, Protocol), Invalid> {
    let wrong = |message| Invalid::new("--port", message);
    let (number, protocol) = text.split_once('=').unwrap_or((text, "http"));
    let number = place::number(number)
        .ok_or_else(|| wrong(format!("must be a number from 1 to 65535, not `{number}`")))?;
    Ok((number, Protocol::named(protocol).map_err(wrong)?))
}

/// `[PORT]/PATH=BEHAVIOUR`.
fn route(text: &str) -> Result<(Place, Word), Invalid> {
    let wrong = |message| Invalid::new("--route", message);
    let form = || wrong(format!("must be [PORT]/PATH=BEHAVIOUR, not `{text}`"));
    let (place, word) = text.rsplit_once('=').ok_or_else(form)?;
    match Place::parse(place) {
        Ok(place @ Place::Route(..)) => Ok((place, word.parse().map_err(wrong)?)),
        _ => Err(form()),
    }
}

fn lay(plan: &mut Plan, place: &Place, word: Word) -> Result<(), Invalid> {
    let (Place::Route(Some(number), _) | Place::Port(number)) = place else {
        for port in plan.ports.values_mut() {
            port.lay(place, word);
        }
        return Ok(());
    };
    let unknown = || Invalid::new("--route", format!("{number} is none of the ports"));
    plan.ports
        .get_mut(number)
        .ok_or_else(unknown)?
        .lay(place, word);
    Ok(())
}

impl crate::plan::PlannedPort {
    fn lay(&mut self, place: &Place, word: Word) {
        match (word.on_route(), place) {
            (Some(behaviour), Place::Route(_, path)) => {
                self.routes.insert(path.clone(), behaviour);
            }
            // `refuse` and its like are about the whole port, wherever they stand.
            (_, _) => self.opening.state = word.on_port().unwrap_or_default(),
        }
    }
}
