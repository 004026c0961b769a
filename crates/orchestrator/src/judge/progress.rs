//! Progress of one step: its times, the state of its expectations, and its judgement.

use super::expectation_state::ExpectationState;
use super::expected_text;
use super::recorded_action::RecordedAction;
use super::verdict::{Answer, Finding, StepJudgement, Verdict};
use super::window::{Beginning, Lasting, Window, window};
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
    pub(super) recorded: RecordedAction,
}

impl StepProgress {
    pub(super) fn new(times: StepTimes, states: Vec<ExpectationState>) -> Self {
        Self {
            times,
            states,
            recorded: RecordedAction::default(),
        }
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

    /// The answer to each expectation, in the experiment's order; empty until the step's action is
    /// acknowledged.
    pub(super) fn answers<'e>(
        &mut self,
        expectations: &'e [Expectation],
        snapshot: &Snapshot,
        now: Micros,
    ) -> Vec<Answered<'e>> {
        let times = self.times;
        let Some(of_step) = Beginning::of_step(&times).filter(|_| !self.states.is_empty()) else {
            return Vec::new();
        };
        let known = times.ended.unwrap_or(now);
        let mut answers: Vec<Option<Answered<'e>>> = expectations.iter().map(|_| None).collect();
        for index in in_order(expectations) {
            let expectation = &expectations[index];
            let first = expectation.after.as_ref().and_then(|after| {
                let mut answers = answers.iter().flatten();
                answers.find(|first| first.expectation.id.value == after.value)
            });
            let beginning = first.map_or(Ok(of_step), Answered::beginning);
            let (window, answer) = match beginning {
                Ok(beginning) => {
                    let operator = &expectation.operator;
                    let window = window(beginning, times.ended, operator);
                    let state = &mut self.states[index];
                    let answer = state.answer(operator, window, snapshot, known, now);
                    (Some(window), answer)
                }
                Err(answer) => (None, answer),
            };
            answers[index] = Some(Answered {
                expectation,
                window,
                answer,
            });
        }
        answers.into_iter().flatten().collect()
    }

    /// The step's judgement. An open expectation is inconclusive; all are if a flip was not
    /// reached, or if another action was recorded.
    pub(super) fn judgement(
        &mut self,
        step: &Step,
        snapshot: &Snapshot,
        now: Micros,
        unreached: Vec<String>,
    ) -> StepJudgement {
        let answers = self.answers(&step.expect, snapshot, now);
        let mut findings: Vec<Finding> = Vec::new();
        for (answered, state) in answers.into_iter().zip(&self.states) {
            findings.push(self.finding(answered, state, snapshot));
        }
        if findings.is_empty() {
            findings = step.expect.iter().map(never_ran).collect();
        }
        let other_action = self.recorded.other_than(&step.action);
        let doubt = if unreached.is_empty() {
            other_action.clone()
        } else {
            Some("a flip of this step was not reached".to_owned())
        };
        for finding in &mut findings {
            in_doubt(finding, doubt.as_deref());
        }
        let verdict = self.verdict(&findings);
        // Even if nothing but observations was asked for.
        let verdict = match doubt {
            None => verdict,
            Some(_) => verdict.max(Some(Verdict::Inconclusive)),
        };
        StepJudgement {
            name: step.name.value.clone(),
            acknowledged: self.times.acknowledged,
            ended: self.times.ended,
            verdict,
            unreached,
            other_action,
            findings,
            chain: None,
        }
    }

    /// The worst verdict of the findings. Without any, waiting to the end is all there is to do.
    fn verdict(&self, findings: &[Finding]) -> Option<Verdict> {
        if findings.is_empty() {
            return self.times.acknowledged.map(|_| match self.times.ended {
                Some(_) => Verdict::Pass,
                None => Verdict::Inconclusive,
            });
        }
        findings.iter().filter_map(|finding| finding.verdict).max()
    }

    fn finding(
        &self,
        answered: Answered<'_>,
        state: &ExpectationState,
        snapshot: &Snapshot,
    ) -> Finding {
        let Answered {
            expectation,
            window,
            answer,
        } = answered;
        let times = &self.times;
        let zero = times.acknowledged.unwrap_or_default();
        let whole = Lasting {
            from: times.sent.unwrap_or(zero),
            to: times.ended,
        };
        let history = state.history(&whole, zero, snapshot);
        let operator = &expectation.operator;
        let counted = match window {
            Some(Window::Lasting(window)) => window,
            Some(Window::Becoming(_)) | None => whole,
        };
        let requests = state.request_counts(&counted, snapshot);
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
            window,
            verdict: Some(verdict),
            at,
            already_true,
            seen,
            requests,
            ..never_ran(expectation)
        }
    }
}

/// An expectation with its answer and its time window.
pub(super) struct Answered<'e> {
    pub(super) expectation: &'e Expectation,
    /// None while its time has not begun.
    window: Option<Window>,
    pub(super) answer: Answer,
}

impl Answered<'_> {
    /// When the operator's `for` ends, if it has one and its time has begun.
    pub(super) fn lasts_until(&self) -> Option<Micros> {
        match self.window {
            Some(Window::Lasting(Lasting { to, .. })) if self.expectation.operator.ends() => to,
            _ => None,
        }
    }

    /// When the time of an expectation after this one begins, or its answer if it has not begun.
    fn beginning(&self) -> Result<Beginning, Answer> {
        let id = &self.expectation.id.value;
        match self.answer {
            Answer::Pass(Some(at)) => Ok(Beginning::following(at)),
            // Without its `hold` it is not known yet since when it is true.
            Answer::Open(at) => Err(Answer::Open(at)),
            Answer::Pass(None) | Answer::Fail(_) | Answer::Unknown(_) => Err(Answer::Unknown(
                format!("its time did not begin, as `{id}` did not become true"),
            )),
        }
    }
}

/// The indices of the expectations, each later than the one that begins its time.
fn in_order(expectations: &[Expectation]) -> Vec<usize> {
    let first = |index: usize| {
        let after = expectations[index].after.as_ref()?;
        let mut ids = expectations.iter().map(|expectation| &expectation.id.value);
        ids.position(|id| *id == after.value)
    };
    // `input::load` refuses circles, so every chain ends.
    let depth = |index: usize| std::iter::successors(first(index), |next| first(*next)).count();
    let mut order: Vec<usize> = (0..expectations.len()).collect();
    order.sort_by_key(|index| depth(*index));
    order
}

/// Makes a finding inconclusive if there is a doubt about the step's action: it cannot be the cause
/// of what was observed.
fn in_doubt(finding: &mut Finding, doubt: Option<&str>) {
    let Some(doubt) = doubt.filter(|_| !finding.observed && finding.verdict.is_some()) else {
        return;
    };
    finding.verdict = Some(Verdict::Inconclusive);
    finding.already_true = false;
    finding.seen = format!("{doubt}: {}", finding.seen);
}

fn never_ran(expectation: &Expectation) -> Finding {
    let operator = &expectation.operator;
    Finding {
        id: expectation.id.value.clone(),
        observed: matches!(operator, Operator::Observe { .. }),
        expected: expected_text::expectation(expectation),
        window: None,
        verdict: None,
        at: None,
        already_true: false,
        seen: String::new(),
        requests: Vec::new(),
    }
}
