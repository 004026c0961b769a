//! New Pods from the template of their controller.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::owner;
use crate::kinds::{Object, name};

/// A Pod of `owner`, whose name is generated.
///
/// Rule: `pkg/controller/controller_utils.go`, `GetPodFromTemplate`.
pub(super) fn pod(owner: &impl Object, template: PodTemplateSpec) -> Pod {
    let metadata = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", name(owner))),
            namespace: owner.metadata().namespace.clone(),
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            owner_references: Some(vec![owner::reference(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}
