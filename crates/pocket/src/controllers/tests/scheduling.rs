//! Pods that wait for host ports.

use rules::scheduling::Misfit;

use super::*;
use crate::registry::tests::from;

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
