//! Permanent failures of a workload: missing images, unschedulable Pods, refused Pods.
//!
//! Pure functions from API objects to a failure and a hint.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::ReplicaSet,
    core::v1::{ContainerStatus, Event, Pod},
};

use crate::{
    exit::{Exit, HasExitCode},
    targets::{is_ours, statuses},
    timeline::{Place, WatchedObject, snapshot::Snapshot},
};

/// The reason why the workload cannot become ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {reason}: {message}")]
pub(crate) struct FirstFailure {
    /// The object concerned: `container b of pod web-1`.
    pub(crate) subject: String,
    /// Reason from the API object, such as `ErrImagePull`.
    pub(crate) reason: String,
    /// Message from the API object.
    pub(crate) message: String,
    /// The image, if the failure is about one.
    pub(crate) image: Option<String>,
}

impl HasExitCode for FirstFailure {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl FirstFailure {
    fn new(subject: String, reason: &str, message: Option<&str>) -> Self {
        Self {
            subject,
            reason: reason.to_owned(),
            message: message.unwrap_or_default().to_owned(),
            image: None,
        }
    }

    /// Commands that load the missing image into the cluster.
    pub(crate) fn hint(&self, place: &Place) -> Option<String> {
        // `probeflip image` can build no other image.
        let image = self.image.as_ref().filter(|image| is_ours(image))?;
        let Place::Cluster(context) = place else {
            return None;
        };
        let load = match context.split_once('-') {
            Some(("kind", name)) => format!("kind load image-archive t.tar --name {name}"),
            Some(("k3d", name)) => format!("k3d image import t.tar --cluster {name}"),
            _ if context == "minikube" => "minikube image load t.tar".to_owned(),
            _ => "kind load image-archive t.tar".to_owned(),
        };
        Some(format!("`probeflip image -t {image} -o t.tar && {load}`"))
    }
}

/// The permanent failure that this object shows.
fn of(object: &WatchedObject) -> Option<FirstFailure> {
    match object.kind() {
        "Pod" => of_pod(&object.parsed()?),
        "ReplicaSet" => of_replica_set(&object.parsed()?),
        "Event" => of_event(&object.parsed()?),
        _ => None,
    }
}

/// The first permanent failure in these objects, of those that descend from the objects with these
/// UIDs. Other objects of the namespace are ignored.
pub(crate) fn among<'a>(
    objects: impl Iterator<Item = &'a WatchedObject>,
    snapshot: &Snapshot,
    created: &BTreeSet<String>,
) -> Option<FirstFailure> {
    let mut ours = objects.filter(|object| snapshot.grew_from(object, created));
    ours.find_map(of)
}

/// The unready containers of a Pod whose last run exited with an error, each with exit code and
/// message. A restart may mend that, so it is not a permanent failure; it explains why the Pod is
/// not ready.
pub(crate) fn crashes(pod: &Pod) -> Vec<String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten())
        .filter(|status| !status.ready);
    statuses
        .filter_map(|status| {
            let last = status
                .last_state
                .as_ref()
                .and_then(|state| state.terminated.as_ref());
            let now = status
                .state
                .as_ref()
                .and_then(|state| state.terminated.as_ref());
            let ended = now.or(last).filter(|ended| ended.exit_code != 0)?;
            let why = ended.message.as_deref().unwrap_or_default().trim();
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {why}")
            };
            Some(format!(
                "container {} of pod {name} exited with {}{why}",
                status.name, ended.exit_code
            ))
        })
        .collect()
}

fn of_pod(pod: &Pod) -> Option<FirstFailure> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let waiting = statuses(pod).find_map(|status| of_container(name, status));
    waiting.or_else(|| {
        let unschedulable = (pod.status.as_ref()?.conditions.iter().flatten())
            .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
            .find(|condition| condition.reason.as_deref() == Some("Unschedulable"))?;
        let message = unschedulable.message.as_deref();
        Some(FirstFailure::new(
            format!("pod {name}"),
            "Unschedulable",
            message,
        ))
    })
}

fn of_container(pod: &str, status: &ContainerStatus) -> Option<FirstFailure> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let no_image = matches!(
        reason,
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName"
    );
    if !no_image && reason != "CreateContainerConfigError" {
        return None;
    }
    let subject = format!("container {} of pod {pod}", status.name);
    Some(FirstFailure {
        image: no_image.then(|| status.image.clone()),
        ..FirstFailure::new(subject, reason, waiting.message.as_deref())
    })
}

fn of_replica_set(set: &ReplicaSet) -> Option<FirstFailure> {
    let conditions = set.status.as_ref()?.conditions.iter().flatten();
    let failing = conditions
        .filter(|condition| condition.type_.as_deref() == Some("ReplicaFailure"))
        .filter(|condition| condition.status.as_deref() == Some("True"))
        .find(|condition| condition.reason.as_deref() == Some("FailedCreate"))?;
    let name = set.metadata.name.as_deref().unwrap_or_default();
    failed_create(format!("replicaset {name}"), failing.message.as_deref())
}

fn of_event(event: &Event) -> Option<FirstFailure> {
    if event.reason.as_deref() != Some("FailedCreate") {
        return None;
    }
    let about = &event.involved_object;
    let kind = about.kind.as_deref().unwrap_or_default().to_lowercase();
    let subject = format!("{kind} {}", about.name.as_deref().unwrap_or_default());
    failed_create(subject, event.message.as_deref())
}

/// A failure to create Pods. A missing default service account does not count: a new namespace gets
/// it shortly, and the controller retries.
fn failed_create(subject: String, message: Option<&str>) -> Option<FirstFailure> {
    let settling =
        message.is_some_and(|text| text.contains("serviceaccount \"default\" not found"));
    (!settling).then(|| FirstFailure::new(subject, "FailedCreate", message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::timeline::SharedTexts;

    fn of_value(object: &Value) -> Option<FirstFailure> {
        of(&WatchedObject::new(
            object.clone(),
            &mut SharedTexts::default(),
        ))
    }

    fn waiting(reason: &str) -> Value {
        json!({ "kind": "Pod", "metadata": { "name": "web-1" }, "status": { "containerStatuses": [{
            "name": "b", "image": "probe-target:9", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason, "message": "why" } },
        }]}})
    }

    fn check(object: &Value, expected: Option<&str>) {
        assert_eq!(
            of_value(object)
                .map(|failure| failure.to_string())
                .as_deref(),
            expected,
            "{object}"
        );
    }

    #[test]
    fn an_image_that_is_not_there_has_a_command_that_helps() {
        for reason in ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"] {
            check(
                &waiting(reason),
                Some(&format!("container b of pod web-1: {reason}: why")),
            );
        }
        let failure = of_value(&waiting("ErrImageNeverPull")).unwrap();
        let hint = |context: &str| failure.hint(&Place::Cluster(context.to_owned())).unwrap();
        assert_eq!(
            hint("kind-dev"),
            "`probeflip image -t probe-target:9 -o t.tar && kind load image-archive t.tar --name dev`"
        );
        assert!(hint("minikube").ends_with("minikube image load t.tar`"));
        assert_eq!(failure.hint(&Place::Pocket), None);
    }

    #[test]
    fn an_image_that_is_not_ours_cannot_be_packed() {
        let hint = |image: &str| {
            let mut pod = waiting("ErrImagePull");
            pod["status"]["containerStatuses"][0]["image"] = json!(image);
            let failure = of_value(&pod).unwrap();
            failure.hint(&Place::Cluster("minikube".to_owned()))
        };
        for ours in ["probe-target", "a.example:5000/b/probe-target:1@sha256:0"] {
            assert!(hint(ours).is_some(), "{ours}");
        }
        for foreign in ["nginx:1", "probe-target/nginx:1", "my-probe-target:1", ""] {
            assert_eq!(hint(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_failure() {
        check(&waiting("ContainerCreating"), None);
        check(&waiting("CrashLoopBackOff"), None);
        let mut leaving = waiting("ErrImagePull");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        check(&leaving, None);
    }

    #[test]
    fn a_pod_that_fits_nowhere() {
        let pod = json!({ "kind": "Pod", "metadata": { "name": "web-1" }, "status": { "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes",
        }]}});
        check(&pod, Some("pod web-1: Unschedulable: 0/1 nodes"));
    }

    #[test]
    fn pods_that_are_not_admitted() {
        let event = |message: &str| {
            json!({
                "kind": "Event", "metadata": {}, "reason": "FailedCreate", "message": message,
                "involvedObject": { "kind": "ReplicaSet", "name": "web-1" },
            })
        };
        check(
            &event("violates PodSecurity"),
            Some("replicaset web-1: FailedCreate: violates PodSecurity"),
        );
        check(
            &event("error looking up service account: serviceaccount \"default\" not found"),
            None,
        );
        check(
            &event("error looking up service account: serviceaccount \"prober\" not found"),
            Some(
                "replicaset web-1: FailedCreate: error looking up service account: \
                 serviceaccount \"prober\" not found",
            ),
        );
    }
}
