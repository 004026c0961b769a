//! What stands behind the control API: a target, or a traffic client. The API itself is in `control.rs`.

use hyper::StatusCode;
use serde::Serialize;

use crate::invalid::Invalid;
use crate::log::Log;
use crate::plan::Plan;
use crate::wire::{Ack, State};
use crate::world::Change;

/// What stands behind the control API.
pub(crate) trait Panel: Send + Sync + 'static {
    /// What its journal holds.
    type Record: Serialize + Clone + Send + Sync + 'static;

    /// The name of this process.
    fn instance(&self) -> &str;

    /// How many changes were taken.
    fn revision(&self) -> u64;

    /// `GET /v1/state`.
    fn state(&self) -> State;

    /// `GET /v1/plan`, if it has one.
    fn plan(&self) -> Option<Plan>;

    /// The journal.
    fn log(&self) -> &Log<Self::Record>;

    /// Whether `/v1/journal/wait` waits for such a record.
    fn matches(record: &Self::Record, filter: &Filter) -> bool;

    /// Takes a change. When it returns, the change is in force.
    fn change(&self, change: Change) -> impl Future<Output = Result<Ack, Refused>> + Send;
}

/// Which records are waited for; `None` means any.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Filter {
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<String>,
}

/// A call that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) invalid: Invalid,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, field: &str, error: impl Into<String>) -> Self {
        Self {
            status,
            invalid: Invalid::new(field, error),
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            invalid,
        }
    }
}
