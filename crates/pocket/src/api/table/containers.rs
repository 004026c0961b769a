//! The cells that name the containers of a Pod template.

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde_json::Value;

/// Two cells: the names of the containers, and their images.
pub(super) fn names_and_images(template: &PodTemplateSpec) -> [Value; 2] {
    let containers = template.spec.as_ref().map(|spec| &spec.containers[..]);
    let containers = containers.unwrap_or_default();
    let joined = |text: fn(&Container) -> &str| {
        let texts: Vec<&str> = containers.iter().map(text).collect();
        Value::from(texts.join(","))
    };
    [
        joined(|container| &container.name),
        joined(|container| container.image.as_deref().unwrap_or_default()),
    ]
}
