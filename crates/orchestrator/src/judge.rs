//! The judge: evaluates an experiment's expectations against a timeline and returns verdicts.
//!
//! The judge is pure, and the same online and offline. It takes records one by one and keeps only
//! what it derives from them. At any time it can say what is decided and when to ask again. It
//! never waits, and asking it does not change its result.

mod baseline;
mod evaluate;
mod expectation_state;
mod expected_text;
pub mod first_failure;
mod object_operators;
mod observed_text;
pub mod obstacles;
mod progress;
mod reach;
mod steady;
mod trace;
mod traffic_operators;
mod verdict;
mod window;

pub use steady::SteadyState;
pub use verdict::{Finding, Judgement, StepJudgement, Unsteady, Verdict};

use crate::input::experiment::{Experiment, ObjectRef};
use crate::judge::obstacles::obstacles;
use crate::timeline::view::View;
use crate::timeline::{BoundPod, Micros, Record, Timeline, What};
use expectation_state::ExpectationState;
use progress::StepProgress;
use reach::{Reach, Reached};
use verdict::Answer;

/// Follows one experiment through its timeline.
#[derive(Debug)]
pub struct Judge {
    experiment: Experiment,
    view: View,
    /// Number of timeline records taken so far.
    taken: usize,
    applied: Option<Micros>,
    steady: Option<Micros>,
    /// When the clean-up began.
    reverting: Option<Micros>,
    requirements: Vec<ExpectationState>,
    steps: Vec<StepProgress>,
    reach: Reach,
}

/// Progress of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// Every `eventually` is decided and every `for` has passed: the step can end.
    pub decided: bool,
    /// An expectation has failed; later steps do not run.
    pub failed: bool,
    /// When to ask again, if nothing is recorded before.
    pub look_again_at: Option<Micros>,
}

/// Judges a whole timeline.
pub fn judge(experiment: &Experiment, timeline: &Timeline) -> Judgement {
    let mut judge = Judge::new(experiment);
    judge.catch_up(timeline);
    judge.judgement(timeline, timeline.last())
}

impl Judge {
    /// A judge that has taken no record yet.
    pub fn new(experiment: &Experiment) -> Self {
        Self {
            experiment: experiment.clone(),
            view: View::new(&experiment.traffic),
            taken: 0,
            applied: None,
            steady: None,
            reverting: None,
            requirements: Vec::new(),
            steps: experiment
                .steps
                .iter()
                .map(|_| StepProgress::default())
                .collect(),
            reach: Reach::default(),
        }
    }

    /// Takes the records added since the last call. The timeline must be the same one each time.
    pub fn catch_up(&mut self, timeline: &Timeline) {
        for record in &timeline.records()[self.taken..] {
            self.take(record);
        }
        self.taken = timeline.records().len();
    }

    /// The Pods that a subject selects, by name: those it is bound to, else those that belong to it
    /// now.
    pub fn pods(&self, subject: &ObjectRef) -> Vec<BoundPod> {
        let pods = self.view.pods(subject).into_iter().map(|pod| match pod {
            Ok(facts) => BoundPod {
                name: facts.name.clone(),
                uid: facts.uid.clone(),
            },
            Err(bound) => bound.clone(),
        });
        pods.collect()
    }

    fn take(&mut self, record: &Record) {
        let changed = self.view.take(record);
        self.reach.take(record, &self.view);
        match &record.what {
            What::Applied => {
                self.applied = Some(record.at);
                let claims = self.experiment.steady_state.require.iter();
                self.requirements = claims
                    .map(|claim| ExpectationState::new(claim, &self.view, record.at))
                    .collect();
            }
            What::Steady => self.steady = Some(record.at),
            What::Reverting => self.reverting = Some(record.at),
            What::StepStart { step, name } => self.start(*step, name, record.at),
            What::Sending { step } => {
                self.note(*step, |progress| progress.sending(record.at));
            }
            What::Acknowledged { step, .. } => {
                self.note(*step, |progress| {
                    progress.times.acknowledged = Some(record.at);
                });
            }
            What::StepEnd { step } => {
                self.note(*step, |progress| progress.times.ended = Some(record.at));
            }
            _ => {}
        }
        if let (Some(kind), None) = (changed, self.reverting) {
            self.changed(kind, record.at);
        }
    }

    // A timeline recorded with another version of the experiment may have other steps. They are
    // ignored.
    fn start(&mut self, step: usize, name: &str, at: Micros) {
        let (progress, said) = (self.steps.get_mut(step), self.experiment.steps.get(step));
        let (Some(progress), Some(said)) = (progress, said) else {
            return;
        };
        if said.name.value != name {
            return;
        }
        progress.times.started = Some(at);
        let claims = said.expect.iter().map(|expectation| &expectation.claim);
        progress.tracked = claims
            .map(|claim| ExpectationState::new(claim, &self.view, at))
            .collect();
    }

    fn note(&mut self, step: usize, change: impl FnOnce(&mut StepProgress)) {
        let known = self.steps.get_mut(step);
        if let Some(progress) = known.filter(|progress| progress.times.started.is_some()) {
            change(progress);
        }
    }

    fn changed(&mut self, kind: &str, at: Micros) {
        if self.steady.is_none() {
            self.requirements
                .iter_mut()
                .for_each(|tracked| tracked.changed(kind, &self.view, at));
        }
        for progress in self
            .steps
            .iter_mut()
            .filter(|progress| progress.times.ended.is_none())
        {
            progress
                .tracked
                .iter_mut()
                .for_each(|tracked| tracked.changed(kind, &self.view, at));
        }
    }

    /// Progress towards the steady state, given that everything up to `now` has been recorded.
    pub fn steady_state(&mut self, timeline: &Timeline, now: Micros) -> SteadyState {
        self.catch_up(timeline);
        let Some(applied) = self.applied else {
            return SteadyState::Waiting {
                look_again_at: None,
            };
        };
        steady::steady_state(
            &self.experiment.steady_state,
            &self.requirements,
            &self.view,
            applied,
            now,
        )
    }

    /// Progress of a step, given that everything up to `now` has been recorded.
    pub fn step(&mut self, timeline: &Timeline, step: usize, now: Micros) -> StepState {
        self.catch_up(timeline);
        let mut state = StepState {
            decided: true,
            failed: false,
            look_again_at: None,
        };
        let expectations = self
            .experiment
            .steps
            .get(step)
            .map_or(&[][..], |step| &step.expect);
        let Some(progress) = self.steps.get_mut(step) else {
            return state;
        };
        if progress.times.acknowledged.is_none() {
            return StepState {
                decided: false,
                ..state
            };
        }
        for (expectation, answer) in progress.answers(expectations, &self.view, now) {
            state.failed |= matches!(answer, Answer::Fail(_));
            let waits_for = match (&answer, progress.lasts_until(&expectation.operator)) {
                (_, Some(end)) if now < end => Some(Some(end)),
                (Answer::Open(at), None) if expectation.operator.ends() => Some(*at),
                _ => None,
            };
            if let Some(at) = waits_for {
                state.decided = false;
                state.look_again_at = earliest(state.look_again_at, at);
            }
        }
        state
    }

    /// Whether every record that the steps' verdicts depend on has arrived; requests may become
    /// known late. The run asks this before it ends the timeline.
    pub fn settled(&mut self, timeline: &Timeline, now: Micros) -> StepState {
        self.catch_up(timeline);
        let mut state = StepState {
            decided: true,
            failed: false,
            look_again_at: None,
        };
        let each = self.steps.iter_mut().zip(&self.experiment.steps);
        for (step, (progress, said)) in each.enumerate() {
            let reached = self.reach.of_step(step, &self.view, now);
            for flip in &reached {
                if let Reached::Open(at) = flip {
                    state.decided = false;
                    state.look_again_at = earliest(state.look_again_at, Some(*at));
                }
            }
            let missed = missed(reached);
            for (_, answer) in progress.answers(&said.expect, &self.view, now) {
                state.failed |= matches!(answer, Answer::Fail(_)) && missed.is_empty();
                // An answer still open after its time stays open: a watch gap that became known
                // late may hide the change.
                if let Answer::Open(at) = answer
                    && at.is_none_or(|at| now < at)
                {
                    state.decided = false;
                    state.look_again_at = earliest(state.look_again_at, at);
                }
            }
        }
        state
    }

    fn unsteady(&self) -> Option<Unsteady> {
        match (self.steady, self.reverting, self.applied) {
            (Some(_), _, _) => None,
            (None, None, _) => Some(Unsteady::CutOff),
            (None, Some(_), None) => Some(Unsteady::NotApplied),
            (None, Some(_), Some(_)) => Some(Unsteady::NeverReached),
        }
    }

    /// Verdicts from the records so far; an open expectation is inconclusive.
    pub fn judgement(&mut self, timeline: &Timeline, now: Micros) -> Judgement {
        self.catch_up(timeline);
        let now = self.reverting.map_or(now, |reverting| reverting.min(now));
        let each = self.steps.iter_mut().zip(&self.experiment.steps);
        let steps: Vec<StepJudgement> = each
            .enumerate()
            .map(|(step, (progress, said))| {
                let unreached = missed(self.reach.of_step(step, &self.view, now));
                progress.judgement(said, &self.view, now, unreached)
            })
            .collect();
        let (missing, causes) = match self.steady {
            Some(_) => (Vec::new(), Vec::new()),
            None => (
                steady::missing(&self.requirements, &self.view),
                obstacles(timeline),
            ),
        };
        let unsteady = self.unsteady();
        Judgement {
            verdict: Judgement::overall(unsteady, &steps),
            steady: self.steady,
            unsteady,
            missing,
            causes,
            steps,
        }
    }
}

/// A sentence for each flip that no request of its probe reached.
fn missed(flips: Vec<Reached>) -> Vec<String> {
    let missed = flips.into_iter().filter_map(|flip| match flip {
        Reached::Missed(what) => Some(what),
        Reached::NotMissed | Reached::Open(_) => None,
    });
    missed.collect()
}

fn earliest(known: Option<Micros>, other: Option<Micros>) -> Option<Micros> {
    known.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests;
