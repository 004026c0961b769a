//! The load client: blocking sockets used in turn, so that no time goes into waiting for events.
//! While the client uses one connection, the server works on the others.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::table::{Table, quantile};

/// The number of concurrent connections.
const RING: usize = 32;

/// The length of one run.
const RUN: Duration = Duration::from_secs(1);

/// The number of pairs of runs.
const PAIRS: usize = 10;

const KEPT: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n\r\n";
const FRESH: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\n\r\n";

/// How connections are used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Kept alive for one request after another.
    Kept,
    /// Used for one request each, as by a kubelet.
    Fresh,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    requests: u32,
    took: f64,
    cpu: f64,
}

impl Run {
    /// Requests per second.
    pub(crate) fn speed(&self) -> f64 {
        f64::from(self.requests) / self.took
    }

    /// Microseconds of the server's processor time per request.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu / f64::from(self.requests) * 1e6
    }
}

/// A connection with at most one request in progress.
#[derive(Debug)]
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Opens a connection and makes one request on it.
    pub(crate) fn asked(address: SocketAddr) -> Self {
        let mut connection = Self::new(address);
        connection.ask(KEPT);
        connection.answer();
        connection
    }

    pub(crate) fn ask(&mut self, request: &[u8]) {
        self.0.write_all(request).unwrap();
    }

    /// The status of the next response, which is small enough to arrive in one read.
    pub(crate) fn answer(&mut self) -> u16 {
        let mut bytes = [0; 2048];
        let read = self.0.read(&mut bytes).unwrap();
        let status = bytes[..read]
            .strip_prefix(b"HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status = std::str::from_utf8(status.expect("an answer must come")).unwrap();
        status.parse().unwrap()
    }

    /// Reads until the server closes the connection.
    fn end(&mut self) {
        let mut bytes = [0; 2048];
        while self.0.read(&mut bytes).unwrap() > 0 {}
    }
}

/// One request on a connection of its own.
pub(crate) fn once(address: SocketAddr) {
    assert_eq!(asked_once(address), 200);
}

fn asked_once(address: SocketAddr) -> u16 {
    let mut connection = Connection::new(address);
    connection.ask(FRESH);
    connection.answer()
}

/// Alternates runs against two servers.
pub(crate) fn pairs(ours: &Server, other: &Server, manner: Manner) -> Vec<(Run, Run)> {
    // A warm-up, for whatever is done only once.
    run(ours, manner);
    run(other, manner);
    let pair = |_| (run(ours, manner), run(other, manner));
    (0..PAIRS).map(pair).collect()
}

fn run(server: &Server, manner: Manner) -> Run {
    let (start, before) = (Instant::now(), server.cpu());
    let requests = match manner {
        Manner::Kept => kept(server.address),
        Manner::Fresh => fresh(server.address),
    };
    Run {
        requests,
        took: start.elapsed().as_secs_f64(),
        cpu: server.cpu() - before,
    }
}

fn kept(address: SocketAddr) -> u32 {
    let mut ring: Vec<_> = (0..RING).map(|_| Connection::new(address)).collect();
    for connection in &mut ring {
        connection.ask(KEPT);
    }
    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed() < RUN {
        for connection in &mut ring {
            assert_eq!(connection.answer(), 200);
            requests += 1;
            connection.ask(KEPT);
        }
    }
    requests
}

fn fresh(address: SocketAddr) -> u32 {
    let ask = || {
        let mut connection = Connection::new(address);
        connection.ask(FRESH);
        connection
    };
    let mut ring: VecDeque<_> = (0..RING).map(|_| ask()).collect();
    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed() < RUN {
        let mut oldest = ring.pop_front().unwrap();
        assert_eq!(oldest.answer(), 200);
        oldest.end();
        requests += 1;
        ring.push_back(ask());
    }
    requests
}

/// How long a change takes while 10,000 connections are open.
pub(crate) fn control(binary: &Path, table: &mut Table) {
    const OPEN: usize = 10_000;
    const PUTS: u32 = 5_000;
    let name = "control PUT with 10,000 idle connections open";
    // Both ends count against limits, and one of them is in this process.
    if descriptors() < OPEN + 100 {
        table.row(
            name,
            format!("needs `ulimit -n {}`", OPEN + 100),
            "p99 ≤ 1 ms",
        );
        return;
    }
    let server = Server::start(binary, &[]);
    let idle = server.pss();
    let connections: Vec<_> = (0..OPEN)
        .map(|_| Connection::asked(server.address))
        .collect();
    let more = server.pss() - idle;
    let mut control = Connection::new(server.control);
    let puts = (0..PUTS).map(|n| {
        let start = Instant::now();
        control.ask(&put(
            server.address.port(),
            503 + u16::try_from(n % 2).unwrap(),
        ));
        assert_eq!(control.answer(), 200);
        start.elapsed().as_secs_f64() * 1e6
    });
    let puts: Vec<_> = puts.collect();
    let [middle, most] = [0.5, 0.99].map(|share| quantile(puts.iter().copied(), share));
    drop(connections);
    table.row(
        name,
        format!("{middle:.0} µs, p99 {most:.0} µs"),
        "p99 ≤ 1 ms",
    );
    let more = crate::memory::megabytes(more);
    table.row(
        "memory for 10,000 idle connections",
        format!("{more:.1} MB"),
        "",
    );
}

/// Changes the status of `/`.
pub(crate) fn put(port: u16, status: u16) -> Vec<u8> {
    let body = format!("{{\"status\":{status}}}");
    let length = body.len();
    let head = "HTTP/1.1\r\nhost: localhost\r\ncontent-length:";
    format!("PUT /v1/ports/{port}/routes/ {head} {length}\r\n\r\n{body}").into_bytes()
}

/// The limit of open files of this process.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    line.unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap()
}
