//! A predicted row and what a node showed of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Severities, the worst last.
const SEVERITIES: [&str; 6] = [
    "notJudged",
    "none",
    "degraded",
    "restart",
    "unnoticed",
    "outage",
];

/// Predictions and what one node showed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recording {
    /// Version of Kubernetes.
    pub(super) kubernetes: String,
    /// The node's machine.
    pub(super) machine: String,
    /// The number of runs in virtual time of each row.
    pub(super) samples: u64,
    /// The rows.
    pub(super) rows: Vec<Row>,
}

/// A row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    /// The chart.
    pub(super) shape: String,
    /// The row as predict prints it.
    pub(super) predicted: Value,
    /// The observation of each run.
    pub(super) observed: Vec<Value>,
    /// The load average of the machine after runs.
    pub(super) loads: Vec<f64>,
}

/// The time of an effect in a run, and its bounds.
pub(super) struct BoundedTime {
    row: String,
    effect: String,
    micros: u64,
    after: u64,
    within: u64,
}

impl Row {
    /// The name of its experiment.
    pub(super) fn name(&self) -> &str {
        self.predicted["experiment"].as_str().unwrap()
    }

    pub(super) fn severity(&self) -> &str {
        self.predicted["severity"].as_str().unwrap()
    }

    /// The worst severity of a run.
    pub(super) fn observed_severity(&self) -> &str {
        let severities = self
            .observed
            .iter()
            .map(|run| run["severity"].as_str().unwrap());
        let place = |severity: &&str| SEVERITIES.iter().position(|known| known == severity);
        severities.max_by_key(place).unwrap()
    }

    /// What was predicted and observed, in words.
    pub(super) fn summary(&self) -> String {
        let reasons: Vec<String> = self
            .observed
            .iter()
            .map(|run| run["reason"].to_string())
            .collect();
        format!(
            "{}: {} predicted, {} observed: {} {}",
            self.name(),
            self.severity(),
            self.observed_severity(),
            self.predicted["reason"],
            reasons.join(", ")
        )
    }

    /// The effects that were predicted.
    pub(super) fn effects(&self) -> impl Iterator<Item = &Value> {
        self.predicted["effects"].as_array().unwrap().iter()
    }

    /// When an effect was seen in the runs, in microseconds.
    pub(super) fn times(&self, effect: &Value) -> Vec<u64> {
        let is_it =
            |seen: &&Value| seen["effect"] == effect["effect"] && seen["of"] == effect["of"];
        let seen = self.observed.iter().filter_map(|run| {
            let effects = run["effects"].as_array().unwrap();
            effects.iter().find(is_it)?["earliestMicros"].as_u64()
        });
        seen.collect()
    }

    /// The times of all effects that have bounds.
    pub(super) fn bounded_times(&self) -> Vec<BoundedTime> {
        let of_effect = |effect: &Value| {
            let bounds = &effect["bounds"];
            let bounds = bounds["afterMicros"]
                .as_u64()
                .zip(bounds["withinMicros"].as_u64());
            let times = bounds.map(|(after, within)| {
                let times = self.times(effect).into_iter();
                let time = |micros| BoundedTime {
                    row: self.name().to_owned(),
                    effect: effect_name(effect),
                    micros,
                    after,
                    within,
                };
                times.map(time).collect::<Vec<_>>()
            });
            times.unwrap_or_default()
        };
        self.effects().flat_map(of_effect).collect()
    }

    /// The requests to each Service that were predicted.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Value> {
        self.predicted["requests"].as_array().unwrap().iter()
    }

    /// How many requests to the Service failed in each run.
    pub(super) fn lost(&self, predicted: &Value) -> Vec<u64> {
        let of_run = |run: &Value| {
            let requests = run["requests"].as_array().unwrap();
            let mut requests = requests.iter();
            requests.find(|seen| seen["service"] == predicted["service"])?["mostFailed"].as_u64()
        };
        self.observed.iter().filter_map(of_run).collect()
    }

    /// What a rollout lost that was not predicted: three requests or 30 % more or less are.
    pub(super) fn unexpected_losses(&self) -> Vec<String> {
        let is_rollout = self.predicted["mode"] == "rollout";
        let of_service = |predicted: &Value| {
            let slack = |number: f64| (number * 0.3).max(3.0);
            let number = |field: &str| predicted[field].as_f64().unwrap();
            let (least, most) = (number("leastFailed"), number("mostFailed"));
            let expected = least - slack(least)..=most + slack(most);
            let lost = self.lost(predicted);
            #[expect(clippy::cast_precision_loss, reason = "few requests are lost")]
            let is_other = lost.iter().any(|lost| !expected.contains(&(*lost as f64)));
            let (row, service) = (self.name(), &predicted["service"]);
            is_other.then(|| format!("{row}: {lost:?} to {service}, expected {expected:?}"))
        };
        let requests = self.requests().filter(|_| is_rollout);
        requests.filter_map(of_service).collect()
    }
}

impl BoundedTime {
    pub(super) fn is_within(&self) -> bool {
        (self.after..=self.within).contains(&self.micros)
    }
}

/// `web-nginx-frozen-one: notReady after 7.3, bounds 6.5–13.5`
impl fmt::Display for BoundedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (row, effect) = (&self.row, &self.effect);
        let [after, within, time] = [self.after, self.within, self.micros].map(seconds);
        write!(f, "{row}: {effect} after {time}, bounds {after}–{within}")
    }
}

/// `noEndpoint web`
pub(super) fn effect_name(effect: &Value) -> String {
    let name = effect["effect"].as_str().unwrap();
    match effect["of"].as_str() {
        Some(of) => format!("{name} {of}"),
        None => name.to_owned(),
    }
}

/// `9.8`, in seconds.
pub(super) fn seconds(micros: u64) -> impl fmt::Display {
    let tenths = (micros + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
