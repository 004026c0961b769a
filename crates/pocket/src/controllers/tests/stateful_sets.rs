//! StatefulSets: Pods in order, updates from the top, history, and what blocks them.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};

use super::*;

impl Cluster {
    fn create_set(&self, image: &str, more: &serde_json::Value) {
        let mut set = json!({
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {
                "replicas": 3,
                "serviceName": "peers",
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "terminationGracePeriodSeconds": 2,
                        "containers": [{"name": "a", "image": image}],
                    },
                },
            },
        });
        json_patch::merge(&mut set["spec"], more);
        let set: StatefulSet = serde_json::from_value(set).unwrap();
        self.registry.create(&set).unwrap();
    }

    fn set(&self) -> StatefulSet {
        self.registry.get(NAMESPACE, "web").unwrap()
    }

    fn edit_set(&self, change: impl FnOnce(&mut StatefulSet)) {
        self.registry.edit(NAMESPACE, "web", change).unwrap();
    }

    fn update_set(&self, image: &str) {
        self.edit_set(|set| {
            let spec = set.spec.template.spec.as_mut().unwrap();
            spec.containers[0].image = Some(image.to_owned());
        });
    }

    /// Names and images of all Pods.
    fn pods(&self) -> Vec<String> {
        let pods = self.list::<Pod>();
        pods.iter()
            .map(|pod| format!("{} {}", name(pod), image(pod)))
            .collect()
    }

    /// Replicas, ready, available, current and updated, as published.
    fn set_numbers(&self) -> [i32; 5] {
        let status = self.set().status.unwrap();
        let numbers = [
            Some(status.replicas),
            status.ready_replicas,
            status.available_replicas,
            status.current_replicas,
            status.updated_replicas,
        ];
        numbers.map(Option::unwrap_or_default)
    }

    fn pod(&self, name: &str) -> Pod {
        self.registry.get(NAMESPACE, name).unwrap()
    }

    fn delete_pod(&self, name: &str) {
        self.registry.delete::<Pod>(NAMESPACE, name, None).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn pods_have_stable_names_and_know_their_place() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({"ordinals": {"start": 4}}));
    at_once().await;
    assert_eq!(cluster.names::<Pod>(), ["web-4", "web-5", "web-6"]);
    let [revision] = cluster.list::<ControllerRevision>().try_into().unwrap();
    assert_eq!(revision.revision, Some(1));
    let pod = cluster.pod("web-5");
    let labels = pod.metadata.labels.unwrap();
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "web-5");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "5");
    assert_eq!(labels["controller-revision-hash"], name(&revision));
    let spec = pod.spec.unwrap();
    assert_eq!(spec.hostname.as_deref(), Some("web-5"));
    assert_eq!(spec.subdomain.as_deref(), Some("peers"));
    assert_eq!(cluster.set_numbers(), [3, 3, 3, 3, 3]);
    let status = cluster.set().status.unwrap();
    assert_eq!(status.current_revision.as_deref(), Some(name(&revision)));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(
        cluster.said("SuccessfulCreate"),
        ["4", "5", "6"].map(|it| format!("Create Pod web-{it} in StatefulSet web successful"))
    );
}

#[tokio::test(start_paused = true)]
async fn each_pod_waits_for_the_former_to_be_available() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({"minReadySeconds": 3}));
    at_once().await;
    assert_eq!(cluster.names::<Pod>(), ["web-0"]);
    assert_eq!(cluster.set_numbers(), [1, 1, 0, 1, 1]);
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>(), ["web-0", "web-1"]);
    settle(Duration::from_secs(6)).await;
    assert_eq!(cluster.set_numbers(), [3, 3, 3, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn parallel_pods_do_not_wait() {
    let cluster = Cluster::start();
    cluster.create_set(SICK, &json!({"podManagementPolicy": "Parallel"}));
    at_once().await;
    assert_eq!(cluster.names::<Pod>(), ["web-0", "web-1", "web-2"]);
    cluster.edit_set(|set| set.spec.replicas = Some(1));
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>(), ["web-0"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_from_the_highest_pod_down() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    cluster.update_set("two");
    at_once().await;
    assert_eq!(cluster.set_numbers(), [3, 3, 3, 2, 0]);
    settle(Duration::from_secs(2)).await;
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one", "web-2 two"]);
    let status = cluster.set().status.unwrap();
    assert_ne!(status.current_revision, status.update_revision);
    settle(Duration::from_secs(4)).await;
    assert_eq!(cluster.pods(), ["web-0 two", "web-1 two", "web-2 two"]);
    assert_eq!(cluster.set_numbers(), [3, 3, 3, 3, 3]);
    let status = cluster.set().status.unwrap();
    assert_eq!(status.current_revision, status.update_revision);
    assert_eq!(
        cluster.said("SuccessfulDelete"),
        ["2", "1", "0"].map(|it| format!("Delete Pod web-{it} in StatefulSet web successful"))
    );
}

#[tokio::test(start_paused = true)]
async fn below_the_partition_pods_keep_their_template() {
    let cluster = Cluster::start();
    let strategy = json!({"rollingUpdate": {"partition": 2, "maxUnavailable": 2}});
    cluster.create_set("one", &json!({"updateStrategy": strategy}));
    at_once().await;
    let strategy = cluster.set().spec.update_strategy.unwrap();
    assert_eq!(strategy.rolling_update.unwrap().max_unavailable, None);
    cluster.update_set("two");
    settle(Duration::from_secs(10)).await;
    cluster.delete_pod("web-0");
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one", "web-2 two"]);
    assert_eq!(cluster.set_numbers(), [3, 3, 3, 2, 1]);
}

/// As on a node: only the deletion of the broken Pod helps.
#[tokio::test(start_paused = true)]
async fn a_reverted_template_does_not_replace_a_broken_pod() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    cluster.update_set(SICK);
    settle(Duration::from_secs(10)).await;
    cluster.update_set("one");
    settle(Duration::from_mins(10)).await;
    let sick = format!("web-2 {SICK}");
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one", &sick]);
    let status = cluster.set().status.unwrap();
    assert_eq!(status.current_revision, status.update_revision);
    cluster.delete_pod("web-2");
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one", "web-2 one"]);
    let mut numbers: Vec<_> = cluster.list::<ControllerRevision>();
    numbers.sort_by_key(|it| it.revision);
    let numbers: Vec<_> = numbers.iter().map(|it| it.revision).collect();
    assert_eq!(numbers, [Some(2), Some(3)], "the first one is the newest");
}

#[tokio::test(start_paused = true)]
async fn in_parallel_a_reverted_template_replaces_a_broken_pod() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({"podManagementPolicy": "Parallel"}));
    at_once().await;
    cluster.update_set(SICK);
    settle(Duration::from_secs(10)).await;
    cluster.update_set("one");
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one", "web-2 one"]);
}

#[tokio::test(start_paused = true)]
async fn an_unready_pod_blocks_all_others() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    cluster.set_ready("web-0", false);
    cluster.delete_pod("web-2");
    cluster.update_set("two");
    cluster.edit_set(|set| set.spec.replicas = Some(5));
    settle(Duration::from_mins(10)).await;
    assert_eq!(cluster.pods(), ["web-0 one", "web-1 one"]);
    cluster.set_ready("web-0", true);
    settle(Duration::from_secs(10)).await;
    let all = [0, 1, 2, 3, 4].map(|it| format!("web-{it} two"));
    assert_eq!(cluster.pods(), all);
}

#[tokio::test(start_paused = true)]
async fn a_pod_comes_back_once_its_object_is_gone() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    let before = cluster.pod("web-1");
    cluster.delete_pod("web-1");
    settle(Duration::from_millis(1_990)).await;
    assert_eq!(cluster.pod("web-1").metadata.uid, before.metadata.uid);
    assert_eq!(
        cluster.set_numbers(),
        [3, 3, 3, 2, 2],
        "it is Ready until it is gone"
    );
    settle(Duration::from_millis(20)).await;
    assert_ne!(cluster.pod("web-1").metadata.uid, before.metadata.uid);
}

#[tokio::test(start_paused = true)]
async fn an_ended_pod_is_replaced_at_once() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    let before = cluster.pod("web-1");
    let end = |pod: &mut Pod| pod.status.as_mut().unwrap().phase = Some("Failed".to_owned());
    cluster
        .registry
        .edit_status(NAMESPACE, "web-1", end)
        .unwrap();
    at_once().await;
    assert_ne!(cluster.pod("web-1").metadata.uid, before.metadata.uid);
}

#[tokio::test(start_paused = true)]
async fn on_delete_pods_are_replaced_when_they_are_deleted() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({"updateStrategy": {"type": "OnDelete"}}));
    at_once().await;
    cluster.update_set("two");
    settle(Duration::from_mins(1)).await;
    cluster.delete_pod("web-0");
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.pods(), ["web-0 two", "web-1 one", "web-2 one"]);
}

#[tokio::test(start_paused = true)]
async fn old_revisions_are_kept_to_the_limit() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({"revisionHistoryLimit": 1, "replicas": 1}));
    for image in ["two", "three", "four"] {
        settle(Duration::from_secs(5)).await;
        cluster.update_set(image);
    }
    settle(Duration::from_secs(5)).await;
    let mut revisions: Vec<_> = cluster.list::<ControllerRevision>();
    revisions.sort_by_key(|it| it.revision);
    let numbers: Vec<_> = revisions.iter().map(|it| it.revision).collect();
    assert_eq!(numbers, [Some(3), Some(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_set_takes_pods_and_history_with_it() {
    let cluster = Cluster::start();
    cluster.create_set("one", &json!({}));
    at_once().await;
    cluster
        .registry
        .delete::<StatefulSet>(NAMESPACE, "web", None)
        .unwrap();
    at_once().await;
    let deleted = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    assert!(cluster.list::<Pod>().iter().all(deleted), "all at once");
    settle(Duration::from_secs(3)).await;
    assert!(cluster.names::<Pod>().is_empty());
    assert!(cluster.names::<ControllerRevision>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_refused_is_tried_again() {
    let cluster = Cluster::start();
    let account = json!({"template": {"spec": {"serviceAccountName": "shop"}}});
    cluster.create_set("one", &account);
    at_once().await;
    let [refused] = cluster.said("FailedCreate").try_into().unwrap();
    let why = "Create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: ";
    assert!(refused.starts_with(why), "{refused}");
    let account = json!({"metadata": {"name": "shop", "namespace": NAMESPACE}});
    let account: k8s_openapi::api::core::v1::ServiceAccount =
        serde_json::from_value(account).unwrap();
    cluster.registry.create(&account).unwrap();
    settle(Duration::from_secs(6)).await;
    assert_eq!(cluster.names::<Pod>(), ["web-0", "web-1", "web-2"]);
}
