//! `GET /metrics`: the figures of `state` in Prometheus' text format 0.0.4. Pure.
//!
//! prometheus.io/docs › Exposition formats; names and units follow prometheus.io/docs › Metric and
//! label naming.

use std::fmt::{self, Write};

use Value::{Count, Micros};

use crate::model::answer::{Hits, Port, Recorded, RequestOutcome, Side, State, Traffic};
use crate::model::moment::micros;

/// The content type of the response.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures of `state`. The number of series is bounded, as `state` is.
pub(crate) fn text(state: &State) -> String {
    let mut text = Text(String::new());
    process(&mut text, state);
    journal(&mut text, state);
    if let Some(traffic) = &state.traffic {
        traffic_client(&mut text, traffic);
    } else {
        ports(&mut text, state);
        routes(&mut text, state);
    }
    text.0
}

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

fn process(text: &mut Text, state: &State) {
    let known = |value: &Option<String>| value.clone().unwrap_or_default();
    let labels = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("instance", state.instance.clone()),
        ("pod", known(&state.pod)),
        ("container", known(&state.container)),
    ];
    text.family("info", GAUGE, "Which process this is.");
    text.sample("info", &labels, Count(1));
    let help = "Time since the process started.";
    text.one(
        "uptime_seconds",
        GAUGE,
        help,
        Micros(state.uptime.as_micros()),
    );
    if let Some(boot) = state.boot {
        let help = "Which start of the container this is, from 1.";
        text.one("boot", GAUGE, help, Count(boot));
    }
    let help = "Changes taken: the revision.";
    text.one("changes_total", COUNTER, help, Count(state.revision));
    let lease = state.lease.map_or(0, |end| micros(end - state.uptime));
    let help = "What is left of the lease; 0 if none runs.";
    text.one("lease_seconds", GAUGE, help, Micros(lease));
    let flips = state.process.values().filter(|fault| fault.flip.is_some());
    let help = "Flips of the process, those that wait for their next window included.";
    text.one("process_flips", GAUGE, help, Count(flips.count() as u64));
    let taken = state.memory.as_ref().map_or(0, |memory| memory.taken);
    let help = "Memory taken and touched because a fault says so.";
    text.one("memory_taken_bytes", GAUGE, help, Count(taken));
}

fn journal(text: &mut Text, state: &State) {
    let Recorded { written, lost } = state.journal;
    let help = "Records written to the journal.";
    text.one("journal_records_total", COUNTER, help, Count(written));
    let help = "Records that the journal has lost to later ones.";
    text.one("journal_lost_total", COUNTER, help, Count(lost));
}

fn ports(text: &mut Text, state: &State) {
    text.family("listening", GAUGE, "Whether the port is being listened on.");
    for (number, port) in &state.ports {
        let labels = [
            ("port", number.to_string()),
            ("protocol", port.protocol.name().to_owned()),
            ("state", port.state.name().to_owned()),
        ];
        text.sample("listening", &labels, Count(port.listening.into()));
    }
    let flips = |port: &Port| {
        let routes = port.routes.values().filter(|route| route.flip.is_some());
        u64::from(port.flip.is_some()) + routes.count() as u64
    };
    let help =
        "Flips of the port and of its routes, those that wait for their next window included.";
    text.of_ports("flips", GAUGE, help, state, &flips);
    let help = "Connections of clients that are open.";
    text.of_ports("connections", GAUGE, help, state, &|port| {
        port.connections.open
    });
    let help = "Connections accepted, whatever became of them.";
    text.of_ports("connections_total", COUNTER, help, state, &|port| {
        port.connections.accepted
    });
}

fn routes(text: &mut Text, state: &State) {
    requests(text, state);
    let help = "Requests that have begun and not ended.";
    text.of_routes("requests_in_progress", GAUGE, help, state, &|hits| {
        let ended: u64 = hits.ended.iter().map(|ended| ended.count).sum();
        Some(Count(hits.begun.saturating_sub(ended)))
    });
    let help = "Bytes of bodies handed over.";
    text.of_routes("body_bytes_total", COUNTER, help, state, &|hits| {
        Some(Count(hits.bytes))
    });
    let help = "Time from the beginning of one request to that of the next, as observed.";
    text.of_routes("request_period_seconds", GAUGE, help, state, &|hits| {
        hits.period.map(Micros)
    });
    let help = "The longest that a client has waited before it gave up.";
    text.of_routes("longest_wait_seconds", GAUGE, help, state, &|hits| {
        hits.longest_wait.map(Micros)
    });
}

fn requests(text: &mut Text, state: &State) {
    let help = "Requests that have ended, by the behaviour given and by who ended them before the reply was complete.";
    text.family("requests_total", COUNTER, help);
    for ([port, path], hits) in counters(state) {
        for ended in &hits.ended {
            let closed = match ended.closed {
                Some(Side::Client) => "client",
                Some(Side::Target) => "target",
                None => "",
            };
            let labels = [
                port.clone(),
                path.clone(),
                ("reply", ended.reply.clone()),
                ("flipped", ended.flipped.to_string()),
                ("closed", closed.to_owned()),
            ];
            text.sample("requests_total", &labels, Count(ended.count));
        }
    }
}

fn traffic_client(text: &mut Text, traffic: &Traffic) {
    let help = "Requests sent.";
    text.one("traffic_sent_total", COUNTER, help, Count(traffic.sent));
    let help = "Requests of which the outcome is known.";
    text.family("traffic_requests_total", COUNTER, help);
    // Also those that have not occurred: a rate needs a first value.
    for outcome in RequestOutcome::ALL {
        let count = traffic.outcomes.get(&outcome).copied().unwrap_or_default();
        let labels = [("outcome", outcome.name().to_owned())];
        text.sample("traffic_requests_total", &labels, Count(count));
    }
}

type Label = (&'static str, String);

/// The request counters with the labels port and path. Connections of which no request is read have
/// an empty path. `other` cannot be a path, as paths begin with a slash.
fn counters(state: &State) -> impl Iterator<Item = ([Label; 2], &Hits)> {
    state.ports.iter().flat_map(|(number, port)| {
        let routes = port.hits.iter().map(|(path, hits)| (path.as_str(), hits));
        let unread = port.unread.iter().map(|hits| ("", hits));
        let others = port.others.iter().map(|hits| ("other", hits));
        unread.chain(routes).chain(others).map(|(path, hits)| {
            let labels = [("port", number.to_string()), ("path", path.to_owned())];
            (labels, hits)
        })
    })
}

/// The text being built. Writing to it does not fail.
struct Text(String);

impl Text {
    /// Starts a metric family; its samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        _ = write!(
            self.0,
            "# HELP probe_target_{name} {help}\n# TYPE probe_target_{name} {kind}\n"
        );
    }

    fn sample(&mut self, name: &str, labels: &[Label], value: Value) {
        _ = write!(self.0, "probe_target_{name}");
        for (n, (label, text)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            _ = write!(self.0, "{before}{label}=\"{}\"", escaped(text));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        _ = writeln!(self.0, "{after} {value}");
    }

    /// A family with one sample and no labels.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: Value) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn of_ports(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        state: &State,
        value: &dyn Fn(&Port) -> u64,
    ) {
        self.family(name, kind, help);
        for (number, port) in &state.ports {
            self.sample(name, &[("port", number.to_string())], Count(value(port)));
        }
    }

    fn of_routes(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        state: &State,
        value: &dyn Fn(&Hits) -> Option<Value>,
    ) {
        self.family(name, kind, help);
        for (labels, hits) in counters(state) {
            if let Some(value) = value(hits) {
                self.sample(name, &labels, value);
            }
        }
    }
}

/// Escapes a label's value: clients choose paths, and a quote would end the label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// The value of a sample.
#[derive(Clone, Copy)]
enum Value {
    Count(u64),
    /// Microseconds, written as seconds.
    Micros(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count(count) => write!(f, "{count}"),
            Micros(micros) => write!(f, "{}.{:06}", micros / 1_000_000, micros % 1_000_000),
        }
    }
}
