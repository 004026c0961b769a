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
mod options;
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
pub(crate) use options::TlsOptions;
#[cfg(feature = "tls")]
pub(crate) use server::Tls;
