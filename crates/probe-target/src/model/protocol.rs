//! The protocol of a port, and whether this binary has TLS.

use serde::{Deserialize, Serialize};

/// Whether this binary is built with TLS.
pub(crate) const TLS_PRESENT: bool = cfg!(feature = "tls");

/// The error message about a TLS protocol in a binary without TLS.
pub(crate) const TLS_ABSENT: &str = concat!(
    "needs TLS, which is in the image probe-target:",
    env!("CARGO_PKG_VERSION"),
    "-tls"
);

/// The protocol of a port. A binary without TLS rejects `https` and `grpcs`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 without TLS for clients with prior knowledge.
    #[default]
    Http,
    /// HTTP over TLS, with HTTP/2 if the client selects it by ALPN.
    Https,
    /// The gRPC health service over HTTP/2 without TLS; its routes are services.
    Grpc,
    /// The gRPC health service over TLS.
    Grpcs,
    /// Connections are accepted and held; there are no routes.
    Tcp,
}

impl Protocol {
    /// All names, in JSON and on the command line.
    pub const NAMES: [&str; 5] = ["http", "https", "grpc", "grpcs", "tcp"];

    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Grpc, Self::Grpcs, Self::Tcp];

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The protocol of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().position(|known| *known == name);
        found.map(|number| Self::ALL[number])
    }

    /// Whether it uses TLS.
    pub const fn is_secured(self) -> bool {
        matches!(self, Self::Https | Self::Grpcs)
    }

    /// Its URL scheme.
    pub(crate) const fn scheme(self) -> &'static str {
        if self.is_secured() { "https" } else { "http" }
    }

    /// Whether it has routes.
    pub const fn has_routes(self) -> bool {
        !matches!(self, Self::Tcp)
    }

    /// Whether it is HTTP, with or without TLS.
    pub(crate) const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether its routes are gRPC services.
    pub const fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::Grpcs)
    }
}
