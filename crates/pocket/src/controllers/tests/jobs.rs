//! Jobs: completions, back-off, deletion, suspension, deadlines and the time after the end.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus};

use super::*;
use crate::kinds::Kind;
use crate::registry::{Deletion, Propagation};

impl Cluster {
    fn create_job(&self, more: &serde_json::Value) {
        let mut job = json!({
            "metadata": {"name": "sum", "namespace": NAMESPACE},
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "terminationGracePeriodSeconds": 2,
                        "containers": [{"name": "a", "image": "one"}],
                    },
                },
            },
        });
        json_patch::merge(&mut job["spec"], more);
        let job: Job = serde_json::from_value(job).unwrap();
        self.registry.create(&job).unwrap();
    }

    fn delete_job(&self, propagation: Propagation) {
        let deletion = Deletion {
            propagation: Some(propagation),
            ..Deletion::default()
        };
        let kind = Kind::of::<Job>();
        let deleted = self
            .registry
            .delete_value(kind, NAMESPACE, "sum", &deletion);
        deleted.unwrap();
    }

    fn job(&self) -> Job {
        self.registry.get(NAMESPACE, "sum").unwrap()
    }

    /// Active, ready, terminating, succeeded and failed, as published.
    fn job_numbers(&self) -> [i32; 5] {
        let status = self.job().status.unwrap();
        let numbers = [
            status.active,
            status.ready,
            status.terminating,
            status.succeeded,
            status.failed,
        ];
        numbers.map(Option::unwrap_or_default)
    }

    /// Type and reason of each condition that is True.
    fn job_conditions(&self) -> Vec<String> {
        let conditions = self.job().status.unwrap().conditions.unwrap_or_default();
        let conditions = conditions.into_iter().filter(|it| it.status == "True");
        conditions
            .map(|it| format!("{} {}", it.type_, it.reason.unwrap()))
            .collect()
    }

    /// The Pods that have not ended and are not being deleted.
    fn active_pods(&self) -> Vec<String> {
        let pods = self.list::<Pod>();
        let active = pods
            .iter()
            .filter(|pod| crate::controllers::pod_view::is_active(pod));
        active.map(|pod| name(pod).to_owned()).collect()
    }

    /// Ends the only active Pod.
    fn finish_pod(&self, phase: &str) {
        let [pod] = self.active_pods().try_into().unwrap();
        let finished_at = Some(self.registry.clock().time());
        let ended = ContainerState {
            terminated: Some(ContainerStateTerminated {
                finished_at,
                ..ContainerStateTerminated::default()
            }),
            ..ContainerState::default()
        };
        let change = |pod: &mut Pod| {
            let status = pod.status.as_mut().unwrap();
            status.phase = Some(phase.to_owned());
            status.conditions = None;
            status.container_statuses = Some(vec![ContainerStatus {
                state: Some(ended),
                ..ContainerStatus::default()
            }]);
        };
        self.registry.edit_status(NAMESPACE, &pod, change).unwrap();
    }

    fn suspend(&self, is_suspended: bool) {
        let change = |job: &mut Job| job.spec.as_mut().unwrap().suspend = Some(is_suspended);
        self.registry.edit(NAMESPACE, "sum", change).unwrap();
    }
}

/// A sync follows a change after a second.
async fn next_sync() {
    settle(Duration::from_millis(1_002)).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_creates_pods_until_enough_have_succeeded() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"completions": 2}));
    at_once().await;
    let [pod] = cluster.list::<Pod>().try_into().unwrap();
    assert!(name(&pod).starts_with("sum-"), "{}", name(&pod));
    let labels = pod.metadata.labels.clone().unwrap();
    let job = cluster.job();
    let uid = job.metadata.uid.clone().unwrap();
    let of_job = |name: &str| {
        [
            labels[name].clone(),
            labels[&format!("batch.kubernetes.io/{name}")].clone(),
        ]
    };
    assert_eq!(of_job("job-name"), ["sum", "sum"]);
    assert_eq!(of_job("controller-uid"), [uid.clone(), uid]);
    assert_eq!(
        pod.metadata.finalizers.clone().unwrap(),
        ["batch.kubernetes.io/job-tracking"]
    );
    assert_eq!(cluster.job_numbers(), [1, 0, 0, 0, 0]);
    next_sync().await;
    assert_eq!(cluster.job_numbers(), [1, 1, 0, 0, 0]);

    cluster.finish_pod("Succeeded");
    settle(Duration::from_millis(900)).await;
    assert_eq!(
        cluster.job_numbers(),
        [1, 1, 0, 0, 0],
        "not before a second has passed"
    );
    next_sync().await;
    assert_eq!(cluster.job_numbers()[3], 1);
    cluster.finish_pod("Succeeded");
    next_sync().await;
    assert_eq!(cluster.job_numbers(), [0, 0, 0, 2, 0]);
    let conditions = [
        "SuccessCriteriaMet CompletionsReached",
        "Complete CompletionsReached",
    ];
    assert_eq!(cluster.job_conditions(), conditions);
    assert!(cluster.job().status.unwrap().completion_time.is_some());
    assert_eq!(cluster.said("Completed"), ["Job completed"]);
    settle(Duration::from_mins(20)).await;
    let pods = cluster.list::<Pod>();
    assert_eq!(pods.len(), 2, "ended Pods stay");
    let is_free = |pod: &Pod| pod.metadata.finalizers.iter().all(Vec::is_empty);
    assert!(pods.iter().all(is_free), "{pods:?}");
}

#[tokio::test(start_paused = true)]
async fn failed_pods_are_replaced_with_back_off_up_to_the_limit() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"backoffLimit": 2}));
    at_once().await;
    for wait in [10, 20] {
        cluster.finish_pod("Failed");
        // The end is published in whole seconds.
        settle(Duration::from_millis(wait * 1_000 - 1_000)).await;
        assert!(cluster.active_pods().is_empty(), "{wait}");
        settle(Duration::from_millis(1_100)).await;
        assert_eq!(cluster.active_pods().len(), 1, "{wait}");
    }
    cluster.finish_pod("Failed");
    next_sync().await;
    let reason = "BackoffLimitExceeded";
    let conditions = ["FailureTarget", "Failed"].map(|kind| format!("{kind} {reason}"));
    assert_eq!(cluster.job_conditions(), conditions);
    assert_eq!(cluster.job_numbers(), [0, 0, 0, 0, 3]);
    assert_eq!(
        cluster.said(reason),
        ["Job has reached the specified backoff limit"]
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_restarts_delete_the_pod() {
    let cluster = Cluster::start();
    let policy = json!({"spec": {"restartPolicy": "OnFailure"}});
    cluster.create_job(&json!({"backoffLimit": 2, "template": policy}));
    at_once().await;
    let [pod] = cluster.active_pods().try_into().unwrap();
    let restart = |count| {
        let change = |pod: &mut Pod| {
            let status = pod.status.as_mut().unwrap();
            status.container_statuses = Some(vec![ContainerStatus {
                restart_count: count,
                ..ContainerStatus::default()
            }]);
        };
        cluster
            .registry
            .edit_status(NAMESPACE, &pod, change)
            .unwrap();
    };
    restart(1);
    next_sync().await;
    assert_eq!(cluster.active_pods().len(), 1);
    restart(2);
    next_sync().await;
    assert_eq!(
        cluster.job_conditions(),
        ["FailureTarget BackoffLimitExceeded"]
    );
    assert_eq!(cluster.job_numbers(), [0, 0, 1, 0, 1], "it terminates");
    settle(Duration::from_secs(4)).await;
    assert!(cluster.names::<Pod>().is_empty());
    assert_eq!(cluster.job_conditions()[1], "Failed BackoffLimitExceeded");
    assert_eq!(cluster.job_numbers(), [0, 0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_has_failed() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({}));
    at_once().await;
    let [pod] = cluster.active_pods().try_into().unwrap();
    cluster
        .registry
        .delete::<Pod>(NAMESPACE, &pod, None)
        .unwrap();
    next_sync().await;
    assert_eq!(cluster.job_numbers(), [0, 0, 1, 0, 1]);
    settle(Duration::from_secs(13)).await;
    let pods = cluster.names::<Pod>();
    assert!(pods.len() == 1 && pods[0] != pod, "{pods:?}");
    assert_eq!(cluster.job_numbers(), [1, 1, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_has_no_pods() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"completions": 3, "parallelism": 2}));
    next_sync().await;
    cluster.suspend(true);
    at_once().await;
    assert_eq!(cluster.job_conditions(), ["Suspended JobSuspended"]);
    assert!(cluster.job().status.unwrap().start_time.is_none());
    settle(Duration::from_secs(5)).await;
    assert!(cluster.names::<Pod>().is_empty());
    assert_eq!(cluster.job_numbers(), [0; 5], "they have not failed");
    cluster.suspend(false);
    at_once().await;
    assert_eq!(cluster.active_pods().len(), 2);
    assert!(cluster.job_conditions().is_empty());
    assert_eq!(
        [cluster.said("Suspended"), cluster.said("Resumed")],
        [["Job suspended"], ["Job resumed"]]
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_has_a_deadline() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"activeDeadlineSeconds": 5}));
    settle(Duration::from_millis(4_900)).await;
    assert!(cluster.job_conditions().is_empty());
    settle(Duration::from_millis(200)).await;
    assert_eq!(cluster.job_conditions(), ["FailureTarget DeadlineExceeded"]);
    settle(Duration::from_secs(4)).await;
    assert_eq!(cluster.job_conditions()[1], "Failed DeadlineExceeded");
    assert_eq!(cluster.job_numbers(), [0, 0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn surplus_pods_are_deleted_and_have_not_failed() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"completions": 5, "parallelism": 3}));
    next_sync().await;
    let change = |job: &mut Job| job.spec.as_mut().unwrap().parallelism = Some(1);
    cluster.registry.edit(NAMESPACE, "sum", change).unwrap();
    at_once().await;
    assert_eq!(cluster.job_numbers(), [1, 1, 2, 0, 0]);
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.job_numbers(), [1, 1, 0, 0, 0]);
    assert_eq!(cluster.names::<Pod>().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_deleted_when_its_time_is_over() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"ttlSecondsAfterFinished": 60}));
    at_once().await;
    cluster.finish_pod("Succeeded");
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.names::<Job>(), ["sum"]);
    settle(Duration::from_secs(2)).await;
    assert!(cluster.names::<Job>().is_empty());
    assert!(cluster.names::<Pod>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_a_job_its_pods_go() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({"parallelism": 2}));
    next_sync().await;
    cluster.delete_job(Propagation::Background);
    settle(Duration::from_secs(3)).await;
    assert!(cluster.names::<Pod>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn orphaned_pods_lose_their_finalizer() {
    let cluster = Cluster::start();
    cluster.create_job(&json!({}));
    next_sync().await;
    cluster.delete_job(Propagation::Orphan);
    at_once().await;
    assert!(cluster.names::<Job>().is_empty());
    let [pod] = cluster.list::<Pod>().try_into().unwrap();
    assert_eq!(pod.metadata.finalizers.unwrap_or_default(), [""; 0]);
    assert_eq!(pod.metadata.owner_references.unwrap_or_default(), []);
}
