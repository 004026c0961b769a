//! Progress of one step: its times, the state of its expectations, and its judgement.

use super::expectation_state::ExpectationState;
use super::expected_text;
use super::verdict::{Answer, Finding, StepJudgement, Verdict};
use super::window::{Lasting, Times, Window};
use crate::input::experiment::{Expectation, Operator, Step};
use crate::timeline::Micros;
use crate::timeline::view::View;

/// The state of a step so far.
#[derive(Debug, Default)]
pub(super) struct StepProgress {
    pub(super) times: Times,
    /// One entry for each expectation, from the step's start on.
    pub(super) tracked: Vec<ExpectationState>,
}

impl StepProgress {
    /// The answer to each expectation; empty until the step's action is acknowledged.
    pub(super) fn answers<'e>(
        &mut self,
        expectations: &'e [Expectation],
        view: &View,
        now: Micros,
    ) -> Vec<(&'e Expectation, Answer)> {
        let times = self.times;
        let known = times.ended.unwrap_or(now);
        let mut answers = Vec::new();
        for (said, tracked) in expectations.iter().zip(&mut self.tracked) {
            if let Some(window) = times.window(&said.operator) {
                answers.push((
                    said,
                    tracked.answer(&said.operator, window, view, known, now),
                ));
            }
        }
        answers
    }

    /// Records that an action of the step is about to be sent. Only the first call counts.
    pub(super) fn sending(&mut self, at: Micros) {
        if self.times.sent.is_none() {
            self.times.sent = Some(at);
            self.tracked.iter_mut().for_each(ExpectationState::sending);
        }
    }

    /// When the operator's `for` ends, if it has one.
    pub(super) fn lasts_until(&self, operator: &Operator) -> Option<Micros> {
        match self.times.window(operator) {
            Some(Window::Lasting(Lasting { to, .. })) if operator.ends() => to,
            _ => None,
        }
    }

    /// The step's judgement. An open expectation is inconclusive; all are if a flip was not
    /// reached.
    pub(super) fn judgement(
        &mut self,
        said: &Step,
        view: &View,
        now: Micros,
        unreached: Vec<String>,
    ) -> StepJudgement {
        let answers = self.answers(&said.expect, view, now);
        let mut findings: Vec<Finding> = Vec::new();
        for ((said, answer), tracked) in answers.into_iter().zip(&self.tracked) {
            findings.push(self.finding(said, answer, tracked, view));
        }
        if findings.is_empty() {
            findings = said.expect.iter().map(never_ran).collect();
        }
        if !unreached.is_empty() {
            findings.iter_mut().for_each(in_doubt);
        }
        StepJudgement {
            name: said.name.value.clone(),
            acknowledged: self.times.acknowledged,
            ended: self.times.ended,
            verdict: findings.iter().filter_map(|finding| finding.verdict).max(),
            unreached,
            findings,
        }
    }

    fn finding(
        &self,
        said: &Expectation,
        answer: Answer,
        tracked: &ExpectationState,
        view: &View,
    ) -> Finding {
        let times = &self.times;
        let zero = times.acknowledged.unwrap_or_default();
        let whole = Lasting {
            from: times.sent.unwrap_or(zero),
            to: times.ended,
        };
        let story = tracked.story(&whole, zero, view);
        let window = times.window(&said.operator);
        let breach = window.and_then(|window| tracked.first_breach(&said.operator, window, view));
        let already_true = match (&answer, window) {
            (Answer::Pass(Some(at)), Some(Window::Becoming(window))) => {
                tracked.was_true_before(&window, *at, view)
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
        let seen = why.map_or(story.clone(), |why| format!("{why}: {story}"));
        Finding {
            verdict: Some(verdict),
            at,
            already_true,
            seen,
            ..never_ran(said)
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

fn never_ran(said: &Expectation) -> Finding {
    let (claim, operator) = (
        expected_text::claim(&said.claim),
        expected_text::operator(&said.operator),
    );
    Finding {
        id: said.id.value.clone(),
        observed: matches!(said.operator, Operator::Observe { .. }),
        expected: format!("{claim}, {operator}"),
        verdict: None,
        at: None,
        already_true: false,
        seen: String::new(),
    }
}
