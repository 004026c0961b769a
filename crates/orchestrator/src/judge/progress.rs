//! Progress of one step: its times, the state of its expectations, and its judgement.

use super::expectation_state::ExpectationState;
use super::expected_text;
use super::verdict::{Answer, Finding, StepJudgement, Verdict};
use super::window::{Lasting, Window, window};
use crate::input::experiment::{Expectation, Operator, Step};
use crate::timeline::Micros;
use crate::timeline::snapshot::{Snapshot, StepTimes};

/// The state of a step so far.
#[derive(Debug, Default)]
pub(super) struct StepProgress {
    /// All are none if the timeline's step is not the experiment's.
    pub(super) times: StepTimes,
    /// One entry for each expectation, from the step's start on.
    pub(super) states: Vec<ExpectationState>,
}

impl StepProgress {
    pub(super) fn new(times: StepTimes, states: Vec<ExpectationState>) -> Self {
        Self { times, states }
    }

    /// Takes the times of the step after its start. When its first action is sent, each expectation
    /// notes whether it was true before.
    pub(super) fn proceed(&mut self, times: StepTimes) {
        if self.times.started.is_none() {
            return;
        }
        if self.times.sent.is_none() && times.sent.is_some() {
            self.states.iter_mut().for_each(ExpectationState::sending);
        }
        self.times = times;
    }

    /// The answer to each expectation; empty until the step's action is acknowledged.
    pub(super) fn answers<'e>(
        &mut self,
        expectations: &'e [Expectation],
        snapshot: &Snapshot,
        now: Micros,
    ) -> Vec<(&'e Expectation, Answer)> {
        let times = self.times;
        let known = times.ended.unwrap_or(now);
        let mut answers = Vec::new();
        for (expectation, state) in expectations.iter().zip(&mut self.states) {
            let operator = &expectation.operator;
            if let Some(window) = window(&times, operator) {
                let answer = state.answer(operator, window, snapshot, known, now);
                answers.push((expectation, answer));
            }
        }
        answers
    }

    /// When the operator's `for` ends, if it has one.
    pub(super) fn lasts_until(&self, operator: &Operator) -> Option<Micros> {
        match window(&self.times, operator) {
            Some(Window::Lasting(Lasting { to, .. })) if operator.ends() => to,
            _ => None,
        }
    }

    /// The step's judgement. An open expectation is inconclusive; all are if a flip was not
    /// reached.
    pub(super) fn judgement(
        &mut self,
        step: &Step,
        snapshot: &Snapshot,
        now: Micros,
        unreached: Vec<String>,
    ) -> StepJudgement {
        let answers = self.answers(&step.expect, snapshot, now);
        let mut findings: Vec<Finding> = Vec::new();
        for ((expectation, answer), state) in answers.into_iter().zip(&self.states) {
            findings.push(self.finding(expectation, answer, state, snapshot));
        }
        if findings.is_empty() {
            findings = step.expect.iter().map(never_ran).collect();
        }
        if !unreached.is_empty() {
            findings.iter_mut().for_each(in_doubt);
        }
        StepJudgement {
            name: step.name.value.clone(),
            acknowledged: self.times.acknowledged,
            ended: self.times.ended,
            verdict: findings.iter().filter_map(|finding| finding.verdict).max(),
            unreached,
            findings,
        }
    }

    fn finding(
        &self,
        expectation: &Expectation,
        answer: Answer,
        state: &ExpectationState,
        snapshot: &Snapshot,
    ) -> Finding {
        let times = &self.times;
        let zero = times.acknowledged.unwrap_or_default();
        let whole = Lasting {
            from: times.sent.unwrap_or(zero),
            to: times.ended,
        };
        let history = state.history(&whole, zero, snapshot);
        let operator = &expectation.operator;
        let window = window(times, operator);
        let breach = window.and_then(|window| state.first_breach(operator, window, snapshot));
        let already_true = match (&answer, window) {
            (Answer::Pass(Some(at)), Some(Window::Becoming(window))) => {
                state.was_true_before(&window, *at, snapshot)
            }
            _ => false,
        };
        let (verdict, at, why) = match answer {
            Answer::Pass(at) if already_true => {
                let why = "already true when its time began".to_owned();
                (Verdict::Pass, at, Some(why))
            }
            Answer::Pass(at) => (Verdict::Pass, at, None),
            Answer::Fail(why) => (Verdict::Fail, breach, Some(why)),
            Answer::Unknown(why) => (Verdict::Inconclusive, None, Some(why)),
            Answer::Open(_) => {
                let why = "the record ends before this is decided".to_owned();
                (Verdict::Inconclusive, None, Some(why))
            }
        };
        let seen = why.map_or(history.clone(), |why| format!("{why}: {history}"));
        Finding {
            verdict: Some(verdict),
            at,
            already_true,
            seen,
            ..never_ran(expectation)
        }
    }
}

/// Makes a finding inconclusive: the flip was not reached, so it cannot be the cause of what was
/// observed.
fn in_doubt(finding: &mut Finding) {
    if finding.observed || finding.verdict.is_none() {
        return;
    }
    finding.verdict = Some(Verdict::Inconclusive);
    finding.already_true = false;
    finding.seen = format!("a flip of this step was not reached: {}", finding.seen);
}

fn never_ran(expectation: &Expectation) -> Finding {
    let operator = &expectation.operator;
    Finding {
        id: expectation.id.value.clone(),
        observed: matches!(operator, Operator::Observe { .. }),
        expected: format!(
            "{}, {}",
            expected_text::condition(&expectation.claim),
            expected_text::operator(operator)
        ),
        verdict: None,
        at: None,
        already_true: false,
        seen: String::new(),
    }
}
