//! The impact of one run: when each effect was seen, and what became of the requests.
//!
//! Read off a judgement, so that runs on `virtual` and on a cluster are read alike.

use super::experiment::Effect;
use crate::{
    judge::{Judgement, RequestCounts, Unsteady},
    timeline::Micros,
};

/// What followed a fault in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Impact {
    /// Each effect that was seen, and how long after the fault.
    pub(crate) took: Vec<(Effect, Micros)>,
    /// The requests of each Service's clients in the first step.
    pub(crate) requests: Vec<RequestCounts>,
    /// How long the first step was observed after the fault.
    pub(crate) observed: Micros,
}

/// Why a run shows no impact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoImpact {
    /// The workload never becomes ready, whatever is asked about it.
    #[error("it never becomes ready: {0}")]
    NeverReady(String),
    /// The run or its first step went wrong.
    #[error("{0}")]
    Failed(String),
}

/// Why the first step did not end.
fn no_impact(judgement: &Judgement) -> NoImpact {
    if !matches!(
        judgement.unsteady,
        Some(Unsteady::NeverReached | Unsteady::NotApplied)
    ) {
        return NoImpact::Failed("the timeline ends before its first step has ended".to_owned());
    }
    let missing = judgement.missing.iter().chain(&judgement.causes);
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    NoImpact::NeverReady(missing.join("; "))
}

impl Impact {
    /// The impact of a run. The error says why the run shows none.
    pub(crate) fn of(effects: &[Effect], judgement: &Judgement) -> Result<Self, NoImpact> {
        let step = judgement.steps.first().filter(|step| step.ended.is_some());
        let Some(step) = step else {
            return Err(no_impact(judgement));
        };
        if let Some(why) = step.unreached.first() {
            return Err(NoImpact::Failed(why.clone()));
        }
        let observed = step.since_acknowledged(step.ended).unwrap_or(Micros::ZERO);
        // What a later step brings about is not what follows from the fault.
        let measures = || effects.iter().zip(&judgement.measures);
        let gone = |service: &str| {
            let mut all = measures();
            let (_, measure) =
                all.find(|(effect, _)| **effect == Effect::None(service.to_owned()))?;
            measure.took
        };
        let follows = |effect: &Effect, took: Micros| match effect {
            Effect::Reverted => true,
            // Its time begins when the Service has no endpoint.
            Effect::Some(service) => gone(service).is_none_or(|gone| gone + took.into() < observed),
            _ => took < observed,
        };
        let took = measures().filter_map(|(effect, measure)| {
            let took = measure.took.filter(|took| follows(effect, *took))?;
            Some((effect.clone(), took))
        });
        let findings = step.findings.iter();
        Ok(Self {
            took: took.collect(),
            requests: findings
                .flat_map(|finding| finding.requests.clone())
                .collect(),
            observed,
        })
    }

    /// How long after the fault an effect was seen.
    pub(crate) fn took(&self, effect: &Effect) -> Option<Micros> {
        let found = self.took.iter().find(|(seen, _)| seen == effect);
        found.map(|(_, took)| *took)
    }

    /// Whether any effect was seen that this is true of.
    pub(crate) fn has(&self, is: impl Fn(&Effect) -> bool) -> bool {
        self.took.iter().any(|(seen, _)| is(seen))
    }
}
