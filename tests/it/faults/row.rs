//! One row of the page: a probe's handler and the fault of its target. `rows.rs` lists all rows.

use std::time::Duration;

use probe_target::model::{behaviour::Behaviour, port_spec::PortSpec, process_fault::ProcessFault};
use serde_json::{Value, json};

use super::verdict::Verdict;

/// The path that HTTP probes request.
pub(crate) const PATH: &str = "/probe";

/// A probe and the fault of its target.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The fault, as text of the page.
    pub(crate) fault: String,
    /// The fault's effect on a prober, as text of the page.
    pub(crate) about: String,
    pub(crate) handler: Handler,
    pub(crate) onset: Onset,
    /// Whether the target needs the image with TLS.
    pub(crate) tls: bool,
    /// If the outcome depends on timing: all possible outcomes, each with its event or an empty
    /// text.
    pub(crate) race: &'static [(Verdict, &'static str)],
}

/// How the container is probed.
#[derive(Debug, Clone)]
pub(crate) enum Handler {
    Http,
    /// Protocols that the target offers by ALPN, if not the default.
    Https(Option<&'static str>),
    Tcp,
    Grpc,
    /// The command; `PORT` stands for the target's port.
    Exec(String),
}

/// When the fault begins.
#[derive(Debug, Clone)]
pub(crate) enum Onset {
    /// A healthy target is flipped; for startup probes, before the first attempt.
    Flipped(Vec<Flip>),
    /// The fault is in the probe itself, so it exists from the start.
    Probe,
}

/// One change of a target.
#[derive(Debug, Clone)]
pub(crate) struct Flip {
    /// 0 is the probed port, 1 the next port.
    pub(crate) above: u16,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Route(String, Behaviour),
    Port(PortSpec),
    /// A fault of the process; the port is ignored.
    Process(ProcessFault),
}

/// A failure that every prober reports, flipped to show that nothing happened before, and words
/// that only its event contains.
pub(crate) struct Marker {
    pub(crate) flip: Flip,
    pub(crate) words: &'static str,
}

impl Row {
    pub(crate) fn new(handler: Handler, fault: &str, about: &str, flips: Vec<Flip>) -> Self {
        Self {
            fault: fault.to_owned(),
            about: about.to_owned(),
            tls: handler.protocol().ends_with('s'),
            handler,
            onset: Onset::Flipped(flips),
            race: &[],
        }
    }

    /// Whether the container ends by itself: then there need not be an event.
    pub(crate) fn ends_by_itself(&self) -> bool {
        self.race
            .iter()
            .any(|(verdict, _)| *verdict == Verdict::None)
    }
}

impl Handler {
    /// The protocol of the target's ports.
    pub(crate) fn protocol(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https(_) => "https",
            Self::Tcp => "tcp",
            Self::Grpc => "grpc",
            Self::Exec(command) => {
                let checked = command.split(' ').nth(2).unwrap_or_default();
                let known = ["https", "tcp", "grpcs", "grpc"];
                known
                    .into_iter()
                    .find(|it| *it == checked)
                    .unwrap_or("http")
            }
        }
    }

    /// The target's arguments other than its ports.
    pub(crate) fn arguments(&self) -> Vec<String> {
        match self {
            Self::Https(Some(offered)) => vec![format!("--tls-alpn={offered}")],
            _ => Vec::new(),
        }
    }

    pub(crate) fn marker(&self) -> Marker {
        match self.protocol() {
            "tcp" => Marker {
                flip: port(json!({"state": "closed"})),
                words: "connection refused",
            },
            "grpc" | "grpcs" => Marker {
                flip: route("/", json!({"status": 503})),
                words: "NOT_SERVING",
            },
            _ => Marker {
                flip: route(PATH, json!({"status": 418})),
                words: "418",
            },
        }
    }

    /// `periodSeconds` and `timeoutSeconds`. Exec probes run less often, as each attempt starts a
    /// process on the node.
    pub(crate) fn pace(&self) -> (u64, u64) {
        match self {
            Self::Exec(_) => (3, 3),
            _ => (1, 1),
        }
    }

    /// How long a target is observed before the trial concludes that nothing happened: three
    /// periods and three timeouts.
    pub(crate) fn window(&self) -> Duration {
        let (period, timeout) = self.pace();
        Duration::from_secs(3 * period + 3 * timeout)
    }

    /// The name and value of the probe's handler field.
    pub(crate) fn field(&self, number: u16) -> (&'static str, Value) {
        match self {
            Self::Http => ("httpGet", json!({"path": PATH, "port": number})),
            Self::Https(_) => {
                let get = json!({"path": PATH, "port": number, "scheme": "HTTPS"});
                ("httpGet", get)
            }
            Self::Tcp => ("tcpSocket", json!({"port": number})),
            Self::Grpc => ("grpc", json!({"port": number})),
            Self::Exec(command) => {
                let command = command.replace("PORT", &number.to_string());
                let words: Vec<&str> = command.split(' ').collect();
                ("exec", json!({"command": words}))
            }
        }
    }
}

/// A flip of a path of the probed port.
pub(crate) fn route(path: &str, behaviour: Value) -> Flip {
    let behaviour = Behaviour::read(behaviour, path).unwrap();
    Flip {
        above: 0,
        what: What::Route(path.to_owned(), behaviour),
    }
}

/// A flip of the probed port's state.
pub(crate) fn port(opening: Value) -> Flip {
    let opening = PortSpec::read(opening, "").unwrap();
    Flip {
        above: 0,
        what: What::Port(opening),
    }
}

/// A flip of the process.
pub(crate) fn process(fault: Value) -> Flip {
    let fault = ProcessFault::read(fault, "").unwrap();
    Flip {
        above: 0,
        what: What::Process(fault),
    }
}

impl Flip {
    /// The same flip on the next port.
    pub(crate) fn above(self) -> Self {
        Self { above: 1, ..self }
    }
}
