//! Pods that wait for host ports, or for the node to take them.

use k8s_openapi::api::core::v1::{Node, NodeSpec};
use rules::scheduling::Misfit;

use super::*;
use crate::kinds::node::NAME as NODE;
use crate::registry::tests::from;
use crate::subnets::Subnets;

impl Cluster {
    /// Creates a Pod with this host port.
    fn take_port(&self, name: &str, port: i32) {
        let port = json!({"containerPort": 80, "hostPort": port});
        let pod: Pod = from(json!({
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "terminationGracePeriodSeconds": 2,
                "containers": [{"name": "a", "image": "one", "ports": [port]}],
            },
        }));
        self.registry.create(&pod).unwrap();
    }

    /// The Pods that run on the node.
    fn bound(&self) -> Vec<String> {
        let bound = |pod: &Pod| pod.spec.as_ref().unwrap().node_name.is_some();
        let pods = self.list::<Pod>().into_iter().filter(bound);
        pods.filter_map(|pod| pod.metadata.name).collect()
    }

    fn end(&self, pod: &str) {
        let end = |pod: &mut Pod| {
            pod.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
        };
        let ended = self.registry.edit_status::<Pod>(NAMESPACE, pod, end);
        ended.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_taken_port_is_waited_for() {
    let cluster = Cluster::start();
    cluster.take_port("first", 8080);
    at_once().await;
    cluster.take_port("other", 8081);
    cluster.take_port("second", 8080);
    settle(Duration::from_mins(1)).await;
    assert_eq!(cluster.bound(), ["first", "other"]);
    let said = cluster.said("FailedScheduling");
    assert_eq!(said, [Misfit::Ports.message()]);
    let waiting: Pod = cluster.registry.get(NAMESPACE, "second").unwrap();
    let [condition] = waiting
        .status
        .unwrap()
        .conditions
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(condition.reason.as_deref(), Some("Unschedulable"));

    cluster
        .registry
        .delete::<Pod>(NAMESPACE, "other", None)
        .unwrap();
    settle(Duration::from_secs(5)).await;
    assert_eq!(cluster.bound(), ["first"]);
    cluster
        .registry
        .delete::<Pod>(NAMESPACE, "first", None)
        .unwrap();
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.bound(), ["first"], "it is in its grace period");
    settle(Duration::from_secs(4)).await;
    assert_eq!(cluster.bound(), ["second"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_over_leaves_its_ports() {
    let cluster = Cluster::start();
    cluster.take_port("first", 8080);
    at_once().await;
    cluster.take_port("second", 8080);
    at_once().await;
    assert_eq!(cluster.bound(), ["first"]);
    cluster.end("first");
    at_once().await;
    assert_eq!(cluster.bound(), ["first", "second"]);
}

impl Cluster {
    pub(super) fn make_node(&self) {
        let time = self.registry.clock().time();
        let node = crate::kinds::node::node(time, Subnets::default());
        self.registry.create(&node).unwrap();
    }

    pub(super) fn edit_node(&self, change: impl FnOnce(&mut NodeSpec)) {
        let change = |node: &mut Node| change(node.spec.as_mut().unwrap());
        self.registry.edit("", NODE, change).unwrap();
    }

    /// The keys of the node's taints.
    fn taints(&self) -> Vec<String> {
        let node: Node = self.registry.get("", NODE).unwrap();
        let taints = node.spec.unwrap().taints.unwrap_or_default();
        taints.into_iter().map(|taint| taint.key).collect()
    }

    /// Creates a Pod with these tolerations.
    fn tolerate(&self, name: &str, tolerations: &serde_json::Value) {
        let pod: Pod = from(json!({
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "containers": [{"name": "a", "image": "one"}], "tolerations": tolerations,
            },
        }));
        self.registry.create(&pod).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_unschedulable_node_takes_only_pods_that_tolerate_it() {
    let cluster = Cluster::start();
    cluster.make_node();
    cluster.edit_node(|node| node.unschedulable = Some(true));
    at_once().await;
    assert_eq!(cluster.taints(), ["node.kubernetes.io/unschedulable"]);
    cluster.tolerate("any", &json!([{"operator": "Exists"}]));
    cluster.tolerate("none", &json!([]));
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.bound(), ["any"]);
    let said = cluster.said("FailedScheduling");
    assert_eq!(said, [Misfit::Unschedulable.message()]);
    cluster.edit_node(|node| node.unschedulable = None);
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.bound(), ["any", "none"]);
    assert!(cluster.taints().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_taint_keeps_pods_away_until_it_is_gone() {
    let cluster = Cluster::start();
    cluster.make_node();
    cluster.edit_node(|node| {
        node.taints = Some(vec![from_json(json!({"key": "k", "effect": "NoSchedule"}))]);
    });
    cluster.tolerate("none", &json!([]));
    cluster.tolerate("k", &json!([{"key": "k", "operator": "Exists"}]));
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.bound(), ["k"]);
    let said = cluster.said("FailedScheduling");
    assert_eq!(said, [Misfit::Taints.message()]);
    cluster.edit_node(|node| node.taints = None);
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.bound(), ["k", "none"]);
}

fn from_json(taint: serde_json::Value) -> k8s_openapi::api::core::v1::Taint {
    serde_json::from_value(taint).unwrap()
}

impl Cluster {
    pub(super) fn taint(&self, effect: &str) {
        let taint = from_json(json!({"key": "k", "effect": effect}));
        self.edit_node(|node| node.taints = Some(vec![taint]));
    }

    pub(super) fn untaint(&self) {
        self.edit_node(|node| node.taints = None);
    }
}

/// The order and the Events are those of a node.
#[tokio::test(start_paused = true)]
async fn a_taint_that_ends_pods_waits_for_their_tolerations() {
    let cluster = Cluster::start();
    cluster.make_node();
    let tolerates = |seconds: serde_json::Value| {
        let of_key = json!({"key": "k", "operator": "Exists", "effect": "NoExecute"});
        let mut toleration = of_key;
        toleration["tolerationSeconds"] = seconds;
        json!([toleration])
    };
    cluster.tolerate("none", &json!([]));
    cluster.tolerate("always", &tolerates(json!(null)));
    cluster.tolerate("long", &tolerates(json!(60)));
    cluster.tolerate("short", &tolerates(json!(5)));
    settle(Duration::from_secs(1)).await;
    cluster.taint("NoExecute");
    settle(Duration::from_secs(1)).await;
    let staying = || {
        let pods = cluster.list::<Pod>().into_iter();
        let pods = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        pods.filter_map(|pod| pod.metadata.name).collect::<Vec<_>>()
    };
    assert_eq!(staying(), ["always", "long", "short"]);
    let ended: Pod = cluster.registry.get(NAMESPACE, "none").unwrap();
    let conditions = ended.status.unwrap().conditions.unwrap();
    assert_eq!(
        conditions.last().unwrap().reason.as_deref(),
        Some("DeletionByTaintManager")
    );
    settle(Duration::from_secs(5)).await;
    assert_eq!(staying(), ["always", "long"]);
    cluster.untaint();
    settle(Duration::from_mins(2)).await;
    assert_eq!(staying(), ["always", "long"]);
    let said = cluster.said("TaintManagerEviction");
    let expected = [
        "Marking for deletion Pod n/none",
        "Marking for deletion Pod n/short",
        "Cancelling deletion of Pod n/long",
    ];
    assert_eq!(said, expected);
}
