//! Index of the Pods, Pod templates and Services that a workload's manifests define.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, Service};

use crate::input::experiment::{ObjectKind, ObjectRef, WorkloadRef};
use crate::input::load::Manifest;
use crate::input::manifests;
use crate::input::problem::{Problem, Problems};

/// The workload's objects by name.
#[derive(Debug, Default)]
pub(super) struct ManifestIndex {
    /// Pods, the Pod templates of the kinds that make Pods, and the Pods of StatefulSets, whose
    /// names are known.
    pub(super) pods: BTreeMap<ObjectRef, Pod>,
    /// How many Pods a Deployment, ReplicaSet or StatefulSet has, unless something else scales it.
    replicas: BTreeMap<ObjectRef, u32>,
    is_scaled: bool,
    /// A reference to every object.
    objects: Vec<WorkloadRef>,
    pub(super) services: BTreeMap<String, Service>,
}

impl ManifestIndex {
    /// Indexes all manifests. Reports those that do not fit their kind and those that occur twice.
    pub(super) fn read(written: &[Manifest]) -> Result<Self, Problems> {
        let mut known = Self::default();
        let mut problems = manifests::repeated(written, "the workload");
        for manifest in written {
            if let Err(problem) = known.take(manifest) {
                problems.push(problem);
            }
        }
        Problems::unless_any(problems, known)
    }

    fn take(&mut self, manifest: &Manifest) -> Result<(), Problem> {
        let name = manifest.name().to_owned();
        let object = WorkloadRef::to(manifest.kind(), &name);
        self.objects.push(object);
        let reference = |kind| ObjectRef {
            kind,
            name: name.clone(),
        };
        // With the version: a Service of Knative, for one, is another thing.
        match (manifest.api_version(), manifest.kind()) {
            ("v1", "Pod") => {
                self.pods
                    .insert(reference(ObjectKind::Pod), manifest.typed()?);
            }
            ("apps/v1", "Deployment") => {
                let spec = manifest.typed::<Deployment>()?.spec;
                self.template(
                    reference(ObjectKind::Deployment),
                    spec.template,
                    spec.replicas,
                );
            }
            ("apps/v1", "ReplicaSet") => {
                let spec = manifest.typed::<ReplicaSet>()?.spec;
                let template = spec.template.unwrap_or_default();
                self.template(reference(ObjectKind::ReplicaSet), template, spec.replicas);
            }
            ("apps/v1", "StatefulSet") => {
                let spec = manifest.typed::<StatefulSet>()?.spec;
                let (template, replicas) = (spec.template.clone(), spec.replicas);
                self.template(reference(ObjectKind::StatefulSet), template, replicas);
                let first = spec.ordinals.and_then(|ordinals| ordinals.start);
                let first = first.unwrap_or_default();
                for ordinal in first..first + spec.replicas.unwrap_or(1) {
                    let kind = ObjectKind::Pod;
                    let name = format!("{name}-{ordinal}");
                    self.pods
                        .insert(ObjectRef { kind, name }, pod(spec.template.clone()));
                }
            }
            ("apps/v1", "DaemonSet") => {
                let template = manifest.typed::<DaemonSet>()?.spec.template;
                self.pods
                    .insert(reference(ObjectKind::DaemonSet), pod(template));
            }
            ("batch/v1", "Job") => {
                let spec = manifest.typed::<Job>()?.spec;
                let template = spec.map(|spec| spec.template).unwrap_or_default();
                self.pods.insert(reference(ObjectKind::Job), pod(template));
            }
            // What it scales is not looked up, so no count is relied on.
            (_, "HorizontalPodAutoscaler") => self.is_scaled = true,
            ("v1", "Service") => {
                self.services.insert(name, manifest.typed()?);
            }
            _ => {}
        }
        Ok(())
    }

    fn template(&mut self, of: ObjectRef, template: PodTemplateSpec, replicas: Option<i32>) {
        let replicas = u32::try_from(replicas.unwrap_or(1)).unwrap_or_default();
        self.replicas.insert(of.clone(), replicas);
        self.pods.insert(of, pod(template));
    }

    /// References to all objects, and to the Pods that are known by name.
    pub(super) fn references(&self) -> impl Iterator<Item = WorkloadRef> {
        let objects = self.objects.iter().cloned();
        let pods = self.pods.keys();
        let made = pods.map(|pod| WorkloadRef::to(pod.kind.name(), &pod.name));
        objects.chain(made.filter(|made| !self.objects.contains(made)))
    }

    /// How many Pods a reference selects; none if the manifests do not decide it.
    pub(super) fn replicas(&self, of: &ObjectRef) -> Option<u32> {
        match of.kind {
            ObjectKind::Pod => Some(1),
            _ => self.replicas.get(of).copied().filter(|_| !self.is_scaled),
        }
    }

    /// The names of the workload's controllers of a kind.
    pub(super) fn controllers(&self, kind: ObjectKind) -> impl Iterator<Item = &str> {
        self.pods
            .keys()
            .filter(move |known| known.kind == kind)
            .map(|known| known.name.as_str())
    }
}

fn pod(template: PodTemplateSpec) -> Pod {
    Pod {
        metadata: template.metadata.unwrap_or_default(),
        spec: template.spec,
        status: None,
    }
}

/// Whether a Service has no cluster IP.
pub(super) fn is_headless(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let none = spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None");
    none || spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName")
}
