//! A whole cluster on a paused clock: from an applied Deployment to a refused connection.

mod api;
mod logs;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::image::{Exit, Process, Program};
use crate::kinds::KINDS;
use crate::net::{Host, Stream};

/// Answers every request on the port of its first argument: 200 while it is healthy, else 503.
fn server(healthy: Arc<AtomicBool>) -> impl Program {
    move |process: Process| -> BoxFuture<'static, Exit> {
        let healthy = Arc::clone(&healthy);
        serve(process, healthy).boxed()
    }
}

async fn serve(process: Process, healthy: Arc<AtomicBool>) -> Exit {
    let port: u16 = process.command[1].parse().unwrap();
    let address = SocketAddr::new("::".parse().unwrap(), port);
    let mut listener = process.network.listen(address).unwrap();
    let accept = async {
        loop {
            let stream = listener.accept().await.unwrap();
            answer(stream, healthy.load(Ordering::Relaxed)).await;
        }
    };
    tokio::select! {
        biased;
        () = process.terminate => {}
        () = accept => {}
    }
    Exit::code(0)
}

async fn answer(mut stream: Stream, healthy: bool) {
    let mut request = [0; 1024];
    if stream
        .read(&mut request)
        .await
        .is_ok_and(|length| length > 0)
    {
        let status = if healthy {
            "200 OK"
        } else {
            "503 Service Unavailable"
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        drop(stream.write_all(head.as_bytes()).await);
    }
}

/// The Pod of the seed experiments, with a Service for each container; `b` can be made unhealthy.
struct Seed {
    pocket: Pocket,
    healthy: Arc<AtomicBool>,
}

impl Seed {
    fn apply() -> Self {
        let healthy = Arc::new(AtomicBool::new(true));
        let pocket = Pocket::builder()
            .image(
                "a",
                Image::new("/a", server(Arc::new(AtomicBool::new(true)))),
            )
            .image("b", Image::new("/b", server(Arc::clone(&healthy))))
            .start();
        let seed = Self { pocket, healthy };
        let container = |name: &str, port: u16| {
            json!({"name": name, "image": name, "args": [port.to_string()], "readinessProbe": {
                "httpGet": {"path": "/readyz", "port": port}, "periodSeconds": 2,
                "failureThreshold": 3,
            }})
        };
        seed.create::<Deployment>(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container("a", 8080), container("b", 8081)]},
            }},
        }));
        for (name, port) in [("web-a", 8080), ("web-b", 8081)] {
            seed.create::<Service>(json!({
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": port}]},
            }));
        }
        seed
    }

    fn create<K: crate::kinds::Object + DeserializeOwned>(&self, object: Value) {
        let object: K = serde_json::from_value(object).unwrap();
        self.registry().create(&object).unwrap();
    }

    fn registry(&self) -> &Registry {
        &self.pocket.server.registry
    }

    fn pod(&self) -> Pod {
        let [pod] = self.registry().list::<Pod>(None).try_into().unwrap();
        pod
    }

    fn is_ready(&self) -> bool {
        let conditions = self.pod().status.unwrap().conditions.unwrap();
        conditions
            .iter()
            .any(|found| found.type_ == "Ready" && found.status == "True")
    }

    /// Of all endpoints of all slices: whether they are ready.
    fn endpoints(&self) -> Vec<bool> {
        let slices = self.registry().list::<EndpointSlice>(None).into_iter();
        let endpoints = slices.flat_map(|slice| slice.endpoints.unwrap_or_default());
        endpoints
            .map(|endpoint| endpoint.conditions.unwrap().ready.unwrap())
            .collect()
    }

    /// Whether each Service accepts a connection.
    async fn is_served(&self) -> [bool; 2] {
        let client = Host::new(self.pocket.network(), "10.244.0.99".parse().unwrap());
        let mut served = [false; 2];
        for (served, (name, port)) in served.iter_mut().zip([("web-a", 8080), ("web-b", 8081)]) {
            let service: Service = self.registry().get("default", name).unwrap();
            let ip = service.spec.unwrap().cluster_ip.unwrap().parse().unwrap();
            *served = client.connect(SocketAddr::new(ip, port)).await.is_ok();
        }
        served
    }

    /// All objects, one a line.
    fn dump(&self) -> String {
        let objects = KINDS
            .iter()
            .flat_map(|kind| self.registry().list_stored(kind, None).0);
        objects
            .map(|object| object.text().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[tokio::test(start_paused = true)]
async fn one_unready_container_takes_both_services_away_and_nothing_else() {
    let seed = Seed::apply();
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(seed.is_ready(), "{}", seed.dump());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = seed.pod();
    assert_eq!(
        (seed.endpoints(), seed.is_served().await),
        (vec![true; 2], [true; 2])
    );

    seed.healthy.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(!seed.is_ready());
    assert_eq!(
        (seed.endpoints(), seed.is_served().await),
        (vec![false; 2], [false; 2])
    );

    seed.healthy.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        (seed.endpoints(), seed.is_served().await),
        (vec![true; 2], [true; 2])
    );
    let after = seed.pod();
    assert_eq!(after.metadata.uid, before.metadata.uid);
    let restarts = after
        .status
        .unwrap()
        .container_statuses
        .unwrap()
        .into_iter();
    assert_eq!(
        restarts
            .map(|container| container.restart_count)
            .sum::<i32>(),
        0
    );
}

#[test]
fn the_same_seed_gives_the_same_cluster_to_the_byte() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let seed = Seed::apply();
            tokio::time::sleep(Duration::from_secs(10)).await;
            seed.healthy.store(false, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_mins(1)).await;
            seed.dump()
        })
    };
    assert_eq!(run(), run());
}
