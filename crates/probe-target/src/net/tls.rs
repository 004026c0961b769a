//! The transport below HTTP: TLS if the port's protocol requires it, else the plain connection.
//! Without the feature `tls`, the same functions reject TLS.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod client;
#[cfg(feature = "tls")]
mod layer;
#[cfg(feature = "tls")]
mod provider;
#[cfg(feature = "tls")]
mod server;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Layer, Tls, bare, connect};
#[cfg(feature = "tls")]
pub(crate) use client::connect;
#[cfg(feature = "tls")]
pub(crate) use layer::{Layer, bare};
#[cfg(feature = "tls")]
pub(crate) use server::Tls;

/// The TLS settings of the command line, with the contents of its files.
#[derive(Debug, Default)]
pub(crate) struct TlsOptions {
    /// The certificate chain and the key in PEM; a self-signed pair is generated if absent.
    pub(crate) pair: Option<(Vec<u8>, Vec<u8>)>,
    /// The protocols that `https` offers by ALPN, best first; empty for both versions of HTTP.
    pub(crate) alpn: Vec<String>,
}
