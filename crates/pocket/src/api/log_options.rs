//! The query parameters of a request for a container's log.

use k8s_openapi::jiff::Timestamp;

use crate::api_status::{ApiError, FieldErrors};

/// Which part of a log a request wants, and in which form.
#[derive(Clone, Debug, Default)]
pub(super) struct LogOptions {
    pub(super) container: Option<String>,
    /// Whether lines that come later are sent too, until the container ends.
    pub(super) follow: bool,
    /// Whether the log is that of the container's instance before this one.
    pub(super) previous: bool,
    pub(super) timestamps: bool,
    pub(super) since_seconds: Option<i64>,
    pub(super) since_time: Option<Timestamp>,
    pub(super) tail_lines: Option<i64>,
    pub(super) limit_bytes: Option<i64>,
}

impl LogOptions {
    /// Rule: `pkg/apis/core/validation/validation.go`, `ValidatePodLogOptions`.
    pub(super) fn check(&self, pod: &str) -> Result<(), ApiError> {
        let mut errors = FieldErrors::default();
        if let Some(lines) = self.tail_lines.filter(|lines| *lines < 0) {
            errors.invalid("tailLines", lines, "must be greater than or equal to 0");
        }
        if let Some(bytes) = self.limit_bytes.filter(|bytes| *bytes < 1) {
            errors.invalid("limitBytes", bytes, "must be greater than 0");
        }
        if self.since_seconds.is_some() && self.since_time.is_some() {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.forbidden("[]", why);
        } else if let Some(seconds) = self.since_seconds.filter(|seconds| *seconds < 1) {
            errors.invalid("sinceSeconds", seconds, "must be greater than 0");
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid_log_options(pod, errors))
        }
    }
}
