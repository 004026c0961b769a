//! The cluster through its API alone: manifests are applied, and a user's view is
//! read back.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tower::ServiceExt;

use super::super::*;
use crate::image::{Exit, Process};
use crate::net::Host;

const PODS: &str = "/api/v1/namespaces/default/pods";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/// A web server on the port of its only argument; every path but `/hehe` answers 200.
fn web_server(process: Process) -> BoxFuture<'static, Exit> {
    let serve = async move |port: u16| {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let mut listener = process.network.listen(address).unwrap();
        let mut connections = tokio::task::JoinSet::new();
        while let Ok(stream) = listener.accept().await {
            let answer = service_fn(async |request: Request<hyper::body::Incoming>| {
                let status = if request.uri().path() == "/hehe" {
                    404
                } else {
                    200
                };
                hyper::Response::builder()
                    .status(status)
                    .body(Empty::<bytes::Bytes>::new())
            });
            let http = hyper::server::conn::http1::Builder::new();
            connections
                .spawn(async move { http.serve_connection(TokioIo::new(stream), answer).await });
        }
    };
    async move {
        let port = process.command[1].parse().unwrap();
        tokio::select! {
            biased;
            () = process.terminate => {}
            () = serve(port) => {}
        }
        Exit::code(0)
    }
    .boxed()
}

fn start() -> Pocket {
    Pocket::builder()
        .image("web-server", Image::new("/web-server", web_server))
        .start()
}

async fn call(pocket: &Pocket, method: &str, path: &str, media_type: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, media_type)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = pocket.api().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn get(pocket: &Pocket, path: &str) -> Value {
    call(pocket, "GET", path, "application/json", &Value::Null).await
}

async fn apply(pocket: &Pocket, path: &str, object: &Value) {
    let path = format!("{path}?fieldManager=test&force=true&fieldValidation=Strict");
    let applied = call(
        pocket,
        "PATCH",
        &path,
        "application/apply-patch+yaml",
        object,
    )
    .await;
    assert_ne!(applied["kind"], "Status", "{applied}");
}

/// One Pod of two containers behind one Service, as in the seed experiments.
async fn apply_seed(pocket: &Pocket) {
    let probe = |path: &str, port: u16| {
        json!({"httpGet": {"path": path, "port": port},
        "periodSeconds": 2})
    };
    let container = |name: &str, port: u16| {
        json!({
            "name": name, "image": "web-server:1", "args": [port.to_string()],
            "ports": [{"name": name, "containerPort": port}],
            "livenessProbe": probe("/livez", port), "readinessProbe": probe("/readyz", port),
        })
    };
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "progressDeadlineSeconds": 20,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "containers": [container("a", 8080), container("b", 8081)],
                },
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {
            "selector": {"app": "web"},
            "ports": [
                {"name": "a", "port": 80, "targetPort": "a"}, {"name": "b", "port": 81,
                    "targetPort": "b"},
            ],
        },
    });
    apply(
        pocket,
        "/apis/apps/v1/namespaces/default/deployments/web",
        &deployment,
    )
    .await;
    apply(pocket, "/api/v1/namespaces/default/services/web", &service).await;
}

/// Waits until the object at `path` meets the condition. Returns how long that took, to 10 ms.
async fn until(pocket: &Pocket, path: &str, wanted: impl Fn(&Value) -> bool) -> Duration {
    let start = Instant::now();
    loop {
        let found = get(pocket, path).await;
        if wanted(&found) {
            return start.elapsed();
        }
        assert!(
            start.elapsed() < Duration::from_mins(2),
            "{path}: {found:#}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|it| it["type"] == "Ready" && it["status"] == "True")
}

fn pods_ready(list: &Value) -> bool {
    let items = list["items"].as_array().unwrap();
    !items.is_empty() && items.iter().all(is_ready)
}

/// Whether an endpoint of the first slice meets the condition.
fn endpoint_ready(list: &Value, ready: bool) -> bool {
    let endpoints = list["items"][0]["endpoints"].as_array();
    let mut endpoints = endpoints.into_iter().flatten();
    endpoints.any(|endpoint| endpoint["conditions"]["ready"] == ready)
}

/// The status of a GET to a Service's port; an error if there is no connection.
async fn fetch(pocket: &Pocket, address: &str, path: &str) -> Option<String> {
    let host = Host::new(pocket.network(), "10.244.0.1".parse().unwrap());
    let mut stream = host.connect(address.parse().unwrap()).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_deployment_and_its_service_become_ready() {
    let pocket = start();
    apply_seed(&pocket).await;
    let took = until(&pocket, PODS, pods_ready).await;
    assert!(took <= Duration::from_millis(150), "{took:?}");
    until(&pocket, SLICES, |list| endpoint_ready(list, true)).await;
    let service = get(&pocket, "/api/v1/namespaces/default/services/web").await;
    let address = format!("{}:81", service["spec"]["clusterIP"].as_str().unwrap());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fetch(&pocket, &address, "/").await.as_deref(), Some("200"));
    let deployment = get(&pocket, "/apis/apps/v1/namespaces/default/deployments/web").await;
    assert_eq!(deployment["status"]["availableReplicas"], 1);
    assert_eq!(
        deployment["metadata"]["managedFields"][0]["manager"],
        "test"
    );
}

/// Editing the probe is a rollout, in which the old Pod goes on serving.
#[tokio::test(start_paused = true)]
async fn an_edited_probe_is_a_stalled_rollout() {
    let pocket = start();
    apply_seed(&pocket).await;
    until(&pocket, PODS, pods_ready).await;
    let path = "/apis/apps/v1/namespaces/default/deployments/web";
    let containers = json!([{"name": "b", "readinessProbe": {"httpGet": {"path": "/hehe"}}}]);
    let change = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    call(
        &pocket,
        "PATCH",
        path,
        "application/strategic-merge-patch+json",
        &change,
    )
    .await;
    let stalled = |deployment: &Value| {
        let conditions = deployment["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        conditions
            .into_iter()
            .any(|it| it["reason"] == "ProgressDeadlineExceeded")
    };
    until(&pocket, path, stalled).await;
    let status = &get(&pocket, path).await["status"];
    assert_eq!(
        (
            &status["replicas"],
            &status["updatedReplicas"],
            &status["readyReplicas"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert!(endpoint_ready(&get(&pocket, SLICES).await, true));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_everything_with_it() {
    let pocket = start();
    call(
        &pocket,
        "POST",
        "/api/v1/namespaces",
        "application/json",
        &json!({"metadata": {"name": "x"}}),
    )
    .await;
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "image": "web-server:1", "args": ["8080"]}]},
    });
    let pods = "/api/v1/namespaces/x/pods";
    call(&pocket, "POST", pods, "application/json", &pod).await;
    until(&pocket, pods, pods_ready).await;
    call(
        &pocket,
        "DELETE",
        "/api/v1/namespaces/x",
        "application/json",
        &Value::Null,
    )
    .await;
    until(&pocket, "/api/v1/namespaces/x", |answer| {
        answer["reason"] == "NotFound"
    })
    .await;
    assert!(
        get(&pocket, pods).await["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_the_cluster_ends_its_containers() {
    let pocket = start();
    let network = pocket.network();
    apply_seed(&pocket).await;
    until(&pocket, PODS, pods_ready).await;
    let pods = get(&pocket, PODS).await;
    let address = format!(
        "{}:8080",
        pods["items"][0]["status"]["podIP"].as_str().unwrap()
    );
    let host = Host::new(network, "10.244.0.1".parse().unwrap());
    assert!(host.connect(address.parse().unwrap()).await.is_ok());
    drop(pocket);
    tokio::task::yield_now().await;
    assert!(host.connect(address.parse().unwrap()).await.is_err());
}
