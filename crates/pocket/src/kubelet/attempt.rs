//! One attempt of any probe, and what it reports.
//!
//! The handlers are told apart here; how each does it is its own file's, and when is the prober's.

use rules::probe::ProbeOutcome;

use super::exec::Exec;
use super::grpc::Grpc;
use super::http::HttpGet;
use super::tcp::TcpSocket;

/// What a probe does.
#[derive(Clone, Debug)]
pub(super) enum Handler {
    /// Asks a path over HTTP.
    Http(HttpGet),
    /// Connects to a port.
    Tcp(TcpSocket),
    /// Asks a gRPC server for its health.
    Grpc(Grpc),
    /// Runs a command in the container.
    Exec(Exec),
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) outcome: ProbeOutcome,
    /// The container had begun to answer; tells errors apart.
    pub(super) answered: bool,
    /// The attempt's own text, for the event.
    pub(super) detail: String,
}

impl Report {
    pub(super) fn new(outcome: ProbeOutcome, detail: String) -> Self {
        Self {
            outcome,
            answered: true,
            detail,
        }
    }

    pub(super) fn failure(detail: String) -> Self {
        Self::new(ProbeOutcome::Failure, detail)
    }

    /// The container began to answer and could not be understood.
    pub(super) fn error(detail: String) -> Self {
        Self::new(ProbeOutcome::Error, detail)
    }

    /// The attempt could not even be made.
    pub(super) fn unknown(detail: &str) -> Self {
        Self {
            answered: false,
            ..Self::error(detail.to_owned())
        }
    }
}
