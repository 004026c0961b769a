//! What a run of a question's experiment shows, wherever it ran, in the terms of an answer.

use clap::ValueEnum;
use serde::Serialize;

use super::{
    answer::{EffectTimes, ServiceRequests, effects, requests},
    experiment::Effect,
    impact::Impact,
    impact_severity::{ImpactSeverity, SeverityReason},
    question::Mode,
};
use crate::{input::experiment::Experiment, judge, timeline::Timeline};

/// What one run shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    severity: ImpactSeverity,
    reason: SeverityReason,
    effects: Vec<EffectTimes>,
    requests: Vec<ServiceRequests>,
}

/// Reads an experiment that predict wrote off the timeline of its run. The error is the reason why
/// the run shows nothing.
pub fn observation(experiment: &Experiment, timeline: &Timeline) -> Result<Observation, String> {
    let (mode, sought) = question_of(experiment)
        .ok_or_else(|| format!("`{}` asks no question of predict", experiment.name.value))?;
    let impact = Impact::of(&sought, &judge::judge(experiment, timeline));
    let impact = impact.map_err(|why| why.to_string())?;
    let reason = SeverityReason::of(mode, &impact);
    Ok(Observation {
        severity: reason.severity(),
        reason,
        effects: effects(&[&impact], |_| None),
        requests: requests(&[&impact]),
    })
}

/// The mode that an experiment asks about, and what its measures are the times of.
pub(crate) fn question_of(experiment: &Experiment) -> Option<(Mode, Vec<Effect>)> {
    let name = &experiment.steps.first()?.name.value;
    let mode = Mode::from_str(name.split([' ', ',']).next()?, false).ok()?;
    let measures = experiment.measures.iter();
    let effects: Option<Vec<Effect>> = measures.map(Effect::of_measure).collect();
    Some((mode, effects?))
}
