//! The seed's experiment and workload, with one thing changed at a time.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

use expect_test::{Expect, expect};

use super::*;
use crate::input::experiment::Source;
use crate::input::load::load;

const EXPERIMENT: &str = include_str!("../../../../manifests/seed/two-services.yaml");
const WORKLOAD: [(&str, &str); 2] = [
    (
        "deploy.yaml",
        include_str!("../../../../manifests/seed/deploy.yaml"),
    ),
    (
        "svc-2.yaml",
        include_str!("../../../../manifests/seed/svc-2.yaml"),
    ),
];

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.into(),
    }
}

fn said(experiment: &str, workload: &[(&str, &str)]) -> String {
    let experiment = load(&source("two-services.yaml", experiment))
        .unwrap()
        .experiments
        .remove(0);
    let manifests: Vec<Manifest> = workload
        .iter()
        .flat_map(|(path, text)| load(&source(path, text)).unwrap().manifests)
        .collect();
    match (
        check(&experiment, &manifests),
        check_patches(&experiment, &manifests),
    ) {
        (Ok(()), Ok(())) => "fine".into(),
        (Err(problems), _) => problems.to_string(),
        (_, Err(refused)) => format!("refused: {refused}"),
    }
}

/// The experiment with one thing changed.
fn check_experiment(from: &str, to: &str, expected: &Expect) {
    assert!(
        EXPERIMENT.contains(from),
        "`{from}` must stand in the experiment"
    );
    expected.assert_eq(&said(&EXPERIMENT.replacen(from, to, 1), &WORKLOAD));
}

/// The workload with one thing changed everywhere.
fn check_workload(from: &str, to: &str, expected: &Expect) {
    assert!(
        WORKLOAD.iter().any(|(_, text)| text.contains(from)),
        "`{from}` must stand in the workload"
    );
    let changed = WORKLOAD.map(|(path, text)| (path, text.replace(from, to)));
    let changed: Vec<(&str, &str)> = changed
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    expected.assert_eq(&said(EXPERIMENT, &changed));
}

#[test]
fn the_seed_is_fine() {
    expect!["fine"].assert_eq(&said(EXPERIMENT, &WORKLOAD));
}

#[test]
fn names_must_exist() {
    check_experiment(
        "container: b, probe",
        "container: c, probe",
        &expect![[r#"
            two-services.yaml:20:43: the workload has no container `c`; expected `a` or `b`
               |
            20 |       flip: { pod: deploy/web, container: c, probe: readiness, to: 404 }
               |                                           ^"#]],
    );
    check_experiment(
        "{ pod: deploy/web, that",
        "{ pod: deploy/wep, that",
        &expect![[r#"
        two-services.yaml:15:16: the workload has no Deployment `deploy/wep`; expected `deploy/web`; did you mean `deploy/web`?
           |
        15 |       - { pod: deploy/wep, that: { ready: 2/2 } }
           |                ^^^^^^^^^^"#]],
    );
    check_experiment(
        "service: web-b, port: 80",
        "service: web-c, port: 80",
        &expect![[r#"
        two-services.yaml:10:33: the workload has no Service `web-c`; expected `web-a` or `web-b`; did you mean `web-a`?
           |
        10 |     - { name: users-b, service: web-c, port: 80, rate: 10/s, connections: fresh }
           |                                 ^^^^^"#]],
    );
    check_experiment(
        "service: web-b, port: 80",
        "service: web-b, port: 8080",
        &expect![[r#"
        two-services.yaml:10:46: Service `web-b` has no port 8080; expected `80`
           |
        10 |     - { name: users-b, service: web-b, port: 8080, rate: 10/s, connections: fresh }
           |                                              ^^^^"#]],
    );
    check_experiment(
        "endpoints: [web-a, web-b]",
        "endpoints: [web-a, weba]",
        &expect![[r#"
        two-services.yaml:16:30: the workload has no Service `weba`; expected `web-a` or `web-b`; did you mean `web-a`?
           |
        16 |       - { endpoints: [web-a, weba], that: { ready: true } }
           |                              ^^^^"#]],
    );
    check_experiment(
        "pod: deploy/web\n          that: { ready: 1/2 }",
        "deployment: wob\n          that: { ready: 1 }",
        &expect![[r#"
            two-services.yaml:23:23: the workload has no Deployment `wob`; expected `web`; did you mean `web`?
               |
            23 |           deployment: wob
               |                       ^^^"#]],
    );
}

#[test]
fn a_flip_must_be_possible() {
    check_experiment(
        "probe: readiness",
        "probe: startup",
        &expect![[r#"
        two-services.yaml:20:53: container `b` has no startup probe; it has liveness and readiness
           |
        20 |       flip: { pod: deploy/web, container: b, probe: startup, to: 404 }
           |                                                     ^^^^^^^"#]],
    );
    check_workload(
        "image: probe-target:0.1.0",
        "image: nginx:1",
        &expect![[r#"
        two-services.yaml:9:15: nothing in the workload can send traffic; expected a container whose image is named `probe-target`
          |
        9 |     - { name: users-a, service: web-a, port: 80, rate: 10/s, connections: fresh }
          |               ^^^^^^^

        two-services.yaml:20:43: container `b` runs `nginx:1`, which cannot be flipped; expected an image named `probe-target`
           |
        20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
           |                                           ^

        two-services.yaml:41:43: container `b` runs `nginx:1`, which cannot be flipped; expected an image named `probe-target`
           |
        41 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
           |                                           ^"#]],
    );
    check_workload(
        "path: /readyz",
        "path: /livez",
        &expect![[r#"
        two-services.yaml:20:53: that would also touch the liveness probe of `b` (http 8081/livez); if that is meant, say `--shared` or `shared: true`
           |
        20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
           |                                                     ^^^^^^^^^

        two-services.yaml:41:53: that would also touch the liveness probe of `b` (http 8081/livez); if that is meant, say `--shared` or `shared: true`
           |
        41 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
           |                                                     ^^^^^^^^^"#]],
    );
    check_workload(
        "path: /readyz",
        "path: //any/%6civez",
        &expect![[r#"
            two-services.yaml:20:53: that would also touch the liveness probe of `b` (http 8081/livez); if that is meant, say `--shared` or `shared: true`
               |
            20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
               |                                                     ^^^^^^^^^

            two-services.yaml:41:53: that would also touch the liveness probe of `b` (http 8081/livez); if that is meant, say `--shared` or `shared: true`
               |
            41 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
               |                                                     ^^^^^^^^^"#]],
    );
    check_workload(
        "path: /readyz",
        "host: 10.9.9.9, path: /readyz",
        &expect![[r#"
            two-services.yaml:20:53: the readiness probe of `b` (http 8081 `/readyz` of host `10.9.9.9`, which is not its Pod) does not ask a probe-target; nothing can be flipped for it
               |
            20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
               |                                                     ^^^^^^^^^

            two-services.yaml:41:53: the readiness probe of `b` (http 8081 `/readyz` of host `10.9.9.9`, which is not its Pod) does not ask a probe-target; nothing can be flipped for it
               |
            41 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
               |                                                     ^^^^^^^^^"#]],
    );
    check_workload(
        "httpGet: { path: /readyz, port: http-b }",
        "tcpSocket: { port: http-b }",
        &expect![[r#"
            two-services.yaml:20:68: the readiness probe of `b` is tcp and would not see `404`: it asks nothing and hears nothing; expected `pass`, `fail` or `refuse`
               |
            20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
               |                                                                    ^^^

            two-services.yaml:41:53: that would also touch the liveness probe of `b` (http 8081/livez); if that is meant, say `--shared` or `shared: true`
               |
            41 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
               |                                                     ^^^^^^^^^"#]],
    );
}

#[test]
fn flips_of_one_step_do_not_contradict_each_other() {
    let one = "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }";
    let both = |readiness: &str, liveness: &str| {
        let flip = |probe: &str, to: &str| {
            format!(
                "          - {{ pod: deploy/web, container: b, probe: {probe}, to: {to}, shared: true }}"
            )
        };
        let flips = [flip("readiness", readiness), flip("liveness", liveness)];
        let experiment = EXPERIMENT.replacen(one, &format!("flip:\n{}", flips.join("\n")), 1);
        let experiment = experiment.replace("to: pass }", "to: pass, shared: true }");
        move |path: &str| {
            let workload = WORKLOAD.map(|(file, text)| (file, text.replace("/readyz", path)));
            let workload: Vec<_> = workload
                .iter()
                .map(|(file, text)| (*file, text.as_str()))
                .collect();
            said(&experiment, &workload)
        }
    };
    assert_eq!(both("503", "pass")("/readyz"), "fine");
    assert_eq!(both("503", "fail")("/livez"), "fine");
    expect![[r#"
        two-services.yaml:22:53: two flips at once contradict each other on port 8081: the readiness probe of `b` gets `503`, and the liveness probe of `b` gets `pass`; expected the same for both, or one of them in another step
           |
        22 |           - { pod: deploy/web, container: b, probe: liveness, to: pass, shared: true }
           |                                                     ^^^^^^^^"#]].assert_eq(&both("503", "pass")("/livez"));
    expect![[r#"
        two-services.yaml:22:53: two flips at once contradict each other on port 8081: the readiness probe of `b` gets `refuse`, and the liveness probe of `b` gets `503`; expected the same for both, or one of them in another step
           |
        22 |           - { pod: deploy/web, container: b, probe: liveness, to: 503, shared: true }
           |                                                     ^^^^^^^^"#]].assert_eq(&both("refuse", "503")("/readyz"));
}

#[test]
fn traffic_needs_an_address() {
    check_workload(
        "spec:\n  selector:",
        "spec:\n  clusterIP: None\n  selector:",
        &expect![[r#"
        two-services.yaml:9:33: Service `web-a` has no cluster IP to send to; expected a Service that is not headless
          |
        9 |     - { name: users-a, service: web-a, port: 80, rate: 10/s, connections: fresh }
          |                                 ^^^^^

        two-services.yaml:10:33: Service `web-b` has no cluster IP to send to; expected a Service that is not headless
           |
        10 |     - { name: users-b, service: web-b, port: 80, rate: 10/s, connections: fresh }
           |                                 ^^^^^"#]],
    );
}

#[test]
fn manifests_must_be_what_they_say() {
    check_workload(
        "periodSeconds: 2",
        "periodSeconds: soon",
        &expect![[r#"
            deploy.yaml:33:28: Deployment `web` cannot be read: spec.template.spec.containers[0].livenessProbe.periodSeconds is the text `soon`; expected a whole number of at most 2147483647
               |
            33 |             periodSeconds: soon
               |                            ^^^^"#]],
    );
    check_workload(
        "name: web-b",
        "name: web-a",
        &expect![[r#"
            svc-2.yaml:12:13: there is another Service `web-a` in the workload
               |
            12 | apiVersion: v1
               |             ^^"#]],
    );
}

#[test]
fn only_what_the_run_creates_is_patched() {
    let patch = "patch: { object: deploy/other, merge: { spec: {} } }";
    check_experiment(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        patch,
        &expect![[r#"
            refused: two-services.yaml:20:24: this run does not create `deploy/other`; expected `deploy/web`, `svc/web-a` or `svc/web-b`; did you mean `deploy/web`?
               |
            20 |       patch: { object: deploy/other, merge: { spec: {} } }
               |                        ^^^^^^^^^^^^"#]],
    );
}

#[test]
fn a_flip_takes_no_more_pods_than_there_are() {
    let readiness = "container: b, probe: readiness, to: 404 }\n      expect:";
    let one = "- { id: one, pod: deploy/web, which: others, that: { ready: 2/2 }, always: {} }";
    let of = |pods: u32| {
        format!(
            "pods: {pods}, container: b, probe: readiness, to: 404 }}\n      expect:\n        {one}"
        )
    };
    let check = |pods: u32, replicas: u32, expected: &Expect| {
        let experiment = EXPERIMENT.replacen(readiness, &of(pods), 1);
        let replicas = format!("replicas: {replicas}");
        let workload = WORKLOAD.map(|(path, text)| (path, text.replace("replicas: 1", &replicas)));
        let workload = workload
            .each_ref()
            .map(|(path, text)| (*path, text.as_str()));
        expected.assert_eq(&said(&experiment, &workload));
    };
    check(1, 2, &expect!["fine"]);
    check(
        2,
        2,
        &expect![[r#"
            two-services.yaml:22:46: this step takes every Pod of `deploy/web`; expected a smaller `pods` in the action
               |
            22 |         - { id: one, pod: deploy/web, which: others, that: { ready: 2/2 }, always: {} }
               |                                              ^^^^^^"#]],
    );
    check(
        3,
        2,
        &expect![[r#"
            two-services.yaml:20:38: `deploy/web` has 2 Pods; expected at most `2`
               |
            20 |       flip: { pod: deploy/web, pods: 3, container: b, probe: readiness, to: 404 }
               |                                      ^

            two-services.yaml:22:46: this step takes every Pod of `deploy/web`; expected a smaller `pods` in the action
               |
            22 |         - { id: one, pod: deploy/web, which: others, that: { ready: 2/2 }, always: {} }
               |                                              ^^^^^^"#]],
    );
}

#[test]
fn the_pods_of_a_stateful_set_are_known_by_name() {
    let check = |pod: &str, expected: &Expect| {
        let experiment = EXPERIMENT.replace("pod: deploy/web", &format!("pod: {pod}"));
        let workload = WORKLOAD.map(|(path, text)| {
            let text = text.replace("kind: Deployment", "kind: StatefulSet");
            (path, text.replace("replicas: 1", "replicas: 2"))
        });
        let workload = workload
            .each_ref()
            .map(|(path, text)| (*path, text.as_str()));
        expected.assert_eq(&said(&experiment, &workload));
    };
    check("pod/web-1", &expect!["fine"]);
    check(
        "pod/web-2",
        &expect![[r#"
            two-services.yaml:15:16: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            15 |       - { pod: pod/web-2, that: { ready: 2/2 } }
               |                ^^^^^^^^^

            two-services.yaml:20:20: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            20 |       flip: { pod: pod/web-2, container: b, probe: readiness, to: 404 }
               |                    ^^^^^^^^^

            two-services.yaml:23:16: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            23 |           pod: pod/web-2
               |                ^^^^^^^^^

            two-services.yaml:35:37: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            35 |         - { id: a-stays-ready, pod: pod/web-2, container: a, that: { ready: true }, always: {} }
               |                                     ^^^^^^^^^

            two-services.yaml:37:16: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            37 |           pod: pod/web-2
               |                ^^^^^^^^^

            two-services.yaml:41:20: the workload has no Pod `pod/web-2`; expected `pod/web-0`, `pod/web-1` or `sts/web`; did you mean `pod/web-0`?
               |
            41 |       flip: { pod: pod/web-2, container: b, probe: readiness, to: pass }
               |                    ^^^^^^^^^"#]],
    );
}

#[test]
fn an_object_of_another_group_is_another_thing() {
    let knative = WORKLOAD.map(|(path, text)| {
        let other = "apiVersion: serving.knative.dev/v1\nkind: Service";
        (path, text.replace("apiVersion: v1\nkind: Service", other))
    });
    let knative: Vec<(&str, &str)> = knative
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let said = said(EXPERIMENT, &knative);
    assert!(
        said.contains("the workload has no Service `web-a`"),
        "{said}"
    );
}

#[test]
fn what_is_deleted_patched_or_reported_on_must_exist() {
    let flip = "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }";
    check_experiment(
        flip,
        "delete: { pod: deploy/web, pods: 2 }",
        &expect![[r#"
            two-services.yaml:20:40: `deploy/web` has 1 Pod; expected at most `1`
               |
            20 |       delete: { pod: deploy/web, pods: 2 }
               |                                        ^"#]],
    );
    check_experiment(
        flip,
        "delete: { pod: deploy/wob }",
        &expect![[r#"
        two-services.yaml:20:22: the workload has no Deployment `deploy/wob`; expected `deploy/web`; did you mean `deploy/web`?
           |
        20 |       delete: { pod: deploy/wob }
           |                      ^^^^^^^^^^"#]],
    );
    check_experiment(
        flip,
        "patch: { object: cm/settings, merge: { data: {} } }",
        &expect![[r#"
            refused: two-services.yaml:20:24: this run does not create `cm/settings`; expected `deploy/web`, `svc/web-a` or `svc/web-b`
               |
            20 |       patch: { object: cm/settings, merge: { data: {} } }
               |                        ^^^^^^^^^^^"#]],
    );
    check_experiment(
        flip,
        "patch: { object: services/web-a, merge: { spec: {} } }",
        &expect!["fine"],
    );
    let that = "pod: deploy/web\n          that: { ready: 1/2 }\n          eventually: { notBefore: 3500ms, within: 7500ms, hold: 3s }";
    let event = |of: &str| {
        format!("event: {{ reason: Unhealthy, of: {of} }}\n          never: {{ for: 1s }}")
    };
    check_experiment(that, &event("deploy/web"), &expect!["fine"]);
    check_experiment(that, &event("service/web-a"), &expect!["fine"]);
    check_experiment(
        that,
        &event("pod/web"),
        &expect![[r#"
            two-services.yaml:23:43: the workload has no `pod/web`; expected `deploy/web`, `svc/web-a` or `svc/web-b`
               |
            23 |           event: { reason: Unhealthy, of: pod/web }
               |                                           ^^^^^^^"#]],
    );
}

#[test]
fn subjects_are_of_the_kind_that_the_workload_has() {
    let claim = "pod: deploy/web\n          that: { ready: 1/2 }";
    check_experiment(
        claim,
        "statefulset: web\n          that: { ready: 1 }",
        &expect![[r#"
            two-services.yaml:23:24: the workload has no StatefulSet `web`
               |
            23 |           statefulset: web
               |                        ^^^"#]],
    );
    let check = |kind: &str, pod: &str, expected: &Expect| {
        let experiment = EXPERIMENT.replace("pod: deploy/web", &format!("pod: {pod}"));
        let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let head = format!("apiVersion: {group}\nkind: {kind}");
        let old = "apiVersion: apps/v1\nkind: Deployment";
        let workload = WORKLOAD.map(|(path, text)| (path, text.replace(old, &head)));
        let workload = workload
            .each_ref()
            .map(|(path, text)| (*path, text.as_str()));
        expected.assert_eq(&said(&experiment, &workload));
    };
    check("StatefulSet", "sts/web", &expect!["fine"]);
    check("DaemonSet", "ds/web", &expect!["fine"]);
    check("Job", "job/web", &expect!["fine"]);
}
