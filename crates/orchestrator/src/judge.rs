//! The judge: evaluates an experiment's expectations against a timeline and returns verdicts.
//!
//! The judge is pure, and the same online and offline. It takes records one by one and keeps only
//! what it derives from them. At any time it can say what is decided and when to ask again. It
//! never waits, and asking it does not change its result.

mod baseline;
mod chain;
mod evaluate;
mod expectation_state;
mod expected_text;
pub(crate) mod first_failure;
mod measures;
mod object_operators;
mod observed_text;
pub(crate) mod obstacles;
mod outage;
mod pod_evaluations;
mod progress;
mod reach;
mod recorded_action;
mod request_counts;
mod shortfall;
mod steady;
mod trace;
mod traffic_budget;
mod traffic_operators;
mod verdict;
mod window;

pub(crate) use chain::Chain;
pub(crate) use request_counts::RequestCounts;
pub(crate) use steady::SteadyState;
pub(crate) use verdict::{Finding, Judgement, MeasureJudgement, StepJudgement, Unsteady, Verdict};
pub(crate) use window::{Becoming, Lasting, Window};

use crate::input::experiment::{Action, Experiment, ObjectRef};
use crate::judge::obstacles::obstacles;
use crate::timeline::snapshot::Snapshot;
use crate::timeline::{BoundPod, Change, Micros, Record, Timeline, WatchedObject, What};
use chain::Effects;
use expectation_state::ExpectationState;
use measures::MeasureState;
use progress::{Answered, StepProgress};
use reach::{Reach, Reached};
use verdict::Answer;

/// Follows one experiment through its timeline.
#[derive(Debug)]
pub(crate) struct Judge {
    experiment: Experiment,
    snapshot: Snapshot,
    requirements: Vec<ExpectationState>,
    steps: Vec<StepProgress>,
    /// One entry for each measure, from the first step's start on.
    measures: Vec<MeasureState>,
    effects: Effects,
    reach: Reach,
}

/// Progress of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepState {
    /// Every `eventually` is decided and every `for` has passed: the step can end.
    pub(crate) decided: bool,
    /// An expectation has failed; later steps do not run.
    pub(crate) failed: bool,
    /// When to ask again, if nothing is recorded before.
    pub(crate) look_again_at: Option<Micros>,
}

impl StepState {
    /// Every expectation of the step is met.
    const DECIDED: Self = Self {
        decided: true,
        failed: false,
        look_again_at: None,
    };
}

/// Judges a whole timeline.
pub(crate) fn judge(experiment: &Experiment, timeline: &Timeline) -> Judgement {
    let mut judge = Judge::new(experiment);
    judge.catch_up(timeline);
    judge.judgement(timeline, timeline.last())
}

impl Judge {
    /// A judge that has taken no record yet.
    pub(crate) fn new(experiment: &Experiment) -> Self {
        Self {
            experiment: experiment.clone(),
            snapshot: Snapshot::new(&experiment.traffic),
            requirements: Vec::new(),
            steps: experiment
                .steps
                .iter()
                .map(|_| StepProgress::default())
                .collect(),
            measures: Vec::new(),
            effects: Effects::default(),
            reach: Reach::default(),
        }
    }

    /// Takes the records added since the last call. The timeline must be the same one each time.
    pub(crate) fn catch_up(&mut self, timeline: &Timeline) {
        for record in self.snapshot.untaken(timeline) {
            self.take(record);
        }
    }

    /// The state of the timeline as far as it has been taken.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The Pods that a subject selects, by name: those it is bound to, else those that belong to it
    /// now.
    pub(crate) fn pods(&self, subject: &ObjectRef) -> Vec<BoundPod> {
        let pods = self
            .snapshot
            .pods(subject)
            .into_iter()
            .map(|pod| match pod {
                Ok(facts) => BoundPod {
                    name: facts.name.clone(),
                    uid: facts.uid.clone(),
                },
                Err(bound) => bound.clone(),
            });
        pods.collect()
    }

    fn take(&mut self, record: &Record) {
        let changed = self.snapshot.take(record);
        self.reach.take(record, &self.snapshot);
        self.effects.take(record, &self.snapshot);
        match &record.what {
            What::Applied => {
                let conditions = self.experiment.steady_state.require.iter();
                self.requirements = conditions
                    .map(|condition| ExpectationState::new(condition, &self.snapshot, record.at))
                    .collect();
            }
            What::StepStart { step, name, .. } => self.start(*step, name, record.at),
            What::Sending { step } | What::Acknowledged { step, .. } | What::StepEnd { step } => {
                if let Some(progress) = self.steps.get_mut(*step) {
                    progress.proceed(self.snapshot.step_times(*step));
                }
            }
            _ => {}
        }
        let step = match &record.what {
            What::StepStart { step, .. } | What::Acknowledged { step, .. } => Some(*step),
            What::Flip(_) => self.snapshot.flips().last().map(|flip| flip.step),
            _ => None,
        };
        if let Some(progress) = step.and_then(|step| self.steps.get_mut(step)) {
            progress.recorded.take(&record.what);
        }
        if let (Some((change, object)), None) = (changed, self.snapshot.reverting) {
            self.changed(change, object, record.at);
        }
    }

    // A timeline recorded with another version of the experiment may have other steps. They are
    // ignored.
    fn start(&mut self, number: usize, name: &str, at: Micros) {
        let step = self.experiment.steps.get(number);
        let Some(step) = step.filter(|step| step.name.value == name) else {
            return;
        };
        let conditions = step.expect.iter().map(|expectation| &expectation.claim);
        let state = conditions
            .map(|condition| ExpectationState::new(condition, &self.snapshot, at))
            .collect();
        self.steps[number] = StepProgress::new(self.snapshot.step_times(number), state);
        if self.measures.is_empty() {
            let measures = self.experiment.measures.iter();
            self.measures = measures
                .map(|measure| MeasureState::new(measure, &self.snapshot, at))
                .collect();
        }
    }

    fn changed(&mut self, change: Change, object: &WatchedObject, at: Micros) {
        if self.snapshot.steady.is_none() {
            self.requirements
                .iter_mut()
                .for_each(|state| state.changed(change, object, &self.snapshot, at));
        }
        for measure in &mut self.measures {
            measure.changed(change, object, &self.snapshot, at);
        }
        for progress in self
            .steps
            .iter_mut()
            .filter(|progress| progress.times.ended.is_none())
        {
            progress
                .states
                .iter_mut()
                .for_each(|state| state.changed(change, object, &self.snapshot, at));
        }
    }

    /// Progress towards the steady state, given that everything up to `now` has been recorded.
    pub(crate) fn steady_state(&mut self, timeline: &Timeline, now: Micros) -> SteadyState {
        self.catch_up(timeline);
        let Some(applied) = self.snapshot.applied else {
            return SteadyState::Waiting {
                look_again_at: None,
            };
        };
        steady::steady_state(
            &self.experiment.steady_state,
            &self.requirements,
            &self.snapshot,
            applied,
            now,
        )
    }

    /// Progress of a step, given that everything up to `now` has been recorded.
    pub(crate) fn step(&mut self, timeline: &Timeline, step: usize, now: Micros) -> StepState {
        self.catch_up(timeline);
        let mut state = StepState::DECIDED;
        let expectations = self
            .experiment
            .steps
            .get(step)
            .map_or(&[][..], |step| &step.expect);
        let wait = match self.experiment.steps.get(step).map(|step| &step.action) {
            Some(Action::Wait(wait)) => Some(*wait),
            _ => None,
        };
        let Some(progress) = self.steps.get_mut(step) else {
            return state;
        };
        if progress.times.acknowledged.is_none() {
            return StepState {
                decided: false,
                ..state
            };
        }
        if let Some(over) = wait.and_then(|wait| Some(progress.times.acknowledged? + wait))
            && now < over
        {
            state.decided = false;
            state.look_again_at = Some(over);
        }
        for answered in progress.answers(expectations, &self.snapshot, now) {
            state.failed |= matches!(answered.answer, Answer::Fail(_));
            let waits_for = match (&answered.answer, answered.lasts_until()) {
                (_, Some(end)) if now < end => Some(Some(end)),
                (Answer::Open(at), None) if answered.expectation.operator.ends() => Some(*at),
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
    pub(crate) fn settled(&mut self, timeline: &Timeline, now: Micros) -> StepState {
        self.catch_up(timeline);
        let mut state = StepState::DECIDED;
        let each = self.steps.iter_mut().zip(&self.experiment.steps);
        for (number, (progress, step)) in each.enumerate() {
            let reached = self.reach.of_step(number, &self.snapshot, now);
            for flip in &reached {
                if let Reached::Open(at) = flip {
                    state.decided = false;
                    state.look_again_at = earliest(state.look_again_at, Some(*at));
                }
            }
            let missed = missed(reached);
            for Answered { answer, .. } in progress.answers(&step.expect, &self.snapshot, now) {
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
        let measures = &self.experiment.measures;
        let awaited = measures::awaited(measures, &self.snapshot, self.steps.len());
        if let Some(at) = awaited.filter(|at| now < *at) {
            state.decided = false;
            state.look_again_at = earliest(state.look_again_at, Some(at));
        }
        state
    }

    fn unsteady(&self) -> Option<Unsteady> {
        let Snapshot {
            steady,
            reverting,
            applied,
            interrupted,
            ..
        } = self.snapshot;
        match (steady, reverting, applied) {
            (Some(_), _, _) => None,
            (None, None, _) => Some(Unsteady::CutOff),
            _ if interrupted => Some(Unsteady::CutOff),
            (None, Some(_), None) => Some(Unsteady::NotApplied),
            (None, Some(_), Some(_)) => Some(Unsteady::NeverReached),
        }
    }

    /// Verdicts from the records so far; an open expectation is inconclusive.
    pub(crate) fn judgement(&mut self, timeline: &Timeline, now: Micros) -> Judgement {
        self.catch_up(timeline);
        let reverting = self.snapshot.reverting;
        let now = reverting.map_or(now, |reverting| reverting.min(now));
        let each = self.steps.iter_mut().zip(&self.experiment.steps);
        let mut steps: Vec<StepJudgement> = each
            .enumerate()
            .map(|(number, (progress, step))| {
                let unreached = missed(self.reach.of_step(number, &self.snapshot, now));
                progress.judgement(step, &self.snapshot, now, unreached)
            })
            .collect();
        let (missing, causes) = match self.snapshot.steady {
            Some(_) => (Vec::new(), Vec::new()),
            None => (
                steady::missing(&self.requirements, &self.snapshot),
                obstacles(timeline),
            ),
        };
        let unsteady = self.unsteady();
        let measures: Vec<MeasureJudgement> = self.measured(&steps, now);
        let chains = self.effects.chains(steps.len(), &self.snapshot);
        for (step, chain) in steps.iter_mut().zip(chains) {
            step.chain = chain;
        }
        Judgement {
            verdict: Judgement::overall(unsteady, &steps, &measures),
            steady: self.snapshot.steady,
            unsteady,
            missing,
            causes,
            steps,
            measures,
        }
    }
}

impl Judge {
    /// The judgement of each measure; without times before the first step.
    fn measured(&self, steps: &[StepJudgement], now: Micros) -> Vec<MeasureJudgement> {
        let (before, experiment) = (MeasureState::default(), &self.experiment);
        let states = self.measures.iter().chain(std::iter::repeat(&before));
        let each = experiment.measures.iter().zip(states);
        each.map(|(measure, state)| {
            state.judgement(measure, experiment, steps, &self.snapshot, now)
        })
        .collect()
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
