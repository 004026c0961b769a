//! A container probe: what it is told, what one attempt can yield, and what is remembered of it.
//!
//! The words used everywhere: an *attempt* has an [`ProbeOutcome`]; a run of equal outcomes that reaches
//! its threshold becomes a [`Verdict`], which is what the rest of a node knows. Nothing here sends a
//! request; [`Worker`] decides when one is to be sent.

mod http_get;
mod probe_ticker;
mod results;
mod worker;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

pub use http_get::{HttpGet, Scheme};
pub use results::Results;
pub use worker::{Cause, Effect, Life, Next, Observed, Seen, View, Worker, WorkerStep};

/// How a container is probed, with Kubernetes' defaults already applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What the probe is for.
    pub kind: ProbeKind,
    /// `initialDelaySeconds`: time after the container's start before the first attempt. Default 0.
    pub initial_delay: Duration,
    /// `periodSeconds`: distance of two attempts. Default 10 s; never zero.
    pub period: Duration,
    /// `timeoutSeconds`: limit of one attempt; may exceed the period. Default 1 s.
    pub timeout: Duration,
    /// `successThreshold`. Default 1, and always 1 but for readiness.
    pub success: Threshold,
    /// `failureThreshold`. Default 3.
    pub failure: Threshold,
    /// `terminationGracePeriodSeconds` of the probe, used when its failure kills. Default: the Pod's.
    pub grace: Option<Duration>,
}

/// So many equal outcomes in a row are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold(NonZeroU32);

impl Threshold {
    /// One outcome is enough.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// A threshold of `count`, or `None` for zero.
    pub const fn new(count: u32) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count) => Some(Self(count)),
            None => None,
        }
    }

    const fn reached_by(self, run: u32) -> bool {
        run >= self.0.get()
    }
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Failing kills the container.
    Liveness,
    /// Failing makes the container, and so its Pod, not ready.
    Readiness,
    /// Holds the other two back until it succeeds; failing kills the container.
    Startup,
}

impl ProbeKind {
    /// What is assumed of a container that has not been probed yet.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `newWorker`.
    pub const fn seed(self) -> Verdict {
        match self {
            Self::Liveness => Verdict::Success,
            Self::Readiness => Verdict::Failure,
            Self::Startup => Verdict::Unknown,
        }
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        })
    }
}

/// What one attempt came to.
///
/// Rule: `pkg/kubelet/prober/prober.go`, `probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The container answered well.
    Success,
    /// It answered with a redirect that is not followed: counts as a success, and an event says so.
    Warning,
    /// It answered badly or not at all.
    Failure,
    /// The prober could not tell: repeated at once, and then neither counted nor held against a run.
    Error,
}

/// What a node remembers of one probe of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The last run of successes reached its threshold.
    Success,
    /// The last run of failures reached its threshold.
    Failure,
    /// Neither yet.
    Unknown,
}
