//! What lies below the HTTP of a connection: TLS where the protocol of its port says so, and otherwise nothing.
//! A program built without the feature `tls` has the same words here and refuses them.

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

/// What the command line says about TLS: the texts of its files, and what to offer.
#[derive(Debug, Default)]
pub(crate) struct TlsOptions {
    /// The chain of certificates and the key, in PEM; without them they are made.
    pub(crate) pair: Option<(Vec<u8>, Vec<u8>)>,
    /// What `https` offers in ALPN, best first; empty for both versions of HTTP.
    pub(crate) alpn: Vec<String>,
}
