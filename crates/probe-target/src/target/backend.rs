//! What stands behind the control API: a target, or a traffic client. The API itself is in `targets/control.rs`.

use std::pin::Pin;

use ::http::StatusCode;
use serde::Serialize;

use crate::model::answer::{Ack, Record, Sample, State};
use crate::model::identity::Identity;
use crate::model::parse_error::ParseError;
use crate::model::plan::Plan;
use crate::model::route_path::RoutePath;
use crate::state::Change;
use crate::state::journal::Journal;

/// What stands behind the control API.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Who this process is.
    fn identity(&self) -> &Identity;

    /// The name of this process.
    fn instance(&self) -> &str {
        &self.identity().instance
    }

    /// How many changes were taken.
    fn revision(&self) -> u64;

    /// `GET /v1/state`.
    fn state(&self) -> State;

    /// `GET /v1/plan`, if it has one.
    fn plan(&self) -> Option<Plan>;

    /// The journal.
    fn log(&self) -> &Journal<JournalEntry>;

    /// Takes a change. When it returns, the change is in force.
    fn change(&self, change: Change) -> ChangeFuture<'_>;
}

/// A change being taken.
pub(crate) type ChangeFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Ack, CallError>> + Send + 'a>>;

/// What a journal holds.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum JournalEntry {
    /// At a target.
    Request(Record),
    /// At a traffic client.
    Sample(Sample),
}

impl JournalEntry {
    /// Whether it is waited for.
    pub(crate) fn matches(&self, filter: &Filter) -> bool {
        match self {
            Self::Request(record) => {
                filter.port.is_none_or(|port| port == record.port)
                    && filter.path.as_ref().is_none_or(|route| record.is_of(route))
            }
            Self::Sample(_) => *filter == Filter::default(),
        }
    }
}

/// Which records are waited for; `None` means any.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Filter {
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<RoutePath>,
}

/// A call that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CallError {
    pub(crate) status: StatusCode,
    pub(crate) invalid: ParseError,
    /// The methods that would do; none are said but with 405.
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

    /// 405, where only these methods will do.
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
