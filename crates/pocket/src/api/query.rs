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
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent switches of the protocol"
)]
pub(super) struct Query {
    pub(super) label_selector: String,
    pub(super) field_selector: String,
    pub(super) watch: bool,
    /// `None` if absent; `0` means any version.
    pub(super) version: Option<Version>,
    pub(super) version_match: Option<VersionMatch>,
    pub(super) send_initial_events: bool,
    pub(super) allow_bookmarks: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) dry_run: bool,
    pub(super) field_manager: Option<String>,
    pub(super) validation: Validation,
    pub(super) force: bool,
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

/// How a list's version must relate to the requested one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VersionMatch {
    NotOlderThan,
    Exact,
}

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

    fn read(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        match name {
            "labelSelector" => self.label_selector = value,
            "fieldSelector" => self.field_selector = value,
            "watch" => self.watch = truth(&value),
            "sendInitialEvents" => self.send_initial_events = truth(&value),
            "allowWatchBookmarks" => self.allow_bookmarks = truth(&value),
            "force" => self.force = truth(&value),
            "fieldManager" => self.field_manager = Some(value),
            "dryRun" => self.dry_run = dry_run(&value)?,
            "fieldValidation" => self.validation = validation(&value)?,
            "resourceVersion" => self.version = optional(&value, version)?,
            // Only checked: lists are never in parts.
            "limit" => drop(optional(&value, integer)?),
            "resourceVersionMatch" => self.version_match = version_match(&value)?,
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
            "sinceTime" => self.log.since_time = optional(&value, |text| time(name, text))?,
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

/// Parses a resource version.
///
/// Rule: `staging/src/k8s.io/apiserver/pkg/storage/api_object_versioner.go`,
/// `ParseResourceVersion`.
fn version(value: &str) -> Result<Version, ApiError> {
    let refused = |error: ParseIntError| {
        let why = go_parse_error("ParseUint", value, *error.kind());
        let field = "resourceVersion: Invalid value";
        ApiError::bad_request(format!(
            "invalid resource version: {field}: {value:?}: {why}"
        ))
    };
    value.parse().map_err(refused)
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    let refusal = || ApiError::bad_request(format!("invalid value {value:?} for parameter {name}"));
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

fn dry_run(value: &str) -> Result<bool, ApiError> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        other => Err(unsupported("dryRun", other, "\"All\"")),
    }
}

fn validation(value: &str) -> Result<Validation, ApiError> {
    match value {
        "Ignore" => Ok(Validation::Ignore),
        "" | "Warn" => Ok(Validation::Warn),
        "Strict" => Ok(Validation::Strict),
        other => Err(unsupported(
            "fieldValidation",
            other,
            "\"Ignore\", \"Strict\", \"Warn\"",
        )),
    }
}

fn version_match(value: &str) -> Result<Option<VersionMatch>, ApiError> {
    match value {
        "" => Ok(None),
        "NotOlderThan" => Ok(Some(VersionMatch::NotOlderThan)),
        "Exact" => Ok(Some(VersionMatch::Exact)),
        other => Err(unsupported(
            "resourceVersionMatch",
            other,
            "\"Exact\", \"NotOlderThan\"",
        )),
    }
}

fn unsupported(name: &str, value: &str, supported: &str) -> ApiError {
    let message = format!("{name}: Unsupported value: {value:?}: supported values: {supported}");
    ApiError::new(422, "Invalid", message)
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
        assert_eq!(parse("resourceVersion", "").unwrap().version, None);
        assert_eq!(
            parse("resourceVersion", "7").unwrap().version,
            "7".parse().ok()
        );
    }

    /// The messages are those of a node with Kubernetes 1.36.3.
    #[test]
    fn numbers_are_refused_as_upstream_refuses_them() {
        let check = |name, value, expected: &str| {
            let refused = parse(name, value).unwrap_err();
            assert_eq!((refused.code, refused.message.as_str()), (400, expected));
        };
        let why = r#"strconv.ParseUint: parsing "x": invalid syntax"#;
        let version = r#"invalid resource version: resourceVersion: Invalid value: "x": "#;
        check("resourceVersion", "x", &format!("{version}{why}"));
        let why = r#"strconv.ParseUint: parsing "-1": invalid syntax"#;
        let version = r#"invalid resource version: resourceVersion: Invalid value: "-1": "#;
        check("resourceVersion", "-1", &format!("{version}{why}"));
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
    fn unknown_words_are_refused() {
        assert_eq!(parse("dryRun", "Some").unwrap_err().code, 422);
        assert_eq!(parse("fieldValidation", "Lax").unwrap_err().code, 422);
        assert!(parse("pretty", "true").is_ok());
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
