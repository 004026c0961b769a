//! Workloads of stand-ins: what is kept of each kind around its Pod template.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{
            DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec,
            StatefulSet, StatefulSetSpec,
        },
        batch::v1::{Job, JobSpec},
        core::v1::{Pod, PodTemplateSpec, Service},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::Serialize;
use serde_json::Value;

use super::container::{differs, is_given};
use super::metadata;
use super::notes::{Notes, Topic};
use super::pod::Template;
use super::service::Selected;
use super::settings::Settings;
use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
};

/// The kinds that stand-ins have.
pub(crate) const KINDS: [&str; 7] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "Pod",
    "Service",
];

/// A workload: an object that makes Pods, or a Pod.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is boxed as a whole")]
pub(crate) enum Workload {
    Deployment(Deployment),
    StatefulSet(StatefulSet),
    DaemonSet(DaemonSet),
    ReplicaSet(ReplicaSet),
    Job(Job),
    Pod(Pod),
}

impl Workload {
    /// Parses a manifest of one of [`KINDS`] except Service.
    pub(crate) fn parse(kind: &str, manifest: &Manifest) -> Result<Self, Problem> {
        Ok(match kind {
            "Deployment" => Self::Deployment(manifest.typed()?),
            "StatefulSet" => Self::StatefulSet(manifest.typed()?),
            "DaemonSet" => Self::DaemonSet(manifest.typed()?),
            "ReplicaSet" => Self::ReplicaSet(manifest.typed()?),
            "Job" => Self::Job(manifest.typed()?),
            _ => Self::Pod(manifest.typed()?),
        })
    }

    /// Converts its specification. Returns what Services need to know of its Pods.
    pub(super) fn convert(
        &mut self,
        services: &[&Service],
        settings: &Settings,
        place: &str,
        notes: &mut Notes,
    ) -> Result<Selected, ProblemText> {
        let template = Template {
            services,
            ends: matches!(self, Self::Job(_)),
            settings,
            place,
        };
        self.reduce(place, notes);
        let mut of_template = |pods: &mut PodTemplateSpec| {
            let metadata = pods.metadata.get_or_insert_default();
            metadata.name = None;
            template.convert(metadata, pods.spec.get_or_insert_default(), notes)
        };
        match self {
            Self::Deployment(object) => of_template(&mut object.spec.template),
            Self::StatefulSet(object) => of_template(&mut object.spec.template),
            Self::DaemonSet(object) => of_template(&mut object.spec.template),
            Self::ReplicaSet(object) => {
                let spec = &mut object.spec;
                of_template(spec.template.get_or_insert_default())
            }
            Self::Job(object) => of_template(&mut object.spec.get_or_insert_default().template),
            Self::Pod(Pod {
                metadata,
                spec,
                status,
            }) => {
                *status = None;
                template.convert(metadata, spec.get_or_insert_default(), notes)
            }
        }
    }

    /// Reduces the fields around the template to those that are kept.
    fn reduce(&mut self, place: &str, notes: &mut Notes) {
        match self {
            Self::Deployment(object) => {
                object.status = None;
                // Every field is kept: this names them all.
                let DeploymentSpec {
                    min_ready_seconds: _,
                    paused: _,
                    progress_deadline_seconds: _,
                    replicas: _,
                    revision_history_limit: _,
                    selector: _,
                    strategy: _,
                    template: _,
                } = &object.spec;
            }
            Self::StatefulSet(object) => {
                object.status = None;
                reduce_stateful_set(&mut object.spec, place, notes);
            }
            Self::DaemonSet(object) => {
                object.status = None;
                let DaemonSetSpec {
                    min_ready_seconds: _,
                    revision_history_limit: _,
                    selector: _,
                    template: _,
                    update_strategy: _,
                } = &object.spec;
            }
            Self::ReplicaSet(object) => {
                object.status = None;
                let ReplicaSetSpec {
                    min_ready_seconds: _,
                    replicas: _,
                    selector: _,
                    template: _,
                } = &object.spec;
            }
            Self::Job(object) => {
                object.status = None;
                reduce_job(object, place, notes);
            }
            Self::Pod(_) => {}
        }
    }

    /// Reduces its metadata, and puts it into a namespace.
    pub(super) fn set_metadata(
        &mut self,
        namespace: Option<String>,
        place: &str,
        notes: &mut Notes,
    ) {
        let is_pod = matches!(self, Self::Pod(_));
        let metadata = self.metadata();
        if is_pod {
            // Reduced with its template; what is there is the stand-in's own.
            metadata.namespace = namespace;
        } else {
            *metadata = metadata::reduce(std::mem::take(metadata), namespace, place, notes);
        }
        metadata::mark(metadata);
    }

    fn metadata(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Deployment(object) => &mut object.metadata,
            Self::StatefulSet(object) => &mut object.metadata,
            Self::DaemonSet(object) => &mut object.metadata,
            Self::ReplicaSet(object) => &mut object.metadata,
            Self::Job(object) => &mut object.metadata,
            Self::Pod(object) => &mut object.metadata,
        }
    }

    /// The object to apply.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Deployment(object) => json(object),
            Self::StatefulSet(object) => json(object),
            Self::DaemonSet(object) => json(object),
            Self::ReplicaSet(object) => json(object),
            Self::Job(object) => json(object),
            Self::Pod(object) => json(object),
        }
    }
}

/// An object as JSON.
pub(super) fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("an object of Kubernetes must be JSON")
}

fn reduce_stateful_set(spec: &mut StatefulSetSpec, place: &str, notes: &mut Notes) {
    let StatefulSetSpec {
        persistent_volume_claim_retention_policy,
        pod_management_policy,
        volume_claim_templates,
        min_ready_seconds: _,
        ordinals: _,
        replicas: _,
        revision_history_limit: _,
        selector: _,
        service_name: _,
        template: _,
        update_strategy: _,
    } = spec;
    let retention = persistent_volume_claim_retention_policy.take();
    let deletes = retention.is_some_and(|retention| {
        differs(retention.when_deleted.as_deref(), "Retain")
            || differs(retention.when_scaled.as_deref(), "Retain")
    });
    let field = format!("{place} persistentVolumeClaimRetentionPolicy");
    notes.add_if(deletes, Topic::Fields, &field);
    // The API server takes an empty policy for the default.
    *pod_management_policy = pod_management_policy
        .take()
        .filter(|policy| !policy.is_empty());
    let claims = volume_claim_templates.take();
    notes.add_if(is_given(claims.as_ref()), Topic::Volumes, place);
}

/// Labels that the API server gives to a Job's Pods, and that its selector names.
// Rule: `pkg/registry/batch/job/strategy.go`, `generateSelector`.
const GENERATED: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

fn reduce_job(job: &mut Job, place: &str, notes: &mut Notes) {
    let spec = job.spec.get_or_insert_default();
    let is_manual = spec.manual_selector == Some(true);
    let JobSpec {
        managed_by,
        scheduling,
        selector,
        template,
        active_deadline_seconds: _,
        backoff_limit: _,
        backoff_limit_per_index: _,
        completion_mode: _,
        completions: _,
        manual_selector: _,
        max_failed_indexes: _,
        parallelism: _,
        pod_failure_policy: _,
        pod_replacement_policy: _,
        success_policy: _,
        suspend: _,
        ttl_seconds_after_finished: _,
    } = spec;
    if managed_by.take().is_some() {
        notes.add(Topic::Fields, format!("{place} managedBy"));
    }
    notes.add_if(scheduling.take().is_some(), Topic::Scheduling, place);
    if is_manual {
        return;
    }
    *selector = None;
    let of_template = template.metadata.iter_mut();
    for metadata in of_template.chain([&mut job.metadata]) {
        if let Some(labels) = &mut metadata.labels {
            labels.retain(|name, _| !GENERATED.contains(&name.as_str()));
        }
    }
}

/// The minimums of `HorizontalPodAutoscaler`s, by namespace, kind and name of what they scale.
pub(crate) struct ReplicaMinimums(BTreeMap<(Option<String>, String, String), i32>);

impl ReplicaMinimums {
    pub(crate) fn of(manifests: &[Manifest]) -> Self {
        let scalers = manifests.iter();
        let scalers = scalers.filter(|manifest| manifest.kind() == "HorizontalPodAutoscaler");
        Self(
            scalers
                .filter_map(|manifest| {
                    let spec = &manifest.object["spec"];
                    let text = |field: &str| spec["scaleTargetRef"][field].as_str();
                    let namespace = metadata::namespace(manifest).map(str::to_owned);
                    let key = (
                        namespace,
                        text("kind")?.to_owned(),
                        text("name")?.to_owned(),
                    );
                    let minimum = spec["minReplicas"].as_i64().unwrap_or(1);
                    Some((key, i32::try_from(minimum).ok()?))
                })
                .collect(),
        )
    }

    /// The minimum of a workload's scaler.
    pub(crate) fn get(&self, namespace: Option<&str>, kind: &str, name: &str) -> Option<i32> {
        let key = (
            namespace.map(str::to_owned),
            kind.to_owned(),
            name.to_owned(),
        );
        self.0.get(&key).copied()
    }

    /// Sets absent `replicas` to the minimum of the workload's scaler.
    pub(super) fn fill(
        &self,
        workload: &mut Workload,
        namespace: Option<&str>,
        place: &str,
        notes: &mut Notes,
    ) {
        let (kind, name, replicas) = match workload {
            Workload::Deployment(object) => {
                let spec = &mut object.spec;
                ("Deployment", &object.metadata.name, &mut spec.replicas)
            }
            Workload::StatefulSet(object) => {
                let spec = &mut object.spec;
                ("StatefulSet", &object.metadata.name, &mut spec.replicas)
            }
            Workload::ReplicaSet(object) => {
                let spec = &mut object.spec;
                ("ReplicaSet", &object.metadata.name, &mut spec.replicas)
            }
            Workload::DaemonSet(_) | Workload::Job(_) | Workload::Pod(_) => return,
        };
        let name = name.as_deref().unwrap_or_default();
        if replicas.is_none()
            && let Some(minimum) = self.get(namespace, kind, name)
        {
            *replicas = Some(minimum);
            notes.add(Topic::Replicas, format!("{place} {minimum}"));
        }
    }
}
