//! The trait `Backend`: what the control API operates on, a target or a traffic client.
//! `control.rs` has the API itself.

use std::pin::Pin;

use ::http::StatusCode;
use serde::Serialize;

use crate::model::answer::{Ack, Record, Sample, State};
use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::parse_error::ParseError;
use crate::model::plan::Plan;
use crate::model::route_path::RoutePath;
use crate::state::Change;
use crate::state::journal::Journal;

/// What the control API operates on: a target or a traffic client.
pub(crate) trait Backend: Send + Sync + 'static {
    /// The identity of this process.
    fn identity(&self) -> &Identity;

    /// The unique name of this process.
    fn instance(&self) -> &str {
        &self.identity().instance
    }

    /// The time since the process started.
    fn now(&self) -> Moment;

    /// The number of changes applied.
    fn revision(&self) -> u64;

    /// The response to `GET /v1/state`.
    fn state(&self) -> State;

    /// The response to `GET /v1/plan`; `None` for a traffic client.
    fn plan(&self) -> Option<Plan>;

    /// The journal of requests or samples.
    fn journal(&self) -> &Journal<JournalEntry>;

    /// Applies a change. It is in force when the future completes.
    fn change(&self, change: Change) -> ChangeFuture<'_>;
}

/// The future of a change.
pub(crate) type ChangeFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Ack, CallError>> + Send + 'a>>;

/// An entry of a journal.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum JournalEntry {
    /// A request to a target.
    Request(Record),
    /// A request of a traffic client.
    Sample(Sample),
}

impl JournalEntry {
    /// Whether the entry satisfies the filter of a wait.
    pub(crate) fn matches(&self, filter: &Filter) -> bool {
        match self {
            Self::Request(record) => {
                filter.port.is_none_or(|port| port == record.port)
                    && filter.path.as_ref().is_none_or(|route| record.is_of(route))
            }
            // A traffic client has neither ports nor routes.
            Self::Sample(_) => *filter == Filter::default(),
        }
    }
}

/// The filter of a wait; `None` matches any.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Filter {
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<RoutePath>,
}

/// A control call that is rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CallError {
    pub(crate) status: StatusCode,
    pub(crate) invalid: ParseError,
    /// The allowed methods; only for 405.
    pub(crate) allowed: Option<&'static str>,
}

impl CallError {
    pub(crate) fn new(status: StatusCode, field: &str, error: impl Into<String>) -> Self {
        Self {
            status,
            invalid: ParseError::new(field, error),
            allowed: None,
        }
    }

    /// A 405 with the allowed methods.
    pub(crate) fn method(error: impl Into<String>, allowed: &'static str) -> Self {
        Self {
            allowed: Some(allowed),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "", error)
        }
    }
}

impl From<ParseError> for CallError {
    fn from(invalid: ParseError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            invalid,
            allowed: None,
        }
    }
}
