//! Deletion with owners: in the background, in the foreground, orphaned, and with a namespace.

use super::*;
use crate::kinds::Kind;
use crate::registry::{Deletion, Propagation};

impl Cluster {
    /// Deletes the Deployment with a propagation policy.
    pub(super) fn delete_by(&self, propagation: Propagation) {
        let deletion = Deletion {
            propagation: Some(propagation),
            ..Deletion::default()
        };
        let kind = Kind::of::<Deployment>();
        self.registry
            .delete_value(kind, NAMESPACE, "web", &deletion)
            .unwrap();
    }

    fn is_deployed(&self) -> bool {
        self.registry.get::<Deployment>(NAMESPACE, "web").is_some()
    }
}

async fn deployed() -> Cluster {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"replicas": 2}));
    cluster.serve(
        "web",
        &json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}),
    );
    at_once().await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn dependents_are_deleted_with_their_owner() {
    let cluster = deployed().await;
    cluster
        .registry
        .delete::<Deployment>(NAMESPACE, "web", None)
        .unwrap();
    cluster
        .registry
        .delete::<Service>(NAMESPACE, "web", None)
        .unwrap();
    at_once().await;
    assert!(cluster.names::<ReplicaSet>().is_empty());
    assert!(cluster.names::<EndpointSlice>().is_empty());
    assert_eq!(
        cluster.names::<Pod>().len(),
        2,
        "Pods have their grace period"
    );
    settle(Duration::from_secs(2)).await;
    assert!(cluster.names::<Pod>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_the_owner_goes_last() {
    let cluster = deployed().await;
    cluster.delete_by(Propagation::Foreground);
    at_once().await;
    assert!(cluster.is_deployed());
    settle(Duration::from_secs(3)).await;
    assert!(!cluster.is_deployed());
    assert!(cluster.names::<Pod>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_know_no_owner() {
    let cluster = deployed().await;
    cluster.delete_by(Propagation::Orphan);
    settle(Duration::from_secs(10)).await;
    assert!(!cluster.is_deployed());
    let [set] = cluster.list::<ReplicaSet>().try_into().unwrap();
    assert!(set.metadata.owner_references.unwrap_or_default().is_empty());
    assert_eq!(cluster.names::<Pod>().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_object_with_another_owner_stays() {
    for by in [Propagation::Background, Propagation::Foreground] {
        let cluster = deployed().await;
        let service: Service = cluster.registry.get(NAMESPACE, "web").unwrap();
        let share = |set: &mut ReplicaSet| {
            let mut other = crate::controllers::owner::reference(&service);
            other.controller = None;
            set.metadata.owner_references.as_mut().unwrap().push(other);
        };
        let [set] = cluster.names::<ReplicaSet>().try_into().unwrap();
        cluster.registry.edit(NAMESPACE, &set, share).unwrap();
        cluster.delete_by(by);
        settle(Duration::from_secs(10)).await;
        assert!(!cluster.is_deployed());
        assert_eq!(cluster.names::<ReplicaSet>(), [set]);
        let [set] = cluster.list::<ReplicaSet>().try_into().unwrap();
        let owners = set.metadata.owner_references.unwrap();
        let kinds: Vec<_> = owners.iter().map(|owner| &owner.kind).collect();
        assert_eq!(
            kinds,
            ["Service"],
            "the reference to the Deployment is removed"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependent_that_does_not_block_goes_after_its_owner() {
    let cluster = deployed().await;
    let [set] = cluster.names::<ReplicaSet>().try_into().unwrap();
    let unblock = |set: &mut ReplicaSet| {
        let owners = set.metadata.owner_references.as_mut().unwrap();
        owners[0].block_owner_deletion = Some(false);
    };
    cluster.registry.edit(NAMESPACE, &set, unblock).unwrap();
    at_once().await;
    cluster.delete_by(Propagation::Foreground);
    at_once().await;
    assert!(!cluster.is_deployed());
    assert!(cluster.names::<ReplicaSet>().is_empty());
    assert_eq!(cluster.names::<Pod>().len(), 2, "they still end");
}

#[tokio::test(start_paused = true)]
async fn a_later_policy_replaces_an_earlier_one() {
    let cluster = deployed().await;
    cluster.delete_by(Propagation::Foreground);
    at_once().await;
    cluster.delete_by(Propagation::Background);
    assert!(!cluster.is_deployed());
    assert_eq!(cluster.names::<Pod>().len(), 2, "they still end");
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_owner_never_existed_is_deleted() {
    let cluster = deployed().await;
    let mut pod = cluster.list::<Pod>().remove(0);
    pod.metadata.name = Some("stray".to_owned());
    pod.metadata.resource_version = None;
    pod.metadata.owner_references.as_mut().unwrap()[0].uid = "nobody".to_owned();
    cluster.registry.create(&pod).unwrap();
    settle(Duration::from_secs(3)).await;
    assert_eq!(cluster.names::<Pod>().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_removed_when_it_is_empty() {
    let cluster = deployed().await;
    cluster
        .registry
        .delete::<Namespace>("", NAMESPACE, None)
        .unwrap();
    at_once().await;
    let namespace: Namespace = cluster.registry.get("", NAMESPACE).unwrap();
    assert_eq!(
        namespace.status.unwrap().phase.as_deref(),
        Some("Terminating")
    );
    assert!(cluster.names::<Deployment>().is_empty());
    settle(Duration::from_secs(2)).await;
    assert!(cluster.registry.get::<Namespace>("", NAMESPACE).is_none());
    assert!(cluster.names::<Pod>().is_empty() && cluster.names::<Event>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_waits_for_finalizers() {
    let cluster = deployed().await;
    let hold = |service: &mut Service| {
        service.metadata.finalizers = Some(vec!["example.org/hold".to_owned()]);
    };
    cluster.registry.edit(NAMESPACE, "web", hold).unwrap();
    cluster
        .registry
        .delete::<Namespace>("", NAMESPACE, None)
        .unwrap();
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.names::<Service>(), ["web"]);
    cluster
        .registry
        .edit(NAMESPACE, "web", |service: &mut Service| {
            service.metadata.finalizers = None;
        })
        .unwrap();
    at_once().await;
    assert!(cluster.registry.get::<Namespace>("", NAMESPACE).is_none());
}
