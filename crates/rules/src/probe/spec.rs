//! The specification of a probe, the outcome of one attempt, and the verdict of a run of them.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A probe's specification, with Kubernetes' defaults applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The probe's purpose.
    pub kind: ProbeKind,
    /// `initialDelaySeconds`: time after the container's start before the first attempt. Default 0.
    pub initial_delay: Duration,
    /// `periodSeconds`: interval between two attempts. Default 10 s; never zero.
    pub period: Duration,
    /// `timeoutSeconds`: time limit of one attempt; may exceed the period. Default 1 s.
    pub timeout: Duration,
    /// `successThreshold`. Default 1; other values only for readiness probes.
    pub success: Threshold,
    /// `failureThreshold`. Default 3.
    pub failure: Threshold,
    /// The probe's `terminationGracePeriodSeconds`, used if its failure kills the container.
    /// Default: the Pod's.
    pub grace: Option<Duration>,
}

/// The number of equal outcomes in a row that make a verdict.
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

    /// The number.
    pub const fn count(self) -> u32 {
        self.0.get()
    }

    pub(super) const fn reached_by(self, run: u32) -> bool {
        run >= self.0.get()
    }
}

/// The purpose of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Failure kills the container.
    Liveness,
    /// Failure makes the container, and so its Pod, not ready.
    Readiness,
    /// Delays the other two until it succeeds; failure kills the container.
    Startup,
}

impl ProbeKind {
    /// The verdict of a container that has not been probed yet.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `newWorker`.
    pub const fn initial_verdict(self) -> Verdict {
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

/// The outcome of one attempt.
///
/// Rule: `pkg/kubelet/prober/prober.go`, `probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The container responded with success.
    Success,
    /// The container responded with a redirect that is not followed. Counts as success, with an
    /// event.
    Warning,
    /// The container responded with failure, or not at all.
    Failure,
    /// The prober could not tell. The attempt is retried at once; the last error neither counts nor
    /// breaks a run.
    Error,
}

/// The result of one probe of one container, as the node keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A run of successes reached its threshold last.
    Success,
    /// A run of failures reached its threshold last.
    Failure,
    /// No run has reached its threshold yet.
    Unknown,
}
