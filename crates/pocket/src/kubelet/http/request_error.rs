//! Why a request has no response, in Go's words.

/// Why a request has no response.
#[derive(Clone, Debug)]
pub(super) struct RequestError {
    /// Go's text.
    pub(super) text: String,
    /// The server answered a TLS handshake in plain HTTP.
    pub(super) is_plain_http: bool,
}

impl RequestError {
    /// The same error with another text.
    pub(super) fn map(self, text: impl FnOnce(String) -> String) -> Self {
        Self {
            text: text(self.text),
            ..self
        }
    }
}

impl From<String> for RequestError {
    fn from(text: String) -> Self {
        Self {
            text,
            is_plain_http: false,
        }
    }
}
