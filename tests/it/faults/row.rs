//! One row: a probe, and what becomes of its target. Which rows there are is in `rows.rs`.

use std::time::Duration;

use probe_target::model::{behaviour::Behaviour, port_spec::PortSpec, process_fault::ProcessFault};
use serde_json::{Value, json};

use super::verdict::Verdict;

/// The path that HTTP probes ask for.
pub(crate) const PATH: &str = "/probe";

/// A probe, and what becomes of its target.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What is done, as the page says it.
    pub(crate) fault: String,
    /// What a prober then meets, as the page says it.
    pub(crate) about: String,
    pub(crate) handler: Handler,
    pub(crate) onset: Onset,
    /// Whether its target is of the image with TLS.
    pub(crate) tls: bool,
    /// Where the outcome is a matter of luck: every one of them, with its event or nothing.
    pub(crate) race: &'static [(Verdict, &'static str)],
}

/// How the container is probed.
#[derive(Debug, Clone)]
pub(crate) enum Handler {
    Http,
    /// What its target offers by ALPN, if not what it does by default.
    Https(Option<&'static str>),
    Tcp,
    Grpc,
    /// The command; `PORT` stands for the target's.
    Exec(String),
}

/// When the fault begins.
#[derive(Debug, Clone)]
pub(crate) enum Onset {
    /// It is laid over a target that is well; for startup, before the first attempt.
    Flipped(Vec<Flip>),
    /// It is in the probe, and so from the start.
    Probe,
}

/// One change of a target.
#[derive(Debug, Clone)]
pub(crate) struct Flip {
    /// 0 is the port probed, 1 the one above.
    pub(crate) above: u16,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Route(String, Behaviour),
    Port(PortSpec),
    /// Of the process; the port does not matter.
    Process(ProcessFault),
}

/// What is done to tell that nothing has happened: a failure that every prober sees, and words that only its event has.
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

    /// Whether the container ends by itself: then no event need tell of it.
    pub(crate) fn ends_by_itself(&self) -> bool {
        self.race
            .iter()
            .any(|(verdict, _)| *verdict == Verdict::None)
    }
}

impl Handler {
    /// What is spoken on the target's ports.
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

    /// The target's arguments beside its ports.
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

    /// `periodSeconds` and `timeoutSeconds`. A command costs a process of the node's each time.
    pub(crate) fn pace(&self) -> (u64, u64) {
        match self {
            Self::Exec(_) => (3, 3),
            _ => (1, 1),
        }
    }

    /// How long a target is watched before nothing is said to have happened to it: three periods and an attempt tried three times.
    pub(crate) fn window(&self) -> Duration {
        let (period, timeout) = self.pace();
        Duration::from_secs(3 * period + 3 * timeout)
    }

    /// The field of a probe that says it all.
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

/// A behaviour laid over a path of the port probed.
pub(crate) fn route(path: &str, behaviour: Value) -> Flip {
    let behaviour = Behaviour::read(behaviour, path).unwrap();
    Flip {
        above: 0,
        what: What::Route(path.to_owned(), behaviour),
    }
}

/// Another state of the port probed.
pub(crate) fn port(opening: Value) -> Flip {
    let opening = PortSpec::read(opening, "").unwrap();
    Flip {
        above: 0,
        what: What::Port(opening),
    }
}

/// Something done to the process.
pub(crate) fn process(fault: Value) -> Flip {
    let fault = ProcessFault::read(fault, "").unwrap();
    Flip {
        above: 0,
        what: What::Process(fault),
    }
}

impl Flip {
    /// The same on the port above.
    pub(crate) fn above(self) -> Self {
        Self { above: 1, ..self }
    }
}
