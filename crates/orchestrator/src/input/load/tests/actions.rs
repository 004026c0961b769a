//! What a step may do, and what an `event` may be.

use expect_test::expect;

use super::check;

const FLIP: &str = "flip: { pod: deploy/web, container: b, probe: readiness, to: pass }\n      expect:\n        - { id: users-back, traffic: [users-a, users-b], that: { outcome: ok }, eventually: { within: 10s, hold: 3s } }";

#[test]
fn a_wait_needs_a_time_and_no_expectation() {
    check(FLIP, "wait: 10s", &expect!["1 experiments, 0 manifests"]);
    check(
        FLIP,
        "wait: 10s\n      expect: [{ id: calm, event: { reason: Unhealthy, of: web }, never: {} }]",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        FLIP,
        "wait: 0s",
        &expect![[r#"
        two-services.yaml:36:13: this step waits for no time; expected a duration above zero
           |
        36 |       wait: 0s
           |             ^^"#]],
    );
    check(
        FLIP,
        "wait: 10",
        &expect![[r#"
        two-services.yaml:36:13: `10` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`
           |
        36 |       wait: 10
           |             ^^"#]],
    );
    check(
        FLIP,
        "wait: 10s\n      expect: []",
        &expect![[r#"
        two-services.yaml:37:15: this list is empty; expected at least one expectation
           |
        37 |       expect: []
           |               ^"#]],
    );
    check(
        FLIP,
        "wait: 10s\n      delete: { pod: deploy/web }",
        &expect![[r#"
            two-services.yaml:37:7: this step does several things; expected one of `flip`, `patch`, `delete` or `wait`
               |
            37 |       delete: { pod: deploy/web }
               |       ^^^^^^"#]],
    );
}

#[test]
fn a_patch_of_the_status_is_refused() {
    check(
        FLIP,
        "patch: { object: deploy/web, merge: { status: { replicas: 0 } } }\n      expect: [{ id: users-back, traffic: [users-a, users-b], that: { outcome: ok }, eventually: { within: 10s, hold: 3s } }]",
        &expect![[r#"
            two-services.yaml:36:45: a patch of `status` changes nothing: the API server ignores it; expected fields of `spec` or `metadata`
               |
            36 |       patch: { object: deploy/web, merge: { status: { replicas: 0 } } }
               |                                             ^^^^^^"#]],
    );
}

#[test]
fn a_deletion_names_pods() {
    let expects = |action: &str| {
        format!(
            "{action}\n      expect: [{{ id: same, pod: deploy/web, which: others, that: {{ ready: 2/2 }}, always: {{ for: 3s }} }}]"
        )
    };
    check(
        FLIP,
        &expects("delete: { pod: deploy/web, pods: 1 }"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        FLIP,
        &expects("delete: { pod: deploy/web }"),
        &expect![[r#"
        two-services.yaml:37:52: this step deletes every Pod of `deploy/web`; expected `pods: 1` beside it, which leaves some
           |
        37 |       expect: [{ id: same, pod: deploy/web, which: others, that: { ready: 2/2 }, always: { for: 3s } }]
           |                                                    ^^^^^^"#]],
    );
    check(
        FLIP,
        &expects("delete: { pod: deploy/web, pods: 0 }"),
        &expect![[r#"
            two-services.yaml:36:40: `0` cannot stand here; expected a whole number from 1
               |
            36 |       delete: { pod: deploy/web, pods: 0 }
               |                                        ^"#]],
    );
    check(
        FLIP,
        &expects("delete: { pod: svc/web }"),
        &expect![[r#"
            two-services.yaml:36:22: a Service is not a set of Pods; expected `pod`, `deploy`, `rs`, `sts`, `ds` or `job`
               |
            36 |       delete: { pod: svc/web }
               |                      ^^^^^^^"#]],
    );
    check(
        FLIP,
        &expects("delete: { pods: 1 }"),
        &expect![[r#"
        two-services.yaml:36:15: missing field `pod`; expected one such as `pod: deploy/web`
           |
        36 |       delete: { pods: 1 }
           |               ^"#]],
    );
    check(
        FLIP,
        "delete: { pod: deploy/web }",
        &expect![[r#"
        two-services.yaml:35:5: missing field `expect`; expected one such as `expect: [{ id: one-of-two, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }]`
           |
        35 |     - name: b recovers
           |     ^"#]],
    );
}

#[test]
fn a_patch_is_of_any_kind() {
    let patch = |object: &str| {
        format!(
            "patch: {{ object: {object}, merge: {{ data: {{}} }} }}\n      expect: [{{ id: same, pod: deploy/web, that: {{ ready: 2/2 }}, always: {{ for: 3s }} }}]"
        )
    };
    check(
        FLIP,
        &patch("configmap/settings"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        FLIP,
        &patch("config map/settings"),
        &expect![[r#"
        two-services.yaml:36:24: `config map/settings` is not an object; expected `NAME` or `KIND/NAME`, the name in lower-case letters, digits, `-` and `.`
           |
        36 |       patch: { object: config map/settings, merge: { data: {} } }
           |                        ^^^^^^^^^^^^^^^^^^^"#]],
    );
    check(
        FLIP,
        &patch("cm/"),
        &expect![[r#"
        two-services.yaml:36:24: `cm/` is not an object; expected `NAME` or `KIND/NAME`, the name in lower-case letters, digits, `-` and `.`
           |
        36 |       patch: { object: cm/, merge: { data: {} } }
           |                        ^^^"#]],
    );
}

#[test]
fn an_event_is_a_moment() {
    let event = |rest: &str| {
        format!(
            "flip: {{ pod: deploy/web, container: b, probe: readiness, to: 503 }}\n      expect: [{{ id: said, event: {rest} }}]"
        )
    };
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: deploy/web }, eventually: { within: 10s }"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: deploy/web }, eventually: { within: 10s, hold: 1s }"),
        &expect![[r#"
            two-services.yaml:37:101: an Event is seen at one moment and does not last; expected `eventually` without `hold`, or `never`
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy, of: deploy/web }, eventually: { within: 10s, hold: 1s } }]
               |                                                                                                     ^^^^"#]],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: deploy/web }, always: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:74: an Event is seen at one moment and does not last; expected `eventually` without `hold`, or `never`
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy, of: deploy/web }, always: { for: 1s } }]
               |                                                                          ^^^^^^"#]],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: deploy/web }, that: { ready: true }, never: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:74: `that` says nothing of an Event; expected `event` alone: that it is seen
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy, of: deploy/web }, that: { ready: true }, never: { for: 1s } }]
               |                                                                          ^^^^"#]],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: deploy/web }, pod: deploy/web, never: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:74: this claim is about several things; expected exactly one of `pod`, `endpoints`, `deployment`, `statefulset`, `daemonset`, `traffic` and `event`
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy, of: deploy/web }, pod: deploy/web, never: { for: 1s } }]
               |                                                                          ^^^"#]],
    );
    check(
        FLIP,
        &event("{ reason: '', of: deploy/web }, never: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:45: this Event has no reason; expected one such as `Unhealthy`
               |
            37 |       expect: [{ id: said, event: { reason: '', of: deploy/web }, never: { for: 1s } }]
               |                                             ^^"#]],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy }, never: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:35: missing field `of`; expected one such as `of: deploy/web`
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy }, never: { for: 1s } }]
               |                                   ^"#]],
    );
    check(
        FLIP,
        &event("{ reason: Unhealthy, of: Web }, never: { for: 1s }"),
        &expect![[r#"
            two-services.yaml:37:60: `Web` is not an object; expected `NAME` or `KIND/NAME`, the name in lower-case letters, digits, `-` and `.`
               |
            37 |       expect: [{ id: said, event: { reason: Unhealthy, of: Web }, never: { for: 1s } }]
               |                                                            ^^^"#]],
    );
    check(
        "- { pod: deploy/web, that: { ready: 2/2 } }",
        "- { event: { reason: Started, of: deploy/web }, that: { ready: true } }",
        &expect![[r#"
            two-services.yaml:14:11: an Event is no state that can be steady; expected `event` among the expectations of a step
               |
            14 |       - { event: { reason: Started, of: deploy/web }, that: { ready: true } }
               |           ^^^^^"#]],
    );
}

#[test]
fn each_kind_of_controller_has_its_own_numbers() {
    let that = "pod: deploy/web\n          that: { ready: 1/2 }";
    let of = |subject: &str, that: &str| format!("{subject}: web\n          that: {that}");
    check(
        that,
        &of("statefulset", "{ replicas: 2, current: 1 }"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        that,
        &of("daemonset", "{ desired: 2, unavailable: { atMost: 1 } }"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        that,
        &of("statefulset", "{ desired: 2 }"),
        &expect![[r#"
        two-services.yaml:23:19: `desired` says nothing of a StatefulSet; expected `replicas`, `current`, `updated`, `ready` or `available`
           |
        23 |           that: { desired: 2 }
           |                   ^^^^^^^"#]],
    );
    check(
        that,
        &of("daemonset", "{ replicas: 2, progressing: Yes }"),
        &expect![[r#"
            two-services.yaml:23:19: `replicas` says nothing of a DaemonSet; expected `desired`, `current`, `updated`, `ready`, `available`, `unavailable` or `misscheduled`
               |
            23 |           that: { replicas: 2, progressing: Yes }
               |                   ^^^^^^^^

            two-services.yaml:23:32: `progressing` says nothing of a DaemonSet; expected `desired`, `current`, `updated`, `ready`, `available`, `unavailable` or `misscheduled`
               |
            23 |           that: { replicas: 2, progressing: Yes }
               |                                ^^^^^^^^^^^"#]],
    );
    check(
        that,
        &of("deployment", "{ current: 2 }"),
        &expect![[r#"
        two-services.yaml:23:19: `current` says nothing of a Deployment; expected `replicas`, `updated`, `ready`, `available` or `progressing`
           |
        23 |           that: { current: 2 }
           |                   ^^^^^^^"#]],
    );
    check(
        that,
        "daemonset: sts/web\n          that: { ready: 1 }",
        &expect![[r#"
            two-services.yaml:22:22: `sts/web` is not a DaemonSet; expected `NAME` or `ds/NAME`
               |
            22 |           daemonset: sts/web
               |                      ^^^^^^^"#]],
    );
    check(
        that,
        "statefulset: web\n          daemonset: web\n          that: { ready: 1 }",
        &expect![[r#"
            two-services.yaml:23:11: this claim is about several things; expected exactly one of `pod`, `endpoints`, `deployment`, `statefulset`, `daemonset`, `traffic` and `event`
               |
            23 |           daemonset: web
               |           ^^^^^^^^^"#]],
    );
}
