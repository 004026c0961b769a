//! One probe of one container, from the making of its Pod to its end.
//!
//! It outlives the container's instances: a restarted container meets the worker of its predecessor.
//! It decides, and never waits, sends or stores; see [`WorkerStep`] and [`Observed`] for what it asks for.

use super::probe_ticker::Ticker;
use super::{ProbeKind, ProbeOutcome, Spec, Verdict};
use crate::Moment;
use crate::container_id::ContainerId;

/// Attempts made at once when the prober itself errs.
///
/// Rule: `pkg/kubelet/prober/prober.go`, `maxProbeRetries`.
const TRIES: u32 = 3;

/// The memory of one probe.
#[derive(Clone, Debug)]
pub struct Worker {
    spec: Spec,
    ticker: Ticker,
    born_deleted: bool,
    container: Option<ContainerId>,
    last: Verdict,
    run: u32,
    tries: u32,
    /// Nothing is probed until there is a new container: this one is being killed, or has started.
    on_hold: bool,
}

/// What woke the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its beat came.
    Tick,
    /// A status was made of the Pod in which this container is not ready; restarts the beat.
    Trigger,
}

/// What the node's status cache says of the Pod and the container. The worker sees nothing fresher.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Pod's phase is Succeeded or Failed.
    pub over: bool,
    /// The container's status, once there is an instance.
    pub container: Option<Seen>,
}

/// One instance of the container, as published.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which instance.
    pub id: ContainerId,
    /// What it does.
    pub life: Life,
    /// Its startup probe has succeeded, or it has none.
    pub started: bool,
}

/// What a published instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running {
        /// Since this moment, as published: a whole second.
        since: Moment,
    },
    /// It waits to be started again.
    Waiting,
    /// It has ended.
    Terminated {
        /// Another instance will follow.
        restarts: bool,
    },
}

/// What to do next, and before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStep {
    /// To be applied first, in this order.
    pub effects: Vec<Effect>,
    /// What then.
    pub next: Next,
}

/// What follows a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until the next beat or trigger.
    Wait,
    /// One attempt, then [`Worker::observe`].
    Probe,
    /// The worker is done for good.
    Exit,
}

/// A change to the verdicts of this probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This is the verdict now.
    Store(ContainerId, Verdict),
    /// Nothing is known of that instance any more.
    Forget(ContainerId),
}

/// What an attempt led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Try again at once: the prober erred.
    Again,
    /// The attempt is over, perhaps with a verdict.
    Settled(Option<Effect>),
}

impl Worker {
    /// A worker whose first beat is at `first`: at once, or after a random share of the period on a
    /// node that has just started. `born_deleted` says that its Pod was already being deleted.
    pub fn new(spec: Spec, first: Moment, born_deleted: bool) -> Self {
        Self {
            spec,
            ticker: Ticker::new(first, spec.period),
            born_deleted,
            container: None,
            last: Verdict::Success,
            run: 0,
            tries: 0,
            on_hold: false,
        }
    }

    /// What it was told.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// When it wants to be woken, unless a trigger comes before.
    pub fn due(&self) -> Moment {
        self.ticker.due()
    }

    /// Wakes up and decides whether to probe.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`, up to the attempt itself.
    pub fn wake(&mut self, cause: Cause, view: &View, now: Moment) -> WorkerStep {
        match cause {
            Cause::Tick => self.ticker.beat(now),
            Cause::Trigger => self.ticker.restart(now),
        }
        let mut effects = Vec::new();
        let next = match &view.container {
            _ if view.over => Next::Exit,
            Some(seen) => self.look(seen, now, &mut effects),
            None => Next::Wait,
        };
        WorkerStep { effects, next }
    }

    /// Takes in one attempt.
    ///
    /// An error is tried again, and after the last try it is as if the attempt had not been made: a
    /// run is neither continued nor broken.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`, from the attempt on.
    pub fn observe(&mut self, outcome: ProbeOutcome) -> Observed {
        self.tries += 1;
        if outcome == ProbeOutcome::Error && self.tries < TRIES {
            return Observed::Again;
        }
        self.tries = 0;
        Observed::Settled(match outcome {
            ProbeOutcome::Success | ProbeOutcome::Warning => self.count(Verdict::Success),
            ProbeOutcome::Failure => self.count(Verdict::Failure),
            ProbeOutcome::Error => None,
        })
    }

    /// What to undo when the worker ends, for whatever reason.
    pub fn farewell(&self) -> Option<Effect> {
        self.container.clone().map(Effect::Forget)
    }

    fn look(&mut self, seen: &Seen, now: Moment, effects: &mut Vec<Effect>) -> Next {
        self.meet(&seen.id, effects);
        if self.on_hold {
            return Next::Wait;
        }
        let kills = self.spec.kind != ProbeKind::Readiness;
        match seen.life {
            Life::Waiting | Life::Terminated { .. } => {
                effects.push(Effect::Store(seen.id.clone(), Verdict::Failure));
                match seen.life {
                    Life::Terminated { restarts: false } => Next::Exit,
                    _ => Next::Wait,
                }
            }
            Life::Running { .. } if self.born_deleted && kills => {
                effects.push(Effect::Store(seen.id.clone(), Verdict::Success));
                Next::Exit
            }
            // `since` is a whole second, so the delay may end up to a second early.
            Life::Running { since } if now - since < self.spec.initial_delay => Next::Wait,
            Life::Running { .. } if seen.started == (self.spec.kind == ProbeKind::Startup) => {
                Next::Wait
            }
            Life::Running { .. } => Next::Probe,
        }
    }

    /// A new instance gets the seed. The run is *not* reset: a container that crashes by itself
    /// bequeaths its failures to its successor.
    fn meet(&mut self, id: &ContainerId, effects: &mut Vec<Effect>) {
        if self.container.as_ref() == Some(id) {
            return;
        }
        effects.extend(self.container.replace(id.clone()).map(Effect::Forget));
        effects.push(Effect::Store(id.clone(), self.spec.kind.seed()));
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
        if self.settles(verdict) {
            self.on_hold = true;
            self.run = 0;
        }
        self.container.clone().map(|id| Effect::Store(id, verdict))
    }

    fn settles(&self, verdict: Verdict) -> bool {
        match self.spec.kind {
            ProbeKind::Liveness => verdict == Verdict::Failure,
            ProbeKind::Readiness => false,
            ProbeKind::Startup => true,
        }
    }
}

#[cfg(test)]
mod tests;
