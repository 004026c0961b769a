//! Parses the query parameters of API requests.

use std::num::{IntErrorKind, ParseIntError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::form::RowObject;
use super::log_options::LogOptions;
use crate::api_status::ApiError;
use crate::store::Version;

/// The query parameters of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) label_selector: String,
    pub(super) field_selector: String,
    pub(super) watch: bool,
    /// The version as it is written; `None` if absent.
    pub(super) version_text: Option<String>,
    /// `resourceVersionMatch`; empty if absent.
    pub(super) version_match: String,
    /// The most objects of one part of a list; `None` for all.
    pub(super) limit: Option<usize>,
    pub(super) continue_token: Option<String>,
    pub(super) send_initial_events: Option<bool>,
    pub(super) allow_bookmarks: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) dry_run: bool,
    /// The values of `dryRun`.
    pub(super) dry_runs: Vec<String>,
    pub(super) field_manager: Option<String>,
    pub(super) validation: Validation,
    /// `fieldValidation` as it is written.
    pub(super) validation_text: String,
    pub(super) force: Option<bool>,
    pub(super) grace: Option<i64>,
    pub(super) propagation: Option<String>,
    /// The parameters of a log.
    pub(super) log: LogOptions,
    /// What a table's rows carry of their objects.
    pub(super) include_object: RowObject,
    /// The parameters of an exec.
    pub(super) exec: ExecOptions,
    /// The ports of a port-forward, in the order given.
    pub(super) ports: Vec<u16>,
}

/// The parameters of an exec.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent switches of the protocol"
)]
pub(super) struct ExecOptions {
    pub(super) container: Option<String>,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) tty: bool,
}

/// The values of `resourceVersionMatch`.
pub(super) const RAW_MATCHES: [&str; 2] = ["Exact", "NotOlderThan"];

/// How fields that the kind lacks are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Validation {
    /// Dropped without a warning.
    Ignore,
    /// Dropped, with a warning header.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

impl Query {
    /// Parses decoded pairs. Unknown parameters are ignored, as in an API server.
    pub(super) fn parse(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in pairs {
            query.read(&name, value)?;
        }
        Ok(query)
    }

    /// The version that is asked for; `0` means any. An error is why the text is none.
    ///
    /// Rule: `staging/src/k8s.io/apiserver/pkg/storage/api_object_versioner.go`,
    /// `ParseResourceVersion`.
    pub(super) fn version(&self) -> Result<Option<Version>, String> {
        let Some(text) = &self.version_text else {
            return Ok(None);
        };
        let refused = |error: ParseIntError| {
            let why = go_parse_error("ParseUint", text, *error.kind());
            format!("resourceVersion: Invalid value: {text:?}: {why}")
        };
        text.parse().map(Some).map_err(refused)
    }

    /// Whether the list or the watch begins with the existing objects, up to a bookmark.
    pub(super) fn sends_initial_events(&self) -> bool {
        self.send_initial_events == Some(true)
    }

    fn read(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        match name {
            "labelSelector" => self.label_selector = value,
            "fieldSelector" => self.field_selector = value,
            "watch" => self.watch = truth(&value),
            "sendInitialEvents" => self.send_initial_events = Some(truth(&value)),
            "allowWatchBookmarks" => self.allow_bookmarks = truth(&value),
            "force" => self.force = Some(truth(&value)),
            "fieldManager" => self.field_manager = Some(value),
            "dryRun" if value.is_empty() => {}
            "dryRun" => {
                self.dry_run = true;
                self.dry_runs.push(value);
            }
            "fieldValidation" => {
                self.validation = validation(&value);
                self.validation_text = value;
            }
            "resourceVersion" => self.version_text = Some(value).filter(|it| !it.is_empty()),
            "limit" => self.limit = limit(optional(&value, integer)?),
            "continue" => self.continue_token = Some(value).filter(|it| !it.is_empty()),
            "resourceVersionMatch" => self.version_match = value,
            "timeoutSeconds" => self.timeout = timeout(optional(&value, integer)?),
            "gracePeriodSeconds" => self.grace = optional(&value, integer)?,
            "propagationPolicy" => self.propagation = Some(value),
            "container" => {
                self.exec.container = Some(value.clone());
                self.log.container = Some(value);
            }
            "command" => self.exec.command.push(value),
            "stdin" => self.exec.stdin = truth(&value),
            "stdout" => self.exec.stdout = truth(&value),
            "stderr" => self.exec.stderr = truth(&value),
            "tty" => self.exec.tty = truth(&value),
            "follow" => self.log.follow = truth(&value),
            "previous" => self.log.previous = truth(&value),
            "timestamps" => self.log.timestamps = truth(&value),
            "sinceSeconds" => self.log.since_seconds = optional(&value, integer)?,
            "sinceTime" => self.log.since_time = optional(&value, time)?,
            "tailLines" => self.log.tail_lines = optional(&value, integer)?,
            "limitBytes" => self.log.limit_bytes = optional(&value, integer)?,
            "includeObject" => self.include_object = RowObject::parse(&value)?,
            "ports" => self.ports.extend(ports(&value)?),
            _ => {}
        }
        Ok(())
    }
}

/// Parses a boolean; `?watch` and `?watch=1` mean true.
///
/// Rule: `staging/src/k8s.io/apimachinery/pkg/runtime/conversion.go`,
/// `Convert_Slice_string_To_bool`.
fn truth(value: &str) -> bool {
    value != "0" && !value.eq_ignore_ascii_case("false")
}

/// A timeout; zero counts as absent, and more than a year is cut to a year.
fn timeout(seconds: Option<i64>) -> Option<Duration> {
    let seconds = u64::try_from(seconds?)
        .ok()
        .filter(|seconds| *seconds > 0)?;
    // The end of a watch is an `Instant` plus this, which must not overflow.
    Some(Duration::from_secs(seconds.min(365 * 24 * 60 * 60)))
}

/// Parses a value unless it is empty, which counts as absent.
fn optional<T>(
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, ApiError>,
) -> Result<Option<T>, ApiError> {
    if value.is_empty() {
        Ok(None)
    } else {
        parse(value).map(Some)
    }
}

fn integer(value: &str) -> Result<i64, ApiError> {
    let refused = |error: ParseIntError| {
        ApiError::bad_request(go_parse_error("ParseInt", value, *error.kind()))
    };
    value.parse().map_err(refused)
}

/// The error is that of Go for a text that begins with no year.
fn time(value: &str) -> Result<Timestamp, ApiError> {
    let refusal = || {
        ApiError::bad_request(format!(
            "parsing time {value:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {value:?} as \
             \"2006\""
        ))
    };
    value.parse().ok().ok_or_else(refusal)
}

/// Rule: `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/conversion.go`,
/// `Convert_Slice_string_To_Slice_int32`.
fn ports(value: &str) -> Result<Vec<u16>, ApiError> {
    let port = |text: &str| {
        let refused = |error: ParseIntError| {
            let why = go_parse_error("ParseUint", text, *error.kind());
            ApiError::bad_request(format!("cannot convert to []int32: {why}"))
        };
        text.parse().map_err(refused)
    };
    value.split(',').map(port).collect()
}

/// The error of a function of Go's package `strconv`.
fn go_parse_error(function: &str, text: &str, kind: IntErrorKind) -> String {
    let why = match kind {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {text:?}: {why}")
}

fn validation(value: &str) -> Validation {
    match value {
        "Ignore" => Validation::Ignore,
        "Strict" => Validation::Strict,
        _ => Validation::Warn,
    }
}

/// Zero and less count as absent.
fn limit(limit: Option<i64>) -> Option<usize> {
    let limit = usize::try_from(limit?).ok()?;
    (limit > 0).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<Query, ApiError> {
        Query::parse(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_switch_may_have_no_value() {
        let check =
            |value, expected| assert_eq!(parse("watch", value).unwrap().watch, expected, "{value}");
        check("", true);
        check("1", true);
        check("true", true);
        check("false", false);
        check("fAlSe", false);
        check("0", false);
        check("f", true);
    }

    #[test]
    fn an_empty_version_is_none() {
        let version = |value| parse("resourceVersion", value).unwrap().version();
        assert_eq!(version(""), Ok(None));
        assert_eq!(version("7"), Ok("7".parse().ok()));
        let why = r#"strconv.ParseUint: parsing "-1": invalid syntax"#;
        let refused = format!(r#"resourceVersion: Invalid value: "-1": {why}"#);
        assert_eq!(version("-1"), Err(refused));
    }

    #[test]
    fn a_limit_of_nothing_is_none() {
        let limit = |value| parse("limit", value).unwrap().limit;
        assert_eq!(["2", "0", "-1", ""].map(limit), [Some(2), None, None, None]);
    }

    /// The messages are those of a node with Kubernetes 1.36.3.
    #[test]
    fn numbers_are_refused_as_upstream_refuses_them() {
        let check = |name, value, expected: &str| {
            let refused = parse(name, value).unwrap_err();
            assert_eq!((refused.code, refused.message.as_str()), (400, expected));
        };
        for name in ["limit", "timeoutSeconds"] {
            check(
                name,
                "x",
                r#"strconv.ParseInt: parsing "x": invalid syntax"#,
            );
            check(
                name,
                "1.5",
                r#"strconv.ParseInt: parsing "1.5": invalid syntax"#,
            );
            assert!(parse(name, "-1").is_ok());
        }
    }

    #[test]
    fn a_timeout_is_of_some_length() {
        let check = |value, expected| {
            let seconds = parse("timeoutSeconds", value).unwrap().timeout;
            assert_eq!(seconds.map(|it| it.as_secs()), expected, "{value}");
        };
        check("5", Some(5));
        check("0", None);
        check("9223372036854775807", Some(31_536_000));
        check("-1", None);
    }

    #[test]
    fn ports_come_in_order() {
        assert_eq!(parse("ports", "8080,81").unwrap().ports, [8080, 81]);
        assert_eq!(parse("ports", "99999").unwrap_err().code, 400);
    }
}
