//! Defaults and refusals of each kind.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use serde_json::{Value, json};

use super::Schema;
use crate::kinds::{KINDS, Kind, Object};
use crate::registry::Part;
use crate::registry::tests::registry;

fn create<K: Object>(body: &Value) -> Result<Value, String> {
    let mut body = body.clone();
    body["metadata"]["name"] = "web".into();
    let created = registry().create_value(Kind::of::<K>(), "default", body, false);
    created
        .map(|object| object.value())
        .map_err(|refusal| refusal.message)
}

/// A Pod whose only container has these fields, a name and an image.
#[expect(
    clippy::needless_pass_by_value,
    reason = "cases read better without references"
)]
fn pod(container: Value) -> Value {
    let mut body = json!({"spec": {"containers": [{"name": "a", "image": "probe-target:1"}]}});
    let fields = container.as_object().cloned().unwrap_or_default();
    body["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .extend(fields);
    body
}

fn deployment() -> Value {
    json!({"spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "a", "image": "probe-target:1"}]},
        },
    }})
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

#[test]
fn every_kind_has_a_schema() {
    for kind in KINDS {
        assert_eq!(Schema::of(kind).name, kind.name);
    }
}

#[test]
fn only_sidecars_among_init_containers_are_probed() {
    let init = |restart: Option<&str>| {
        let probe = json!({"httpGet": {"port": 8080}});
        let mut init = json!({"name": "i", "image": "probe-target:1", "startupProbe": probe});
        if let Some(restart) = restart {
            init["restartPolicy"] = restart.into();
        }
        with(pod(json!({})), "/spec/initContainers", json!([init]))
    };
    assert!(create::<Pod>(&init(Some("Always"))).is_ok());
    let refused = create::<Pod>(&init(None)).unwrap_err();
    let said = "spec.initContainers[0].startupProbe: Forbidden: \
        may not be set for init containers without restartPolicy=Always";
    assert!(refused.ends_with(said), "{refused}");
}

#[test]
fn probes_are_completed() {
    let probe = json!({"readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 2}});
    let pod = create::<Pod>(&pod(probe)).unwrap();
    let expected = json!({
        "httpGet": {"port": 8080, "path": "/", "scheme": "HTTP"},
        "periodSeconds": 2, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
    });
    assert_eq!(pod["spec"]["containers"][0]["readinessProbe"], expected);
}

#[test]
fn pods_are_completed() {
    let pod = create::<Pod>(&pod(json!({"ports": [{"containerPort": 80}]}))).unwrap();
    let check = |pointer: &str, expected: Value| {
        assert_eq!(pod.pointer(pointer), Some(&expected), "{pointer}");
    };
    check("/spec/restartPolicy", json!("Always"));
    check("/spec/terminationGracePeriodSeconds", json!(30));
    check("/spec/containers/0/imagePullPolicy", json!("IfNotPresent"));
    check("/spec/containers/0/ports/0/protocol", json!("TCP"));
    check("/status/phase", json!("Pending"));
    check("/status/qosClass", json!("BestEffort"));
}

#[test]
fn deployments_are_completed() {
    let deployment = create::<Deployment>(&deployment()).unwrap();
    let check = |pointer: &str, expected: Value| {
        assert_eq!(deployment.pointer(pointer), Some(&expected), "{pointer}");
    };
    check("/spec/replicas", json!(1));
    check("/spec/progressDeadlineSeconds", json!(600));
    check("/spec/strategy/rollingUpdate/maxSurge", json!("25%"));
    check("/spec/template/spec/restartPolicy", json!("Always"));
}

#[test]
fn stateful_sets_are_completed() {
    let set = create::<StatefulSet>(&deployment()).unwrap();
    let check = |pointer: &str, expected: Value| {
        assert_eq!(set.pointer(pointer), Some(&expected), "{pointer}");
    };
    check("/spec/replicas", json!(1));
    check("/spec/podManagementPolicy", json!("OrderedReady"));
    check("/spec/revisionHistoryLimit", json!(10));
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    check("/spec/updateStrategy", strategy);
    let retention = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    check("/spec/persistentVolumeClaimRetentionPolicy", retention);
    check("/status", json!({"replicas": 0, "availableReplicas": 0}));
    let typed = with(
        deployment(),
        "/spec/updateStrategy",
        json!({"type": "RollingUpdate"}),
    );
    let set = create::<StatefulSet>(&typed).unwrap();
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({"type": "RollingUpdate"})
    );
}

#[test]
fn wrong_stateful_sets_are_refused() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let message = create::<StatefulSet>(&with(deployment(), pointer, value)).unwrap_err();
        assert_eq!(
            message,
            format!("StatefulSet.apps \"web\" is invalid: {expected}")
        );
    };
    check(
        "/spec/podManagementPolicy",
        json!("Random"),
        "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
    );
    check(
        "/spec/ordinals",
        json!({"start": -1}),
        "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
    );
    check(
        "/spec/updateStrategy",
        json!({"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
        "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for \
         updateStrategy 'RollingUpdate'",
    );
    check(
        "/spec/template/spec/activeDeadlineSeconds",
        json!(5),
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in \
         StatefulSet is not Supported",
    );
    check(
        "/spec/volumeClaimTemplates",
        json!([{"metadata": {"name": "data"}, "spec": {}}]),
        "spec.volumeClaimTemplates: Forbidden: pocket has no persistent volumes",
    );
}

fn job() -> Value {
    json!({"spec": {"template": {"spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "probe-target:1"}],
    }}}})
}

#[test]
fn jobs_are_completed() {
    let created = create::<Job>(&job()).unwrap();
    let spec = &created["spec"];
    let uid = &created["metadata"]["uid"];
    let labels = json!({
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "web",
        "controller-uid": uid,
        "job-name": "web",
    });
    assert_eq!(spec["template"]["metadata"]["labels"], labels);
    assert_eq!(created["metadata"]["labels"], labels);
    let selected = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    assert_eq!(spec["selector"], selected);
    let numbers = ["parallelism", "completions", "backoffLimit"].map(|field| &spec[field]);
    assert_eq!(numbers, [1, 1, 6]);
    assert_eq!(spec["completionMode"], "NonIndexed");
    assert_eq!(spec["podReplacementPolicy"], "TerminatingOrFailed");
    let parallel = with(job(), "/spec/parallelism", json!(2));
    let parallel = create::<Job>(&parallel).unwrap();
    assert!(parallel["spec"]["completions"].is_null());
    let labelled = json!({"labels": {"app": "sum"}});
    let labelled = with(job(), "/spec/template/metadata", labelled);
    let labelled = create::<Job>(&labelled).unwrap();
    assert_eq!(labelled["metadata"]["labels"], json!({"app": "sum"}));
}

#[test]
fn jobs_with_indexes_policies_or_a_selector_of_their_own_are_completed() {
    let mut own = job();
    own["spec"]["manualSelector"] = json!(true);
    own["spec"]["selector"] = json!({"matchLabels": {"a": "b"}});
    own["spec"]["template"]["metadata"] = json!({"labels": {"a": "b"}});
    let created = create::<Job>(&own).unwrap();
    let labels = &created["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*labels, json!({"a": "b"}));
    let indexed = indexed(&json!({
        "backoffLimitPerIndex": 1,
        "podFailurePolicy": {"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
        ]},
    }));
    let created = create::<Job>(&indexed).unwrap();
    let spec = &created["spec"];
    assert_eq!(spec["backoffLimit"], i32::MAX);
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    let pattern = &spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0];
    assert_eq!(pattern["status"], "True");
}

/// An Indexed Job of three completions, with more fields.
fn indexed(more: &Value) -> Value {
    let mut job = job();
    let spec = job["spec"].as_object_mut().unwrap();
    spec.insert("completionMode".to_owned(), json!("Indexed"));
    spec.insert("completions".to_owned(), json!(3));
    spec.extend(more.as_object().unwrap().clone());
    job
}

#[test]
fn wrong_indexed_jobs_are_refused() {
    let check = |more: Value, expected: &str| {
        let message = create::<Job>(&indexed(&more)).unwrap_err();
        assert_eq!(message, format!("Job.batch \"web\" is invalid: {expected}"));
    };
    check(
        json!({"completions": null, "parallelism": 2}),
        "spec.completions: Required value: when completion mode is Indexed",
    );
    check(
        json!({"maxFailedIndexes": 1}),
        "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
    );
    check(
        json!({"maxFailedIndexes": 4, "backoffLimitPerIndex": 0}),
        "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions",
    );
    let failures = |rule: Value| json!({"podFailurePolicy": {"rules": [rule]}});
    let rule = "spec.podFailurePolicy.rules[0]";
    check(
        failures(json!({"action": "Ignore"})),
        &format!(
            "{rule}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
        ),
    );
    let codes = |action: &str, container: &str, values: &[i32]| {
        failures(json!({"action": action, "onExitCodes": {
            "containerName": container, "operator": "In", "values": values,
        }}))
    };
    check(
        codes("FailIndex", "a", &[1]),
        &format!(
            "{rule}.action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be \
             set"
        ),
    );
    check(
        codes("FailJob", "b", &[1]),
        &format!(
            "{rule}.onExitCodes.containerName: Invalid value: \"b\": must be one of the container \
             or initContainer names in the pod template"
        ),
    );
    check(
        codes("FailJob", "a", &[2, 1]),
        &format!("{rule}.onExitCodes.values: Invalid value: [2,1]: must be ordered"),
    );
    let successes = |rule: Value| json!({"successPolicy": {"rules": [rule]}});
    let rule = "spec.successPolicy.rules[0]";
    check(
        successes(json!({"succeededIndexes": "0,3"})),
        &format!(
            "{rule}.succeededIndexes: Invalid value: \"0,3\": error parsing succeededIndexes: too \
             large index: \"3\""
        ),
    );
    check(
        successes(json!({"succeededIndexes": "0-1", "succeededCount": 3})),
        &format!(
            "{rule}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number \
             of indexes in the specified succeededIndexes field)"
        ),
    );
}

#[test]
fn wrong_jobs_are_refused() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let message = create::<Job>(&with(job(), pointer, value)).unwrap_err();
        assert_eq!(
            message,
            format!("Job.batch \"web\" is invalid: spec.{expected}")
        );
    };
    check(
        "/spec/template/spec/restartPolicy",
        json!("Always"),
        "template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
    );
    check(
        "/spec/backoffLimit",
        json!(-1),
        "backoffLimit: Invalid value: -1: must be greater than or equal to 0",
    );
    check(
        "/spec/backoffLimitPerIndex",
        json!(1),
        "backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
    );
    check(
        "/spec/completionMode",
        json!("Each"),
        "completionMode: Unsupported value: \"Each\": supported values: \
         \"NonIndexed\", \"Indexed\"",
    );
    let mut manual = json!({"manualSelector": true});
    manual["template"] = job()["spec"]["template"].clone();
    check("/spec", manual, "selector: Required value");
    let labels = json!({"labels": {"job-name": "db"}});
    let other = create::<Job>(&with(job(), "/spec/template/metadata", labels)).unwrap_err();
    assert!(
        other.contains("spec.template.metadata.labels[job-name]: Invalid value")
            && other.contains("must be 'web'"),
        "{other}"
    );
}

#[test]
fn daemon_sets_are_completed() {
    let set = create::<DaemonSet>(&deployment()).unwrap();
    let bounds = json!({"maxSurge": 0, "maxUnavailable": 1});
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": bounds});
    assert_eq!(set["spec"]["updateStrategy"], strategy);
    assert_eq!(set["spec"]["revisionHistoryLimit"], 10);
    assert_eq!(set["status"]["desiredNumberScheduled"], 0);
}

#[test]
fn wrong_daemon_sets_are_refused() {
    let check = |bounds: Value, expected: &str| {
        let strategy = json!({"rollingUpdate": bounds});
        let body = with(deployment(), "/spec/updateStrategy", strategy);
        let message = create::<DaemonSet>(&body).unwrap_err();
        let field = "DaemonSet.apps \"web\" is invalid: spec.updateStrategy.rollingUpdate";
        assert_eq!(message, format!("{field}.{expected}"));
    };
    check(
        json!({"maxSurge": 1}),
        "maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
    );
    check(
        json!({"maxUnavailable": 0}),
        "maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
    );
    check(
        json!({"maxUnavailable": "120%"}),
        "maxUnavailable: Invalid value: \"120%\": must not be greater than 100%",
    );
}

#[test]
fn node_ports_and_load_balancers_are_cluster_ips() {
    for kind in ["NodePort", "LoadBalancer"] {
        let body = json!({"spec": {"type": kind, "ports": [{"port": 80, "nodePort": 30080}]}});
        let service = create::<Service>(&body).unwrap();
        assert_eq!(service["spec"]["clusterIP"], "10.96.0.2");
        assert_eq!(service["spec"]["externalTrafficPolicy"], "Cluster");
        assert_eq!(service["status"], json!({"loadBalancer": {}}));
    }
}

#[test]
fn services_are_completed_and_addressed() {
    let registry = registry();
    let mut addresses = Vec::new();
    for name in ["a", "b", "c"] {
        let spec = if name == "b" {
            json!({"clusterIP": "None"})
        } else {
            json!({"ports": [{"port": 80}]})
        };
        let body = json!({"metadata": {"name": name}, "spec": spec});
        let service = registry
            .create_value(Kind::of::<Service>(), "default", body, false)
            .unwrap()
            .value();
        addresses.push(service["spec"]["clusterIP"].as_str().unwrap().to_owned());
        if name == "a" {
            assert_eq!(
                service["spec"]["ports"][0],
                json!({"port": 80, "targetPort": 80, "protocol": "TCP"})
            );
        }
    }
    assert_eq!(addresses, ["10.96.0.2", "None", "10.96.0.3"]);
}

#[test]
fn wrong_containers_are_refused() {
    let check = |container: Value, expected: &str| {
        let message = create::<Pod>(&pod(container)).unwrap_err();
        assert_eq!(
            message,
            format!("Pod \"web\" is invalid: spec.containers[0].{expected}")
        );
    };
    check(json!({"image": ""}), "image: Required value");
    check(json!({"name": ""}), "name: Required value");
    check(
        json!({"imagePullPolicy": "Maybe"}),
        "imagePullPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \
         \"IfNotPresent\", \"Never\"",
    );
    check(
        json!({"ports": [{"containerPort": 70_000}]}),
        "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    );
    check(
        json!({"livenessProbe": {}}),
        "livenessProbe: Required value: must specify a handler type",
    );
    check(
        json!({"livenessProbe": {"httpGet": {"port": 80}, "tcpSocket": {"port": 80}}}),
        "livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    );
    check(
        json!({"livenessProbe": {"httpGet": {"port": 80}, "successThreshold": 2}}),
        "livenessProbe.successThreshold: Invalid value: 2: must be 1",
    );
    check(
        json!({"readinessProbe": {"httpGet": {"port": 80}, "failureThreshold": -1}}),
        "readinessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0",
    );
    check(
        json!({"readinessProbe": {"httpGet": {"port": 80}, "terminationGracePeriodSeconds": 1}}),
        "readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for \
         readinessProbes",
    );
    check(
        json!({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}),
        "volumeMounts[0].name: Not found: \"x\"",
    );
    check(
        json!({"ports": [{"containerPort": 80, "hostPort": 70_000}]}),
        "ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    );
    check(
        json!({"ports": [{"containerPort": 80, "hostPort": 8}, {"containerPort": 81,
            "hostPort": 8}]}),
        "ports[1].hostPort: Duplicate value: \"TCP//8\"",
    );
}

#[test]
fn a_container_may_name_ports_and_variables_twice() {
    let twice = |item: Value| json!([item, item]);
    let container = json!({
        "ports": twice(json!({"containerPort": 80})), "env": twice(json!({"name": "A",
            "value": "x"})),
    });
    assert!(create::<Pod>(&pod(container)).is_ok());
}

#[test]
fn wrong_pods_are_refused() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let message = create::<Pod>(&with(pod(json!({})), pointer, value)).unwrap_err();
        assert_eq!(message, format!("Pod \"web\" is invalid: {expected}"));
    };
    check(
        "/spec/containers",
        json!([]),
        "spec.containers: Required value",
    );
    check(
        "/spec/hostNetwork",
        json!(true),
        "spec.hostNetwork: Forbidden: pocket has no host network",
    );
    let mounting =
        json!([{"name": "i", "image": "i", "volumeMounts": [{"name": "x", "mountPath": "/x"}]}]);
    check(
        "/spec/initContainers",
        mounting,
        "spec.initContainers[0].volumeMounts[0].name: Not found: \"x\"",
    );
    let twice = json!([{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]);
    check(
        "/spec/containers",
        twice,
        "spec.containers[1].name: Duplicate value: \"a\"",
    );
    let twice = |item: Value| json!([item, item]);
    check(
        "/spec/securityContext",
        json!({"sysctls": twice(json!({"name": "net.core.somaxconn", "value": "1"}))}),
        "spec.securityContext.sysctls[1].name: Duplicate value: \"net.core.somaxconn\"",
    );
    check(
        "/spec/schedulingGates",
        twice(json!({"name": "a/b"})),
        "spec.schedulingGates[1]: Duplicate value: \"a/b\"",
    );
    let constraint =
        json!({"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1});
    check(
        "/spec/topologySpreadConstraints",
        twice(constraint),
        "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \
         \"{zone, DoNotSchedule}\"",
    );
}

#[test]
fn a_path_is_mounted_once() {
    let mounts = json!([{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/v"}]);
    let volumes = json!([{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]);
    let pod = with(
        pod(json!({"volumeMounts": mounts})),
        "/spec/volumes",
        volumes,
    );
    assert_eq!(
        create::<Pod>(&pod).unwrap_err(),
        "Pod \"web\" is invalid: spec.containers[0].volumeMounts[1].mountPath: Invalid value: \
         \"/v\": must be unique"
    );
}

#[test]
fn a_wrong_type_is_a_bad_request() {
    let message = create::<Pod>(&json!({"spec": {"containers": "many"}})).unwrap_err();
    assert!(
        message.starts_with("Pod in version \"v1\" cannot be handled as a Pod: "),
        "{message}"
    );
}

#[test]
fn wrong_deployments_are_refused() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let message = create::<Deployment>(&with(deployment(), pointer, value)).unwrap_err();
        assert_eq!(
            message,
            format!("Deployment.apps \"web\" is invalid: {expected}")
        );
    };
    check(
        "/spec/replicas",
        json!(-1),
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    );
    check(
        "/spec/selector",
        json!(null),
        "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: \
         {\"app\":\"web\"}: `selector` does not match template `labels`]",
    );
    check(
        "/spec/template/metadata/labels",
        json!({"app": "other"}),
        "spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not \
         match template `labels`",
    );
    check(
        "/spec/strategy",
        json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when \
         `maxSurge` is 0",
    );
    check(
        "/spec/strategy",
        json!({"rollingUpdate": {"maxSurge": "200%", "maxUnavailable": "101%"}}),
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater \
         than 100%",
    );
    check(
        "/spec/template/spec/restartPolicy",
        json!("Never"),
        "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \
         \"Always\"",
    );
    check(
        "/spec/template/spec/activeDeadlineSeconds",
        json!(5),
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet \
         is not Supported",
    );
}

#[test]
fn limits_become_requests() {
    let resources = |pod: &Value| pod["spec"]["containers"][0]["resources"].clone();
    let limits = json!({"cpu": "1", "memory": "64Mi"});
    let body = pod(json!({"resources": {"limits": limits, "requests": {"cpu": "500m"}}}));
    let created = create::<Pod>(&body).unwrap();
    let requests = json!({"cpu": "500m", "memory": "64Mi"});
    assert_eq!(
        resources(&created),
        json!({"limits": limits, "requests": requests})
    );
    assert_eq!(created["status"]["qosClass"], "Burstable");
    let body = pod(json!({"resources": {"limits": limits, "requests": {"cpu": "1"}}}));
    assert_eq!(
        create::<Pod>(&body).unwrap()["status"]["qosClass"],
        "Guaranteed"
    );
}

#[test]
fn quality_of_service_counts_cpu_and_memory_above_zero() {
    let check = |limits: Value, requests: Value, expected: &str| {
        let body = pod(json!({"resources": {"limits": limits, "requests": requests}}));
        let created = create::<Pod>(&body).unwrap();
        assert_eq!(created["status"]["qosClass"], expected, "{body}");
    };
    let both = || json!({"cpu": "1", "memory": "1Mi"});
    check(
        json!({}),
        json!({"cpu": "0", "memory": "0Mi"}),
        "BestEffort",
    );
    let disk = |amount| json!({"ephemeral-storage": amount});
    check(disk("1Gi"), disk("1Gi"), "BestEffort");
    let with_disk = || json!({"cpu": "1", "memory": "1Mi", "ephemeral-storage": "2Gi"});
    let requests = json!({"cpu": "1", "memory": "1Mi", "ephemeral-storage": "1Gi"});
    check(with_disk(), requests, "Guaranteed");
    check(json!({"cpu": "1", "memory": "0"}), json!({}), "Burstable");
    check(both(), json!({"cpu": "0.5"}), "Burstable");
}

#[test]
fn wrong_services_are_refused() {
    let check = |spec: Value, expected: &str| {
        let message = create::<Service>(&json!({"spec": spec})).unwrap_err();
        assert_eq!(message, format!("Service \"web\" is invalid: {expected}"));
    };
    check(json!({}), "spec.ports: Required value");
    check(
        json!({"ipFamilies": ["IPv4", "IPv4"], "ports": [{"port": 80}]}),
        "spec.ipFamilies[1]: Duplicate value: \"IPv4\"",
    );
    check(
        json!({"ports": [{"port": 80, "nodePort": 30080}]}),
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    );
    check(
        json!({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 80}]}),
        "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
    );
    check(
        json!({"externalTrafficPolicy": "Local", "ports": [{"port": 80}]}),
        "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for \
         externally-accessible services",
    );
    check(
        json!({"internalTrafficPolicy": "Near", "ports": [{"port": 80}]}),
        "spec.internalTrafficPolicy: Unsupported value: \"Near\": supported values: \"Cluster\", \
         \"Local\"",
    );
    check(
        json!({"type": "ExternalName", "ports": [{"port": 80}]}),
        "spec.type: Invalid value: \"ExternalName\": pocket has no \
         external names",
    );
    check(
        json!({"ports": [{"port": 80}, {"port": 81, "name": "b"}]}),
        "spec.ports[0].name: Required value",
    );
    check(
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}),
        r#"spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}"#,
    );
    check(
        json!({"clusterIP": "10.1.2.3", "ports": [{"port": 80}]}),
        "spec.clusterIPs: Invalid value: [\"10.1.2.3\"]: failed to allocate IP 10.1.2.3: the \
         provided IP (10.1.2.3) is not in \
         the valid range. The range of valid IPs is 10.96.0.0/16",
    );
}

#[test]
fn immutable_fields_cannot_change() {
    fn check<K: Object>(body: Value, pointer: &str, value: Value, expected: &str) {
        let registry = registry();
        let kind = Kind::of::<K>();
        registry
            .create_value(
                kind,
                "default",
                with(body, "/metadata", json!({"name": "web"})),
                false,
            )
            .unwrap();
        let change = |now: &Value| Ok(with(now.clone(), pointer, value));
        let refusal = registry
            .update_value(kind, "default", "web", Part::Main, false, change)
            .unwrap_err();
        assert!(refusal.message.contains(expected), "{}", refusal.message);
    }
    let labels = json!({"matchLabels": {"app": "other"}});
    check::<Deployment>(
        deployment(),
        "/spec/selector",
        labels,
        "spec.selector: Invalid value",
    );
    check::<Pod>(
        pod(json!({})),
        "/spec/restartPolicy",
        json!("Never"),
        "pod updates may not change fields",
    );
    check::<Pod>(
        pod(json!({})),
        "/spec/containers",
        json!([]),
        "may not add or remove containers",
    );
    check::<StatefulSet>(
        deployment(),
        "/spec/serviceName",
        json!("peers"),
        "updates to statefulset spec for fields other than 'replicas', 'ordinals',",
    );
    let pod_with = |spec: Value| {
        let mut body = pod(json!({}));
        json_patch::merge(&mut body["spec"], &spec);
        body
    };
    check::<Pod>(
        pod_with(json!({"activeDeadlineSeconds": 5})),
        "/spec/activeDeadlineSeconds",
        json!(6),
        "must be less than or equal to previous value",
    );
    check::<Pod>(
        pod_with(json!({"activeDeadlineSeconds": 5})),
        "/spec/activeDeadlineSeconds",
        Value::Null,
        "must not update from a positive integer to nil value",
    );
    let toleration = json!([{"key": "a", "operator": "Exists"}]);
    check::<Pod>(
        pod_with(json!({"tolerations": toleration})),
        "/spec/tolerations",
        json!([{"key": "b", "operator": "Exists"}]),
        "spec.tolerations: Forbidden: existing toleration can not be modified",
    );
    check::<Pod>(
        pod(json!({})),
        "/spec/schedulingGates",
        json!([{"name": "example.org/a"}]),
        "found new scheduling gate 'example.org/a'",
    );
    let ports = json!({"spec": {"ports": [{"port": 80}]}});
    check::<Service>(
        ports,
        "/spec/clusterIP",
        json!("10.96.9.9"),
        "may not change once set",
    );
}
