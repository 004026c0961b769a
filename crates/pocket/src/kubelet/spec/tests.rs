//! Parsing of specifications, and unsupported ones.

use serde_json::{Value, json};

use super::*;

fn parse(spec: Value) -> Result<PodSpec, Unsupported> {
    PodSpec::parse(&serde_json::from_value(spec).unwrap())
}

/// Parses a Pod of one container with these fields, a name and an image.
fn container(fields: &Value) -> Result<Container, Unsupported> {
    let mut container = json!({"name": "a", "image": "probe-target:1"});
    let own = container.as_object_mut().unwrap();
    own.extend(fields.as_object().unwrap().clone());
    parse(json!({"containers": [container]})).map(|mut spec| spec.containers.remove(0))
}

fn http_get(container: &Container) -> &crate::kubelet::http::HttpGet {
    match &container.handlers[&ProbeKind::Liveness] {
        Handler::Http(get) => get,
        other => panic!("not an HTTP probe: {other:?}"),
    }
}

#[test]
fn a_probe_has_kubernetes_defaults() {
    let a = container(&json!({"livenessProbe": {"httpGet": {"port": 8080}}})).unwrap();
    let threshold = |count| rules::probe::Threshold::new(count).unwrap();
    let expected = rules::probe::Spec {
        kind: ProbeKind::Liveness,
        initial_delay: Duration::ZERO,
        timeout: Duration::from_secs(1),
        period: Duration::from_secs(10),
        success: threshold(1),
        failure: threshold(3),
        grace: None,
    };
    assert_eq!(a.rules.probes, [expected]);
    let get = http_get(&a);
    assert_eq!((&get.port, get.path.as_str()), (&Ok(8080), "/"));
}

#[test]
fn a_port_is_a_number_or_a_name_of_this_container() {
    let check = |port: Value, expected: Result<u16, &str>| {
        let probe = json!({"httpGet": {"port": port}});
        let ports = json!([{"name": "web", "containerPort": 8080}]);
        let a = container(&json!({"ports": ports, "livenessProbe": probe})).unwrap();
        assert_eq!(http_get(&a).port, expected.map_err(str::to_owned));
    };
    check(json!(81), Ok(81));
    check(json!("web"), Ok(8080));
    check(json!("81"), Ok(81));
    let unknown = "strconv.Atoi: parsing \"nosuch\": invalid syntax";
    check(json!("nosuch"), Err(unknown));
    check(json!("70000"), Err("invalid port number: 70000"));
}

#[test]
fn a_grpc_probe_checks_the_whole_server_by_default() {
    let check = |grpc: Value, service: &str| {
        let a = container(&json!({"livenessProbe": {"grpc": grpc}})).unwrap();
        let Handler::Grpc(asked) = &a.handlers[&ProbeKind::Liveness] else {
            panic!("not a gRPC probe");
        };
        assert_eq!((asked.port, asked.service.as_str()), (9000, service));
    };
    check(json!({"port": 9000}), "");
    check(json!({"port": 9000, "service": "live"}), "live");
}

#[test]
fn a_command_is_expanded_from_literal_variables() {
    let fields = json!({
        "env": [
            {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "livenessProbe": {"exec": {"command": ["/probe-target", "$(A)-$(B)-$(C)-$(D)"]}},
    });
    let container = container(&fields).unwrap();
    let Handler::Exec(exec) = &container.handlers[&ProbeKind::Liveness] else {
        panic!("not an exec probe");
    };
    // As seen on a node.
    assert_eq!(exec.command, ["/probe-target", "1-$(A)--$(D)"]);
}

#[test]
fn a_hook_has_one_handler_and_its_command_is_taken_as_it_is() {
    let check = |hook: Value, expected: &str| {
        let fields = json!({
            "env": [{"name": "A", "value": "1"}],
            "lifecycle": {"preStop": hook},
        });
        let container = container(&fields).unwrap();
        assert_eq!(format!("{:?}", container.pre_stop.unwrap()), expected);
        assert!(container.post_start.is_none());
    };
    check(json!({"sleep": {"seconds": 3}}), "Sleep(3s)");
    check(
        json!({"exec": {"command": ["/a", "$(A)"]}}),
        r#"Exec(["/a", "$(A)"])"#,
    );
    // As a node words it.
    let socket = "&TCPSocketAction{Port:{1 0 web},Host:::1,}";
    let handler =
        format!("&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}");
    let hook = json!({"tcpSocket": {"port": "web", "host": "::1"}});
    check(hook, &format!("Invalid({handler:?})"));
}

#[test]
fn unsupported_fields_are_named() {
    let check = |fields: Value, said: &str| {
        assert_eq!(container(&fields).unwrap_err().to_string(), said);
    };
    check(
        json!({"startupProbe": {"httpGet": {"port": 1, "host": "example.com"}}}),
        "spec.containers[0].startupProbe.httpGet.host: pocket resolves no names; give an address",
    );
    check(
        json!({"lifecycle": {"stopSignal": "SIGUSR1"}}),
        "spec.containers[0].lifecycle.stopSignal: pocket stops containers with SIGTERM",
    );
    check(
        json!({"volumeMounts": [{"name": "a", "mountPath": "/a", "subPathExpr": "$(POD)"}]}),
        "spec.containers[0].volumeMounts[0].subPathExpr: pocket expands no path",
    );
    let pod = json!({"containers": [], "volumes": [
        {"name": "a", "emptyDir": {}}, {"name": "b", "secret": {}},
    ]});
    let said = "spec.volumes[1]: pocket mounts nothing but emptyDir";
    assert_eq!(parse(pod).unwrap_err().to_string(), said);
}

#[test]
fn the_tag_decides_when_to_pull() {
    let check = |policy, image, expected| assert_eq!(pull_policy(policy, image), expected);
    check(None, "localhost:5000/a", PullPolicy::Always);
    check(None, "a:latest", PullPolicy::Always);
    check(None, "a:1", PullPolicy::IfNotPresent);
    check(Some("Never"), "a", PullPolicy::Never);
}
