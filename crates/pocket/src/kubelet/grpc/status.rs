//! The status of a failed gRPC call, printed as Go prints it.
//!
//! Rule: grpc-go's `codes`, and `internal/transport/http2_client.go`, `operateHeaders`, for
//! responses that are not gRPC.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode;

/// The status of a call without a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
}

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u32);

const NAMES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

impl Code {
    pub(super) const CANCELED: Self = Self(1);
    pub(super) const UNKNOWN: Self = Self(2);
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(super) const PERMISSION_DENIED: Self = Self(7);
    pub(super) const RESOURCE_EXHAUSTED: Self = Self(8);
    pub(super) const UNIMPLEMENTED: Self = Self(12);
    pub(super) const INTERNAL: Self = Self(13);
    pub(super) const UNAVAILABLE: Self = Self(14);
    pub(super) const UNAUTHENTICATED: Self = Self(16);
}

impl Status {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// Checks the head of a response. One without gRPC's media type is an error, even if its HTTP
    /// status is good.
    pub(super) fn of_head(status: StatusCode, headers: &HeaderMap) -> Result<(), Self> {
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str());
        let kind = match kind {
            Some(Ok(kind)) if is_grpc(kind) => return Ok(()),
            Some(kind) => {
                let kind = kind.unwrap_or_default();
                format!("transport: received unexpected content-type \"{kind}\"")
            }
            None => "malformed header: missing HTTP content-type".to_owned(),
        };
        let reason = status.canonical_reason().unwrap_or_default();
        let number = status.as_u16();
        let message = format!(
            "unexpected HTTP status code received from server: {number} ({reason}); {kind}"
        );
        Err(Self::new(of_http(status), message))
    }

    /// The call's status from headers or trailers: `Ok(())` if `grpc-status` is 0; `None` if they
    /// do not contain it.
    pub(super) fn of_end(headers: &HeaderMap) -> Option<Result<(), Self>> {
        let code = headers.get("grpc-status")?.to_str().unwrap_or_default();
        let message = headers.get("grpc-message").map(HeaderValue::as_bytes);
        let message = percent_decode(message.unwrap_or_default());
        let message = message.decode_utf8_lossy().into_owned();
        Some(match code.parse() {
            Ok(0) => Ok(()),
            Ok(code) => Err(Self::new(Code(code), message)),
            Err(_) => Err(Self::new(
                Code::INTERNAL,
                "transport: malformed grpc-status",
            )),
        })
    }

    /// The status of a stream that the server reset.
    pub(super) fn of_reset(reason: h2::Reason) -> Self {
        let (name, code) = match reason {
            h2::Reason::NO_ERROR => ("NO_ERROR", Code::INTERNAL),
            h2::Reason::PROTOCOL_ERROR => ("PROTOCOL_ERROR", Code::INTERNAL),
            h2::Reason::INTERNAL_ERROR => ("INTERNAL_ERROR", Code::INTERNAL),
            h2::Reason::FLOW_CONTROL_ERROR => ("FLOW_CONTROL_ERROR", Code::RESOURCE_EXHAUSTED),
            h2::Reason::SETTINGS_TIMEOUT => ("SETTINGS_TIMEOUT", Code::INTERNAL),
            h2::Reason::STREAM_CLOSED => ("STREAM_CLOSED", Code::UNKNOWN),
            h2::Reason::FRAME_SIZE_ERROR => ("FRAME_SIZE_ERROR", Code::UNKNOWN),
            h2::Reason::REFUSED_STREAM => ("REFUSED_STREAM", Code::UNAVAILABLE),
            h2::Reason::CANCEL => ("CANCEL", Code::CANCELED),
            h2::Reason::COMPRESSION_ERROR => ("COMPRESSION_ERROR", Code::INTERNAL),
            h2::Reason::CONNECT_ERROR => ("CONNECT_ERROR", Code::INTERNAL),
            h2::Reason::ENHANCE_YOUR_CALM => ("ENHANCE_YOUR_CALM", Code::RESOURCE_EXHAUSTED),
            h2::Reason::INADEQUATE_SECURITY => ("INADEQUATE_SECURITY", Code::PERMISSION_DENIED),
            h2::Reason::HTTP_1_1_REQUIRED => ("HTTP_1_1_REQUIRED", Code::INTERNAL),
            _ => ("unknown error code", Code::UNKNOWN),
        };
        let message = format!("stream terminated by RST_STREAM with error code: {name}");
        Self::new(code, message)
    }
}

/// As Go prints it.
impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message } = self;
        write!(formatter, "rpc error: code = {code} desc = {message}")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0).ok().and_then(|it| NAMES.get(it));
        match name {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "Code({})", self.0),
        }
    }
}

fn is_grpc(kind: &str) -> bool {
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Rule: grpc-go's `HTTPStatusConvTab`.
fn of_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::INTERNAL,
        401 => Code::UNAUTHENTICATED,
        403 => Code::PERMISSION_DENIED,
        404 => Code::UNIMPLEMENTED,
        429 | 502..=504 => Code::UNAVAILABLE,
        _ => Code::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_and_an_encoded_sentence() {
        let check = |code: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", code.parse().unwrap());
            headers.insert("grpc-message", "100%25 %zz".parse().unwrap());
            let end = Status::of_end(&headers).unwrap();
            let said = end.map_or_else(|status| status.to_string(), |()| String::new());
            assert_eq!(said, expected);
        };
        check("0", "");
        check("5", "rpc error: code = NotFound desc = 100% %zz");
        check("77", "rpc error: code = Code(77) desc = 100% %zz");
        let malformed = "rpc error: code = Internal desc = transport: malformed grpc-status";
        check("x", malformed);
        assert_eq!(Status::of_end(&HeaderMap::new()), None);
    }

    #[test]
    fn responses_that_are_not_grpc_have_go_s_texts() {
        let check = |status: u16, kind: Option<&str>, expected: Option<(Code, &str)>| {
            let mut headers = HeaderMap::new();
            if let Some(kind) = kind {
                headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            }
            let status = Status::of_head(StatusCode::from_u16(status).unwrap(), &headers);
            let expected = expected.map(|(code, message)| Status::new(code, message));
            assert_eq!(status.err(), expected);
        };
        check(200, Some("application/grpc+proto"), None);
        check(500, Some("application/grpc"), None);
        let found = "unexpected HTTP status code received from server: 404 (Not Found); \
            transport: received unexpected content-type \"text/plain\"";
        check(404, Some("text/plain"), Some((Code::UNIMPLEMENTED, found)));
        let bare = "unexpected HTTP status code received from server: 200 (OK); \
            malformed header: missing HTTP content-type";
        check(200, None, Some((Code::UNKNOWN, bare)));
    }
}
