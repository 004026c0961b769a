//! A Pod and a wish in; one line of what is sent, or the refusal, out.

use serde_json::json;

use super::*;

/// Container `a` asks one path for two probes; `b` has a path for each; `c` asks by tcp and by a command.
fn pod() -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "web-1", "labels": { "app": "web" } },
        "spec": { "containers": [
            {
                "name": "a",
                "ports": [{ "name": "http-a", "containerPort": 8080 }],
                "livenessProbe": { "httpGet": { "path": "/ok", "port": "http-a" } },
                "readinessProbe": { "httpGet": { "path": "/ok?deep=1", "port": 8080 } },
            },
            {
                "name": "b",
                "livenessProbe": { "httpGet": { "path": "/livez", "port": 8081 } },
                "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8081 } },
                "startupProbe": { "httpGet": { "path": "/started", "port": 8081 } },
            },
            {
                "name": "c",
                "livenessProbe": { "exec": { "command": ["cat", "/tmp/healthy"] } },
                "readinessProbe": { "tcpSocket": { "port": 7000 } },
            },
        ]},
        "status": { "containerStatuses": [
            { "name": "b", "image": "", "imageID": "", "ready": true, "restartCount": 0, "started": true },
        ]},
    }))
    .unwrap()
}

fn services() -> Vec<Service> {
    let service = |name: &str, app: &str, target: serde_json::Value| {
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "selector": { "app": app }, "ports": [{ "port": 80, "targetPort": target }] },
        }))
        .unwrap()
    };
    vec![
        service("web-a", "web", json!("http-a")),
        service("web-c", "web", json!(7000)),
        service("other", "other", json!(7000)),
    ]
}

fn flip(wish: &str) -> Result<Plan, Refusal> {
    let words: Vec<_> = wish.split(' ').collect();
    let wish = Wish {
        container: words[0],
        probe: words[1].parse().unwrap(),
        to: words[2].parse().unwrap(),
        shared: words.get(3) == Some(&"--shared"),
    };
    plan(&pod(), &services(), wish)
}

fn check(wish: &str, expected: &str) {
    let shown = match flip(wish) {
        Ok(plan) => format!("{} {} {}", plan.port, plan.act, plan.closes.join(",")),
        Err(refusal) => refusal.to_string(),
    };
    assert_eq!(shown.trim_end(), expected, "{wish}");
}

#[test]
fn an_http_probe_s_path_gets_the_reply() {
    check("b readiness 404", "8081 /readyz 404");
    check("b readiness pass", "8081 /readyz 200");
    check("b liveness fail", "8081 /livez 503");
    check("b liveness reset", "8081 /livez reset");
}

#[test]
fn a_whole_port_is_closed_only_where_that_is_said() {
    let others =
        "the liveness probe of `b` (http 8081/livez), the startup probe of `b` (http 8081/started)";
    check(
        "b readiness refuse",
        &format!(
            "that would also touch {others}; if that is meant, say `--shared` or `shared: true`"
        ),
    );
    check("b readiness refuse --shared", "8081 closed");
}

#[test]
fn two_probes_of_one_path_are_one_route() {
    let refusal = flip("a readiness 404").unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("the liveness probe of `a` (http 8080/ok)"),
        "{refusal}"
    );
    check("a readiness 404 --shared", "8080 /ok 404");
}

#[test]
fn closed_service_ports_are_named() {
    check("c readiness fail", "7000 closed web-c:80");
    check("c readiness reset", "7000 reset web-c:80");
    check("c readiness pass", "7000 open");
    check("a readiness refuse --shared", "8080 closed web-a:80");
}

#[test]
fn what_a_probe_never_sees_is_refused() {
    check(
        "c readiness 404",
        "the readiness probe of `c` is tcp, which never sees `404`; expected `pass`, `fail`, `refuse` or `reset`",
    );
    check(
        "c liveness fail",
        "the liveness probe of `c` (exec cat /tmp/healthy) does not ask a probe-target; nothing can be flipped for it",
    );
}

#[test]
fn a_probe_must_be_there_and_still_be_asked() {
    check(
        "a startup fail",
        "container `a` has no startup probe; it has liveness and readiness",
    );
    assert_eq!(
        flip("b startup fail"),
        Err(Refusal::Started("b".to_owned()))
    );
}
