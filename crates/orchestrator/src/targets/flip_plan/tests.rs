//! A Pod and a wish in; one line of what is sent, or the refusal, out.

use serde_json::{Map, Value, json};

use super::{call::SEEN_BY_GRPC, *};

/// Container `a` asks one path for two probes; `b` has a path for each; `c` asks by tcp and by a
/// command; `e` asks one path that is written in three ways, by a request and by a command, and
/// then another host. `g` asks the port of `a`, and `h` one that `i` lists and `j` declares too.
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
            {
                "name": "d",
                "livenessProbe": { "grpc": { "port": 9000, "service": "db" } },
                "readinessProbe": { "grpc": { "port": 9000 } },
                "startupProbe": { "exec": { "command": ["/probe-target", "check", "http", "127.0.0.1:9001", "/up", "--timeout", "500ms"] } },
            },
            {
                "name": "e",
                "livenessProbe": { "httpGet": { "path": "/%72eady z", "port": 8082 } },
                "readinessProbe": { "exec": { "command": ["probe-target", "check", "http", "127.0.0.1:8082", "/ready%20z"] } },
                "startupProbe": { "httpGet": { "path": "//host/ready%20z?x", "port": 8082 } },
            },
            { "name": "f", "livenessProbe": { "httpGet": { "path": "/ready%20z", "port": 8082, "host": "10.255.0.1" } } },
            { "name": "g", "livenessProbe": { "httpGet": { "path": "/g", "port": 8080 } } },
            { "name": "h", "livenessProbe": { "httpGet": { "path": "/h", "port": 8083 } } },
            { "name": "j", "ports": [{ "containerPort": 8083 }] },
            { "name": "i", "args": ["--port", "1", "--port=8084=tcp,8083"] },
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

/// `CONTAINER PROBE BEHAVIOUR`, with `--shared`; an object is a behaviour too.
fn flip(wish: &str) -> Result<FlipPlan, FlipProblem> {
    let words: Vec<_> = wish.splitn(3, ' ').collect();
    let behaviour = words[2].trim_end_matches(" --shared");
    let to = serde_json::from_str(behaviour).unwrap_or_else(|_| Value::from(behaviour));
    let aim = match words[1].parse() {
        Ok(probe) => FlipTarget::Probe {
            probe,
            to: FlipSpec::read(to, Map::new()).unwrap(),
        },
        Err(_) => FlipTarget::Process(ProcessFault::read_beside(to, Map::new()).unwrap()),
    };
    let wish = WantedFlip {
        container: words[0],
        aim: &aim,
        shared: behaviour != words[2],
    };
    plan(&pod(), &services(), wish)
}

fn check(wish: &str, expected: &str) {
    let shown = match flip(wish) {
        Ok(plan) => {
            let port = plan
                .port
                .map_or("process".to_owned(), |port| port.to_string());
            format!("{port} {} {}", plan.act, plan.closes.join(","))
        }
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
fn the_container_that_opens_a_port_gets_the_flips_of_all_probes_that_ask_it() {
    let recipient = |wish: &str| flip(wish).unwrap().container;
    assert_eq!(recipient("b readiness fail"), "b");
    assert_eq!(recipient("d startup fail"), "d");
    assert_eq!(recipient("g liveness fail"), "a");
    assert_eq!(recipient("h liveness fail"), "i");
    assert_eq!(recipient("g process exit"), "g");
    check(
        "a liveness refuse",
        "that would also touch the readiness probe of `a` (http 8080/ok), the liveness probe of \
         `g` (http 8080/g); if that is meant, say `--shared` or `shared: true`",
    );
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
fn a_port_that_is_closed_for_a_probe_s_route_says_so_and_lies_where_its_reply_would() {
    let refused = flip("b readiness refuse --shared").unwrap();
    let route = refused.act.route().map(ToString::to_string);
    assert_eq!(route.as_deref(), Some("/readyz"));
    let FlipAction::Port(opening) = &refused.act else {
        panic!("it must be of the port")
    };
    assert_eq!(opening.state, PortState::Closed);
    assert!(refused.is_where(&flip("b readiness 404").unwrap()));
    assert!(flip("b readiness pass").unwrap().is_where(&refused));
    assert!(!refused.is_where(&flip("b liveness 404").unwrap()));
    assert!(!refused.is_where(&flip("b liveness blackhole --shared").unwrap()));
    // A port that is itself asked, or that speaks something else, is nobody's in particular.
    let closed = flip("c readiness refuse").unwrap();
    assert_eq!(closed.act.route(), None);
    assert!(closed.is_where(&flip("c readiness pass").unwrap()));
    let changed = flip(r#"b readiness {"state":"open","protocol":"tcp"} --shared"#).unwrap();
    assert_eq!(changed.act.route(), None);
    assert!(!changed.is_where(&refused));
}

#[test]
fn flips_of_one_route_or_of_a_port_and_its_route_contradict_each_other_unless_they_are_the_same() {
    let contradict = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|wish| flip(&format!("{wish} --shared")).unwrap());
        let contradicts = one.contradicts(&other);
        assert_eq!(other.contradicts(&one), contradicts, "{one:?} {other:?}");
        contradicts
    };
    assert!(contradict("e liveness 503", "e readiness pass"));
    assert!(!contradict("e liveness 503", "e readiness fail"));
    assert!(!contradict("b liveness 503", "b readiness pass"));
    assert!(contradict("b liveness refuse", "b readiness pass"));
    assert!(contradict("b liveness refuse", "b readiness blackhole"));
    assert!(!contradict("b liveness refuse", "b readiness refuse"));
    let closing = "c readiness fail";
    assert!(!contradict(closing, "b readiness pass"));
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
fn paths_that_decode_to_the_same_are_one_route() {
    check(
        "e liveness 404",
        "that would also touch the readiness probe of `e` (http 8082/ready%20z), the startup probe of `e` (http 8082/ready%20z); \
         if that is meant, say `--shared` or `shared: true`",
    );
    check("e readiness 404 --shared", "8082 /ready%20z 404");
}

#[test]
fn a_probe_of_another_host_is_not_flipped() {
    let refusal = flip("f liveness 404").unwrap_err();
    assert_eq!(refusal.exit(), Exit::Usage);
    check(
        "f liveness 404",
        "the liveness probe of `f` (http 8082 `/ready%20z` of host `10.255.0.1`, which is not its Pod) does not ask a probe-target; \
         nothing can be flipped for it",
    );
}

#[test]
fn closed_service_ports_are_named() {
    check("c readiness fail", "7000 closed web-c:80");
    check("c readiness pass", "7000 open");
    check("a readiness refuse --shared", "8080 closed web-a:80");
}

/// Checks the reason why a probe cannot observe a flip.
fn unseen(wish: &str, expected: &str) {
    let Err(FlipProblem::Unseen {
        to,
        why,
        expected: seen,
        ..
    }) = flip(wish)
    else {
        panic!("{wish} must be unseen")
    };
    assert_eq!(format!("`{to}`: {why}; expected {seen}"), expected);
}

#[test]
fn what_a_tcp_probe_never_sees_is_refused() {
    let expected = "expected `pass`, `fail` or `refuse`";
    check(
        "c readiness 404",
        &format!(
            "the readiness probe of `c` is tcp and would not see `404`: it asks nothing and hears nothing; {expected}"
        ),
    );
    unseen(
        "c readiness hang",
        &format!("`hang`: it asks nothing and hears nothing; {expected}"),
    );
    for word in ["blackhole", "stop-accepting"] {
        let why = "the system completes connections that are not accepted or read";
        unseen(
            &format!("c readiness {word}"),
            &format!("`{word}`: {why}; {expected}"),
        );
    }
    unseen(
        "c readiness reset",
        &format!(
            "`reset`: it is connected by then, and whether it hears of the reset is chance; {expected}"
        ),
    );
}

#[test]
fn a_grpc_service_is_a_route_with_the_statuses_of_grpc() {
    check("d liveness fail", "9000 /db 503");
    check("d readiness pass", "9000 / 200");
    check("d liveness 404", "9000 /db 404");
    check("d liveness hang", "9000 /db hang");
    check("d liveness stop-accepting --shared", "9000 stop-accepting");
    for (behaviour, to, why) in [
        ("418", "418", "no other statuses have a meaning in gRPC"),
        (
            "short-body",
            "short-body",
            "it is a fault of HTTP/1.1, and gRPC speaks HTTP/2",
        ),
        (
            r#"{"sequence":[200,"redirect"]}"#,
            "200,redirect",
            "it is a fault of HTTP/1.1, and gRPC speaks HTTP/2",
        ),
        (
            r#"{"status":503,"body":"no"}"#,
            "503",
            "a health status has neither headers nor a body",
        ),
    ] {
        unseen(
            &format!("d liveness {behaviour}"),
            &format!("`{to}`: {why}; expected {SEEN_BY_GRPC}"),
        );
    }
}

#[test]
fn an_exec_probe_is_what_its_check_is() {
    check("d startup slow-head", "9001 /up slow-head");
    check("d startup refuse", "9001 closed");
    check(
        "c liveness fail",
        "the liveness probe of `c` (exec cat /tmp/healthy) does not ask a probe-target; nothing can be flipped for it",
    );
}

#[test]
fn a_process_is_its_whole_container() {
    check(
        r#"a process {"fault":"exit","code":3}"#,
        "process exit web-a:80",
    );
    check(
        r#"c process {"fault":"stop-accepting"}"#,
        "process stop-accepting web-c:80",
    );
    check(
        r#"a process {"fault":"memory","bytes":"64Mi"}"#,
        "process memory",
    );
    let plan = flip(r#"c process {"fault":"signal","signal":"SIGKILL"}"#).unwrap();
    let touched = [
        "the liveness probe of `c` (exec cat /tmp/healthy)",
        "the readiness probe of `c` (tcp 7000)",
    ];
    assert_eq!(plan.touches, touched);
}

#[test]
fn a_bound_that_cannot_be_is_refused() {
    let counted = Map::from_iter([("count".to_owned(), json!(3))]);
    let fail = FlipSpec::read(json!("fail"), counted).unwrap();
    let aim = FlipTarget::Probe {
        probe: Probe::Readiness,
        to: fail,
    };
    let wish = |container| WantedFlip {
        container,
        aim: &aim,
        shared: false,
    };
    assert!(plan(&pod(), &services(), wish("b")).is_ok());
    assert_eq!(
        plan(&pod(), &services(), wish("c"))
            .unwrap_err()
            .to_string(),
        "`fail` at the readiness probe of `c`: `count`: nothing can be counted on a port that is closed"
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
        Err(FlipProblem::Started("b".to_owned()))
    );
}
