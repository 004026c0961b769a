//! ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had.
//!
//! Rule: `pkg/controller/history/controller_history.go`.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use rules::controller_revision::{self, Revision, Step, hash};
use serde_json::{Value, json};

use super::owner;
use super::reconcile::ignore_refusal;
use crate::api_status::ApiError;
use crate::kinds::{Object, name, namespace};
use crate::registry::Registry;

/// The label of a StatefulSet's ControllerRevisions with the hash in their names.
pub(super) const HASH: &str = "controller.kubernetes.io/hash";

/// The label of a Pod with its ControllerRevision: the name of a StatefulSet's, the hash of a
/// DaemonSet's. The ControllerRevisions of a DaemonSet have it too.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

/// A workload whose templates are kept.
pub(super) struct Templated<'a, K> {
    pub(super) owner: &'a K,
    pub(super) template: &'a PodTemplateSpec,
    /// The label of its ControllerRevisions with the hash.
    pub(super) hash_label: &'static str,
}

/// The ControllerRevisions that `owner` controls, in ascending order of `revision`.
pub(super) fn of<'a>(
    owner: &impl Object,
    all: impl Iterator<Item = &'a ControllerRevision>,
) -> Vec<ControllerRevision> {
    let controlled = all.filter(|revision| owner::controls(owner, *revision));
    let mut revisions: Vec<_> = controlled.cloned().collect();
    revisions.sort_by_key(|it| (it.revision, it.metadata.creation_timestamp.clone()));
    revisions
}

/// Makes the newest ControllerRevision the one with the present template. `revisions` are those
/// of the workload, in ascending order.
pub(super) fn update<K: Object>(
    registry: &Registry,
    workload: &Templated<'_, K>,
    revisions: &mut Vec<ControllerRevision>,
) -> Result<(), ApiError> {
    let data = RawExtension(data(workload.template));
    let view = |revision: &ControllerRevision| Revision {
        name: name(revision).to_owned(),
        number: revision.revision.unwrap_or(0),
        holds_template: revision.data == data,
    };
    let views: Vec<Revision> = revisions.iter().map(view).collect();
    match controller_revision::step(&views) {
        Step::Keep(_) => {}
        Step::Renumber(place, number) => {
            let old = revisions.remove(place);
            let renumber = |revision: &mut ControllerRevision| revision.revision = Some(number);
            revisions.push(registry.edit(namespace(&old), name(&old), renumber)?);
        }
        Step::Create(number) => {
            let new = new_revision(workload, data, number);
            revisions.push(registry.create(&new)?);
        }
    }
    Ok(())
}

/// The template that a ControllerRevision keeps.
pub(super) fn template(revision: &ControllerRevision) -> PodTemplateSpec {
    // `$patch` is no field of a template, so it is left out.
    serde_json::from_value(revision.data.0["spec"]["template"].clone()).unwrap_or_default()
}

/// The value of [`REVISION_LABEL`].
pub(super) fn revision_label(object: &impl Object) -> Option<&str> {
    let labels = object.metadata().labels.as_ref()?;
    labels.get(REVISION_LABEL).map(String::as_str)
}

/// The number of unused ControllerRevisions to keep, from a workload's `revisionHistoryLimit`.
pub(super) fn limit(revision_history_limit: Option<i32>) -> usize {
    // A negative limit keeps all.
    usize::try_from(revision_history_limit.unwrap_or(10)).unwrap_or(usize::MAX)
}

/// Deletes the oldest of the ControllerRevisions that are not `in_use`, beyond `limit`.
pub(super) fn truncate(
    registry: &Registry,
    revisions: &[ControllerRevision],
    in_use: impl Fn(&str) -> bool,
    limit: usize,
) {
    for surplus in controller_revision::surplus(revisions, |it| in_use(name(it)), limit) {
        let (namespace, name) = (namespace(surplus), name(surplus));
        ignore_refusal(registry.delete::<ControllerRevision>(namespace, name, None));
    }
}

/// A patch that restores the template.
fn data(template: &PodTemplateSpec) -> Value {
    let mut template = json!(template);
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

fn new_revision<K: Object>(
    workload: &Templated<'_, K>,
    data: RawExtension,
    number: i64,
) -> ControllerRevision {
    let (owner, metadata) = (workload.owner, workload.template.metadata.as_ref());
    let hash = hash(go_json(&data.0).as_bytes(), 0);
    let mut labels = metadata
        .and_then(|metadata| metadata.labels.clone())
        .unwrap_or_default();
    labels.insert(workload.hash_label.to_owned(), hash.clone());
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", name(owner))),
            namespace: owner.metadata().namespace.clone(),
            labels: Some(labels),
            annotations: owner.metadata().annotations.clone(),
            owner_references: Some(vec![owner::reference(owner)]),
            ..ObjectMeta::default()
        },
        data,
        revision: Some(number),
    }
}

/// JSON as Go writes it, so that names are those of a cluster. The escaped characters occur in
/// strings only.
///
/// Rule: Go's `encoding/json`, `HTMLEscape`.
fn go_json(value: &Value) -> String {
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    let json = value.to_string();
    escapes
        .into_iter()
        .fold(json, |json, (found, escape)| json.replace(found, escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from a cluster 1.36.3.
    #[test]
    fn a_revision_has_the_name_that_a_cluster_gives_it() {
        let template = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{
                    "args": ["--port=8080", "a<b&c>d é"],
                    "image": "probe-target:0.1.0",
                    "imagePullPolicy": "IfNotPresent",
                    "name": "a",
                    "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
                    "readinessProbe": {
                        "failureThreshold": 3,
                        "httpGet": {"path": "/r", "port": "http", "scheme": "HTTP"},
                        "periodSeconds": 1,
                        "successThreshold": 1,
                        "timeoutSeconds": 1,
                    },
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }],
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 2,
            },
        });
        let template: PodTemplateSpec = serde_json::from_value(template).unwrap();
        let mut owner = ControllerRevision::default();
        owner.metadata.name = Some("web".to_owned());
        let workload = Templated {
            owner: &owner,
            template: &template,
            hash_label: HASH,
        };
        let revision = new_revision(&workload, RawExtension(data(&template)), 1);
        assert_eq!(super::template(&revision), template);
        assert_eq!(name(&revision), "web-55b7b5785c");
        assert_eq!(revision.metadata.labels.unwrap()[HASH], "55b7b5785c");
    }
}
