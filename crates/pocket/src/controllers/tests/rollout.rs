//! From a Deployment to its Pods, and from one template to the next.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::*;

fn ok(reason: &str) -> (String, String) {
    ("True".to_owned(), reason.to_owned())
}

fn bad(reason: &str) -> (String, String) {
    ("False".to_owned(), reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_deployment_becomes_a_replica_set_becomes_pods() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"replicas": 2}));
    at_once().await;

    let [set] = cluster.list::<ReplicaSet>().try_into().unwrap();
    let hash = &set.metadata.labels.as_ref().unwrap()["pod-template-hash"];
    assert_eq!(name(&set), format!("web-{hash}"));
    assert_eq!(
        set.metadata.owner_references.as_ref().unwrap()[0].name,
        "web"
    );
    let pods = cluster.list::<Pod>();
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        let suffix = name(pod).strip_prefix(&format!("{}-", name(&set))).unwrap();
        assert_eq!(suffix.len(), 5);
        assert_eq!(
            pod.metadata.labels.as_ref().unwrap()["pod-template-hash"],
            *hash
        );
        assert_eq!(
            pod.metadata.owner_references.as_ref().unwrap()[0].uid,
            set.metadata.uid.clone().unwrap()
        );
        assert_eq!(
            pod.spec.as_ref().unwrap().node_name.as_deref(),
            Some("pocket")
        );
        assert_eq!(
            pod.metadata.generation,
            Some(1),
            "binding is no new generation"
        );
    }
    let status = set.status.unwrap();
    assert_eq!(
        (
            status.replicas,
            status.ready_replicas,
            status.available_replicas
        ),
        (2, Some(2), Some(2))
    );
    assert_eq!(
        (status.fully_labeled_replicas, status.observed_generation),
        (Some(2), Some(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_publishes_counts_and_conditions() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    assert_eq!(cluster.numbers(), [1, 1, 1, 1]);
    assert_eq!(
        cluster.condition("Available"),
        ok("MinimumReplicasAvailable")
    );
    assert_eq!(
        cluster.condition("Progressing"),
        ok("NewReplicaSetAvailable")
    );
    let deployment = cluster.deployment();
    assert_eq!(
        deployment.status.unwrap().observed_generation,
        deployment.metadata.generation
    );
    assert_eq!(
        deployment.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"],
        "1"
    );

    let [set] = cluster.names::<ReplicaSet>().try_into().unwrap();
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    let scaled = format!("Scaled up replica set {set} from 0 to 1");
    assert_eq!(cluster.said("ScalingReplicaSet"), [scaled]);
    assert_eq!(
        cluster.said("SuccessfulCreate"),
        [format!("Created pod: {pod}")]
    );
    assert_eq!(
        cluster.said("Scheduled"),
        [format!("Successfully assigned n/{pod} to pocket")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_template_replaces_the_old_one_pod_by_pod() {
    let cluster = Cluster::start();
    cluster.deploy(
        "one",
        &json!({"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": 1,
            "maxUnavailable": 0}}}),
    );
    at_once().await;
    cluster.roll_out("two");
    settle(Duration::from_secs(5)).await;

    assert_eq!(cluster.images(), ["two", "two", "two"]);
    assert_eq!(cluster.numbers(), [3, 3, 3, 3]);
    assert_eq!(
        cluster.condition("Progressing"),
        ok("NewReplicaSetAvailable")
    );
    let mut revisions: Vec<_> = cluster
        .list::<ReplicaSet>()
        .into_iter()
        .map(|set| {
            let revision =
                set.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"].clone();
            (revision, set.spec.replicas.unwrap())
        })
        .collect();
    revisions.sort();
    assert_eq!(revisions, [("1".to_owned(), 0), ("2".to_owned(), 3)]);
    let sizes: Vec<_> = cluster
        .said("ScalingReplicaSet")
        .iter()
        .map(|text| {
            let words: Vec<_> = text.split(' ').collect();
            format!("{} {} to {}", words[1], words[6], words[8])
        })
        .collect();
    assert_eq!(
        sizes,
        [
            "up 0 to 3",
            "up 0 to 1",
            "down 3 to 2",
            "up 1 to 2",
            "down 2 to 1",
            "up 2 to 3",
            "down 1 to 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_never_gets_ready_stalls_and_keeps_the_old_pod() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [old] = cluster.names::<Pod>().try_into().unwrap();
    cluster.roll_out(SICK);
    settle(Duration::from_secs(19)).await;
    assert_eq!(cluster.condition("Progressing"), ok("ReplicaSetUpdated"));

    settle(Duration::from_secs(3)).await;
    assert_eq!(
        cluster.condition("Progressing"),
        bad("ProgressDeadlineExceeded")
    );
    assert_eq!(
        cluster.condition("Available"),
        ok("MinimumReplicasAvailable")
    );
    assert_eq!(cluster.numbers(), [2, 1, 1, 1]);
    assert_eq!(
        cluster.deployment().status.unwrap().unavailable_replicas,
        Some(1)
    );

    settle(Duration::from_hours(1)).await;
    assert_eq!(cluster.images(), ["one", SICK]);
    assert!(cluster.names::<Pod>().contains(&old));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_rollout_continues_when_its_pod_gets_ready() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    cluster.roll_out(SICK);
    settle(Duration::from_secs(30)).await;
    let pods = cluster.list::<Pod>();
    let sick = pods.iter().find(|pod| image(pod) == SICK).unwrap();
    cluster.set_ready(name(sick), true);
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>(), [name(sick)]);
    assert_eq!(
        cluster.condition("Progressing"),
        ok("NewReplicaSetAvailable")
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_loses_readiness_is_not_replaced() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let pods = cluster.names::<Pod>();
    cluster.set_ready(&pods[0], false);
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.names::<Pod>(), pods);
    assert_eq!(cluster.numbers(), [1, 1, 0, 0]);
    assert_eq!(
        cluster.condition("Available"),
        bad("MinimumReplicasUnavailable")
    );
    assert_eq!(
        cluster.condition("Progressing"),
        ok("NewReplicaSetAvailable")
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_template_spelled_out_is_no_rollout() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    cluster.edit_deployment(|deployment| {
        deployment
            .spec
            .template
            .spec
            .as_mut()
            .unwrap()
            .restart_policy = Some("Always".to_owned());
    });
    at_once().await;
    assert_eq!(cluster.list::<ReplicaSet>().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_template_comes_back_under_a_new_revision() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    for image in ["two", "one"] {
        settle(Duration::from_secs(5)).await;
        cluster.roll_out(image);
    }
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.images(), ["one"]);
    assert_eq!(cluster.list::<ReplicaSet>().len(), 2);
    let annotations = cluster.deployment().metadata.annotations.unwrap();
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
}

#[tokio::test(start_paused = true)]
async fn old_replica_sets_are_kept_to_the_limit() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"revisionHistoryLimit": 1}));
    for image in ["two", "three", "four"] {
        settle(Duration::from_secs(5)).await;
        cluster.roll_out(image);
    }
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.list::<ReplicaSet>().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn recreate_lets_all_go_before_the_first_comes() {
    let cluster = Cluster::start();
    cluster.deploy(
        "one",
        &json!({"replicas": 2, "strategy": {"type": "Recreate"}}),
    );
    at_once().await;
    cluster.roll_out("two");
    at_once().await;
    assert!(
        cluster.images().is_empty(),
        "the old Pods are still in their grace period"
    );
    settle(Duration::from_secs(2)).await;
    assert_eq!(cluster.images(), ["two", "two"]);
}

#[tokio::test(start_paused = true)]
async fn another_size_is_no_other_template() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"replicas": 3}));
    at_once().await;
    for size in [5, 1, 0] {
        cluster.edit_deployment(|deployment| deployment.spec.replicas = Some(size));
        settle(Duration::from_secs(3)).await;
        assert_eq!(cluster.numbers(), [size; 4]);
        assert_eq!(cluster.list::<ReplicaSet>().len(), 1);
    }
}

/// A Deployment that grows during a rollout records its size in each ReplicaSet.
#[tokio::test(start_paused = true)]
async fn a_replica_set_that_keeps_its_size_is_not_scaled() {
    let cluster = Cluster::start();
    let strategy = json!({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}});
    cluster.deploy("one", &json!({"replicas": 4, "strategy": strategy}));
    at_once().await;
    cluster.roll_out(SICK);
    at_once().await;
    let new = || {
        let mut sets = cluster.list::<ReplicaSet>().into_iter();
        sets.find(|set| set.spec.replicas == Some(2)).unwrap()
    };
    let (before, said) = (
        new().metadata.annotations,
        cluster.said("ScalingReplicaSet"),
    );
    cluster.edit_deployment(|deployment| deployment.spec.replicas = Some(5));
    at_once().await;
    assert_ne!(new().metadata.annotations, before);
    let more = cluster.said("ScalingReplicaSet").split_off(said.len());
    let [grown] = more.as_slice() else {
        panic!("{more:?}")
    };
    assert!(grown.ends_with("from 4 to 5"), "{grown}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_waits_with_its_template() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    cluster.edit_deployment(|deployment| deployment.spec.paused = Some(true));
    cluster.roll_out("two");
    settle(Duration::from_mins(1)).await;
    assert_eq!(
        (cluster.images(), cluster.condition("Progressing")),
        (
            vec!["one".to_owned()],
            ("Unknown".to_owned(), "DeploymentPaused".to_owned())
        )
    );
    cluster.edit_deployment(|deployment| deployment.spec.paused = None);
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.images(), ["two"]);
    assert_eq!(
        cluster.condition("Progressing"),
        ok("NewReplicaSetAvailable")
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_available_after_min_ready_seconds() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"minReadySeconds": 5}));
    settle(Duration::from_millis(4_900)).await;
    assert_eq!(cluster.numbers(), [1, 1, 1, 0]);
    settle(Duration::from_millis(200)).await;
    assert_eq!(cluster.numbers(), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_replaced_at_once() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [first] = cluster.names::<Pod>().try_into().unwrap();
    cluster
        .registry
        .delete::<Pod>(NAMESPACE, &first, None)
        .unwrap();
    at_once().await;
    assert_eq!(
        cluster.names::<Pod>().len(),
        2,
        "the first is in its grace period"
    );
    assert_eq!(cluster.numbers(), [1, 1, 1, 1]);
    settle(Duration::from_secs(2)).await;
    assert!(!cluster.names::<Pod>().contains(&first));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_says_so() {
    let cluster = Cluster::start();
    cluster.deploy(
        "one",
        &json!({"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}),
    );
    settle(Duration::from_mins(1)).await;
    let [pod] = cluster.list::<Pod>().try_into().unwrap();
    let [condition] = pod.status.unwrap().conditions.unwrap().try_into().unwrap();
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_deref()),
        ("False", Some("Unschedulable"))
    );
    assert_eq!(cluster.said("FailedScheduling").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_names() {
    let names = async || {
        let cluster = Cluster::start();
        cluster.deploy("one", &json!({"replicas": 3}));
        at_once().await;
        cluster.roll_out("two");
        settle(Duration::from_secs(5)).await;
        [
            cluster.names::<Pod>(),
            cluster.names::<ReplicaSet>(),
            cluster.names::<Event>(),
        ]
    };
    assert_eq!(names().await, names().await);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_loses_its_labels_is_let_go_and_replaced() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    let relabel = |app: &'static str| {
        move |pod: &mut Pod| {
            let labels = pod.metadata.labels.get_or_insert_default();
            labels.insert("app".to_owned(), app.to_owned());
        }
    };
    cluster
        .registry
        .edit(NAMESPACE, &pod, relabel("aside"))
        .unwrap();
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>().len(), 2);
    let aside: Pod = cluster.registry.get(NAMESPACE, &pod).unwrap();
    assert!(
        aside
            .metadata
            .owner_references
            .unwrap_or_default()
            .is_empty()
    );

    cluster
        .registry
        .edit(NAMESPACE, &pod, relabel("web"))
        .unwrap();
    settle(Duration::from_secs(3)).await;
    assert_eq!(
        cluster.names::<Pod>().len(),
        1,
        "one is adopted, one is too many"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_without_an_owner_is_adopted() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let before = [cluster.names::<ReplicaSet>(), cluster.names::<Pod>()];
    cluster.delete_by(crate::registry::Propagation::Orphan);
    at_once().await;
    cluster.deploy("one", &json!({}));
    settle(Duration::from_secs(3)).await;
    assert_eq!(
        [cluster.names::<ReplicaSet>(), cluster.names::<Pod>()],
        before
    );
}

#[tokio::test(start_paused = true)]
async fn annotations_are_handed_on_and_make_a_generation() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    assert_eq!(cluster.deployment().metadata.generation, Some(1));
    cluster.edit_deployment(|deployment| {
        let annotations = deployment.metadata.annotations.get_or_insert_default();
        annotations.insert("kubernetes.io/change-cause".to_owned(), "why".to_owned());
    });
    at_once().await;
    let deployment = cluster.deployment();
    assert_eq!(deployment.metadata.generation, Some(2));
    assert_eq!(deployment.status.unwrap().observed_generation, Some(2));
    let [set] = cluster.list::<ReplicaSet>().try_into().unwrap();
    let annotations = set.metadata.annotations.unwrap();
    assert_eq!(annotations["kubernetes.io/change-cause"], "why");
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "1");
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_a_missed_deadline_and_removes_old_sets() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    for image in ["two", SICK] {
        settle(Duration::from_secs(5)).await;
        cluster.roll_out(image);
    }
    settle(Duration::from_secs(30)).await;
    assert_eq!(cluster.list::<ReplicaSet>().len(), 3);
    cluster.edit_deployment(|deployment| {
        deployment.spec.paused = Some(true);
        deployment.spec.revision_history_limit = Some(1);
    });
    at_once().await;
    assert_eq!(
        cluster.condition("Progressing"),
        bad("ProgressDeadlineExceeded")
    );
    assert_eq!(
        cluster.list::<ReplicaSet>().len(),
        2,
        "the one in use stays"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_that_may_create_no_pods_says_so_until_it_may() {
    let cluster = Cluster::start();
    let template = json!({"spec": {"serviceAccountName": "robot"}});
    cluster.deploy("one", &json!({"replicas": 2, "template": template}));
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.condition("ReplicaFailure"), ok("FailedCreate"));
    let [set] = cluster.list::<ReplicaSet>().try_into().unwrap();
    let [failure] = set.status.unwrap().conditions.unwrap().try_into().unwrap();
    assert_eq!(failure.type_.as_deref(), Some("ReplicaFailure"));
    let message = failure.message.unwrap();
    assert!(
        message.contains("serviceaccount \"robot\" not found"),
        "{message}"
    );
    // Refused after 0, 5, 15, 35 … ms, so ten times within 5 s.
    let events = cluster.list::<Event>().into_iter();
    let refused = events.filter(|event| event.reason.as_deref() == Some("FailedCreate"));
    let refusals: i32 = refused.map(|event| event.count.unwrap_or(1)).sum();
    assert!((9..=12).contains(&refusals), "{refusals}");

    let mut account = ServiceAccount::default();
    account.metadata.name = Some("robot".to_owned());
    account.metadata.namespace = Some(NAMESPACE.to_owned());
    cluster.registry.create(&account).unwrap();
    settle(Duration::from_secs(10)).await;
    assert_eq!(cluster.numbers(), [2, 2, 2, 2]);
    let conditions = cluster.deployment().status.unwrap().conditions.unwrap();
    let is_failure = |kind: &Option<String>| kind.as_deref() == Some("ReplicaFailure");
    assert!(!conditions.iter().any(|found| is_failure(&found.type_)));
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_that_cannot_be_created_is_reported() {
    let cluster = Cluster::start();
    let deployment = json!({
        // With its hash the ReplicaSet's name is too long.
        "metadata": {"name": "w".repeat(250), "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "a", "image": "one"}]},
            },
        },
    });
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    cluster.registry.create(&deployment).unwrap();
    settle(Duration::from_secs(1)).await;
    let [deployment] = cluster.list::<Deployment>().try_into().unwrap();
    let [condition] = deployment
        .status
        .unwrap()
        .conditions
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(
        (condition.status.as_deref(), condition.reason.as_deref()),
        (Some("False"), Some("ReplicaSetCreateError"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_has_ended_is_neither_released_nor_adopted() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    let end = |pod: &mut Pod| pod.status.as_mut().unwrap().phase = Some("Failed".to_owned());
    cluster.registry.edit_status(NAMESPACE, &pod, end).unwrap();
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>().len(), 2, "it is replaced");
    let owners = || {
        let pod: Pod = cluster.registry.get(NAMESPACE, &pod).unwrap();
        pod.metadata.owner_references.unwrap_or_default().len()
    };
    let relabel = |app: &str| {
        let app = app.to_owned();
        let change = |pod: &mut Pod| {
            let labels = pod.metadata.labels.get_or_insert_default();
            labels.insert("app".to_owned(), app);
        };
        cluster.registry.edit(NAMESPACE, &pod, change).unwrap();
    };
    relabel("aside");
    settle(Duration::from_secs(3)).await;
    assert_eq!(owners(), 1, "it is not released");
    let orphan = |pod: &mut Pod| pod.metadata.owner_references = None;
    cluster.registry.edit(NAMESPACE, &pod, orphan).unwrap();
    relabel("web");
    settle(Duration::from_secs(3)).await;
    assert_eq!(owners(), 0, "it is not adopted");
}
