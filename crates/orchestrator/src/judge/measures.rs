//! Measures: the time between two marks of the timeline, and its verdict.

use super::expectation_state::ExpectationState;
use super::expected_text;
use super::outage::Outage;
use super::shortfall::Shortfall;
use super::traffic_operators::RECORDS_TIMEOUT;
use super::verdict::{MeasureJudgement, StepJudgement, Verdict};
use crate::input::experiment::{Experiment, Mark, Measure, RequestOutcome, TrafficThat};
use crate::timeline::snapshot::Snapshot;
use crate::timeline::{Change, Micros, WatchedObject};

/// The conditions of the marks of one measure, followed from the first step on.
#[derive(Debug, Default)]
pub(super) struct MeasureState {
    from: Option<ExpectationState>,
    to: Option<ExpectationState>,
}

/// A time on the timeline in microseconds, and its maximum error.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: i64,
    error: i64,
}

impl MeasureState {
    /// Starts to follow the conditions of a measure's marks.
    pub(super) fn new(measure: &Measure, snapshot: &Snapshot, at: Micros) -> Self {
        let state = |mark: &Mark| match mark {
            Mark::Change(condition) => Some(ExpectationState::new(condition, snapshot, at)),
            _ => None,
        };
        Self {
            from: state(&measure.from),
            to: state(&measure.to),
        }
    }

    /// Evaluates the conditions again that depend on this object.
    pub(super) fn changed(
        &mut self,
        change: Change,
        object: &WatchedObject,
        snapshot: &Snapshot,
        at: Micros,
    ) {
        for state in self.from.iter_mut().chain(&mut self.to) {
            state.changed(change, object, snapshot, at);
        }
    }

    /// The time between the marks, from the judged steps and the requests.
    pub(super) fn judgement(
        &self,
        measure: &Measure,
        experiment: &Experiment,
        steps: &[StepJudgement],
        snapshot: &Snapshot,
        now: Micros,
    ) -> MeasureJudgement {
        let text = |mark: &Mark| mark_text(mark, experiment);
        let mut judged = MeasureJudgement {
            name: measure.name.value.clone(),
            from: text(&measure.from),
            to: text(&measure.to),
            took: None,
            at_most: measure.at_most.map(Micros::from),
            verdict: None,
            why: None,
        };
        let Some(start) = snapshot.step_times(0).sent else {
            return judged;
        };
        if steps.iter().any(|step| !step.unreached.is_empty()) {
            let why = "a flip was not reached".to_owned();
            return judged.with(Verdict::Inconclusive, why);
        }
        if let Some(why) = steps.iter().find_map(|step| step.other_action.clone()) {
            return judged.with(Verdict::Inconclusive, why);
        }
        let marks = Marks { steps, snapshot };
        let from = marks.seen(&measure.from, self.from.as_ref(), start.signed());
        let Some(from) = from else {
            let why = format!("{} was not seen", judged.from);
            let requests = requests_of(&measure.from, snapshot, start.signed(), steps.len());
            let (verdict, why) = requests.unwrap_or((Verdict::Inconclusive, why));
            return judged.with(verdict, why);
        };
        let Some(to) = marks.end(measure, self.to.as_ref(), from) else {
            let least = Micros::from_signed(now.signed() - from.at - from.error);
            let late = judged.at_most.is_some_and(|most| least > most);
            let known = self.hidden(snapshot, start, now).is_none() && !marks.is_open(&measure.to);
            let verdict = if late && known {
                Verdict::Fail
            } else {
                Verdict::Inconclusive
            };
            let why = format!("{} was not seen in {least} s", judged.to);
            let requests = requests_of(&measure.to, snapshot, from.at, steps.len());
            let (verdict, why) = requests.unwrap_or((verdict, why));
            return judged.with(verdict, why);
        };
        if let Some(why) = unsent_or_lost(measure, snapshot, from.at, to.at) {
            return judged.with(Verdict::Inconclusive, why);
        }
        if to.at < from.at {
            let why = format!(
                "{} was seen {} s earlier",
                judged.to,
                Micros::from_signed(from.at - to.at)
            );
            return judged.with(Verdict::Inconclusive, why);
        }
        let took = to.at - from.at;
        judged.took = Some(Micros::from_signed(took));
        if let Some(kind) = self.hidden(snapshot, start, Micros::from_signed(to.at)) {
            let why = format!("changes of {kind} objects were missed meanwhile");
            return judged.with(Verdict::Inconclusive, why);
        }
        let Some(most) = judged.at_most else {
            return judged;
        };
        // Times of one client have one error, which a difference does not have.
        let error =
            if measure.from.client().is_some() && measure.from.client() == measure.to.client() {
                0
            } else {
                from.error + to.error
            };
        match (took - error > most.signed(), took + error > most.signed()) {
            (true, _) => judged.verdict = Some(Verdict::Fail),
            (false, false) => judged.verdict = Some(Verdict::Pass),
            (false, true) => {
                let error = (error + 500) / 1000;
                let why = format!("the times of requests are known to {error} ms only");
                return judged.with(Verdict::Inconclusive, why);
            }
        }
        judged
    }

    /// The kind of objects whose changes were missed in this time, if a mark depends on them.
    fn hidden(&self, snapshot: &Snapshot, from: Micros, to: Micros) -> Option<String> {
        let states = self.from.iter().chain(&self.to);
        let mut gaps = states.flat_map(|state| state.gaps(snapshot));
        gaps.find(|gap| gap.from <= to && from <= gap.to)
            .map(|gap| gap.kind.clone())
    }
}

/// What the times of marks are read from.
struct Marks<'a> {
    steps: &'a [StepJudgement],
    snapshot: &'a Snapshot,
}

impl Marks<'_> {
    /// When a mark was seen: a change or a request at `after` or later.
    fn seen(&self, mark: &Mark, state: Option<&ExpectationState>, after: i64) -> Option<Seen> {
        let exactly = |at: Micros| Seen {
            at: at.signed(),
            error: 0,
        };
        match mark {
            Mark::Step(step) => self.steps.get(*step)?.acknowledged.map(exactly),
            Mark::Expectation { step, index } => {
                let finding = self.steps.get(*step)?.findings.get(*index)?;
                let clients = finding.requests.iter();
                let errors =
                    clients.filter_map(|counts| self.snapshot.client(&counts.client)?.error());
                Some(Seen {
                    at: finding.at?.signed(),
                    error: errors.max().unwrap_or(0),
                })
            }
            Mark::Change(_) => {
                let changes = state?.became_true();
                changes
                    .into_iter()
                    .find(|at| at.signed() >= after)
                    .map(exactly)
            }
            Mark::FirstFailed(client) => self.request(client, after, |outage| Some(outage.first)),
            Mark::LastFailed(client) => self.request(client, after, |outage| outage.last),
            Mark::Recovered(client) => self.request(client, after, |outage| outage.recovery),
        }
    }

    /// When the second mark of a measure was seen. The effects of a step may be seen before its
    /// last target has acknowledged the flip; they count as seen then.
    fn end(&self, measure: &Measure, state: Option<&ExpectationState>, from: Seen) -> Option<Seen> {
        let (Mark::Step(step), false) = (&measure.from, matches!(measure.to, Mark::Step(_))) else {
            return self.seen(&measure.to, state, from.at);
        };
        let sent = self.snapshot.step_times(*step).sent.map(Micros::signed);
        let to = self.seen(&measure.to, state, sent.unwrap_or(from.at))?;
        let at = to.at.max(from.at);
        Some(Seen { at, ..to })
    }

    /// Whether it is not known if an expectation was met.
    fn is_open(&self, mark: &Mark) -> bool {
        let Mark::Expectation { step, index } = mark else {
            return false;
        };
        let step = self.steps.get(*step);
        let finding = step.and_then(|step| step.findings.get(*index));
        finding.is_none_or(|finding| finding.verdict != Some(Verdict::Fail))
    }

    fn request(&self, client: &str, after: i64, which: fn(&Outage) -> Option<i64>) -> Option<Seen> {
        let client = self.snapshot.client(client)?;
        let outage = Outage::of(client.between(after, client.frontier()?))?;
        Some(Seen {
            at: which(&outage)?,
            error: client.error().unwrap_or(0),
        })
    }
}

/// The verdict if none of the requests that a mark waits for failed from `start` to the end of the
/// last step, or if that is not known or too few were sent, and why. None if one failed, or if the
/// mark waits for no request.
fn requests_of(
    mark: &Mark,
    snapshot: &Snapshot,
    start: i64,
    steps: usize,
) -> Option<(Verdict, String)> {
    let name = mark.client()?;
    let unknown = || {
        let why = format!("not all requests of {name} became known");
        (Verdict::Inconclusive, why)
    };
    let (Some(client), Some(end)) = (snapshot.client(name), last_end(snapshot, steps)) else {
        return Some(unknown());
    };
    let end = end.signed();
    if let Some(shortfall) = Shortfall::of(name, client, start, end) {
        return Some((Verdict::Inconclusive, shortfall.to_string()));
    }
    let mut sent = client.between(start, client.frontier());
    if sent.any(|sent| sent.outcome != RequestOutcome::Ok) {
        return None;
    }
    if !client.is_known_until(end) || client.may_have_lost(start, end) {
        return Some(unknown());
    }
    let (sent, needed) = (client.count(start, end), TrafficThat::MIN_REQUESTS);
    Some(if sent < needed {
        let why = format!("only {sent} requests of {name} were sent, of at least {needed}");
        (Verdict::Inconclusive, why)
    } else {
        (Verdict::Pass, format!("no request of {name} failed"))
    })
}

/// Why requests that a measure depends on are not known in this time, if they are not.
fn unsent_or_lost(measure: &Measure, snapshot: &Snapshot, from: i64, to: i64) -> Option<String> {
    let marks = [&measure.from, &measure.to].into_iter();
    let mut names = marks.filter_map(|mark| mark.client());
    names.find_map(|name| {
        let client = snapshot.client(name)?;
        if client.may_have_lost(from, to) {
            return Some("records of requests were lost meanwhile".to_owned());
        }
        Shortfall::of(name, client, from, to).map(|shortfall| shortfall.to_string())
    })
}

/// When the last step that has ended did so.
fn last_end(snapshot: &Snapshot, steps: usize) -> Option<Micros> {
    let ended = (0..steps).filter_map(|step| snapshot.step_times(step).ended);
    ended.max()
}

/// When to stop to wait for requests that a measure depends on: none once they are known.
pub(super) fn awaited(measures: &[Measure], snapshot: &Snapshot, steps: usize) -> Option<Micros> {
    let ended = last_end(snapshot, steps)?;
    let marks = measures
        .iter()
        .flat_map(|measure| [&measure.from, &measure.to]);
    let clients = marks.filter_map(|mark| snapshot.client(mark.client()?));
    let mut unknown = clients.filter(|client| !client.is_known_until(ended.signed()));
    unknown.next().map(|_| ended + RECORDS_TIMEOUT)
}

/// Text for a mark: the name of a step, an id, a condition, or `first failed request of users`.
fn mark_text(mark: &Mark, experiment: &Experiment) -> String {
    match mark {
        Mark::Step(step) => experiment.steps[*step].name.value.clone(),
        Mark::Expectation { step, index } => {
            experiment.steps[*step].expect[*index].id.value.clone()
        }
        Mark::Change(condition) => expected_text::condition(condition),
        Mark::FirstFailed(client) => format!("first failed request of {}", client.value),
        Mark::LastFailed(client) => format!("last failed request of {}", client.value),
        Mark::Recovered(client) => format!("recovery of {}", client.value),
    }
}
