//! Text for what each record changed, from the state before and after it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::line::Line;
use crate::input::experiment::ContainerPhase;
use crate::timeline::view::{ContainerFacts, DeploymentFacts, PodFacts, View};
use crate::timeline::{Change, FlipRecord, Micros, Record, Sample, What};

/// Turns records, in order, into lines of text.
#[derive(Debug, Default)]
pub struct Teller {
    view: View,
    outcomes: BTreeMap<String, String>,
}

impl Teller {
    /// The changes made by this record; empty for most records.
    pub fn tell(&mut self, record: &Record) -> Vec<Line> {
        let at = record.at;
        match &record.what {
            What::Watch { change, object } => self.tell_watch(record, *change, object),
            What::Flip(flip) => vec![Line::new(
                at,
                container(&flip.target.pod, &flip.target.container),
                flipped(flip),
            )],
            What::Healed { target } => {
                vec![Line::new(
                    at,
                    container(&target.pod, &target.container),
                    "healed: every probe gets the base again",
                )]
            }
            What::Down(gap) => {
                let change = format!("down, last heard of at {} s of the timeline", gap.since);
                vec![Line::new(at, format!("watch {}", gap.kind), change)]
            }
            What::Gap(gap) => {
                let change = format!("changes were missed since {} s of the timeline", gap.since);
                vec![Line::new(at, format!("watch {}", gap.kind), change)]
            }
            What::Unbroken { kind } => {
                let change = "back, nothing was missed";
                vec![Line::new(at, format!("watch {kind}"), change)]
            }
            What::Journal(read) if read.lost > 0 => {
                let change = format!("{} records of its journal are lost", read.lost);
                vec![Line::new(
                    at,
                    container(&read.target.pod, &read.target.container),
                    change,
                )]
            }
            What::Traffic(sample) => self.tell_sample(at, sample).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn tell_watch(&mut self, record: &Record, change: Change, object: &Value) -> Vec<Line> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (at, name) = (record.at, text(&object["metadata"]["name"]));
        match object["kind"].as_str().unwrap_or_default() {
            "Deployment" | "ReplicaSet" if change == Change::Deleted => {
                self.view.take(record);
                let kind = text(&object["kind"]).to_lowercase();
                vec![Line::new(at, format!("{kind} {name}"), "deleted")]
            }
            "Pod" => {
                let uid = text(&object["metadata"]["uid"]);
                let before = self.view.pod(&uid).cloned();
                self.view.take(record);
                let after = self.view.pod(&uid).expect("a Pod just taken must be known");
                pod(before.as_ref(), after, at)
            }
            "EndpointSlice" => {
                let service = text(&object["metadata"]["labels"]["kubernetes.io/service-name"]);
                let before = self.view.endpoints(&service);
                self.view.take(record);
                let after = self.view.endpoints(&service);
                if before == after {
                    return Vec::new();
                }
                let count = |(ready, of): (u32, u32)| format!("{ready}/{of}");
                let change = was(&count(after.ready_count()), &count(before.ready_count()));
                let change = format!("ready {change}");
                vec![Line::new(at, format!("endpoints {service}"), change)]
            }
            "Deployment" => {
                let before = self.view.deployment(&name).cloned().unwrap_or_default();
                self.view.take(record);
                let after = self.view.deployment(&name).cloned().unwrap_or_default();
                deployment(&before, &after)
                    .map(|change| Line::new(at, format!("deployment {name}"), change))
                    .into_iter()
                    .collect()
            }
            "ReplicaSet" if change == Change::Added => {
                vec![Line::new(at, format!("replicaset {name}"), "created")]
            }
            // Events outlive their involved object, so those about unknown Pods are skipped.
            "Event" if change == Change::Added && self.knows(&object["involvedObject"]) => {
                told(object)
                    .map(|(about, said)| Line::new(at, about, said))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn knows(&self, about: &Value) -> bool {
        let gone = |uid| self.view.pod(uid).is_none();
        about["kind"] != "Pod" || !about["uid"].as_str().is_some_and(gone)
    }

    fn tell_sample(&mut self, at: Micros, sample: &Sample) -> Option<Line> {
        let outcome = match sample
            .status
            .filter(|_| sample.outcome == crate::timeline::RequestOutcome::Status)
        {
            Some(status) => format!("status {status}"),
            None => sample.outcome.to_string(),
        };
        let before = self.outcomes.insert(sample.client.clone(), outcome.clone());
        match before {
            Some(before) if before == outcome => None,
            Some(before) => Some(Line::new(
                at,
                format!("traffic {}", sample.client),
                was(&outcome, &before),
            )),
            None => Some(Line::new(at, format!("traffic {}", sample.client), outcome)),
        }
    }
}

pub(super) fn was(is: &str, was: &str) -> String {
    if is == was {
        is.to_owned()
    } else {
        format!("{is}, was {was}")
    }
}

fn container(pod: &str, container: &str) -> String {
    format!("container {pod}/{container}")
}

fn flipped(flip: &FlipRecord) -> String {
    let port = flip.port.map(|port| {
        let path = flip.path.as_deref().unwrap_or_default();
        format!(":{port}{path}")
    });
    let mut bounds: Vec<String> = flip
        .lasts
        .iter()
        .map(|lasts| format!("for {lasts} s"))
        .collect();
    bounds.extend(flip.count.map(|count| format!("for {count} requests")));
    bounds.extend(flip.leased.then(|| "leased".to_owned()));
    let told: Vec<String> = port.into_iter().chain(bounds).collect();
    let told = if told.is_empty() {
        String::new()
    } else {
        format!(" ({})", told.join(", "))
    };
    format!("{} gets {}{told}", flip.probe, flip.to)
}

fn pod(before: Option<&PodFacts>, after: &PodFacts, at: Micros) -> Vec<Line> {
    let line = |change: String| Line::new(at, format!("pod {}", after.name), change);
    let Some(before) = before else {
        let (ready, of) = after.ready_count();
        return vec![line(format!("created, ready {ready}/{of}"))];
    };
    if after.gone {
        return vec![line("deleted".into())];
    }
    let mut lines = Vec::new();
    for (name, facts) in &after.containers {
        let known = before.containers.get(name).cloned().unwrap_or_default();
        if let Some(change) = container_change(&known, facts) {
            lines.push(Line::new(at, container(&after.name, name), change));
        }
    }
    let count = |pod: &PodFacts| {
        let (ready, of) = pod.ready_count();
        format!("{ready}/{of}")
    };
    if before.ip != after.ip {
        lines.push(line(format!(
            "has address {}",
            after.ip.as_deref().unwrap_or("none")
        )));
    }
    if before.ready_count() != after.ready_count() {
        lines.push(line(format!(
            "ready {}",
            was(&count(after), &count(before))
        )));
    }
    if after.deleting && !before.deleting {
        lines.push(line("is being deleted".into()));
    }
    lines
}

fn container_change(before: &ContainerFacts, after: &ContainerFacts) -> Option<String> {
    let mut parts = Vec::new();
    if after.restarts != before.restarts {
        parts.push(format!("restarted, {} in all", after.restarts));
    }
    if (after.phase, &after.reason) != (before.phase, &before.reason) {
        parts.extend(
            after
                .phase
                .map(|phase| state(phase, after.reason.as_deref())),
        );
    }
    if after.ready != before.ready {
        parts.push(if after.ready {
            "ready".into()
        } else {
            "not ready".into()
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn state(phase: ContainerPhase, reason: Option<&str>) -> String {
    let phase = format!("{phase:?}").to_lowercase();
    reason.map_or(phase.clone(), |reason| format!("{phase} ({reason})"))
}

fn deployment(before: &DeploymentFacts, after: &DeploymentFacts) -> Option<String> {
    let counts = |facts: &DeploymentFacts| {
        let DeploymentFacts {
            replicas,
            updated,
            ready,
            available,
            ..
        } = facts;
        format!("replicas {replicas}, updated {updated}, ready {ready}, available {available}")
    };
    let mut parts = Vec::new();
    if counts(before) != counts(after) {
        parts.push(counts(after));
    }
    if before.progressing != after.progressing {
        parts.push(format!(
            "progressing {}",
            after.progressing.as_deref().unwrap_or("none")
        ));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

// Reports warnings, and `Killing`: a container's status does not tell that a probe caused its end.
// Events of core/v1 and of events.k8s.io have different names for the same fields.
fn told(event: &Value) -> Option<(String, String)> {
    if event["type"] != "Warning" && event["reason"] != "Killing" {
        return None;
    }
    let about = [&event["involvedObject"], &event["regarding"]]
        .into_iter()
        .find(|about| about.is_object())?;
    let said = [&event["message"], &event["note"]]
        .into_iter()
        .find_map(|said| said.as_str())
        .unwrap_or_default();
    let kind = about["kind"].as_str()?.to_lowercase();
    let said = said.lines().next().unwrap_or_default();
    Some((
        format!("{kind} {}", about["name"].as_str()?),
        format!("{}: {said}", event["reason"].as_str()?),
    ))
}
