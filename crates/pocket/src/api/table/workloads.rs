//! Rows of the workloads, and of their revisions.

use k8s_openapi::api::apps::v1::{
    ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet,
};
use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::containers::names_and_images;
use super::metadata::named;
use super::{Column, Printer, cell};
use crate::kinds::selector;

pub(super) static DEPLOYMENT: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Ready"),
        Column::text("Up-to-date"),
        Column::text("Available"),
        Column::text("Age"),
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    |object, now| {
        let deployment: Deployment = object.to_typed();
        let spec = deployment.spec;
        let status = deployment.status.unwrap_or_default();
        let between = [
            of(status.ready_replicas, spec.replicas),
            cell::count(status.updated_replicas),
            cell::count(status.available_replicas),
        ];
        let mut cells = named(&deployment.metadata, now, &between);
        cells.extend(names_and_images(&spec.template));
        // Unlike for the others, nothing is said of an empty selector.
        let selector = selector::of(&spec.selector).map(|selector| selector.to_string());
        cells.push(selector.unwrap_or_else(|| "<invalid>".to_owned()).into());
        cells
    },
);

pub(super) static REPLICA_SET: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::number("Desired"),
        Column::number("Current"),
        Column::number("Ready"),
        Column::text("Age"),
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    |object, now| {
        let set: ReplicaSet = object.to_typed();
        let (spec, status) = (set.spec, set.status.unwrap_or_default());
        let between = [
            cell::count(spec.replicas),
            status.replicas.into(),
            cell::count(status.ready_replicas),
        ];
        let mut cells = named(&set.metadata, now, &between);
        cells.extend(names_and_images(&spec.template.unwrap_or_default()));
        cells.push(cell::label_selector(&spec.selector).into());
        cells
    },
);

pub(super) static STATEFUL_SET: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Ready"),
        Column::text("Age"),
        Column::wide("Containers"),
        Column::wide("Images"),
    ],
    |object, now| {
        let set: StatefulSet = object.to_typed();
        let (spec, status) = (set.spec, set.status.unwrap_or_default());
        let mut cells = named(
            &set.metadata,
            now,
            &[of(status.ready_replicas, spec.replicas)],
        );
        cells.extend(names_and_images(&spec.template));
        cells
    },
);

pub(super) static DAEMON_SET: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::number("Desired"),
        Column::number("Current"),
        Column::number("Ready"),
        Column::number("Up-to-date"),
        Column::number("Available"),
        Column::text("Node Selector"),
        Column::text("Age"),
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    |object, now| {
        let set: DaemonSet = object.to_typed();
        let (spec, status) = (set.spec, set.status.unwrap_or_default());
        let pod = spec.template.spec.as_ref();
        let between = [
            status.desired_number_scheduled.into(),
            status.current_number_scheduled.into(),
            status.number_ready.into(),
            cell::count(status.updated_number_scheduled),
            cell::count(status.number_available),
            cell::labels(pod.and_then(|pod| pod.node_selector.as_ref())).into(),
        ];
        let mut cells = named(&set.metadata, now, &between);
        cells.extend(names_and_images(&spec.template));
        cells.push(cell::label_selector(&spec.selector).into());
        cells
    },
);

pub(super) static JOB: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Status"),
        Column::text("Completions"),
        Column::text("Duration"),
        Column::text("Age"),
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    |object, now| {
        let job: Job = object.to_typed();
        let (spec, status) = (job.spec.unwrap_or_default(), job.status.unwrap_or_default());
        let deleted = job.metadata.deletion_timestamp.is_some();
        let between = [
            job_status(&status, deleted).into(),
            completions(&spec, &status).into(),
            job_duration(&status, now).into(),
        ];
        let mut cells = named(&job.metadata, now, &between);
        cells.extend(names_and_images(&spec.template));
        let selector = spec.selector.unwrap_or_default();
        cells.push(cell::label_selector(&selector).into());
        cells
    },
);

pub(super) static CONTROLLER_REVISION: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Controller"),
        Column::text("Revision"),
        Column::text("Age"),
    ],
    |object, now| {
        let revision: ControllerRevision = object.to_typed();
        let controller = controller(&revision).unwrap_or_else(|| cell::NONE.to_owned());
        let between = [controller.into(), revision.revision.into()];
        named(&revision.metadata, now, &between)
    },
);

/// So many of those wanted.
fn of(ready: Option<i32>, wanted: Option<i32>) -> Value {
    let (ready, wanted) = (ready.unwrap_or_default(), wanted.unwrap_or_default());
    format!("{ready}/{wanted}").into()
}

fn job_status(status: &JobStatus, deleted: bool) -> &'static str {
    let holds = |type_: &str| {
        let mut conditions = status.conditions.iter().flatten();
        let found = conditions.find(|condition| condition.type_ == type_);
        found.is_some_and(|condition| condition.status == "True")
    };
    let first = |types: &[&'static str]| types.iter().copied().find(|type_| holds(type_));
    if let Some(finished) = first(&["Complete", "Failed"]) {
        finished
    } else if deleted {
        "Terminating"
    } else {
        first(&["Suspended", "FailureTarget", "SuccessCriteriaMet"]).unwrap_or("Running")
    }
}

fn completions(spec: &JobSpec, status: &JobStatus) -> String {
    let succeeded = status.succeeded.unwrap_or_default();
    match (spec.completions, spec.parallelism.unwrap_or_default()) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel @ 2..) => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn job_duration(status: &JobStatus, now: Timestamp) -> String {
    let end = status.completion_time.as_ref().map_or(now, |time| time.0);
    let start = status.start_time.as_ref();
    start.map_or_else(String::new, |start| cell::between(start.0, end))
}

/// The object that controls the revision, such as `statefulset.apps/web`.
fn controller(revision: &ControllerRevision) -> Option<String> {
    let mut owners = revision.metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true))?;
    let kind = owner.kind.to_lowercase();
    Some(match owner.api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{}", owner.name),
        None => format!("{kind}/{}", owner.name),
    })
}
