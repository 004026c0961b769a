//! `probe-target check`: parses one probe, for an exec probe or an image's HEALTHCHECK.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::address;
use super::options::{self, Grammar, Options, Spec};
use crate::model::parse_error::ParseError;
use crate::model::port_spec::Protocol;

/// The grammar of `check`.
pub(crate) const GRAMMAR: Grammar = Grammar {
    usage: "check PROTOCOL ADDRESS [PATH|SERVICE] [--timeout 1s]",
    about: "Probe an address once: exit 0 if it is healthy, 1 if not",
    operands: 3,
    fields: false,
    options: &[TIMEOUT],
    notes: "PROTOCOL is http, https, tcp, grpc or grpcs. Healthy is a status 200–399, a\n\
            connection, or SERVING. PATH may have a query and is sent as it is.\n\
            https and grpcs accept any certificate; only the image with TLS has them.",
};

pub(super) const TIMEOUT: Spec = Spec::new(
    "timeout",
    "DURATION",
    "Give up after this time [default: 1s]",
);

/// A probe.
#[derive(Debug)]
pub struct Check {
    /// The kind of the probe.
    pub kind: CheckKind,
    /// Whether the probe uses TLS.
    pub secured: bool,
    /// The address to probe.
    pub address: SocketAddr,
    /// The timeout.
    pub timeout: Duration,
}

/// The kind of a probe.
#[derive(Debug, Eq, PartialEq)]
pub enum CheckKind {
    /// A GET request for this path; [`request_target::of_path`](crate::request_target::of_path)
    /// gives its target.
    Http(String),
    /// A TCP connection.
    Tcp,
    /// The gRPC health of this service.
    Grpc(String),
}

/// The probe for these arguments, without the program's name; `None` if they are no valid `check`.
pub fn asked(arguments: &[String]) -> Option<Check> {
    match super::parse(arguments, &BTreeMap::new()) {
        Ok(super::Command::Check(check)) => Some(check),
        _ => None,
    }
}

impl Check {
    pub(crate) fn new(mut options: Options) -> Result<Self, ParseError> {
        let protocol = options.operand("http, https, tcp, grpc or grpcs")?;
        let protocol = Protocol::read(&protocol).map_err(|reason| ParseError::of("", reason))?;
        let place = address(&options.operand("ADDRESS")?);
        let kind = match (protocol, options.operands.pop()) {
            (Protocol::Http | Protocol::Https, path) => {
                CheckKind::Http(path.unwrap_or_else(|| "/".to_owned()))
            }
            (Protocol::Tcp, None) => CheckKind::Tcp,
            (Protocol::Tcp, Some(_)) => return Err(ParseError::new("", "tcp takes no path")),
            (Protocol::Grpc | Protocol::Grpcs, service) => {
                CheckKind::Grpc(named(service.unwrap_or_default())?)
            }
        };
        if let CheckKind::Http(path) = &kind
            && !path.starts_with('/')
        {
            return Err(ParseError::new("PATH", "a path begins with a slash"));
        }
        Ok(Self {
            kind,
            secured: protocol.is_secured(),
            address: place.map_err(|message| ParseError::new("ADDRESS", message))?,
            timeout: timeout(&mut options)?,
        })
    }
}

/// Limits the name of a gRPC service, so that it fits into one frame and one byte of length.
fn named(service: String) -> Result<String, ParseError> {
    if service.len() > 100 {
        return Err(ParseError::new("SERVICE", "has at most 100 bytes"));
    }
    Ok(service)
}

/// The option `--timeout`, 1 s by default.
pub(super) fn timeout(options: &mut Options) -> Result<Duration, ParseError> {
    let timeout = options.read_as("timeout", options::duration)?;
    Ok(timeout.unwrap_or(Duration::from_secs(1)))
}
