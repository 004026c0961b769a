//! Index of the Pods, Pod templates and Services that a workload's manifests define.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, Service};

use crate::input::experiment::{ObjectKind, ObjectRef};
use crate::input::load::Manifest;
use crate::input::problem::{Problem, ProblemText, Problems};

/// The workload's objects by name.
#[derive(Debug, Default)]
pub(super) struct ManifestIndex {
    /// Pods, and the Pod templates of Deployments and ReplicaSets.
    pub(super) pods: BTreeMap<ObjectRef, Pod>,
    pub(super) services: BTreeMap<String, Service>,
}

impl ManifestIndex {
    /// Indexes all manifests. Reports those that do not fit their kind and those that occur twice.
    pub(super) fn read(manifests: &[Manifest]) -> Result<Self, Problems> {
        let mut known = Self::default();
        let mut problems = Vec::new();
        let mut seen = Vec::new();
        for manifest in manifests {
            let reference = (
                manifest.object["apiVersion"].clone(),
                manifest.kind(),
                manifest.name(),
            );
            if seen.contains(&reference) {
                let what = format!(
                    "there is another {} `{}` in the workload",
                    manifest.kind(),
                    manifest.name()
                );
                problems.push(ProblemText::new(what).at(&manifest.source, manifest.span));
            }
            seen.push(reference);
            if let Err(problem) = known.take(manifest) {
                problems.push(problem);
            }
        }
        Problems::unless_any(problems, known)
    }

    fn take(&mut self, manifest: &Manifest) -> Result<(), Problem> {
        let name = manifest.name().to_owned();
        let reference = |kind| ObjectRef {
            kind,
            name: name.clone(),
        };
        match manifest.kind() {
            "Pod" => {
                self.pods
                    .insert(reference(ObjectKind::Pod), manifest.typed()?);
            }
            "Deployment" => {
                let template = manifest.typed::<Deployment>()?.spec.template;
                self.pods
                    .insert(reference(ObjectKind::Deployment), pod(template));
            }
            "ReplicaSet" => {
                let template = manifest.typed::<ReplicaSet>()?.spec.template;
                self.pods.insert(
                    reference(ObjectKind::ReplicaSet),
                    pod(template.unwrap_or_default()),
                );
            }
            "Service" => {
                self.services.insert(name, manifest.typed()?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The names of the workload's Deployments.
    pub(super) fn deployments(&self) -> impl Iterator<Item = &str> {
        self.pods
            .keys()
            .filter(|known| known.kind == ObjectKind::Deployment)
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
