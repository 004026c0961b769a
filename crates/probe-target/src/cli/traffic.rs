//! `probe-target traffic`: parses the settings of the open-loop traffic client.

use std::net::SocketAddr;
use std::time::Duration;

use super::address;
use super::check::{self, TIMEOUT};
use super::options::{Grammar, Options, Spec};
use super::serve::{self, Access, CONTROL, JOURNAL, TOKEN_FILE};
use crate::model::parse_error::ParseError;
use crate::model::port_spec::Protocol;

/// The grammar of `traffic`.
pub(crate) const GRAMMAR: Grammar = Grammar {
    usage: "traffic IP:PORT --control ADDRESS --rate 10/s [OPTIONS]",
    about: "Send requests at a fixed rate and keep a journal",
    operands: 1,
    fields: false,
    options: &[
        CONTROL,
        Spec::new(
            "rate",
            "N/s",
            "Requests a second, or a minute (N/m); 1000/s at most",
        ),
        Spec::new(
            "protocol",
            "PROTOCOL",
            "http, https, grpc, grpcs or tcp [default: http]",
        ),
        Spec::new("host", "HOST", "The Host header [default: the address]"),
        Spec::new("path", "PATH", "The path [default: /]"),
        Spec::new("fresh", "", "Open a connection for each request"),
        TIMEOUT,
        TOKEN_FILE,
        JOURNAL,
    ],
    notes: "Send times are fixed in advance, and durations count from them. GET /v1/journal\n\
            has the outcomes: ok (200–399), status, refused, reset, timeout, error. Their\n\
            numbers are in GET /v1/state, and printed at the end. A request of tcp, grpc and\n\
            grpcs is a connection, opened and closed; https takes any certificate.",
};

/// The settings of a traffic client.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) address: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) access: Access,
    pub(crate) protocol: Protocol,
    pub(crate) host: String,
    pub(crate) path: String,
    /// The time between two requests.
    pub(crate) interval: Duration,
    pub(crate) fresh: bool,
    pub(crate) timeout: Duration,
    pub(crate) journal: usize,
}

impl Traffic {
    pub(crate) fn new(mut options: Options) -> Result<Self, ParseError> {
        let text = options.operand("IP:PORT")?;
        let target = address(&text).map_err(|message| ParseError::new("IP:PORT", message))?;
        let missing = |name: &str| ParseError::new(name, "must be given");
        let control = options.read_as("control", address)?;
        let control = control.ok_or_else(|| missing("--control"))?;
        let interval = options.read_as("rate", interval)?;
        let protocol = options.one("protocol");
        let protocol = protocol.map_or(Ok(Protocol::Http), |name| Protocol::read(&name));
        let protocol = protocol.map_err(|reason| ParseError::of("--protocol", reason))?;
        if !protocol.is_http()
            && let Some(name) = ["host", "path", "fresh"]
                .into_iter()
                .find(|name| options.one(name).is_some())
        {
            let message = format!("means nothing to {}", protocol.name());
            return Err(ParseError::new(format!("--{name}"), message));
        }
        let host = options.one("host").unwrap_or(text);
        if ::http::header::HeaderValue::from_str(&host).is_err() {
            return Err(ParseError::new("--host", "cannot stand in a header"));
        }
        let path = options.one("path").unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || path.parse::<::http::Uri>().is_err() {
            return Err(ParseError::new(
                "--path",
                "a path begins with a slash and is percent-encoded",
            ));
        }
        let access = Access::new(&mut options);
        if !control.ip().is_loopback() && access.is_open() {
            let message = format!("{control} can be reached by others and needs a token");
            return Err(ParseError::new("--control", message));
        }
        Ok(Self {
            address: target,
            control,
            access,
            protocol,
            host,
            path,
            interval: interval.ok_or_else(|| missing("--rate"))?,
            fresh: options.flag("fresh"),
            timeout: check::timeout(&mut options)?,
            journal: serve::journal(&mut options)?,
        })
    }
}

/// Parses a rate such as `10/s` or `6/m` into the time between two requests.
fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a rate such as 10/s or 6/m, 1000/s at most, not `{text}`");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let count: u32 = count.parse().ok().ok_or_else(wrong)?;
    let (unit, most) = match unit {
        "s" => (Duration::from_secs(1), 1000),
        "m" => (Duration::from_mins(1), 60_000),
        _ => return Err(wrong()),
    };
    if !(1..=most).contains(&count) {
        return Err(wrong());
    }
    Ok(unit / count)
}
