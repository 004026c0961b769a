//! Text for what each record changed, from the state before and after it.

use serde_json::Value;

use super::line::Line;
use crate::input::experiment::ContainerPhase;
use crate::input::experiment::ObjectKind;
use crate::timeline::snapshot::{ContainerFacts, ControllerFacts, PodFacts, Snapshot, service_of};
use crate::timeline::{Change, FlipRecord, Micros, Record, Target, WatchedObject, What};

/// Lets the snapshot take a record, and returns the changes made by it; none for most records.
/// Requests are left out: they become known late, and out of order.
pub(super) fn changes(snapshot: &mut Snapshot, record: &Record) -> Vec<Line> {
    if let What::Watch { change, object } = &record.what {
        return of_object(snapshot, record, *change, object);
    }
    snapshot.take(record);
    let of_target = |target: &Target, change: String| {
        let line = Line::new(record.at, format!("container {target}"), change);
        vec![about(snapshot, &target.uid, line)]
    };
    let (object, change) = match &record.what {
        What::Flip(flip) => return of_target(&flip.target, flipped(flip)),
        What::Healed { target } => {
            let change = "healed: every probe gets the base again";
            return of_target(target, change.to_owned());
        }
        What::Down(gap) => {
            let change = format!("down, last heard of at {} s of the timeline", gap.since);
            (format!("watch {}", gap.kind), change)
        }
        What::Gap(gap) => {
            let change = format!("changes were missed since {} s of the timeline", gap.since);
            (format!("watch {}", gap.kind), change)
        }
        What::Unbroken { kind } => {
            let change = "back, nothing was missed";
            (format!("watch {kind}"), change.to_owned())
        }
        What::Journal(read) if read.lost > 0 => {
            let change = format!("{} records of its journal are lost", read.lost);
            return of_target(&read.target, change);
        }
        _ => return Vec::new(),
    };
    vec![Line::new(record.at, object, change)]
}

fn of_object(
    snapshot: &mut Snapshot,
    record: &Record,
    change: Change,
    object: &WatchedObject,
) -> Vec<Line> {
    let (at, name) = (record.at, object.name());
    let line = |kind: &str, change: String| Line::new(at, format!("{kind} {name}"), change);
    let kind = object.kind();
    match kind {
        "Pod" => {
            let before = snapshot.pod(object.uid()).cloned();
            snapshot.take(record);
            let after = snapshot.pod(object.uid());
            return after.map_or_else(Vec::new, |after| pod(before.as_ref(), after, at));
        }
        "EndpointSlice" => {
            let metadata = object.field("metadata");
            let service = service_of(&metadata).unwrap_or_default();
            let before = snapshot.endpoints(service);
            snapshot.take(record);
            let after = snapshot.endpoints(service);
            if before == after {
                return Vec::new();
            }
            let count = |(ready, of): (u32, u32)| format!("{ready}/{of}");
            let change = was(&count(after.ready_count()), &count(before.ready_count()));
            let change = format!("ready {change}");
            return vec![Line::new(at, format!("endpoints {service}"), change)];
        }
        _ => {}
    }
    let controller = |snapshot: &Snapshot| {
        let kind = ObjectKind::controller(kind)?;
        snapshot.controller(kind, name).cloned()
    };
    let before = controller(snapshot).unwrap_or_default();
    snapshot.take(record);
    let line = match (kind, change) {
        ("Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet", Change::Deleted) => {
            Some(line(&kind.to_lowercase(), "deleted".to_owned()))
        }
        ("Deployment" | "StatefulSet" | "DaemonSet", _) => {
            let after = controller(snapshot).unwrap_or_default();
            status(&before, &after).map(|change| line(&kind.to_lowercase(), change))
        }
        ("ReplicaSet", Change::Added) => Some(line("replicaset", "created".to_owned())),
        // Events outlive their involved object, so those about unknown Pods are skipped.
        ("Event", Change::Added) if is_known(snapshot, &object.field("involvedObject")) => {
            let uid = object.field("involvedObject")["uid"].clone();
            event(&object.value()).map(|(of, message)| {
                let line = Line::new(at, of, message);
                about(snapshot, uid.as_str().unwrap_or_default(), line)
            })
        }
        _ => None,
    };
    line.into_iter().collect()
}

fn is_known(snapshot: &Snapshot, about: &Value) -> bool {
    let unknown = |uid| snapshot.pod(uid).is_none();
    about["kind"] != "Pod" || !about["uid"].as_str().is_some_and(unknown)
}

pub(super) fn was(is: &str, was: &str) -> String {
    if is == was {
        is.to_owned()
    } else {
        format!("{is}, was {was}")
    }
}

/// The line, known to be about this Pod if the Pod is known.
fn about(snapshot: &Snapshot, uid: &str, line: Line) -> Line {
    match snapshot.pod(uid) {
        Some(pod) => line.about(pod),
        None => line,
    }
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
    let details: Vec<String> = port.into_iter().chain(bounds).collect();
    let details = if details.is_empty() {
        String::new()
    } else {
        format!(" ({})", details.join(", "))
    };
    let flipped = match &flip.container {
        None => flip.probe.clone(),
        Some(container) => format!("{} of {container}", flip.probe),
    };
    format!("{flipped} gets {}{details}", flip.to)
}

fn pod(before: Option<&PodFacts>, after: &PodFacts, at: Micros) -> Vec<Line> {
    let line = |change: String| Line::new(at, format!("pod {}", after.name), change).about(after);
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
            let object = format!("container {}/{name}", after.name);
            lines.push(Line::new(at, object, change).about(after));
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

pub(super) fn state(phase: ContainerPhase, reason: Option<&str>) -> String {
    let phase = format!("{phase:?}").to_lowercase();
    reason.map_or(phase.clone(), |reason| format!("{phase} ({reason})"))
}

fn status(before: &ControllerFacts, after: &ControllerFacts) -> Option<String> {
    let counts = |facts: &ControllerFacts| {
        let counts = facts.counts.iter();
        let counts: Vec<String> = counts
            .map(|(name, number)| format!("{name} {number}"))
            .collect();
        counts.join(", ")
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
fn event(event: &Value) -> Option<(String, String)> {
    if event["type"] != "Warning" && event["reason"] != "Killing" {
        return None;
    }
    let about = [&event["involvedObject"], &event["regarding"]]
        .into_iter()
        .find(|about| about.is_object())?;
    let message = [&event["message"], &event["note"]]
        .into_iter()
        .find_map(|message| message.as_str())
        .unwrap_or_default();
    let kind = about["kind"].as_str()?.to_lowercase();
    let message = message.lines().next().unwrap_or_default();
    Some((
        format!("{kind} {}", about["name"].as_str()?),
        format!("{}: {message}", event["reason"].as_str()?),
    ))
}
