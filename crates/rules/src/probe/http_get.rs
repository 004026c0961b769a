//! Builds the URL of an `httpGet` probe as the kubelet does.

use crate::url::{ParseError, Url};

/// The target of an `httpGet` probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpGet<'a> {
    /// HTTP or HTTPS.
    pub scheme: Scheme,
    /// The IP address or name in `host`; by default the Pod's IP.
    pub host: &'a str,
    /// The port number.
    pub port: u16,
    /// `path`, by default `/`. It is a URL reference, so it may have a query.
    pub path: &'a str,
}

/// The probe's `scheme`; HTTP by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
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
        // A path that does not parse is used literally: the API server has accepted it.
        let reference = Url::parse(self.path).unwrap_or_else(|_| Url::of_path(self.path));
        let url = reference.at(scheme, self.host, self.port);
        // The kubelet prints the URL and parses it again, and only then an opaque one loses its
        // host.
        Url::parse(&url.to_string())
    }
}

#[cfg(test)]
mod tests;
