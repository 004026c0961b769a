//! TLS functions for builds without TLS: plain connections pass, everything else is an error.

#![expect(
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    reason = "it stands where TLS would"
)]

use std::io::{self, ErrorKind};

use super::options::TlsOptions;
use crate::model::parse_error::ParseError;
use crate::model::port_spec::{Protocol, TLS_ABSENT};
use crate::net::Connection;

/// A connection that carries HTTP.
pub(crate) type Layer<C> = C;

/// Returns `connection` itself.
pub(crate) fn bare<C>(connection: C) -> Layer<C> {
    connection
}

/// Fails, as there is no TLS.
pub(crate) async fn connect<C: Connection>(_: C, _: &str) -> io::Result<Layer<C>> {
    Err(io::Error::new(ErrorKind::Unsupported, TLS_ABSENT))
}

/// The TLS settings of a target: none.
#[derive(Debug)]
pub(crate) struct Tls;

impl Tls {
    /// Rejects settings that require TLS.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, ParseError> {
        match (&options.pair, options.alpn.is_empty()) {
            (None, true) => Ok(Self),
            (Some(_), _) => Err(ParseError::new("--tls-cert", TLS_ABSENT)),
            (None, false) => Err(ParseError::new("--tls-alpn", TLS_ABSENT)),
        }
    }

    /// Succeeds, as there is nothing to prepare.
    pub(crate) fn prepare(&self, _: Protocol) -> Result<(), String> {
        Ok(())
    }

    /// Returns `connection` itself.
    pub(crate) async fn accept<C: Connection>(
        &self,
        _: Protocol,
        connection: C,
    ) -> io::Result<Layer<C>> {
        Ok(connection)
    }
}
