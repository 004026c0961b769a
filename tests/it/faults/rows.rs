//! The rows of the page: every fault for every kind of handler. `trial.rs` runs them.

use probe_target::model::behaviour::Fault;
use serde_json::{Value, json};

use super::{
    row::{Flip, Handler, Onset, PATH, Row, port, process, route},
    verdict::Verdict,
};

/// HTTPS over HTTP/2, which the target offers by default.
const HTTPS: Handler = Handler::Https(None);

/// All rows, those that take longest first.
pub(crate) fn rows() -> Vec<Row> {
    [exec(), https(), http(), grpc(), tcp()].concat()
}

#[rustfmt::skip] // A row is a line.
fn http() -> Vec<Row> {
    let mut rows = vec![
        reply("200", json!({"status": 200})),
        reply("204", json!({"status": 204})),
        reply("301, no Location", json!({"status": 301})),
        reply("302 to the same host", json!({"status": 302, "headers": {"location": "/well"}})),
        reply("302 to the same host, 503 there", json!({"status": 302, "headers": {"location": "/ill"}})).and(route("/ill", json!({"status": 503}))),
        reply("302 to another host, a short body", json!({"status": 302, "headers": {"location": "http://probeflip.invalid/"}, "body": "over there"})),
        reply("302 to another host, a body of 20,480 bytes", json!({"status": 302, "headers": {"location": "http://probeflip.invalid/"}, "body": "x".repeat(20_480)})),
        reply("304", json!({"status": 304})),
        reply("399", json!({"status": 399})),
        reply("400", json!({"status": 400})),
        reply("404", json!({"status": 404})),
        reply("500", json!({"status": 500})),
        reply("503", json!({"status": 503})),
        reply("503, a body of 20,480 bytes", json!({"status": 503, "body": "x".repeat(20_480)})),
        reply("999", json!({"status": 999})),
        reply("200 after 500 ms", json!({"status": 200, "delay": "500ms"})),
        reply("200 after 1.5 s", json!({"status": 200, "delay": "1500ms"})),
    ];
    rows.extend(Fault::all().map(fault));
    rows.extend([
        reply("`slow-body`, pace 100 ms", json!({"fault": "slow-body", "pace": "100ms"})),
        reply("`stall-body` after 0 bytes", json!({"fault": "stall-body", "bytes": 0})),
        reply("`stall-body` after 10,239 bytes", json!({"fault": "stall-body", "bytes": 10_239})),
        reply("`stall-body` after 10,240 bytes", json!({"fault": "stall-body", "bytes": 10_240})),
        reply("`short-body` after 10,240 bytes", json!({"fault": "short-body", "bytes": 10_240})),
        reply("`large-body` of 10,240 bytes", json!({"fault": "large-body", "bytes": 10_240})),
        reply("`large-body` of 10,000,000 bytes", json!({"fault": "large-body", "bytes": 10_000_000})),
        reply("`redirect`, 503 at `/`", json!({"fault": "redirect"})).and(route("/", json!({"status": 503}))),
        reply("`redirect-port`, the port above closed", json!({"fault": "redirect-port"})).and(port(json!({"state": "closed"})).above()),
        reply("`redirect-chain`, 9 hops", json!({"fault": "redirect-chain", "hops": 9})),
        reply("`redirect-chain`, 10 hops", json!({"fault": "redirect-chain", "hops": 10})),
    ]);
    rows.extend(states(&Handler::Http, &[
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": read tcp NODE:PORT->IP:PORT: read: connection reset by peer"#),
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": write tcp NODE:PORT->IP:PORT: write: connection reset by peer"#),
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": dial tcp IP:PORT: connect: connection reset by peer"#),
        // Seldom: of 180,000 requests by a client set up as the kubelet's (Go 1.26.8, over
        // loopback) 70, 191 and 141 ended so.
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": readLoopPeekFailLocked: read tcp NODE:PORT->IP:PORT: read: connection reset by peer"#),
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": write tcp NODE:PORT->IP:PORT: write: broken pipe"#),
        (Verdict::Failure, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": EOF"#),
    ]));
    rows.push(done("`stop-accepting`", "as of the port, of all", json!({"fault": "stop-accepting"})));
    rows.push(done("`exit`", "the container ends and starts again by itself; an attempt in between is refused", json!({"fault": "exit", "code": 3})).race(&[
        (Verdict::None, ""),
        (Verdict::None, r#"Unhealthy: probe failed: Get "http://IP:PORT/probe": dial tcp IP:PORT: connect: connection refused"#),
    ]));
    rows.push(spoken(&Handler::Http, "tcp"));
    rows.push(spoken(&Handler::Http, "grpc"));
    rows.push(spoken(&Handler::Http, "https"));
    rows
}

#[rustfmt::skip] // A row is a line.
fn https() -> Vec<Row> {
    let mut rows = vec![
        secured("200", "", json!({"status": 200})),
        secured("302 to another host", "", json!({"status": 302, "headers": {"location": "https://probeflip.invalid/"}})),
        secured("503", "", json!({"status": 503})),
        secured("`hang`", "the request is read and never answered", json!({"fault": "hang"})).race(LATE_HEAD),
        secured("`close`", "the connection is closed (FIN)", json!({"fault": "close"})),
        secured("`reset`", "the connection is reset (RST)", json!({"fault": "reset"})).race(CUT_OFF),
        secured("`stall-body`", "200, a byte, silence", json!({"fault": "stall-body"})).race(LATE_BODY),
        secured("`malformed`", "what only HTTP/1.1 can have resets the stream", json!({"fault": "malformed"})),
        secured("`large-body` of 10,000,000 bytes", "", json!({"fault": "large-body", "bytes": 10_000_000})),
    ];
    let http1 = |name: &str| {
        let flip = route(PATH, json!({"fault": name}));
        let about = Fault::named(name).unwrap().about();
        Row::new(Handler::Https(Some("http/1.1")), &format!("HTTP/1.1, `{name}`"), about, vec![flip])
    };
    rows.extend([http1("hang").race(LATE_HEAD), http1("stall-body").race(LATE_BODY)]);
    rows.extend(["close", "reset", "reset-body", "short-body", "malformed"].map(http1));
    rows.extend(states(&HTTPS, RESET_EARLY).into_iter().map(|row| match row.fault.as_str() {
        "port `blackhole`" | "port `stop-accepting`" => row.race(LATE_HANDSHAKE),
        _ => row,
    }));
    rows.push(spoken(&HTTPS, "tcp").race(LATE_HANDSHAKE));
    rows.push(spoken(&HTTPS, "http"));
    rows
}

/// All possible outcomes of a row whose outcome depends on timing.
type Race = &'static [(Verdict, &'static str)];

// Over TLS the kubelet's client has two timers for one timeout, and a third message depends on how
// far it has got.
#[rustfmt::skip] // A text is a line.
const LATE_HANDSHAKE: Race = &[
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": context deadline exceeded"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"#,
    ),
];
#[rustfmt::skip] // A text is a line.
const LATE_HEAD: Race = &[
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": context deadline exceeded"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": net/http: request canceled (Client.Timeout exceeded while awaiting headers)"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"#,
    ),
];
#[rustfmt::skip] // A text is a line.
const LATE_BODY: Race = &[
    (
        Verdict::Error,
        "Unhealthy: probe errored and resulted in failure state: context deadline exceeded",
    ),
    (
        Verdict::Error,
        "Unhealthy: probe errored and resulted in failure state: net/http: request canceled (Client.Timeout or context cancellation while reading body)",
    ),
    (
        Verdict::Error,
        "Unhealthy: probe errored and resulted in failure state: context deadline exceeded (Client.Timeout or context cancellation while reading body)",
    ),
];
#[rustfmt::skip] // A text is a line.
const CUT_OFF: Race = &[
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": unexpected EOF"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": read tcp NODE:PORT->IP:PORT: read: connection reset by peer"#,
    ),
];
#[rustfmt::skip] // A text is a line.
const RESET_EARLY: Race = &[
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": read tcp NODE:PORT->IP:PORT: read: connection reset by peer"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": write tcp NODE:PORT->IP:PORT: write: connection reset by peer"#,
    ),
    (
        Verdict::Failure,
        r#"Unhealthy: probe failed: Get "https://IP:PORT/probe": dial tcp IP:PORT: connect: connection reset by peer"#,
    ),
];

#[rustfmt::skip] // A row is a line.
fn tcp() -> Vec<Row> {
    let mut rows = vec![spoken(&Handler::Tcp, "tcp")];
    rows.extend(states(&Handler::Tcp, &[
        (Verdict::Success, ""),
        (Verdict::Failure, "Unhealthy: probe failed: dial tcp IP:PORT: connect: connection reset by peer"),
    ]));
    rows.push(spoken(&Handler::Tcp, "http"));
    rows
}

#[rustfmt::skip] // A row is a line.
fn grpc() -> Vec<Row> {
    let mut rows = vec![
        health("SERVING", "status 200", json!({"status": 200})),
        health("NOT_SERVING", "status 503", json!({"status": 503})),
        health("NOT_FOUND", "status 404, the service is unknown", json!({"status": 404})),
        health("UNIMPLEMENTED", "status 501", json!({"status": 501})),
        health("500", "that HTTP status, and no gRPC", json!({"status": 500})),
        health("SERVING after 500 ms", "status 200", json!({"status": 200, "delay": "500ms"})),
        health("SERVING after 1.5 s", "status 200", json!({"status": 200, "delay": "1500ms"})),
    ];
    rows.extend(["hang", "close", "reset", "stall-body", "malformed"].map(|name| {
        health(&format!("`{name}`"), in_http2(name), json!({"fault": name}))
    }));
    rows.extend(states(&Handler::Grpc, &[
        (Verdict::Failure, r#"Unhealthy: probe failed: timeout: failed to connect service "IP:PORT" within TIMEOUT: context deadline exceeded"#),
        // From an attempt that was in progress.
        (Verdict::Failure, "Unhealthy: probe failed: error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: read tcp NODE:PORT->IP:PORT: read: connection reset by peer"),
    ]));
    rows.push(spoken(&Handler::Grpc, "http"));
    rows.push(spoken(&Handler::Grpc, "tcp"));
    rows.push(spoken(&Handler::Grpc, "grpcs"));
    rows
}

#[rustfmt::skip] // A row is a line.
fn exec() -> Vec<Row> {
    const HTTP: &str = "/probe-target check http 127.0.0.1:PORT /probe";
    const PATIENT: &str = "/probe-target check http 127.0.0.1:PORT /probe --timeout 10s";
    const TCP: &str = "/probe-target check tcp 127.0.0.1:PORT";
    const GRPC: &str = "/probe-target check grpc 127.0.0.1:PORT";
    const HTTPS: &str = "/probe-target check https 127.0.0.1:PORT /probe";
    const GRPCS: &str = "/probe-target check grpcs 127.0.0.1:PORT";
    vec![
        check(HTTP, "200", route(PATH, json!({"status": 200}))),
        check(HTTP, "302", route(PATH, json!({"status": 302}))),
        check(HTTP, "503", route(PATH, json!({"status": 503}))),
        check(HTTP, "`hang`", route(PATH, json!({"fault": "hang"}))),
        check(HTTP, "`close`", route(PATH, json!({"fault": "close"}))),
        check(HTTP, "`reset`", route(PATH, json!({"fault": "reset"}))),
        check(HTTP, "`stall-body`", route(PATH, json!({"fault": "stall-body"}))),
        check(HTTP, "port `closed`", port(json!({"state": "closed"}))),
        check(PATIENT, "`hang`", route(PATH, json!({"fault": "hang"}))),
        check(TCP, "port `open`", port(json!({"state": "open"}))),
        check(TCP, "port `closed`", port(json!({"state": "closed"}))),
        check(GRPC, "SERVING", route("/", json!({"status": 200}))),
        check(GRPC, "NOT_SERVING", route("/", json!({"status": 503}))),
        check(GRPC, "NOT_FOUND", route("/", json!({"status": 404}))),
        check(GRPC, "`hang`", route("/", json!({"fault": "hang"}))),
        check(HTTPS, "200", route(PATH, json!({"status": 200}))),
        check(HTTPS, "503", route(PATH, json!({"status": 503}))),
        check(HTTPS, "port `tcp`", port(json!({"protocol": "tcp"}))),
        check(GRPCS, "SERVING", route("/", json!({"status": 200}))),
        check(GRPCS, "NOT_SERVING", route("/", json!({"status": 503}))),
        wrong("/probe-target check http", "a usage error, exit 2"),
        wrong("/bin/sh -c true", "no such program in the image"),
    ]
}

impl Row {
    /// Sets the possible outcomes of a row that depends on timing.
    fn race(mut self, race: Race) -> Self {
        self.race = race;
        self
    }

    /// Adds a flip.
    fn and(mut self, flip: Flip) -> Self {
        if let Onset::Flipped(flips) = &mut self.onset {
            flips.push(flip);
        }
        self
    }
}

fn reply(said: &str, behaviour: Value) -> Row {
    Row::new(Handler::Http, said, "", vec![route(PATH, behaviour)])
}

/// A row with a fault of the process.
fn done(name: &str, about: &str, fault: Value) -> Row {
    let said = format!("process {name}");
    Row::new(Handler::Http, &said, about, vec![process(fault)])
}

fn secured(said: &str, about: &str, behaviour: Value) -> Row {
    Row::new(HTTPS, said, about, vec![route(PATH, behaviour)])
}

fn fault(fault: Fault) -> Row {
    let flip = route(PATH, json!({"fault": fault.name()}));
    let name = format!("`{}`", fault.name());
    Row::new(Handler::Http, &name, fault.about(), vec![flip])
}

fn health(said: &str, about: &str, behaviour: Value) -> Row {
    Row::new(Handler::Grpc, said, about, vec![route("/", behaviour)])
}

fn in_http2(fault: &str) -> &'static str {
    match fault {
        "malformed" => "what only HTTP/1.1 can have resets the stream",
        "stall-body" => "200, a byte, silence",
        name => Fault::named(name).unwrap().about(),
    }
}

/// Rows for each state of a port. The outcome of an immediate reset depends on how far the prober
/// has got by then.
fn states(handler: &Handler, race: Race) -> Vec<Row> {
    let states = [
        ("closed", "nobody listens"),
        ("reset", "accepted and reset (RST)"),
        ("blackhole", "accepted and never read"),
        (
            "stop-accepting",
            "completed by the system and never accepted",
        ),
    ];
    let row = |(state, about)| {
        let said = format!("port `{state}`");
        let flip = port(json!({"state": state}));
        let row = Row::new(handler.clone(), &said, about, vec![flip]);
        if state == "reset" {
            row.race(race)
        } else {
            row
        }
    };
    states.map(row).into()
}

/// A row with a port that speaks another protocol.
fn spoken(handler: &Handler, protocol: &str) -> Row {
    let flip = port(json!({"protocol": protocol}));
    let said = format!("port `{protocol}`");
    let mut row = Row::new(handler.clone(), &said, about_protocol(protocol), vec![flip]);
    row.tls |= protocol.ends_with('s');
    row
}

fn about_protocol(protocol: &str) -> &'static str {
    match protocol {
        "tcp" => "accepts, reads and says nothing",
        "grpc" => "speaks HTTP/2 only",
        "grpcs" => "speaks HTTP/2 over TLS only",
        "https" => "speaks TLS only",
        _ => "speaks HTTP/1.1 and HTTP/2, 200 on every path",
    }
}

fn check(command: &str, said: &str, flip: Flip) -> Row {
    let (_, command_said) = command.split_once(' ').unwrap();
    let said = format!("`{}`: {said}", command_said.replace("127.0.0.1:PORT", "…"));
    Row::new(Handler::Exec(command.to_owned()), &said, "", vec![flip])
}

/// A row with a command that fails whatever the target does.
fn wrong(command: &str, about: &str) -> Row {
    let said = format!("`{command}`");
    Row {
        onset: Onset::Probe,
        ..Row::new(Handler::Exec(command.to_owned()), &said, about, Vec::new())
    }
}
