//! A Pod, its target's state and its Service in; a line a probe out.

use std::collections::BTreeMap;

use probe_target::model::{
    behaviour::Behaviour,
    port_spec::{PortSpec, PortState, Protocol},
    process_fault::ProcessFault,
};
use serde_json::json;

use super::*;

fn pod() -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "web-1", "uid": "u1", "labels": { "app": "web" } },
        "spec": { "containers": [{
            "name": "b",
            "livenessProbe": { "httpGet": { "path": "/livez", "port": 8081 } },
            "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8081 } },
        }]},
        "status": { "containerStatuses": [
            { "name": "b", "image": "", "imageID": "", "ready": false, "restartCount": 2, "started": true },
        ]},
    }))
    .unwrap()
}

/// A target 10 s old, with one port.
fn state() -> answer::State {
    let port = answer::Port {
        protocol: Protocol::Http,
        state: PortState::Open,
        listening: true,
        error: None,
        base: None,
        flip: None,
        covered: None,
        address: None,
        routes: BTreeMap::new(),
        connections: answer::Connections::default(),
        hits: BTreeMap::new(),
        others: None,
        unread: None,
    };
    answer::State {
        instance: "i".to_owned(),
        revision: 0,
        uptime: Moment::from_micros(10_000_000),
        boot: None,
        pod: None,
        container: None,
        lease: None,
        process: BTreeMap::new(),
        draining: None,
        memory: None,
        ports: BTreeMap::from([(8081, port)]),
        journal: answer::Recorded::default(),
        traffic: None,
    }
}

fn laid<B>(set: B, until: Option<u64>, left: Option<u64>) -> answer::InForce<B> {
    let since = Moment::START;
    answer::InForce {
        set,
        since,
        until: until.map(Moment::from_micros),
        opens: None,
        left,
    }
}

fn flipped(change: impl FnOnce(&mut answer::Port)) -> answer::State {
    let mut state = state();
    change(state.ports.get_mut(&8081).unwrap());
    state
}

/// The states of the Pod's targets.
fn states(state: Option<&answer::State>) -> BTreeMap<String, answer::State> {
    let named = state.map(|state| ("b".to_owned(), state.clone()));
    named.into_iter().collect()
}

fn check(state: Option<&answer::State>, expected: [&str; 2]) {
    let rows = rows(&pod(), "b", &states(state), &[], &[]);
    let set: Vec<_> = rows.iter().map(|row| row.set.as_str()).collect();
    assert_eq!(set, expected);
}

#[test]
fn each_probe_has_its_own_setting() {
    check(Some(&state()), ["base", "base"]);
    let readyz = |behaviour, until, left| answer::Route {
        base: None,
        flip: Some(laid(behaviour, until, left)),
    };
    let bounded = flipped(|port| {
        let route = readyz(Behaviour::status(404), Some(21_500_000), Some(3));
        port.routes.insert("/readyz".to_owned(), route);
    });
    check(Some(&bounded), ["base", "404, 12s left, 3 requests left"]);
    let leased = flipped(|port| {
        let behaviour = Behaviour {
            leased: true,
            ..Behaviour::status(404)
        };
        port.routes
            .insert("/readyz".to_owned(), readyz(behaviour, None, None));
    });
    check(Some(&leased), ["base", "404, leased"]);
    let waiting = flipped(|port| {
        let mut behaviour = Behaviour::status(503);
        behaviour.then = vec![200.into()];
        let mut route = readyz(behaviour, None, Some(2));
        route.flip.as_mut().unwrap().opens = Some(Moment::from_micros(13_000_000));
        port.routes.insert("/readyz".to_owned(), route);
    });
    check(
        Some(&waiting),
        ["base", "503,200, begins in 3s, 2 requests left"],
    );
}

#[test]
fn a_wildcard_is_the_setting_of_every_path_that_has_none_of_its_own() {
    let route = |status| answer::Route {
        base: None,
        flip: Some(laid(Behaviour::status(status), None, None)),
    };
    let everywhere = flipped(|port| {
        port.routes.insert("/*".to_owned(), route(503));
        port.routes.insert("/other/*".to_owned(), route(404));
    });
    check(Some(&everywhere), ["503", "503"]);
    let but_one = flipped(|port| {
        port.routes.insert("/*".to_owned(), route(503));
        port.routes.insert("/readyz".to_owned(), route(200));
    });
    check(Some(&but_one), ["503", "200"]);
}

#[test]
fn a_closed_port_is_closed_for_every_probe_of_it() {
    let closed =
        flipped(|port| port.flip = Some(laid(PortSpec::new(PortState::Closed), None, None)));
    check(Some(&closed), ["closed", "closed"]);
    let mut elsewhere = state();
    elsewhere.ports.clear();
    check(Some(&elsewhere), ["not listened on", "not listened on"]);
}

#[test]
fn a_probe_of_something_else_is_not_the_target_s() {
    let mut pod = pod();
    let container = &mut pod.spec.as_mut().unwrap().containers[0];
    let exec = json!({ "exec": { "command": ["cat", "/tmp/healthy"] } });
    container.liveness_probe = serde_json::from_value(exec).unwrap();
    let unnamed = json!({ "httpGet": { "port": "none" } });
    container.readiness_probe = serde_json::from_value(unnamed).unwrap();
    for row in rows(&pod, "b", &states(Some(&state())), &[], &[]) {
        assert_eq!(row.set, "does not ask this target", "{}", row.probe);
    }
}

#[test]
fn what_is_done_to_the_process_is_said_of_every_probe() {
    let mut state = state();
    let fault = json!({ "fault": "sigterm", "ignore": true, "leased": true });
    let fault: ProcessFault = serde_json::from_value(fault).unwrap();
    let layered = answer::Layered {
        base: None,
        flip: Some(laid(fault, Some(12_000_000), None)),
    };
    state.process.insert("sigterm".to_owned(), layered);
    let set = "base; process sigterm, 2s left, leased";
    check(Some(&state), [set, set]);
}

#[test]
fn who_cannot_be_asked_is_unreachable() {
    check(None, ["unreachable", "unreachable"]);
}

#[test]
fn kubernetes_side_is_the_kubelet_s_and_every_service_s() {
    let service = |name: &str, app: &str| {
        let service =
            json!({ "metadata": { "name": name }, "spec": { "selector": { "app": app } } });
        serde_json::from_value(service).unwrap()
    };
    let slice = |service: &str, uid: &str, ready: bool| {
        serde_json::from_value(json!({
            "metadata": { "labels": { "kubernetes.io/service-name": service } },
            "addressType": "IPv4",
            "endpoints": [{
                "addresses": ["10.0.0.1"], "conditions": { "ready": ready }, "targetRef": { "uid": uid },
            }],
        }))
        .unwrap()
    };
    let services = [
        service("web-a", "web"),
        service("web-b", "web"),
        service("api", "api"),
    ];
    let slices = [slice("web-a", "u1", false), slice("web-b", "u2", true)];
    let row = rows(&pod(), "b", &states(Some(&state())), &services, &slices).remove(0);
    assert_eq!(row.probe, "liveness http 8081/livez");
    assert_eq!(row.seen, "not ready, started, 2 restarts");
    assert_eq!(row.services, "web-a not ready, web-b no endpoint");
}

#[test]
fn a_probe_of_another_container_s_port_is_answered_by_that_one_s_target() {
    let mut pod = pod();
    let spec = pod.spec.as_mut().unwrap();
    let sibling = json!({ "name": "a", "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8081 } } });
    spec.containers
        .push(serde_json::from_value(sibling).unwrap());
    spec.containers[0].args = Some(vec!["--port=8081".to_owned()]);
    let flip = flipped(|port| {
        let route = answer::Route {
            base: None,
            flip: Some(laid(Behaviour::status(503), None, None)),
        };
        port.routes.insert("/readyz".to_owned(), route);
    });
    let mut own = state();
    own.ports.clear();
    let states = BTreeMap::from([("a".to_owned(), own), ("b".to_owned(), flip)]);
    let set = rows(&pod, "a", &states, &[], &[]).remove(0).set;
    assert_eq!(set, "503");
}
