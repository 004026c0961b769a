//! The measured intervals of each Pod, from the timeline of a run.

use std::collections::BTreeMap;

use orchestrator::timeline::{Micros, Timeline, What};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is measured of every Pod. A flip counts from the acknowledgement of the Pod's own target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Interval {
    /// From the Pod's creation to its first status with a running container.
    Start,
    /// From that status to the first with the condition Ready.
    Ready,
    /// From a readiness flip to the status without Ready.
    NotReady,
    /// From a readiness flip to the endpoint that is not ready.
    Endpoint,
    /// From a liveness flip to the status with another start of the container.
    Restart,
}

impl Interval {
    pub(super) const ALL: [Self; 5] = [
        Self::Start,
        Self::Ready,
        Self::NotReady,
        Self::Endpoint,
        Self::Restart,
    ];

    /// Its name on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "Pod created → container running",
            Self::Ready => "container running → Ready",
            Self::NotReady => "readiness flip → NotReady",
            Self::Endpoint => "readiness flip → endpoint not ready",
            Self::Restart => "liveness flip → restarted",
        }
    }
}

/// When a Pod reached each stage; none before it has.
#[derive(Default)]
struct Stages {
    created: Option<Micros>,
    running: Option<Micros>,
    ready: Option<Micros>,
    readiness_flip: Option<Micros>,
    liveness_flip: Option<Micros>,
    not_ready: Option<Micros>,
    endpoint: Option<Micros>,
    restarted: Option<Micros>,
}

/// Every measured interval of every Pod, in milliseconds.
pub(super) fn of(timeline: &Timeline) -> Vec<(Interval, u64)> {
    let mut pods: BTreeMap<String, Stages> = BTreeMap::new();
    for record in timeline.records() {
        match &record.what {
            What::Reverting => break,
            What::Flip(flip) => {
                let stages = pods.entry(flip.target.pod.clone()).or_default();
                let flipped = match flip.probe.as_str() {
                    "readiness" => &mut stages.readiness_flip,
                    _ => &mut stages.liveness_flip,
                };
                flipped.get_or_insert(record.at);
            }
            What::Watch { object, .. } if object.kind() == "Pod" => {
                let stages = pods.entry(object.name().to_owned()).or_default();
                stages.see_pod(record.at, &object.value()["status"]);
            }
            What::Watch { object, .. } if object.kind() == "EndpointSlice" => {
                let object = object.value();
                for endpoint in object["endpoints"].as_array().into_iter().flatten() {
                    let stages = pods
                        .entry(text(&endpoint["targetRef"]["name"]))
                        .or_default();
                    if stages.readiness_flip.is_some() && endpoint["conditions"]["ready"] == false {
                        stages.endpoint.get_or_insert(record.at);
                    }
                }
            }
            _ => {}
        }
    }
    pods.values().flat_map(Stages::intervals).collect()
}

impl Stages {
    fn see_pod(&mut self, at: Micros, status: &Value) {
        self.created.get_or_insert(at);
        let container = &status["containerStatuses"][0];
        if container["state"]["running"].is_object() {
            self.running.get_or_insert(at);
        }
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let ready = conditions
            .filter(|condition| condition["type"] == "Ready")
            .any(|condition| condition["status"] == "True");
        if ready {
            self.ready.get_or_insert(at);
        }
        if self.readiness_flip.is_some() && !ready {
            self.not_ready.get_or_insert(at);
        }
        if container["restartCount"].as_u64() > Some(0) {
            self.restarted.get_or_insert(at);
        }
    }

    fn intervals(&self) -> Vec<(Interval, u64)> {
        let flip = self.readiness_flip;
        // Without a readiness probe, a container is ready at once.
        let probed = self.running.filter(|_| flip.is_some());
        let intervals = [
            (Interval::Start, self.created, self.running),
            (Interval::Ready, probed, self.ready),
            (Interval::NotReady, flip, self.not_ready),
            (Interval::Endpoint, flip, self.endpoint),
            (Interval::Restart, self.liveness_flip, self.restarted),
        ];
        let known = intervals.into_iter().filter_map(|(interval, from, to)| {
            let milliseconds = (to?.0).saturating_sub(from?.0) / 1000;
            Some((interval, milliseconds))
        });
        known.collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
