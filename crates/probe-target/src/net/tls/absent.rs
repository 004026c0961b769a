//! TLS in a program that was built without it: nothing lies below HTTP, and whoever asks for more is refused.

#![expect(
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    reason = "it stands where TLS would"
)]

use std::io::{self, ErrorKind};

use super::TlsOptions;
use crate::model::parse_error::ParseError;
use crate::model::port_spec::Protocol;
use crate::model::port_spec::TLS_ABSENT;
use crate::net::Connection;

/// A connection as HTTP is spoken on it.
pub(crate) type Layer<C> = C;

/// `connection` itself.
pub(crate) fn bare<C>(connection: C) -> Layer<C> {
    connection
}

/// Refuses.
pub(crate) async fn connect<C: Connection>(_: C, _: &str) -> io::Result<Layer<C>> {
    Err(io::Error::new(ErrorKind::Unsupported, TLS_ABSENT))
}

/// What proves who a target is: nothing.
#[derive(Debug)]
pub(crate) struct Tls;

impl Tls {
    /// Refuses what only TLS could use.
    pub(crate) fn new(given: &TlsOptions) -> Result<Self, ParseError> {
        match (&given.pair, given.alpn.is_empty()) {
            (None, true) => Ok(Self),
            (Some(_), _) => Err(ParseError::new("--tls-cert", TLS_ABSENT)),
            (None, false) => Err(ParseError::new("--tls-alpn", TLS_ABSENT)),
        }
    }

    /// Nothing has to be ready.
    pub(crate) fn ready(&self, _: Protocol) -> Result<(), String> {
        Ok(())
    }

    /// `connection` itself.
    pub(crate) async fn accept<C: Connection>(
        &self,
        _: Protocol,
        connection: C,
    ) -> io::Result<Layer<C>> {
        Ok(connection)
    }
}
