//! The worker of one probe of one container: decides when to probe and what the outcomes mean.
//!
//! It exists from the creation to the end of its Pod and outlives the container's instances: a
//! restarted container keeps its worker. It does not wait, send or store; [`WorkerStep`] and
//! [`Observed`] tell its caller what to do.

use super::probe_ticker::Ticker;
use super::spec::{ProbeKind, ProbeOutcome, Spec, Verdict};
use crate::Moment;
use crate::container_id::ContainerId;

/// Maximum number of tries per attempt while the prober itself errs.
///
/// Rule: `pkg/kubelet/prober/prober.go`, `maxProbeRetries`.
const TRIES: u32 = 3;

/// The state of one probe.
#[derive(Clone, Debug)]
pub struct Worker {
    spec: Spec,
    ticker: Ticker,
    pod_was_deleted: bool,
    container: Option<ContainerId>,
    last: Verdict,
    run: u32,
    tries: u32,
    /// No probing until there is a new instance: this one is being killed, or its startup probe has
    /// succeeded.
    on_hold: bool,
}

/// What woke the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The next tick came.
    Tick,
    /// A sync found this container not ready; the ticker restarts.
    Trigger,
}

/// The Pod and the container in the node's status cache. The worker sees nothing more recent.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Whether the Pod's phase is Succeeded or Failed.
    pub over: bool,
    /// The container's status, once it has an instance.
    pub container: Option<Seen>,
}

/// One instance of the container, as in the published status.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The instance's ID.
    pub id: ContainerId,
    /// The instance's state.
    pub life: Life,
    /// Whether its startup probe has succeeded, or it has none.
    pub started: bool,
}

/// The state of an instance in the published status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The instance runs.
    Running {
        /// Start of the instance, as published: a whole second.
        since: Moment,
    },
    /// The instance waits to be restarted.
    Waiting,
    /// The instance has ended.
    Terminated {
        /// Whether another instance will follow.
        restarts: bool,
    },
}

/// The reaction to a wake-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStep {
    /// Effects to apply first, in this order.
    pub effects: Vec<Effect>,
    /// What to do then.
    pub next: Next,
}

/// What to do after a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait for the next tick or trigger.
    Wait,
    /// Make one attempt, then call [`Worker::observe`].
    Probe,
    /// End the worker.
    Exit,
}

/// A change of this probe's verdict on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Set the verdict on this instance.
    Store(ContainerId, Verdict),
    /// Remove the verdict on this instance.
    Forget(ContainerId),
}

/// The reaction to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Retry at once: the prober erred.
    Retry,
    /// The attempt is complete, with or without a new verdict.
    Done(Option<Effect>),
}

impl Worker {
    /// A worker with its first tick at `first`: at once, or after a random share of the period on a
    /// node that has just started. `pod_was_deleted` means that its Pod was already being deleted.
    pub fn new(spec: Spec, first: Moment, pod_was_deleted: bool) -> Self {
        Self {
            spec,
            ticker: Ticker::new(first, spec.period),
            pod_was_deleted,
            container: None,
            // As upstream, where Success is the zero value of `lastResult`. The empty run makes
            // either first outcome the first of its run.
            last: Verdict::Success,
            run: 0,
            tries: 0,
            on_hold: false,
        }
    }

    /// The probe's specification.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The moment of its next tick. A trigger may wake it earlier.
    pub fn due(&self) -> Moment {
        self.ticker.due()
    }

    /// Wakes up and decides whether to probe.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`, up to the attempt itself.
    pub fn wake(&mut self, cause: Cause, view: &View, now: Moment) -> WorkerStep {
        match cause {
            Cause::Tick => self.ticker.take(now),
            Cause::Trigger => self.ticker.restart(now),
        }
        let mut effects = Vec::new();
        let next = match &view.container {
            _ if view.over => Next::Exit,
            Some(seen) => self.decide(seen, now, &mut effects),
            None => Next::Wait,
        };
        WorkerStep { effects, next }
    }

    /// Processes the outcome of one attempt.
    ///
    /// An error is retried. After the last try the attempt counts as not made: a run neither
    /// continues nor breaks.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`, from the attempt on.
    pub fn observe(&mut self, outcome: ProbeOutcome) -> Observed {
        self.tries += 1;
        if outcome == ProbeOutcome::Error && self.tries < TRIES {
            return Observed::Retry;
        }
        self.tries = 0;
        // A target that sends its headers and then stalls gives nothing but errors. So liveness
        // never restarts it, and its readiness stays as it was: kubernetes#113938.
        Observed::Done(match outcome {
            ProbeOutcome::Success | ProbeOutcome::Warning => self.count(Verdict::Success),
            ProbeOutcome::Failure => self.count(Verdict::Failure),
            ProbeOutcome::Error => None,
        })
    }

    /// The effect to apply when the worker ends, for whatever reason.
    pub fn exit_effect(&self) -> Option<Effect> {
        self.container.clone().map(Effect::Forget)
    }

    fn decide(&mut self, seen: &Seen, now: Moment, effects: &mut Vec<Effect>) -> Next {
        self.follow(&seen.id, effects);
        if self.on_hold {
            return Next::Wait;
        }
        // Readiness probes go on while the Pod is terminating, so that its endpoints stay right.
        let kills = self.spec.kind != ProbeKind::Readiness;
        match seen.life {
            // Counts as failed without an attempt, whatever the threshold.
            Life::Waiting | Life::Terminated { .. } => {
                effects.push(Effect::Store(seen.id.clone(), Verdict::Failure));
                match seen.life {
                    Life::Terminated { restarts: false } => Next::Exit,
                    _ => Next::Wait,
                }
            }
            // Its termination is under way: this probe must no longer kill.
            Life::Running { .. } if self.pod_was_deleted && kills => {
                effects.push(Effect::Store(seen.id.clone(), Verdict::Success));
                Next::Exit
            }
            // `since` is a whole second, so the delay may end up to a second early.
            Life::Running { since } if now - since < self.spec.initial_delay => Next::Wait,
            // Before the start only the startup probe is made, after it only the other two.
            Life::Running { .. } if seen.started == (self.spec.kind == ProbeKind::Startup) => {
                Next::Wait
            }
            Life::Running { .. } => Next::Probe,
        }
    }

    /// Starts with a new instance from the initial verdict. The run is *not* reset: after a crash
    /// the new instance inherits the failures of the previous one.
    fn follow(&mut self, id: &ContainerId, effects: &mut Vec<Effect>) {
        if self.container.as_ref() == Some(id) {
            return;
        }
        effects.extend(self.container.replace(id.clone()).map(Effect::Forget));
        effects.push(Effect::Store(id.clone(), self.spec.kind.initial_verdict()));
        self.on_hold = false;
    }

    fn count(&mut self, verdict: Verdict) -> Option<Effect> {
        self.run = if self.last == verdict {
            self.run + 1
        } else {
            1
        };
        self.last = verdict;
        let threshold = match verdict {
            Verdict::Success => self.spec.success,
            _ => self.spec.failure,
        };
        if !threshold.reached_by(self.run) {
            return None;
        }
        if self.is_final(verdict) {
            self.on_hold = true;
            self.run = 0;
        }
        self.container.clone().map(|id| Effect::Store(id, verdict))
    }

    /// Whether the probe rests until the next instance: liveness has killed, or startup is decided.
    /// That also ends the run, so that the successor of a killed instance gets all its attempts;
    /// the successor of a crashed one does not.
    fn is_final(&self, verdict: Verdict) -> bool {
        match self.spec.kind {
            ProbeKind::Liveness => verdict == Verdict::Failure,
            ProbeKind::Readiness => false,
            ProbeKind::Startup => true,
        }
    }
}

#[cfg(test)]
mod tests;
