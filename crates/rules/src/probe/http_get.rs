//! `httpGet`: the URL that a probe asks for. It opens no connection.

use crate::url::{ParseError, Url};

/// Where an `httpGet` probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpGet<'a> {
    /// Whether it asks over TLS.
    pub scheme: Scheme,
    /// An address or a name: `host`, by default the Pod's IP.
    pub host: &'a str,
    /// The port's number.
    pub port: u16,
    /// `path`, by default `/`. It is a URL reference, so it may have a query.
    pub path: &'a str,
}

/// `scheme`, by default HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl HttpGet<'_> {
    /// The URL that the kubelet requests. It fails only if the host is not valid in a URL.
    ///
    /// A path such as `mailto:x` gives a URL without a host; the kubelet sends no request for it.
    ///
    /// Rule: `pkg/probe/http/request.go`, `formatURL` and `newProbeRequest`.
    pub fn url(&self) -> Result<Url, ParseError> {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        // A text that does not parse becomes the path as it stands: the API server has accepted it.
        let reference = Url::parse(self.path).unwrap_or_else(|_| Url::of_path(self.path));
        let url = reference.at(scheme, self.host, self.port);
        // The kubelet prints the URL and parses it again, and only then an opaque one loses its
        // host.
        Url::parse(&url.to_string())
    }
}

#[cfg(test)]
mod tests;
