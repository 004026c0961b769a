//! All controllers together, on a paused clock, with a simulated kubelet.

mod daemon_sets;
mod disruption;
mod endpoints;
mod going;
mod jobs;
mod rollout;
mod scheduling;
mod stateful_sets;

use std::net::Ipv4Addr;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, PodCondition, PodIP, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::json;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::kinds::{Object, name};
use crate::latencies::Chance;
use crate::registry::{Change, Registry};

const NAMESPACE: &str = "n";

/// An image whose containers never become ready.
const SICK: &str = "sick";

/// A registry and its controllers. Dropping it ends them.
struct Cluster {
    registry: Registry,
    _tasks: JoinSet<()>,
}

impl Cluster {
    /// Must be made inside a runtime whose clock is paused.
    fn start() -> Self {
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let registry = Registry::new(clock, fastrand::Rng::with_seed(1));
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(NAMESPACE.to_owned());
        registry.create(&namespace).unwrap();
        let mut tasks = JoinSet::new();
        let random = fastrand::Rng::with_seed(2);
        tasks.spawn(super::run(registry.clone(), random, Chance::none()));
        tasks.spawn(kubelet(registry.clone()));
        Self {
            registry,
            _tasks: tasks,
        }
    }

    fn deploy(&self, image: &str, more: &serde_json::Value) {
        let mut deployment = json!({
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "progressDeadlineSeconds": 20,
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "terminationGracePeriodSeconds": 2,
                        "containers": [{"name": "a", "image": image, "ports": [{"name": "http",
                        "containerPort": 8080}]}],
                    },
                },
            },
        });
        json_patch::merge(&mut deployment["spec"], more);
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        self.registry.create(&deployment).unwrap();
    }

    fn roll_out(&self, image: &str) {
        self.edit_deployment(|deployment| {
            deployment.spec.template.spec.as_mut().unwrap().containers[0].image =
                Some(image.to_owned());
        });
    }

    fn edit_deployment(&self, change: impl FnOnce(&mut Deployment)) {
        self.registry.edit(NAMESPACE, "web", change).unwrap();
    }

    fn serve(&self, service: &str, spec: &serde_json::Value) {
        let service = json!({"metadata": {"name": service, "namespace": NAMESPACE}, "spec": spec});
        let service: Service = serde_json::from_value(service).unwrap();
        self.registry.create(&service).unwrap();
    }

    /// Sets a Pod's readiness, as the kubelet does after a probe.
    fn set_ready(&self, pod: &str, ready: bool) {
        let time = self.registry.clock().time();
        let change = |pod: &mut Pod| {
            let conditions = pod.status.as_mut().unwrap().conditions.as_mut().unwrap();
            let condition = conditions
                .iter_mut()
                .find(|found| found.type_ == "Ready")
                .unwrap();
            if condition.status != status(ready) {
                condition.last_transition_time = Some(time);
            }
            condition.status = status(ready);
        };
        self.registry.edit_status(NAMESPACE, pod, change).unwrap();
    }

    fn deployment(&self) -> Deployment {
        self.registry.get(NAMESPACE, "web").unwrap()
    }

    /// Replicas, updated, ready, available, as published.
    fn numbers(&self) -> [i32; 4] {
        let status = self.deployment().status.unwrap();
        [
            status.replicas,
            status.updated_replicas,
            status.ready_replicas,
            status.available_replicas,
        ]
        .map(Option::unwrap_or_default)
    }

    /// Status and reason of a condition of the Deployment.
    fn condition(&self, kind: &str) -> (String, String) {
        let conditions = self.deployment().status.unwrap().conditions.unwrap();
        let found = conditions
            .into_iter()
            .find(|found| found.type_.as_deref() == Some(kind))
            .unwrap();
        (found.status.unwrap(), found.reason.unwrap())
    }

    fn names<K: Object>(&self) -> Vec<String> {
        self.list::<K>()
            .iter()
            .map(|object| name(object).to_owned())
            .collect()
    }

    fn list<K: Object>(&self) -> Vec<K> {
        self.registry.list(Some(NAMESPACE))
    }

    /// The images of all Pods that are not being deleted.
    fn images(&self) -> Vec<String> {
        let pods = self.list::<Pod>().into_iter();
        let staying = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let mut images: Vec<_> = staying.map(|pod| image(&pod).to_owned()).collect();
        images.sort();
        images
    }

    fn said(&self, reason: &str) -> Vec<String> {
        let events = self.list::<Event>().into_iter();
        let mut events: Vec<_> = events
            .filter(|event| event.reason.as_deref() == Some(reason))
            .collect();
        events.sort_by_key(|event| {
            event
                .metadata
                .resource_version
                .as_ref()
                .map(|version| version.parse::<u64>().ok())
        });
        events
            .into_iter()
            .filter_map(|event| event.message)
            .collect()
    }
}

/// Lets all controllers finish what is due within `after`.
async fn settle(after: Duration) {
    tokio::time::sleep(after).await;
}

async fn at_once() {
    settle(Duration::from_millis(1)).await;
}

fn status(holds: bool) -> String {
    if holds { "True" } else { "False" }.to_owned()
}

fn image(pod: &Pod) -> &str {
    pod.spec.as_ref().unwrap().containers[0]
        .image
        .as_deref()
        .unwrap()
}

/// The kubelet: bound Pods run at once, and deleted ones end after their grace period.
async fn kubelet(registry: Registry) {
    let mut pods = registry.watch::<Pod>(None);
    let mut ending = JoinSet::new();
    let mut last = 1;
    loop {
        let (Change::Added(pod) | Change::Modified(pod)) = pods.next().await else {
            continue;
        };
        let (namespace, name) = super::informer::key(pod.as_ref());
        let spec = pod.spec.as_ref().unwrap();
        if pod.metadata.deletion_timestamp.is_some() {
            let registry = registry.clone();
            let grace = pod
                .metadata
                .deletion_grace_period_seconds
                .unwrap_or_default();
            ending.spawn(async move {
                tokio::time::sleep(Duration::from_secs(grace.unsigned_abs())).await;
                drop(registry.delete::<Pod>(&namespace, &name, Some(0)));
            });
        } else if spec.node_name.is_some() && pod.status.as_ref().unwrap().pod_ip.is_none() {
            last += 1;
            start(&registry, &pod, Ipv4Addr::new(10, 244, 0, last));
        }
    }
}

fn start(registry: &Registry, pod: &Pod, ip: Ipv4Addr) {
    let (namespace, name) = super::informer::key(pod);
    let ready = PodCondition {
        type_: "Ready".to_owned(),
        status: status(image(pod) != SICK),
        last_transition_time: Some(registry.clock().time()),
        ..PodCondition::default()
    };
    let change = |pod: &mut Pod| {
        let status = pod.status.get_or_insert_default();
        status.phase = Some("Running".to_owned());
        status.pod_ip = Some(ip.to_string());
        status.pod_ips = Some(vec![PodIP { ip: ip.to_string() }]);
        status.conditions.get_or_insert_default().push(ready);
    };
    registry.edit_status(&namespace, &name, change).unwrap();
}
