//! The TLS settings of the command line.

/// The TLS settings of the command line, with the contents of its files.
#[derive(Debug, Default)]
pub(crate) struct TlsOptions {
    /// The certificate chain and the key in PEM; a self-signed pair is generated if absent.
    pub(crate) pair: Option<(Vec<u8>, Vec<u8>)>,
    /// The protocols that `https` offers by ALPN, best first; empty for both versions of HTTP.
    pub(crate) alpn: Vec<String>,
}
