//! Routes of Services and slices that a test creates, on a paused clock.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::clock::Clock;
use crate::kinds::Object;
use crate::net::Network;
use crate::net::{Host, Listener};

const SERVICE: &str = "10.96.0.7:80";

struct Cluster {
    registry: Registry,
    network: Network,
    _tasks: JoinSet<()>,
}

impl Cluster {
    /// A cluster with one Service, one listening Pod behind it, and a proxy that has run for an
    /// hour.
    async fn start() -> (Self, Listener) {
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let registry = Registry::new(clock, fastrand::Rng::with_seed(1));
        let network = Network::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(registry.clone(), network.clone(), Chance::none()));
        let cluster = Self {
            registry,
            network,
            _tasks: tasks,
        };
        cluster
            .registry
            .create(&object::<Namespace>(json!({"metadata": {"name": "n"}})))
            .unwrap();
        cluster
            .registry
            .create(&service("web", "10.96.0.7"))
            .unwrap();
        let listener = cluster
            .host("10.244.0.2")
            .listen("[::]:8080".parse().unwrap())
            .unwrap();
        tokio::time::sleep(Duration::from_hours(1)).await;
        (cluster, listener)
    }

    fn host(&self, ip: &str) -> Host {
        Host::new(self.network.clone(), ip.parse().unwrap())
    }

    /// Publishes a slice with one endpoint in these conditions.
    fn publish(&self, slice: &str, is: &str) {
        let slice: EndpointSlice = object(json!({
            "metadata": {"name": slice, "namespace": "n",
            "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["10.244.0.2"], "conditions": {
                "ready": is.contains("ready"), "serving": is.contains("serving"),
                "terminating": is.contains("terminating"),
            }}],
        }));
        let name = slice.metadata.name.clone().unwrap();
        if self.registry.create(&slice).is_err() {
            let change = |present: &mut EndpointSlice| present.endpoints = slice.endpoints;
            self.registry.edit("n", &name, change).unwrap();
        }
    }

    /// Gives an object a label.
    fn label<K: Object>(&self, name: &str, label: &str) {
        let change = |object: &mut K| {
            let labels = object.metadata_mut().labels.get_or_insert_default();
            labels.insert(label.to_owned(), String::new());
        };
        self.registry.edit("n", name, change).unwrap();
    }

    async fn is_served(&self) -> bool {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.host("10.244.0.9")
            .connect(SERVICE.parse().unwrap())
            .await
            .is_ok()
    }
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn service(name: &str, address: &str) -> Service {
    object(json!({
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"clusterIP": address, "ports": [{"name": "http", "port": 80}, {"name": "other",
        "port": 81}]},
    }))
}

#[tokio::test(start_paused = true)]
async fn only_ready_endpoints_and_the_last_to_serve_get_connections() {
    for (is, expected) in [
        ("ready serving", true),
        ("", false),
        ("serving terminating", true),
        ("terminating", false),
        ("ready", true),
    ] {
        let (cluster, _listener) = Cluster::start().await;
        assert!(!cluster.is_served().await);
        cluster.publish("web-1", is);
        assert_eq!(cluster.is_served().await, expected, "{is}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_is_found_by_its_name() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    let other = cluster
        .host("10.244.0.9")
        .connect("10.96.0.7:81".parse().unwrap())
        .await;
    assert!(other.is_err());
}

#[tokio::test(start_paused = true)]
async fn after_quiet_a_change_is_taken_at_once_and_the_next_after_a_second() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    cluster.publish("web-1", "");
    tokio::time::sleep(Duration::from_millis(997)).await;
    assert!(
        cluster.is_served().await,
        "the last sync is less than a second ago"
    );
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!cluster.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn untracked_changes_do_not_use_up_the_pace() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.label::<Service>("web", "team");
    let select = |service: &mut Service| {
        service.spec.get_or_insert_default().selector = Some([("x".into(), "y".into())].into());
    };
    cluster.registry.edit("n", "web", select).unwrap();
    assert!(cluster.is_served().await);
    cluster.publish("web-1", "");
    assert!(!cluster.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn any_change_of_a_slice_uses_up_the_pace() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.label::<EndpointSlice>("web-1", "team");
    assert!(cluster.is_served().await);
    cluster.publish("web-1", "");
    assert!(cluster.is_served().await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!cluster.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn slices_of_headless_services_are_not_watched() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    cluster.label::<EndpointSlice>("web-1", "service.kubernetes.io/headless");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!cluster.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn services_of_another_proxy_are_not_watched() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    cluster.label::<Service>("web", "service.kubernetes.io/service-proxy-name");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!cluster.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_outlives_the_readiness_of_its_endpoint() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (cluster, mut listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    drop(listener.accept().await.unwrap());
    let mut client = cluster
        .host("10.244.0.9")
        .connect(SERVICE.parse().unwrap())
        .await
        .unwrap();
    let mut server = listener.accept().await.unwrap();
    cluster.publish("web-1", "");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!cluster.is_served().await);
    client.write_all(b"still").await.unwrap();
    let mut read = [0; 5];
    server.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"still");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_refused() {
    let (cluster, _listener) = Cluster::start().await;
    cluster.publish("web-1", "ready serving");
    assert!(cluster.is_served().await);
    cluster
        .registry
        .delete::<Service>("n", "web", None)
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!cluster.is_served().await);
}
