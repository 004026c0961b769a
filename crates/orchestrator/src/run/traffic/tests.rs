//! Clients and Services in, arguments or refusals out.

use std::time::Duration;

use super::*;
use crate::input::{
    experiment::{Source, Spanned},
    load, manifests,
};

fn spanned<T: Default>(value: T) -> Spanned<T> {
    Spanned {
        value,
        ..Spanned::default()
    }
}

fn client(name: &str, service: &str, connections: Connections) -> TrafficClient {
    TrafficClient {
        name: spanned(name.to_owned()),
        service: spanned(service.to_owned()),
        port: spanned(80),
        path: "/".to_owned(),
        rate: "10/s".parse().unwrap(),
        connections,
        timeout: Duration::from_secs(1),
    }
}

fn service(name: &str, ip: &str) -> Service {
    let service = json!({ "metadata": { "name": name }, "spec": { "clusterIP": ip } });
    serde_json::from_value(service).unwrap()
}

fn workload() -> Vec<Manifest> {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: web }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      imagePullSecrets: [{ name: registry }]
      containers:
        - { name: proxy, image: 'nginx:1' }
        - { name: b, image: 'registry.example/probe-target:9', imagePullPolicy: IfNotPresent }
";
    let source = Source {
        path: "w.yaml".into(),
        text: text.into(),
    };
    manifests::objects(&load::load(&source).unwrap().manifests, None).unwrap()
}

#[test]
fn each_client_is_a_container_with_its_own_control_port() {
    let clients = [
        client("users-a", "web-a", Connections::Fresh),
        client("users-b", "web-b", Connections::Keepalive),
    ];
    let services = [service("web-b", "fd00::2"), service("web-a", "10.96.0.1")];
    let pod = pod(&clients, &services, &image_of(&workload()).unwrap()).unwrap();
    let containers = &pod.object["spec"]["containers"];
    assert_eq!(
        containers[0]["args"],
        json!([
            "traffic",
            "10.96.0.1:80",
            "--control=127.0.0.1:20000",
            "--host=web-a",
            "--path=/",
            "--rate=10/s",
            "--timeout=1s",
            "--fresh",
        ])
    );
    assert_eq!(containers[1]["args"][1], "[fd00::2]:80");
    assert_eq!(containers[1]["args"][2], "--control=127.0.0.1:20001");
    assert_eq!(containers[1]["args"].as_array().unwrap().len(), 7);
    let controls: Vec<_> = addresses(&clients, "u")
        .iter()
        .map(|each| each.control)
        .collect();
    assert_eq!(controls, [20_000, 20_001]);
}

#[test]
fn the_image_is_the_first_target_s() {
    let clients = [client("users", "web", Connections::Fresh)];
    let image = image_of(&workload()).unwrap();
    let pod = pod(&clients, &[service("web", "10.96.0.1")], &image).unwrap();
    let spec = &pod.object["spec"];
    assert_eq!(
        spec["containers"][0]["image"],
        "registry.example/probe-target:9"
    );
    assert_eq!(spec["containers"][0]["imagePullPolicy"], "IfNotPresent");
    assert_eq!(spec["imagePullSecrets"], json!([{ "name": "registry" }]));
}

#[test]
fn without_a_target_or_an_address_there_is_no_traffic() {
    assert_eq!(image_of(&workload()[..1]), Err(TrafficError::NoImage));
    let clients = [client("users", "web", Connections::Fresh)];
    let image = image_of(&workload()).unwrap();
    for services in [
        vec![],
        vec![service("web", "None")],
        vec![service("other", "10.96.0.1")],
    ] {
        assert!(matches!(
            pod(&clients, &services, &image),
            Err(TrafficError::Headless { .. })
        ));
    }
}
