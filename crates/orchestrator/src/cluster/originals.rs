//! Lists the originals of stand-ins in a namespace: workloads, Services and their scalers.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use serde_json::Value;

use super::ListError;

/// A kind, by group and version.
pub(crate) type ListedKind = (&'static str, &'static str, &'static str);

/// The kinds that stand-ins are made of.
const KINDS: [ListedKind; 8] = [
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("apps", "v1", "DaemonSet"),
    ("apps", "v1", "ReplicaSet"),
    ("batch", "v1", "Job"),
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
];

/// Kinds that stand-ins leave out.
pub(crate) const CRON_JOB: ListedKind = ("batch", "v1", "CronJob");

/// All objects of these kinds and of `more`, in the order of the kinds and then of their names.
pub(crate) async fn list(
    client: &Client,
    namespace: &str,
    more: &[ListedKind],
) -> Result<Vec<Value>, ListError> {
    let mut objects = Vec::new();
    for (group, version, kind) in KINDS.iter().chain(more) {
        let kind = GroupVersionKind::gvk(group, version, kind);
        objects.extend(list_kind(client, namespace, &ApiResource::from_gvk(&kind)).await?);
    }
    Ok(objects)
}

async fn list_kind(
    client: &Client,
    namespace: &str,
    resource: &ApiResource,
) -> Result<Vec<Value>, ListError> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
    let listed = match api.list(&ListParams::default()).await {
        Ok(listed) => listed,
        // A cluster may serve only some kinds: this one has no objects then.
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Vec::new()),
        Err(source) => return Err(ListError::new(&resource.plural, namespace, source)),
    };
    let object = |object: DynamicObject| {
        let mut object = serde_json::to_value(object).expect("an object from the API must be JSON");
        // Items of a list do not say what they are.
        object["apiVersion"] = resource.api_version.as_str().into();
        object["kind"] = resource.kind.as_str().into();
        object
    };
    Ok(listed.items.into_iter().map(object).collect())
}
