//! The answer to a question: the impacts of its samples in one row, as values.

use std::collections::BTreeSet;

use rules::probe::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bounds::bounds,
    experiment::{Effect, name},
    impact::{Impact, NoImpact},
    impact_severity::{ImpactSeverity, SeverityReason},
    question::{Mode, Question, Scope},
};
use crate::{input::experiment::Probe, timeline::Micros};

/// An answer. Text, Markdown and JSON are written from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// The workload: `deploy/web`.
    pub(crate) workload: String,
    /// The name of the experiment that asks it; null if none does.
    pub(crate) experiment: Option<String>,
    /// The container that fails; null if the whole template changes.
    pub(crate) container: Option<String>,
    /// What fails, as the table names it: `readiness+liveness`.
    pub(crate) fails: String,
    /// What happens to the container.
    pub(crate) mode: Mode,
    /// The probes that fail together: the asked one first.
    pub(crate) probes: Vec<Probe>,
    /// To how many Pods it happens.
    pub(crate) scope: Scope,
    /// The same as the table names it: `one of 3`.
    pub(crate) pods: String,
    /// What the answer assumes about exec probes whose command is not known; null if it assumes
    /// nothing.
    pub(crate) assumption: Option<&'static str>,
    /// The worst severity of a run.
    pub(crate) severity: ImpactSeverity,
    /// Why it has this severity.
    pub(crate) reason: SeverityReason,
    /// The number of runs that the answer rests on.
    pub(crate) runs: usize,
    /// What else fails with the probes, in sentences.
    pub(crate) also: Vec<String>,
    /// The closed formula of each probe that decides.
    pub(crate) windows: Vec<ProbeWindow>,
    /// What follows, in the order of its rows.
    pub(crate) effects: Vec<EffectTimes>,
    /// What becomes of the requests to each Service.
    pub(crate) requests: Vec<ServiceRequests>,
}

/// From when to when a probe decides, counted from the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProbeWindow {
    /// The probe.
    pub(crate) probe: Probe,
    /// It decides later than this, in microseconds.
    #[serde(rename = "afterMicros")]
    pub(crate) after: Micros,
    /// It decides at the latest then, in microseconds.
    #[serde(rename = "withinMicros")]
    pub(crate) within: Micros,
}

/// When an effect is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectTimes {
    /// The effect.
    #[serde(flatten)]
    pub(crate) effect: Effect,
    /// The earliest time in a run, in microseconds.
    #[serde(rename = "earliestMicros")]
    pub(crate) earliest: Micros,
    /// The latest time in a run, in microseconds.
    #[serde(rename = "latestMicros")]
    pub(crate) latest: Micros,
    /// In how many runs it is seen.
    pub(crate) seen: usize,
    /// The bounds of the closed formula with the way to the API; null without a formula.
    pub(crate) bounds: Option<EffectBounds>,
}

/// Between which times an effect is seen, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectBounds {
    /// Not before this, in microseconds.
    #[serde(rename = "afterMicros")]
    pub(crate) after: Micros,
    /// At the latest then, in microseconds.
    #[serde(rename = "withinMicros")]
    pub(crate) within: Micros,
}

/// What becomes of the requests to a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceRequests {
    /// The Service.
    pub(crate) service: String,
    /// The most requests that are sent in a run.
    pub(crate) sent: u64,
    /// The fewest that fail in a run.
    pub(crate) least_failed: u64,
    /// The most that fail in a run.
    pub(crate) most_failed: u64,
    /// The longest time in which every request fails, in microseconds.
    #[serde(rename = "longestFailureMicros")]
    pub(crate) longest_failure: Micros,
}

impl Answer {
    /// The answer of these samples; not judged if one of them has no impact, and without samples.
    pub(crate) fn of(question: &Question<'_>, samples: &[Result<Impact, NoImpact>]) -> Self {
        let impacts: Result<Vec<&Impact>, &NoImpact> = samples.iter().map(Result::as_ref).collect();
        let impacts = match impacts {
            Ok(impacts) => impacts,
            Err(why) => return Self::not_judged(question, why.to_string()),
        };
        let reasons = impacts
            .iter()
            .map(|impact| SeverityReason::of(question.mode, impact));
        match reasons.max() {
            None => Self::not_judged(question, "no run of it has ended".to_owned()),
            Some(reason) => Self {
                runs: impacts.len(),
                effects: effects(&impacts, |effect| bounds(question, effect)),
                requests: requests(&impacts),
                ..Self::with(question, reason)
            },
        }
    }

    /// The answer to a question that no run answers, for this reason.
    pub(crate) fn not_judged(question: &Question<'_>, why: String) -> Self {
        Self::with(question, SeverityReason::NotJudged { why })
    }

    fn with(question: &Question<'_>, reason: SeverityReason) -> Self {
        Self {
            workload: question.workload.reference.to_string(),
            experiment: question.unanswerable.is_none().then(|| name(question)),
            container: question.container.map(|container| container.name.clone()),
            fails: question.what(),
            mode: question.mode,
            probes: question.probes.clone(),
            scope: question.scope,
            pods: question.pods(),
            assumption: question.assumption,
            severity: reason.severity(),
            reason,
            runs: 0,
            also: question.also(),
            windows: windows(question),
            effects: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// An answer about a container, of one run, with this reason.
    #[cfg(test)]
    pub(crate) fn example(reason: SeverityReason) -> Self {
        Self {
            workload: "deploy/web".to_owned(),
            container: Some("app".to_owned()),
            fails: "frozen".to_owned(),
            mode: Mode::Frozen,
            probes: Vec::new(),
            scope: Scope::All,
            pods: "all 3".to_owned(),
            assumption: None,
            severity: reason.severity(),
            reason,
            runs: 1,
            experiment: None,
            also: Vec::new(),
            windows: Vec::new(),
            effects: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// The container, or the workload: `deploy/web/app`.
    pub(crate) fn subject(&self) -> String {
        match &self.container {
            Some(container) => format!("{}/{container}", self.workload),
            None => self.workload.clone(),
        }
    }

    /// When this effect is seen, if it is.
    pub(crate) fn effect(&self, wanted: &Effect) -> Option<&EffectTimes> {
        self.effects.iter().find(|times| times.effect == *wanted)
    }
}

fn windows(question: &Question<'_>) -> Vec<ProbeWindow> {
    let window = |(probe, Window { after, within }): (_, Window)| ProbeWindow {
        probe,
        after: after.into(),
        within: within.into(),
    };
    question.windows().into_iter().map(window).collect()
}

/// When each effect of these runs is seen, with its bounds.
pub(super) fn effects(
    impacts: &[&Impact],
    bounds: impl Fn(&Effect) -> Option<Window>,
) -> Vec<EffectTimes> {
    let effects = impacts.iter().flat_map(|impact| &impact.took);
    let effects: BTreeSet<&Effect> = effects.map(|(effect, _)| effect).collect();
    let times = |effect: &Effect| {
        let took = impacts.iter().filter_map(|impact| impact.took(effect));
        Some(EffectTimes {
            effect: effect.clone(),
            bounds: bounds(effect).map(|Window { after, within }| EffectBounds {
                after: after.into(),
                within: within.into(),
            }),
            earliest: took.clone().min()?,
            latest: took.clone().max()?,
            seen: took.count(),
        })
    };
    effects.into_iter().filter_map(times).collect()
}

/// What becomes of the requests to each Service in these runs.
pub(super) fn requests(impacts: &[&Impact]) -> Vec<ServiceRequests> {
    let all = || impacts.iter().flat_map(|impact| &impact.requests);
    let services: BTreeSet<&str> = all().map(|counts| counts.client.as_str()).collect();
    let of_service = |service: &str| {
        let counts = all().filter(|counts| counts.client == service);
        Some(ServiceRequests {
            service: service.to_owned(),
            sent: counts.clone().map(|counts| counts.sent).max()?,
            least_failed: counts.clone().map(|counts| counts.failed).min()?,
            most_failed: counts.clone().map(|counts| counts.failed).max()?,
            longest_failure: counts.map(|counts| counts.longest_failure).max()?,
        })
    };
    services.into_iter().filter_map(of_service).collect()
}
