//! Rollout status of an object, by the rules of `kubectl rollout status`: what it still lacks.
//!
//! Pure: from an API object to a phrase, or nothing. Kinds without a rollout lack nothing.

use serde_json::Value;

use crate::input::manifests::Manifest;

/// What an object still lacks, by its last observed state.
pub(super) fn missing(manifest: &Manifest, seen: Option<&Value>) -> Option<String> {
    let resource = &manifest.resource;
    let missing = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod,
        ("apps", "DaemonSet") => daemon_set,
        ("apps", "Deployment") => deployment,
        ("apps", "ReplicaSet") => replica_set,
        ("apps", "StatefulSet") => stateful_set,
        _ => return None,
    };
    match seen {
        Some(object) => missing(object),
        None => Some("it was not seen yet".to_owned()),
    }
}

fn pod(pod: &Value) -> Option<String> {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|each| each["type"] == "Ready" && each["status"] == "True");
    (!ready).then(|| "it is not ready".to_owned())
}

// This and the other kinds follow kubectl's pkg/polymorphichelpers/rollout_status.go, which does
// not handle ReplicaSets.
fn deployment(deployment: &Value) -> Option<String> {
    let wanted = wanted(deployment);
    let old = count(deployment, "replicas") - wanted;
    unobserved(deployment)
        .or_else(|| fewer(deployment, "updatedReplicas", wanted, "updated"))
        .or_else(|| (old > 0).then(|| format!("{old} old pods are left")))
        .or_else(|| fewer(deployment, "availableReplicas", wanted, "available"))
}

fn replica_set(set: &Value) -> Option<String> {
    unobserved(set).or_else(|| fewer(set, "availableReplicas", wanted(set), "available"))
}

fn stateful_set(set: &Value) -> Option<String> {
    let wanted = wanted(set);
    let rolling = &set["spec"]["updateStrategy"]["rollingUpdate"];
    // Replicas below the partition keep their revision.
    let updated = wanted - rolling["partition"].as_i64().unwrap_or_default();
    unobserved(set)
        .or_else(|| fewer(set, "readyReplicas", wanted, "ready"))
        .or_else(|| updates(set).then(|| fewer(set, "updatedReplicas", updated, "updated"))?)
}

fn daemon_set(set: &Value) -> Option<String> {
    let wanted = count(set, "desiredNumberScheduled");
    unobserved(set)
        .or_else(|| {
            updates(set).then(|| fewer(set, "updatedNumberScheduled", wanted, "updated"))?
        })
        .or_else(|| fewer(set, "numberAvailable", wanted, "available"))
}

/// Whether the controller replaces Pods by itself; with `OnDelete` it waits until they are deleted.
fn updates(set: &Value) -> bool {
    set["spec"]["updateStrategy"]["type"] != "OnDelete"
}

/// Checks `observedGeneration`: until the controller sets it, the status is of an older spec.
fn unobserved(object: &Value) -> Option<String> {
    let generation = object["metadata"]["generation"].as_i64();
    (count(object, "observedGeneration") < generation.unwrap_or_default())
        .then(|| "its controller has not seen it yet".to_owned())
}

fn fewer(object: &Value, field: &str, wanted: i64, what: &str) -> Option<String> {
    let there = count(object, field);
    (there < wanted).then(|| format!("{there} of {wanted} pods are {what}"))
}

fn wanted(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, spec: &Value, status: &Value, expected: Option<&str>) {
        let api_version = if kind == "Pod" { "v1" } else { "apps/v1" };
        let object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": { "name": "it", "generation": 2 },
            "spec": spec, "status": status,
        });
        let manifest = Manifest::new(object.clone());
        let found = missing(&manifest, Some(&object));
        assert_eq!(found.as_deref(), expected, "{object}");
        let unseen = missing(&manifest, None);
        assert_eq!(unseen.as_deref(), Some("it was not seen yet"));
    }

    const UNOBSERVED: Option<&str> = Some("its controller has not seen it yet");

    #[test]
    fn a_deployment_is_updated_without_old_replicas_and_available() {
        let check = |status: [i64; 4], expected| {
            let [observed, replicas, updated, available] = status;
            let status = json!({
                "observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated,
                "availableReplicas": available,
            });
            check("Deployment", &json!({ "replicas": 2 }), &status, expected);
        };
        check([1, 2, 2, 2], UNOBSERVED);
        check([2, 2, 1, 2], Some("1 of 2 pods are updated"));
        check([2, 3, 2, 3], Some("1 old pods are left"));
        check([2, 2, 2, 1], Some("1 of 2 pods are available"));
        check([2, 2, 2, 2], None);
    }

    #[test]
    fn a_replica_set_is_available() {
        let check = |observed: i64, available: Value, expected| {
            let status = json!({ "observedGeneration": observed, "availableReplicas": available });
            check("ReplicaSet", &json!({}), &status, expected);
        };
        check(1, json!(1), UNOBSERVED);
        check(2, json!(null), Some("0 of 1 pods are available"));
        check(2, json!(1), None);
    }

    #[test]
    fn a_stateful_set_is_ready_and_updated_above_its_partition() {
        let check = |strategy: Value, status: [i64; 3], expected| {
            let [observed, ready, updated] = status;
            let spec = json!({ "replicas": 3, "updateStrategy": strategy });
            let status = json!({
                "observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": updated,
            });
            check("StatefulSet", &spec, &status, expected);
        };
        let rolling = |partition: i64| json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": partition } });
        check(rolling(0), [1, 3, 3], UNOBSERVED);
        check(rolling(0), [2, 2, 3], Some("2 of 3 pods are ready"));
        check(rolling(0), [2, 3, 2], Some("2 of 3 pods are updated"));
        check(rolling(0), [2, 3, 3], None);
        check(rolling(2), [2, 3, 0], Some("0 of 1 pods are updated"));
        check(rolling(2), [2, 3, 1], None);
        check(json!({ "type": "OnDelete" }), [2, 3, 0], None);
    }

    #[test]
    fn a_daemon_set_is_updated_and_available_on_every_node_it_wants() {
        let check = |strategy: &str, status: [i64; 3], expected| {
            let [observed, updated, available] = status;
            let spec = json!({ "updateStrategy": { "type": strategy } });
            let status = json!({
                "observedGeneration": observed, "desiredNumberScheduled": 2,
                "updatedNumberScheduled": updated, "numberAvailable": available,
            });
            check("DaemonSet", &spec, &status, expected);
        };
        check("RollingUpdate", [1, 2, 2], UNOBSERVED);
        check("RollingUpdate", [2, 1, 2], Some("1 of 2 pods are updated"));
        check(
            "RollingUpdate",
            [2, 2, 0],
            Some("0 of 2 pods are available"),
        );
        check("RollingUpdate", [2, 2, 2], None);
        check("OnDelete", [2, 0, 2], None);
    }

    #[test]
    fn a_pod_is_ready() {
        let ready = |status: &str| json!({ "conditions": [{ "type": "Ready", "status": status }] });
        check("Pod", &json!({}), &ready("False"), Some("it is not ready"));
        check("Pod", &json!({}), &ready("True"), None);
    }

    #[test]
    fn other_kinds_are_there_or_not() {
        for (api_version, kind) in [("v1", "Service"), ("apps.example.dev/v1", "StatefulSet")] {
            let manifest = Manifest::new(json!({ "apiVersion": api_version, "kind": kind }));
            assert_eq!(missing(&manifest, None), None, "{kind}");
        }
    }
}
