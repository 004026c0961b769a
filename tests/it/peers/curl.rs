//! Helper: runs curl, and parses exit code, status, size and connections of its requests.

use std::{
    ffi::OsStr,
    fmt,
    process::{Child, Command, Stdio},
};

/// A running curl.
pub(super) struct Asking(Child);

/// The result of a curl run.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its exit code.
    pub(super) exit: i32,
    /// Its output: the body, preceded by the head with `-i`.
    pub(super) printed: Vec<u8>,
    /// The result of each request.
    told: Vec<Told>,
}

/// The result of one request, including followed redirects.
#[derive(Debug)]
struct Told {
    /// The status; `000` without a response.
    status: String,
    /// Number of bytes of the body.
    bytes: String,
    /// Connections opened for it.
    connections: u32,
    /// The last URL requested.
    url: String,
}

/// Starts curl. Requests time out after a minute by default.
pub(super) fn start<S: AsRef<OsStr>>(arguments: &[S]) -> Asking {
    const TELL: &str = "%{stderr}%{http_code} %{size_download} %{num_connects} %{url_effective}\n";
    let mut command = Command::new("curl");
    command.args(["-q", "-s", "--noproxy", "*", "--max-time", "60", "-w", TELL]);
    let command = command.args(arguments).stdin(Stdio::null());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let curl = command.spawn();
    Asking(curl.expect("curl must be installed"))
}

/// Runs curl to its end.
pub(super) fn ask<S: AsRef<OsStr>>(arguments: &[S]) -> Answer {
    start(arguments).answer()
}

impl Asking {
    /// Waits for curl to end.
    pub(super) fn answer(self) -> Answer {
        let output = self.0.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        Answer {
            exit: output.status.code().unwrap_or(-1),
            printed: output.stdout,
            told: told.lines().map(Told::read).collect(),
        }
    }
}

impl Told {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let [status, bytes, connections, url] = words[..] else {
            panic!("curl says {line}")
        };
        Self {
            status: status.to_owned(),
            bytes: bytes.to_owned(),
            connections: connections.parse().unwrap(),
            url: url.to_owned(),
        }
    }
}

impl Answer {
    /// The statuses of all requests, in order.
    pub(super) fn statuses(&self) -> String {
        let statuses = self.told.iter().map(|told| told.status.as_str());
        statuses.collect::<Vec<_>>().join(" ")
    }

    /// Number of connections opened by all requests.
    pub(super) fn connections(&self) -> u32 {
        self.told.iter().map(|told| told.connections).sum()
    }

    /// The URL of the last request after redirects.
    pub(super) fn url(&self) -> &str {
        &self.last().url
    }

    /// Its output as text.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.printed).unwrap()
    }

    fn last(&self) -> &Told {
        self.told.last().unwrap()
    }
}

impl fmt::Display for Answer {
    /// Formats the last request: `56 reset, 200, 7 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exit = match self.exit {
            0 => "whole",
            1 => "1 not HTTP",
            3 => "3 no URL",
            7 => "7 refused",
            18 => "18 cut short",
            28 => "28 timeout",
            47 => "47 too many redirects",
            52 => "52 empty",
            56 => "56 reset",
            92 => "92 stream reset",
            _ => return write!(f, "{self:?}"),
        };
        let Told { status, bytes, .. } = self.last();
        write!(f, "{exit}, {status}, {bytes} bytes")
    }
}
