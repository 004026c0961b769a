//! A prediction as `predict --output json` writes it, and what of a run falls outside of it.

use serde::Deserialize;

use super::{
    answer::{EffectTimes, ServiceRequests},
    answer_text,
    comparison::chance,
    experiment::Written,
    impact::Impact,
    impact_severity::{ImpactSeverity, SeverityReason},
    question::Mode,
};
use crate::{
    targets::propagation::{PROPAGATION, UNDER_WAY},
    timeline::Micros,
};

/// A prediction that was written before.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prediction {
    rows: Vec<Row>,
    experiments: Vec<Written>,
}

/// A row of a prediction, as far as runs are compared with it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    experiment: Option<String>,
    mode: Mode,
    severity: ImpactSeverity,
    runs: usize,
    effects: Vec<EffectTimes>,
    requests: Vec<ServiceRequests>,
}

impl Prediction {
    /// The row with this experiment, and the experiment.
    pub(crate) fn of_experiment(&self, name: &str) -> Option<(&Row, &Written)> {
        let row = self
            .rows
            .iter()
            .find(|row| row.experiment.as_deref() == Some(name))?;
        let experiment = self.experiments.iter().find(|it| it.name == name)?;
        Some((row, experiment))
    }
}

impl Row {
    /// What of a run's impact falls outside of the row, a phrase each.
    pub(crate) fn outside(&self, impact: &Impact) -> Vec<String> {
        let severity = SeverityReason::of(self.mode, impact).severity();
        let mut outside = Vec::new();
        // The row has the worst severity of its samples.
        if severity > self.severity {
            outside.push(format!("{severity}; predicted {}", self.severity));
        }
        for (effect, took) in &impact.took {
            let seen = answer_text::observed(effect, *took);
            match self.effects.iter().find(|times| times.effect == *effect) {
                None => outside.push(format!("{seen}; not predicted")),
                Some(times) if !Self::allows(times, *took) => {
                    outside.push(format!(
                        "{seen}; predicted {}",
                        answer_text::range(times.earliest, times.latest)
                    ));
                }
                Some(_) => {}
            }
        }
        let always = self.effects.iter().filter(|times| times.seen == self.runs);
        let missing = always.filter(|times| impact.took(&times.effect).is_none());
        outside.extend(missing.map(|times| {
            let predicted = answer_text::predicted(times);
            format!("not seen: {predicted}")
        }));
        outside.extend(
            self.requests
                .iter()
                .filter_map(|counts| lost(counts, impact)),
        );
        outside
    }

    /// Whether an effect may take so long.
    fn allows(times: &EffectTimes, took: Micros) -> bool {
        let (least, most) = if let Some(bounds) = times.bounds {
            (
                bounds.after.min(times.earliest),
                bounds.within.max(times.latest),
            )
        } else {
            // The samples are few: others may lie a quarter of their range outside.
            let around = (times.latest.0 - times.earliest.0) / 4;
            let (earlier, later) = (Micros::from(UNDER_WAY), Micros::from(PROPAGATION));
            let least = times.earliest.0.saturating_sub(earlier.0 + around);
            (Micros(least), Micros(times.latest.0 + later.0 + around))
        };
        (least..=most).contains(&took)
    }
}

/// The requests to a Service that failed, if they are more or fewer than predicted: by more than 3
/// and by more than 30 %.
fn lost(predicted: &ServiceRequests, impact: &Impact) -> Option<String> {
    let mut counts = impact.requests.iter();
    let counts = counts.find(|counts| counts.client == predicted.service)?;
    let most = predicted.most_failed + chance(predicted.most_failed);
    let least = predicted
        .least_failed
        .saturating_sub(chance(predicted.least_failed));
    (!(least..=most).contains(&counts.failed)).then(|| {
        format!(
            "{} requests to {} failed; predicted {}–{}",
            counts.failed, counts.client, predicted.least_failed, predicted.most_failed
        )
    })
}
