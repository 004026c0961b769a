//! Container specs in, control ports or refusals out.

use serde_json::{Value, json};

use super::*;

fn pod(mut container: Value, annotations: &Value) -> Pod {
    container["name"] = json!("b");
    serde_json::from_value(json!({
        "metadata": { "name": "web-1", "uid": "u", "annotations": annotations },
        "spec": { "containers": [container] },
    }))
    .unwrap()
}

fn control(mut container: Value) -> Option<u16> {
    container["image"] = json!("probe-target:0.1.0");
    target(&pod(container, &json!({})), "b")
        .ok()
        .map(|target| target.control)
}

#[test]
fn an_image_is_known_by_its_last_component() {
    let check = |image: &str, expected| {
        let pod = pod(json!({ "image": image }), &json!({}));
        assert_eq!(targets_of(&pod).len(), expected, "{image}");
    };
    check("probe-target", 1);
    check("registry.example:5000/team/probe-target:1.2@sha256:abc", 1);
    check("probe-target-b:0.1.0", 0);
    check("registry.example/probe-target/nginx", 0);
}

#[test]
fn a_client_of_the_same_image_is_no_target() {
    let check = |args: &Value, expected| {
        let pod = pod(json!({ "image": "probe-target", "args": args }), &json!({}));
        assert_eq!(targets_of(&pod).len(), expected, "{args}");
    };
    check(&json!(["traffic", "10.0.0.1:80"]), 0);
    check(&json!(["serve", "--port=80"]), 1);
}

#[test]
fn a_traffic_client_says_how_it_sends() {
    let check = |args: &Value, expected| {
        let pod = pod(json!({ "image": "probe-target", "args": args }), &json!({}));
        let senders = traffic_of(&pod).into_iter();
        let said = senders.map(|it| (it.address.control, it.rate.per_second(), it.timeout));
        assert_eq!(said.collect::<Vec<_>>(), expected, "{args}");
    };
    let args = [
        "traffic",
        "10.0.0.1:80",
        "--control=127.0.0.1:20000",
        "--rate=10/s",
    ];
    let with_timeout = [&args[..], &["--timeout=1500ms"]].concat();
    let timeout = Duration::from_millis(1_500);
    check(&json!(with_timeout), vec![(20_000, 10, timeout)]);
    check(&json!(args), vec![]);
    check(&json!(["serve", "--rate=10/s", "--timeout=1s"]), vec![]);
}

#[test]
fn the_control_port_follows_the_first_port() {
    let ports = json!([{ "containerPort": 8080 }, { "containerPort": 9 }]);
    assert_eq!(control(json!({ "ports": ports })), Some(18080));
    assert_eq!(
        control(json!({ "args": ["--port=8081", "--port=9"], "ports": ports })),
        Some(18081)
    );
    assert_eq!(
        control(json!({ "args": ["serve", "--port", "9000=grpc"] })),
        Some(19000)
    );
    for (port, expected) in [("127.0.0.1:8084=http", 18084), ("[::1]:8085", 18085)] {
        assert_eq!(control(json!({ "args": ["--port", port] })), Some(expected));
    }
    let env = json!([{ "name": "PROBE_TARGET_PORTS", "value": "8082,8083=tcp" }]);
    assert_eq!(control(json!({ "env": env, "ports": ports })), Some(18082));
}

#[test]
fn a_given_control_address_wins() {
    let args = json!(["--port=8080", "--control=127.0.0.1:7"]);
    assert_eq!(control(json!({ "args": args })), Some(7));
    assert_eq!(
        control(json!({ "command": ["/probe-target", "--control", "[::1]:8"] })),
        Some(8)
    );
    let env = json!([{ "name": "PROBE_TARGET_CONTROL", "value": "127.0.0.1:9" }]);
    assert_eq!(
        control(json!({ "args": ["--port=8080"], "env": env })),
        Some(9)
    );
}

#[test]
fn nothing_is_guessed() {
    assert_eq!(control(json!({})), None);
    assert_eq!(control(json!({ "args": ["--port=60000"] })), None);
    assert_eq!(
        control(json!({ "args": ["--control=localhost"] , "ports": [{ "containerPort": 1 }] })),
        None
    );
    assert_eq!(control(json!({ "args": ["--controlled=1"] })), None);
}

#[test]
fn an_annotation_makes_a_target() {
    let annotations = json!({ "control.probeflip.dev/b": "127.0.0.1:4242" });
    let pod = pod(json!({ "image": "other" }), &annotations);
    assert_eq!(target(&pod, "b").unwrap().control, 4242);
}

#[test]
fn refusals_say_what_there_is_and_what_to_do() {
    let pod = pod(json!({ "image": "nginx:1" }), &json!({}));
    let message = target(&pod, "c").unwrap_err().to_string();
    assert_eq!(message, "pod `web-1` has no container `c`; it has `b`");
    let message = target(&pod, "b").unwrap_err().to_string();
    assert!(
        message.contains("runs `nginx:1`") && message.contains("control.probeflip.dev/b"),
        "{message}"
    );
}
