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
    let pod = pod(&clients, &services, &workload()).unwrap();
    let containers = &pod.object["spec"]["containers"];
    assert_eq!(
        containers[0]["args"],
        json!([
            "traffic",
            "10.96.0.1:80",
            "--control=127.0.0.1:20000",
            "--rate=10/s",
            "--timeout=1s",
            "--protocol=http",
            "--host=web-a",
            "--path=/",
            "--fresh",
        ])
    );
    assert_eq!(containers[1]["args"][1], "[fd00::2]:80");
    assert_eq!(containers[1]["args"][2], "--control=127.0.0.1:20001");
    assert_eq!(containers[1]["args"].as_array().unwrap().len(), 8);
    let controls: Vec<_> = addresses(&clients, "u")
        .iter()
        .map(|each| each.control)
        .collect();
    assert_eq!(controls, [20_000, 20_001]);
}

#[test]
fn the_image_is_the_first_target_s() {
    let clients = [client("users", "web", Connections::Fresh)];
    let pod = pod(&clients, &[service("web", "10.96.0.1")], &workload()).unwrap();
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
    let clients = [client("users", "web", Connections::Fresh)];
    let services = [service("web", "10.96.0.1")];
    assert!(matches!(
        pod(&clients, &services, &workload()[..1]),
        Err(TrafficError::NoImage)
    ));
    for services in [
        vec![],
        vec![service("web", "None")],
        vec![service("other", "10.96.0.1")],
    ] {
        assert!(matches!(
            pod(&clients, &services, &workload()),
            Err(TrafficError::Headless { .. })
        ));
    }
}

/// The arguments after the timeout, and the image, of a client of this port of a Service.
fn of_port(port: u16) -> (Vec<String>, String) {
    let container = |name: &str, image: &str, ports: &[&str]| {
        let ports = ports.iter().map(|port| format!("--port={port}"));
        json!({ "name": name, "image": image, "args": ports.collect::<Vec<_>>() })
    };
    let mut secured = container("b", "probe-target:1-tls", &["443=https", "444=grpcs"]);
    secured["ports"] = json!([{ "name": "tls", "containerPort": 443 }]);
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "web", "labels": { "app": "web" } },
        "spec": { "containers": [
            container("a", "probe-target:1", &["80", "9000=grpc,6379=tcp"]),
            secured,
        ]},
    });
    let service = json!({
        "metadata": { "name": "web" },
        "spec": {
            "clusterIP": "10.96.0.1",
            "selector": { "app": "web" },
            "ports": [
                { "port": 80 }, { "port": 9000 }, { "port": 1, "targetPort": 6379 },
                { "port": 2, "targetPort": "tls" }, { "port": 444 }, { "port": 3 },
            ],
        },
    });
    let service: Service = serde_json::from_value(service).unwrap();
    let client = TrafficClient {
        port: spanned(port),
        ..client("users", "web", Connections::Fresh)
    };
    let pod = super::pod(&[client], &[service], &[Manifest::new(pod)]).unwrap();
    let container = &pod.object["spec"]["containers"][0];
    let args = container["args"].as_array().unwrap()[5..].iter();
    let args = args.map(|arg| arg.as_str().unwrap().to_owned()).collect();
    (args, container["image"].as_str().unwrap().to_owned())
}

#[test]
fn a_client_speaks_what_the_port_speaks_and_connects_where_that_is_not_http() {
    let check = |port: u16, args: &[&str], image: &str| {
        let expected = args.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(of_port(port), (expected, image.to_owned()), "{port}");
    };
    let http = ["--protocol=http", "--host=web", "--path=/", "--fresh"];
    check(80, &http, "probe-target:1");
    check(9000, &["--protocol=grpc"], "probe-target:1");
    check(1, &["--protocol=tcp"], "probe-target:1");
    let https = ["--protocol=https", "--host=web", "--path=/", "--fresh"];
    check(2, &https, "probe-target:1-tls");
    check(444, &["--protocol=grpcs"], "probe-target:1-tls");
    // No container lists it.
    check(3, &http, "probe-target:1");
}
