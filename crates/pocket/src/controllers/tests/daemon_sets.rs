//! DaemonSets: one Pod on the node, replaced with and without surge, and failed Pods.

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};

use super::*;

impl Cluster {
    fn create_daemon(&self, image: &str, more: &serde_json::Value) {
        let mut set = json!({
            "metadata": {"name": "log", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": {"app": "log"}},
                "template": {
                    "metadata": {"labels": {"app": "log"}},
                    "spec": {
                        "terminationGracePeriodSeconds": 2,
                        "containers": [{"name": "a", "image": image}],
                    },
                },
            },
        });
        json_patch::merge(&mut set["spec"], more);
        let set: DaemonSet = serde_json::from_value(set).unwrap();
        self.registry.create(&set).unwrap();
    }

    fn daemon(&self) -> DaemonSet {
        self.registry.get(NAMESPACE, "log").unwrap()
    }

    fn update_daemon(&self, image: &str) {
        let change = |set: &mut DaemonSet| {
            let spec = set.spec.template.spec.as_mut().unwrap();
            spec.containers[0].image = Some(image.to_owned());
        };
        self.registry.edit(NAMESPACE, "log", change).unwrap();
    }

    /// Desired, current, ready, available, updated and unavailable, as published.
    fn daemon_numbers(&self) -> [i32; 6] {
        let status = self.daemon().status.unwrap();
        let numbers = [
            Some(status.desired_number_scheduled),
            Some(status.current_number_scheduled),
            Some(status.number_ready),
            status.number_available,
            status.updated_number_scheduled,
            status.number_unavailable,
        ];
        numbers.map(Option::unwrap_or_default)
    }

    fn fail(&self, pod: &str) {
        let end = |pod: &mut Pod| {
            let status = pod.status.as_mut().unwrap();
            status.phase = Some("Failed".to_owned());
            status.conditions = None;
        };
        self.registry.edit_status(NAMESPACE, pod, end).unwrap();
    }
}

fn surge() -> serde_json::Value {
    json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}})
}

#[tokio::test(start_paused = true)]
async fn the_node_has_a_pod_of_each_set() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({}));
    at_once().await;
    let [pod] = cluster.list::<Pod>().try_into().unwrap();
    let [revision] = cluster.list::<ControllerRevision>().try_into().unwrap();
    let hash = &pod.metadata.labels.as_ref().unwrap()["controller-revision-hash"];
    assert_eq!(name(&revision), format!("log-{hash}"));
    assert_eq!(
        revision.metadata.labels.unwrap()["controller-revision-hash"],
        *hash
    );
    assert!(name(&pod).starts_with("log-"));
    let spec = pod.spec.as_ref().unwrap();
    assert_eq!(spec.node_name.as_deref(), Some("pocket"));
    assert_eq!(spec.tolerations.as_ref().unwrap().len(), 6);
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 1, 0]);
    let created = format!("Created pod: {}", name(&pod));
    assert_eq!(cluster.said("SuccessfulCreate"), [created]);
}

#[tokio::test(start_paused = true)]
async fn a_set_for_other_nodes_has_no_pod() {
    let cluster = Cluster::start();
    let elsewhere = json!({"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}});
    cluster.create_daemon("one", &elsewhere);
    at_once().await;
    assert!(cluster.names::<Pod>().is_empty());
    assert_eq!(cluster.daemon_numbers(), [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn without_surge_the_old_pod_goes_first() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({}));
    at_once().await;
    cluster.update_daemon("two");
    at_once().await;
    assert!(
        cluster.images().is_empty(),
        "the old Pod is in its grace period"
    );
    assert_eq!(
        cluster.daemon_numbers(),
        [1, 1, 1, 1, 0, 0],
        "and still Ready"
    );
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.images(), ["two"]);
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_template_is_mended_by_the_next_one() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({}));
    at_once().await;
    cluster.update_daemon(SICK);
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.daemon_numbers(), [1, 1, 0, 0, 1, 1]);
    cluster.update_daemon("one");
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.images(), ["one"]);
    let mut numbers: Vec<_> = cluster.list::<ControllerRevision>();
    numbers.sort_by_key(|it| it.revision);
    let numbers: Vec<_> = numbers.iter().map(|it| it.revision).collect();
    assert_eq!(numbers, [Some(2), Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn with_surge_the_new_pod_comes_first() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &surge());
    at_once().await;
    cluster.update_daemon(SICK);
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.images(), ["one", SICK]);
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 0, 0]);
    cluster.update_daemon("two");
    settle(Duration::from_secs(6)).await;
    assert_eq!(cluster.images(), ["two"]);
}

/// As on a node: nothing is ready any more.
#[tokio::test(start_paused = true)]
async fn a_flap_during_a_broken_surge_ends_the_old_pod() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &surge());
    at_once().await;
    let [old] = cluster.names::<Pod>().try_into().unwrap();
    cluster.update_daemon(SICK);
    settle(Duration::from_mins(1)).await;
    cluster.set_ready(&old, false);
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.images(), [SICK]);
}

/// Seen on a node: 3.00 s with `minReadySeconds: 2`.
#[tokio::test(start_paused = true)]
async fn a_surge_ends_a_second_after_min_ready_seconds() {
    let cluster = Cluster::start();
    let mut spec = surge();
    spec["minReadySeconds"] = json!(2);
    cluster.create_daemon("one", &spec);
    settle(Duration::from_secs(10)).await;
    cluster.update_daemon("two");
    settle(Duration::from_millis(2_900)).await;
    assert_eq!(cluster.images(), ["one", "two"]);
    settle(Duration::from_millis(200)).await;
    assert_eq!(cluster.images(), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn on_delete_the_old_pod_stays() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({"updateStrategy": {"type": "OnDelete"}}));
    at_once().await;
    cluster.update_daemon("two");
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.images(), ["one"]);
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    cluster
        .registry
        .delete::<Pod>(NAMESPACE, &pod, None)
        .unwrap();
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.images(), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn failed_pods_are_replaced_with_back_off() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({}));
    at_once().await;
    let fail = || {
        let [pod] = cluster.names::<Pod>().try_into().unwrap();
        cluster.fail(&pod);
        pod
    };
    let first = fail();
    at_once().await;
    let second = fail();
    at_once().await;
    assert_ne!(first, second, "the first one is replaced at once");
    assert_eq!(cluster.names::<Pod>(), std::slice::from_ref(&second));
    settle(Duration::from_secs(1)).await;
    assert_ne!(cluster.names::<Pod>(), [second]);
    let said = format!("Found failed daemon pod n/{first} on node pocket, will try to kill it");
    assert_eq!(cluster.said("FailedDaemonPod")[0], said);
}

#[tokio::test(start_paused = true)]
async fn old_templates_are_forgotten_beyond_the_limit() {
    let cluster = Cluster::start();
    cluster.create_daemon("one", &json!({"revisionHistoryLimit": 1}));
    for image in ["two", "three", "four"] {
        settle(Duration::from_secs(5)).await;
        cluster.update_daemon(image);
    }
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.list::<ControllerRevision>().len(), 2);
}

/// As on a node.
#[tokio::test(start_paused = true)]
async fn a_cordon_keeps_no_daemon_away_and_a_taint_does() {
    let cluster = Cluster::start();
    cluster.make_node();
    cluster.edit_node(|node| node.unschedulable = Some(true));
    cluster.create_daemon("one", &json!({}));
    // With the check after the Pod is ready.
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 1, 0]);
    cluster.edit_node(|node| node.unschedulable = None);
    cluster.taint("NoSchedule");
    settle(Duration::from_secs(1)).await;
    // The Pod stays, and nothing is counted anew.
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 1, 0]);
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    cluster
        .registry
        .delete::<Pod>(NAMESPACE, &pod, Some(0))
        .unwrap();
    settle(Duration::from_secs(5)).await;
    assert!(cluster.names::<Pod>().is_empty());
    assert_eq!(cluster.daemon_numbers(), [0, 0, 0, 0, 0, 0]);
    cluster.untaint();
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.daemon_numbers(), [1, 1, 1, 1, 1, 0]);
    cluster.taint("NoExecute");
    settle(Duration::from_secs(5)).await;
    assert!(cluster.names::<Pod>().is_empty());
}
