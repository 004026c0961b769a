//! Exec as kubectl and kube-rs use it. Statuses are those of a node with Kubernetes 1.36.3.

use std::sync::Mutex;

use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use k8s_openapi::api::core::v1::Pod as PodObject;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::api::Server;
use crate::api::tests::upgrades::{self, SYN_REPLY, Socket, SpdyClient, TO_SPDY, TO_WEBSOCKET};
use crate::image::{Logs, Running, Streams};
use crate::latencies::Chance;
use crate::net::Network;
use crate::registry::tests::{from, registry};
use crate::spdy::frame;
use crate::tasks::Tasks;

const PATH: &str = "/api/v1/namespaces/default/pods/web/exec";

/// A cluster with one Pod, whose container `a` runs and whose container `b` does not. A process in
/// it does what its arguments say.
fn server() -> Server {
    let registry = registry();
    let pod: PodObject = from(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}],
            "nodeName": "pocket",
        },
    }));
    let pod = registry.create(&pod).unwrap();
    let running = Running::default();
    let (_, ended) = watch::channel(false);
    running.add(uid(&pod), "a", ended, Arc::new(start_process));
    Server {
        registry,
        network: Network::default(),
        logs: Logs::default(),
        running,
        tasks: Tasks::default(),
        chance: Arc::new(Mutex::new(Chance::none())),
        yaml: None,
    }
}

fn start_process(
    command: Vec<String>,
    mut streams: Streams,
) -> Result<futures::future::BoxFuture<'static, i32>, String> {
    if command[0] == "nosuch" {
        return Err("failed to exec".to_owned());
    }
    let run = async move {
        match command[0].as_str() {
            "print" => {
                streams.stdout.put(b"out\n");
                streams.stderr.put(b"err\n");
                0
            }
            "cat" => {
                let mut bytes = Vec::new();
                streams.stdin.read_to_end(&mut bytes).await.unwrap();
                streams.stdout.put(&bytes);
                0
            }
            "hang" => std::future::pending().await,
            code => code.parse().unwrap(),
        }
    };
    Ok(run.boxed())
}

/// Runs a command over WebSocket up to the end, with these messages of the client.
async fn run(query: &str, protocol: &str, messages: &[&[u8]]) -> Vec<String> {
    let path = format!("{PATH}?container=a&{query}");
    let server = server();
    let mut socket = upgrades::websocket(&server, &path, protocol).await.unwrap();
    for message in messages {
        socket
            .send(Message::binary(message.to_vec()))
            .await
            .unwrap();
    }
    received(&mut socket).await
}

/// Messages as a digit and text, up to the closing one.
async fn received(socket: &mut Socket) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => {
                let text = String::from_utf8_lossy(&bytes[1..]).into_owned();
                all.push(format!("{} {text}", bytes[0]));
            }
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 1000);
                return all;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The status in the last message.
fn status(received: &[String]) -> Value {
    let text = received.last().unwrap().strip_prefix("3 ").unwrap();
    serde_json::from_str(text).unwrap()
}

const BOTH: [&str; 2] = [channels::V4, channels::V5];
const SUCCESS: &str = r#"3 {"metadata":{},"status":"Success"}"#;

#[tokio::test(start_paused = true)]
async fn output_has_channels_and_a_status_follows_it() {
    for protocol in BOTH {
        let both = run("command=print&stdout=true&stderr=true", protocol, &[]).await;
        assert_eq!(both, ["1 ", "1 out\n", "2 err\n", SUCCESS]);
        let one = run("command=print&stderr=1", protocol, &[]).await;
        assert_eq!(one, ["2 ", "2 err\n", SUCCESS]);
        let tty = run(
            "command=print&stdout=true&tty=true&stdin=true",
            protocol,
            &[],
        )
        .await;
        assert_eq!(tty, ["1 ", "1 out\r\n", "1 err\r\n", SUCCESS]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_is_a_cause() {
    let check = async |protocol, how: &str| {
        let received = run("command=7&command=x&stdout=true", protocol, &[]).await;
        let message = format!("command terminated with non-zero exit code: {how}");
        let causes = json!([{"reason": "ExitCode", "message": "7"}]);
        let expected = json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message,
            "details": {"causes": causes},
        });
        assert_eq!(status(&received), expected);
    };
    let v4 = "error executing command [7 x], exit code 7";
    check(channels::V4, v4).await;
    check(channels::V5, "command terminated with exit code 7").await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_not_started_is_an_internal_error() {
    let check = async |protocol, prefix: &str| {
        let received = run("command=nosuch&stdout=true", protocol, &[]).await;
        let cause = format!("{prefix}error executing command in container: failed to exec");
        let expected = json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("Internal error occurred: {cause}"),
            "details": {"causes": [{"message": cause}]},
        });
        assert_eq!(status(&received), expected);
        assert_eq!(received.len(), 2);
    };
    check(channels::V4, "").await;
    check(channels::V5, "Internal error occurred: ").await;
}

#[tokio::test(start_paused = true)]
async fn version_5_can_end_the_input() {
    let messages: [&[u8]; 6] = [
        b"\0hello ",
        b"\x04{\"Width\":80,\"Height\":24}",
        b"\0world",
        b"",
        b"\xff\0",
        b"\0too late",
    ];
    let query = "command=cat&stdin=true&stdout=true";
    let received = run(query, channels::V5, &messages).await;
    assert_eq!(received, ["1 ", "1 hello world", SUCCESS]);
    // Without `stdin` the process has none.
    let received = run("command=cat&stdout=true", channels::V4, &messages).await;
    assert_eq!(received, ["1 ", SUCCESS]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_a_node_refuses_are_refused_in_its_words() {
    let server = server();
    let check = async |query: &str, headers: &str, code: u16, text: &str| {
        let request = format!("POST {PATH}{query}");
        let refusal = upgrades::refusal(&server, &request, headers).await;
        assert_eq!(refusal, (code, text.to_owned()), "{query} {headers}");
    };
    let why = "a container name must be specified for pod web, choose one of: [a b]";
    check("?command=print&stdout=true", TO_WEBSOCKET, 400, why).await;
    let why = "container x is not valid for pod web";
    check("?container=x&stdout=true", TO_WEBSOCKET, 400, why).await;
    let why = "Upgrade request required";
    check("?container=a&stdout=true", "", 400, why).await;
    let why = "you must specify at least 1 of stdin, stdout, stderr";
    check("?container=a&command=print", TO_WEBSOCKET, 400, why).await;
    let why = "container not found (\"b\")";
    check("?container=b&stdout=true", TO_WEBSOCKET, 500, why).await;
    let ready = "?container=a&command=print&stdout=true";
    let other = format!("{TO_WEBSOCKET}Sec-WebSocket-Protocol: v9.channel.k8s.io\r\n");
    check(ready, &other, 403, "").await;
    let why = "unable to upgrade: X-Stream-Protocol-Version is required\n";
    check(ready, TO_SPDY, 400, why).await;
}

#[tokio::test(start_paused = true)]
async fn the_client_may_leave() {
    let server = server();
    let path = format!("{PATH}?container=a&command=hang&stdout=true");
    let mut socket = upgrades::websocket(&server, &path, channels::V5)
        .await
        .unwrap();
    socket.next().await.unwrap().unwrap();
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test(start_paused = true)]
async fn spdy_has_a_stream_for_each_channel() {
    let path = format!("{PATH}?container=a&command=cat&stdin=1&stdout=1&stderr=1");
    let server = server();
    let mut client = SpdyClient::connect(&server, &path, "v4.channel.k8s.io").await;
    let kinds = ["error", "stdin", "stdout", "stderr"];
    for (stream, kind) in (1..).step_by(2).zip(kinds) {
        client.open(stream, &[("streamtype", kind)]).await;
        let (head, content) = client.next().await;
        assert_eq!((head, u32::from(content[3])), (SYN_REPLY, stream));
    }
    client.send(frame::data(3, b"hello", true)).await;
    let data = |stream, text: &[u8]| ([0, 0, 0, stream], text.to_vec());
    assert_eq!(client.next().await, data(5, b"hello"));
    assert_eq!(client.next().await, data(1, &SUCCESS.as_bytes()[2..]));
    for stream in [1, 7, 5] {
        assert_eq!(client.next().await, data(stream, b" FIN"));
    }
    client.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_opens_its_streams_soon_or_is_left() {
    let path = format!("{PATH}?container=a&command=cat&stdout=1");
    let server = server();
    let mut client = SpdyClient::connect(&server, &path, "v4.channel.k8s.io").await;
    client.open(1, &[("streamtype", "error")]).await;
    assert_eq!(client.next().await.0, SYN_REPLY);
    client.send(Bytes::new()).await;
    let before = tokio::time::Instant::now();
    client.ends().await;
    assert_eq!(before.elapsed().as_secs(), 30);
}
