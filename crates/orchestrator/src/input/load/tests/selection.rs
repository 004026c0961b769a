//! What `pods`, `which`, `after` and ranges of numbers may be.

use expect_test::expect;

use super::check;

#[test]
fn a_flip_takes_at_least_one_pod() {
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        "flip: { pod: deploy/web, pods: 0, container: b, probe: readiness, to: 404 }",
        &expect![[r#"
            two-services.yaml:19:38: `0` cannot stand here; expected a whole number from 1
               |
            19 |       flip: { pod: deploy/web, pods: 0, container: b, probe: readiness, to: 404 }
               |                                      ^"#]],
    );
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        "flip: { pod: deploy/web, pods: all, container: b, probe: readiness, to: 404 }",
        &expect![[r#"
            two-services.yaml:19:38: `all` cannot stand here; expected a whole number from 1
               |
            19 |       flip: { pod: deploy/web, pods: all, container: b, probe: readiness, to: 404 }
               |                                      ^^^"#]],
    );
}

#[test]
fn a_wrong_pod_hides_no_other_problem() {
    check(
        "{ id: same-pod, pod: deploy/web, that: { uid: unchanged,",
        "{ id: same-pod, pod: Web, that: { uid: kept,",
        &expect![[r#"
            two-services.yaml:34:32: `Web` is not a name; expected `NAME` or `KIND/NAME` in lower-case letters, digits, `-` and `.`
               |
            34 |         - { id: same-pod, pod: Web, that: { uid: kept, ip: unchanged, restarts: { delta: 0 } }, always: {} }
               |                                ^^^

            two-services.yaml:34:50: `kept` is not a comparison; expected `unchanged`
               |
            34 |         - { id: same-pod, pod: Web, that: { uid: kept, ip: unchanged, restarts: { delta: 0 } }, always: {} }
               |                                                  ^^^^"#]],
    );
}

#[test]
fn which_needs_a_flip_that_divides_the_pods() {
    let same = "{ id: same-pod, pod: deploy/web, that";
    check(
        same,
        "{ id: same-pod, pod: deploy/web, which: flipped, that",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        same,
        "{ id: same-pod, pod: deploy/web, which: rest, that",
        &expect![[r#"
            two-services.yaml:34:51: `rest` is not a choice of Pods; expected `flipped` or `others`
               |
            34 |         - { id: same-pod, pod: deploy/web, which: rest, that: { uid: unchanged, ip: unchanged, restarts: { delta: 0 } }, always: {} }
               |                                                   ^^^^"#]],
    );
    check(
        same,
        "{ id: same-pod, pod: deploy/web, which: others, that",
        &expect![[r#"
            two-services.yaml:34:51: this step flips every Pod of `deploy/web`; expected `pods: 1` beside it, which leaves some
               |
            34 |         - { id: same-pod, pod: deploy/web, which: others, that: { uid: unchanged, ip: unchanged, restarts: { delta: 0 } }, always: {} }
               |                                                   ^^^^^^"#]],
    );
    check(
        same,
        "{ id: same-pod, pod: deploy/wob, which: flipped, that",
        &expect![[r#"
            two-services.yaml:34:51: this step flips no Pod of `deploy/wob`; expected `deploy/web`; did you mean `deploy/web`?
               |
            34 | ...   - { id: same-pod, pod: deploy/wob, which: flipped, that: { uid: unchanged, ip: unchanged, restarts: { delta: 0 } }, always: {} }
               |                                                 ^^^^^^^"#]],
    );
    check(
        "{ id: users-back, traffic: [users-a, users-b], that: { outcome: ok }",
        "{ id: users-back, endpoints: [web-a], which: others, that: { ready: true }",
        &expect![[r#"
            two-services.yaml:38:49: `which` without the Pods that it selects from; expected `pod` beside `which`
               |
            38 |         - { id: users-back, endpoints: [web-a], which: others, that: { ready: true }, eventually: { within: 10s, hold: 3s } }
               |                                                 ^^^^^"#]],
    );
    check(
        "{ pod: deploy/web, that: { ready: 2/2 } }",
        "{ pod: deploy/web, which: flipped, that: { ready: 2/2 } }",
        &expect![[r#"
            two-services.yaml:14:28: no step has flipped a Pod at the steady state; expected `which` in a step or a measure
               |
            14 |       - { pod: deploy/web, which: flipped, that: { ready: 2/2 } }
               |                            ^^^^^"#]],
    );
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: pass }\n      expect:",
        "patch: { object: deploy/web, merge: { spec: {} } }\n      expect:\n        - { id: one, pod: deploy/web, which: others, that: { ready: true }, always: {} }",
        &expect![[r#"
            two-services.yaml:38:46: this step neither flips nor deletes a Pod; expected `which` in a step that does
               |
            38 |         - { id: one, pod: deploy/web, which: others, that: { ready: true }, always: {} }
               |                                              ^^^^^^"#]],
    );
}

#[test]
fn after_is_an_eventually_of_the_same_step() {
    let id = "that: { ready: 1/2 }\n          eventually: { notBefore";
    check(
        id,
        "that: { ready: 1/2 }\n          eventually: { after: both-endpoints-not-ready, notBefore",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        id,
        "that: { ready: 1/2 }\n          eventually: { after: both-endpoints-ready, notBefore",
        &expect![[r#"
            two-services.yaml:24:32: this step has no expectation `both-endpoints-ready`; expected `both-endpoints-not-ready` or `all-users-refused`; did you mean `both-endpoints-not-ready`?
               |
            24 |           eventually: { after: both-endpoints-ready, notBefore: 3s, within: 10s, hold: 3s }
               |                                ^^^^^^^^^^^^^^^^^^^^"#]],
    );
    check(
        id,
        "that: { ready: 1/2 }\n          eventually: { after: users-back, notBefore",
        &expect![[r#"
            two-services.yaml:24:32: this step has no expectation `users-back`; expected `both-endpoints-not-ready` or `all-users-refused`
               |
            24 |           eventually: { after: users-back, notBefore: 3s, within: 10s, hold: 3s }
               |                                ^^^^^^^^^^"#]],
    );
    check(
        id,
        "that: { ready: 1/2 }\n          eventually: { after: a-stays-ready, notBefore",
        &expect![[r#"
            two-services.yaml:24:32: `a-stays-ready` is `always` and becomes true at no time; expected `both-endpoints-not-ready` or `all-users-refused`
               |
            24 |           eventually: { after: a-stays-ready, notBefore: 3s, within: 10s, hold: 3s }
               |                                ^^^^^^^^^^^^^"#]],
    );
    check(
        id,
        "that: { ready: 1/2 }\n          eventually: { after: pod-1-of-2, notBefore",
        &expect![[r#"
            two-services.yaml:24:32: `pod-1-of-2` would begin after itself; expected an `eventually` that does not wait for it
               |
            24 |           eventually: { after: pod-1-of-2, notBefore: 3s, within: 10s, hold: 3s }
               |                                ^^^^^^^^^^"#]],
    );
    check(
        "{ ready: true }, always: {} }",
        "{ ready: true }, always: { after: pod-1-of-2 } }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        "eventually: { notBefore: 3s, within: 10s, hold: 3s }\n        - id: both-endpoints-not-ready\n          endpoints: [web-a, web-b]\n          that: { ready: false, addresses: unchanged }\n          eventually: {",
        "eventually: { after: both-endpoints-not-ready, within: 10s }\n        - id: both-endpoints-not-ready\n          endpoints: [web-a, web-b]\n          that: { ready: false, addresses: unchanged }\n          eventually: { after: pod-1-of-2,",
        &expect![[r#"
            two-services.yaml:24:32: `pod-1-of-2` would begin after itself; expected an `eventually` that does not wait for it
               |
            24 |           eventually: { after: both-endpoints-not-ready, within: 10s }
               |                                ^^^^^^^^^^^^^^^^^^^^^^^^

            two-services.yaml:28:32: `both-endpoints-not-ready` would begin after itself; expected an `eventually` that does not wait for it
               |
            28 |           eventually: { after: pod-1-of-2, notBefore: 3s, within: 12s, hold: 3s }
               |                                ^^^^^^^^^^"#]],
    );
}

#[test]
fn a_range_has_an_end_and_a_number_in_it() {
    let delta = "restarts: { delta: 0 }";
    check(
        delta,
        "restarts: { atLeast: 2 }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        delta,
        "restarts: { delta: { atLeast: 1, atMost: 3 } }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        delta,
        "restarts: { delta: { atLeast: 3, atMost: 1 } }",
        &expect![[r#"
            two-services.yaml:34:124: no number is at least 3 and at most 1; expected at least `3`
               |
            34 | ...   - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: { delta: { atLeast: 3, atMost: 1 } } }, al...
               |                                                                                                                          ^"#]],
    );
    check(
        delta,
        "restarts: { delta: {} }",
        &expect![[r#"
        two-services.yaml:34:102: this range has no end; expected `atLeast`, `atMost` or both
           |
        34 |         - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: { delta: {} } }, always: {} }
           |                                                                                                      ^"#]],
    );
    check(
        delta,
        "restarts: { delta: 1, atMost: 1 }",
        &expect![[r#"
        two-services.yaml:34:93: a range stands beside `delta`; expected it inside, such as `{ delta: { atLeast: 1 } }`
           |
        34 |         - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: { delta: 1, atMost: 1 } }, always: {} }
           |                                                                                             ^"#]],
    );
    check(
        delta,
        "restarts: { atMost: -1 }",
        &expect![[r#"
        two-services.yaml:34:103: `-1` cannot stand here; expected a whole number from 0
           |
        34 |         - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: { atMost: -1 } }, always: {} }
           |                                                                                                       ^^"#]],
    );
    check(
        delta,
        "restarts: { atmost: 1 }",
        &expect![[r#"
        two-services.yaml:34:95: unknown field `atmost`; expected `delta`, `atLeast` or `atMost`; did you mean `atMost`?
           |
        34 |         - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: { atmost: 1 } }, always: {} }
           |                                                                                               ^^^^^^"#]],
    );
    check(
        "that: { ready: 1/2 }",
        "that: { ready: { atLeast: 1 } }",
        &expect![[r#"
            two-services.yaml:23:26: a range of numbers cannot stand here; expected a count such as `1/2`, `true` or `false`
               |
            23 |           that: { ready: { atLeast: 1 } }
               |                          ^"#]],
    );
    check(
        "container: a, that: { ready: true }",
        "container: a, that: { ready: { atLeast: 1 } }",
        &expect![[r#"
            two-services.yaml:33:78: a range of numbers cannot stand here; expected `true` or `false`
               |
            33 |         - { id: a-stays-ready, pod: deploy/web, container: a, that: { ready: { atLeast: 1 } }, always: {} }
               |                                                                              ^"#]],
    );
    check(
        "that: { ready: false, addresses: unchanged }",
        "that: { ready: { atMost: 1 }, addresses: { atLeast: 1 } }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        "that: { ready: false, addresses: unchanged }",
        "that: { ready: 2, addresses: { atLeast: one } }",
        &expect![[r#"
            two-services.yaml:27:26: `2` cannot stand here; expected `true`, `false`, a count such as `1/2` or `{ atLeast: 1 }`
               |
            27 |           that: { ready: 2, addresses: { atLeast: one } }
               |                          ^

            two-services.yaml:27:51: `one` cannot stand here; expected a whole number from 0
               |
            27 |           that: { ready: 2, addresses: { atLeast: one } }
               |                                                   ^^^"#]],
    );
}
