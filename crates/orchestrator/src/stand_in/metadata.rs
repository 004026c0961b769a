//! Metadata of objects and Pod templates: what is kept, and what marks a stand-in.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::notes::{Notes, Topic};
use crate::input::load::Manifest;

/// The annotation of every stand-in.
pub(super) const MARK: &str = "probeflip.dev/stand-in";

/// Where objects have the template of their Pods; empty for a Pod itself.
pub(crate) const POD_TEMPLATES: [&str; 3] = ["", "spec.template", "spec.jobTemplate.spec.template"];

/// The path of a field within a part of an object, which is empty for the object itself.
pub(crate) fn within(part: &str, field: &str) -> String {
    let dot = if part.is_empty() { "" } else { "." };
    format!("{part}{dot}{field}")
}

/// Whether an object is a stand-in already.
pub(super) fn is_stand_in(object: &Value) -> bool {
    annotation(object, MARK).is_some()
}

/// What becomes of an object of a kind that stand-ins have.
pub(crate) enum Disposition {
    Kept,
    /// Helm runs it before or after the rest, or never.
    Hook,
    /// A controller owns it, and makes it anew.
    Owned,
}

/// What becomes of an object, by its metadata.
pub(crate) fn disposition(manifest: &Manifest) -> Disposition {
    let owners = manifest.object.pointer("/metadata/ownerReferences");
    let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
    if annotation(&manifest.object, "helm.sh/hook").is_some() {
        Disposition::Hook
    } else if owners.any(|owner| owner["controller"] == true) {
        Disposition::Owned
    } else {
        Disposition::Kept
    }
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let annotations = object.pointer("/metadata/annotations")?.as_object()?;
    annotations.get(name)
}

/// The namespace that a manifest names.
pub(crate) fn namespace(manifest: &Manifest) -> Option<&str> {
    let namespace = manifest.object.pointer("/metadata/namespace")?.as_str()?;
    Some(namespace).filter(|namespace| !namespace.is_empty())
}

/// Whether both belong to one namespace. One without a namespace belongs to any: charts often leave
/// it to the command that applies them.
pub(crate) fn share_namespace(one: &Manifest, other: &Manifest) -> bool {
    match (namespace(one), namespace(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The kind, with its group unless it is `Kind` of the core, `apps` or `batch` in version 1.
pub(crate) fn qualified_kind(manifest: &Manifest) -> String {
    let version = manifest.api_version();
    match version.split_once('/') {
        None if version == "v1" => manifest.kind().to_owned(),
        Some(("apps" | "batch", "v1")) => manifest.kind().to_owned(),
        Some((group, _)) if is_of_kubernetes(group) => manifest.kind().to_owned(),
        _ => format!("{} of {version}", manifest.kind()),
    }
}

/// Whether a group has none of the kinds that stand-ins have, and is Kubernetes' own.
fn is_of_kubernetes(group: &str) -> bool {
    ["policy", "autoscaling"].contains(&group) || group.ends_with(".k8s.io")
}

/// Annotations that decide which Pods go first.
// kubernetes.io/docs › Labels, Annotations and Taints.
const KEPT: &[&str] = &["controller.kubernetes.io/pod-deletion-cost"];

/// Annotations that only keep books, or that only other commands read.
const BOOKKEEPING: &[&str] = &[
    "lint.probeflip.dev/",
    "kubectl.kubernetes.io/",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "meta.helm.sh/",
    "helm.sh/",
];

/// Reduces metadata to name, labels and the annotations that are kept.
pub(super) fn reduce(
    metadata: ObjectMeta,
    namespace: Option<String>,
    place: &str,
    notes: &mut Notes,
) -> ObjectMeta {
    let ObjectMeta {
        annotations,
        labels,
        name,
        // Assigned by the API server, or by controllers that the stand-in does not have.
        creation_timestamp: _,
        deletion_grace_period_seconds: _,
        deletion_timestamp: _,
        finalizers: _,
        generate_name: _,
        generation: _,
        managed_fields: _,
        namespace: _,
        owner_references: _,
        resource_version: _,
        self_link: _,
        uid: _,
    } = metadata;
    let mut kept = BTreeMap::new();
    for (key, value) in annotations.into_iter().flatten() {
        if KEPT.contains(&key.as_str()) {
            kept.insert(key, value);
        } else if !BOOKKEEPING.iter().any(|prefix| key.starts_with(prefix)) {
            notes.add(Topic::Annotations, place);
        }
    }
    ObjectMeta {
        annotations: (!kept.is_empty()).then_some(kept),
        labels: labels.filter(|labels| !labels.is_empty()),
        name,
        namespace,
        ..ObjectMeta::default()
    }
}

/// Marks an object as a stand-in.
pub(super) fn mark(metadata: &mut ObjectMeta) {
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(MARK.to_owned(), "true".to_owned());
}
