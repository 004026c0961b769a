//! Helper: a `probe-target` process on unused ports, killed when it is dropped.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, ChildStderr, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use super::curl;
use crate::program::probe_target;

/// A running `probe-target`.
pub(super) struct Target {
    process: Child,
    /// Its stderr, kept open so that it can continue to write.
    _said: BufReader<ChildStderr>,
    first: u16,
    control: u16,
}

impl Target {
    /// Starts a target with consecutive ports, one for each protocol, and the control port after
    /// them.
    pub(super) fn start(protocols: &[&str]) -> Self {
        for _ in 0..100 {
            let first = free(protocols.len() + 1);
            if let Some(target) = Self::start_at(first, protocols) {
                return target;
            }
        }
        panic!("probe-target must find free ports")
    }

    /// `None` if another process took one of the ports.
    fn start_at(first: u16, protocols: &[&str]) -> Option<Self> {
        let mut command = probe_target();
        for (port, protocol) in (first..).zip(protocols) {
            command.args(["--port", &format!("{port}={protocol}")]);
        }
        let control = first + u16::try_from(protocols.len()).unwrap();
        command.args(["--control", &format!("127.0.0.1:{control}")]);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if !line.ends_with(&format!("control on 127.0.0.1:{control}\n")) {
            process.wait().unwrap();
            return None;
        }
        Some(Self {
            process,
            _said: said,
            first,
            control,
        })
    }

    /// The number of the port with this index.
    pub(super) fn port(&self, index: u16) -> u16 {
        self.first + index
    }

    /// The URL of a path on the first port.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.first)
    }

    /// The address of its control API.
    pub(super) fn control_address(&self) -> String {
        format!("127.0.0.1:{}", self.control)
    }

    /// The URL of a call of its control API.
    pub(super) fn control_url(&self, call: &str) -> String {
        format!("http://127.0.0.1:{}{call}", self.control)
    }

    /// Flips a path of the first port to a behaviour.
    pub(super) fn lay(&self, path: &str, behaviour: &str) {
        self.put(0, &format!("/routes{path}"), behaviour);
    }

    /// Sends a PUT for the port with this index, or for `place` below it.
    pub(super) fn put(&self, index: u16, place: &str, body: &str) {
        let port = self.port(index);
        let url = self.control_url(&format!("/v1/ports/{port}{place}"));
        let answer = curl::ask(&["-X", "PUT", "-d", body, &url]);
        assert_eq!(answer.statuses(), "200", "{place} {body}: {answer:?}");
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The first of `many` consecutive ports that were just free, outside the range of ephemeral ports.
fn free(many: usize) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const LOWEST: u16 = 12_000;
    const HIGHEST: u16 = 29_000;
    let many = u16::try_from(many).unwrap();
    let process = u16::try_from(std::process::id() % u32::from(HIGHEST - LOWEST)).unwrap();
    loop {
        let next = NEXT
            .fetch_add(many, Ordering::Relaxed)
            .wrapping_add(process);
        let first = LOWEST + next % (HIGHEST - LOWEST);
        let free = (first..first + many).all(|port| TcpListener::bind(("::", port)).is_ok());
        if free {
            return first;
        }
    }
}
