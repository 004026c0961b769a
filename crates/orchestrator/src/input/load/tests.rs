//! What can be read, and what is said of what cannot.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

mod actions;
mod flip_fields;
mod flips;
mod kubernetes;
mod measures;
mod places;
mod selection;

use expect_test::{Expect, expect};

use super::*;
use crate::input::experiment::{Action, Condition, Operator, Workload};

const VALID: &str = include_str!("tests/two-services.yaml");

fn source(text: &str) -> Source {
    Source {
        path: "two-services.yaml".into(),
        text: text.into(),
    }
}

fn check_text(text: &str, expected: &Expect) {
    expected.assert_eq(&said(text));
}

fn said(text: &str) -> String {
    match load(&source(text)) {
        Ok(loaded) => format!(
            "{} experiments, {} manifests",
            loaded.experiments.len(),
            loaded.manifests.len()
        ),
        Err(problems) => problems.to_string(),
    }
}

/// The valid example with one thing changed.
fn check(from: &str, to: &str, expected: &Expect) {
    assert!(VALID.contains(from), "`{from}` must stand in the example");
    check_text(&VALID.replacen(from, to, 1), expected);
}

#[test]
fn the_example_means_what_it_says() {
    let experiment = load(&source(VALID)).unwrap().experiments.remove(0);
    assert_eq!(experiment.name.value, "two-services");
    let Workload::Files(files) = &experiment.workload else {
        panic!("{:?}", experiment.workload)
    };
    assert_eq!(files[1].value, "svc-2.yaml");
    let Action::Flip(flips) = &experiment.steps[0].action else {
        panic!("{:?}", experiment.steps[0].action)
    };
    assert_eq!(flips[0].aim.to_string(), "404");
    assert_eq!(&VALID[flips[0].container.span.range()], "b");
    let expect = &experiment.steps[0].expect;
    let Condition::Traffic { clients, .. } = &expect[2].claim else {
        panic!("{:?}", expect[2].claim)
    };
    assert_eq!(&VALID[clients[1].span.range()], "users-b");
    assert!(matches!(
        expect[3].operator,
        Operator::Always { lasts: None }
    ));
}

#[test]
fn files_may_hold_several_documents_and_json() {
    check_text("", &expect!["0 experiments, 0 manifests"]);
    check_text(
        "# nothing\n---\n...\n",
        &expect!["0 experiments, 0 manifests"],
    );
    let pod = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"web\"}\n}\n";
    check_text(pod, &expect!["0 experiments, 1 manifests"]);
    check_text(
        &format!("{VALID}---\n{pod}---\n{VALID}"),
        &expect!["2 experiments, 1 manifests"],
    );
    let list = format!("{{apiVersion: v1, kind: List, items: [{pod}, {pod}]}}");
    check_text(&list, &expect!["0 experiments, 2 manifests"]);
}

#[test]
fn a_place_in_a_later_document_is_a_place_in_the_file() {
    let second = VALID.replace("hold: 3s", "holds: 3s");
    check_text(
        &format!("# é\n{VALID}---\n{second}"),
        &expect![[r#"
        two-services.yaml:52:5: unknown field `holds`; expected `within`, `hold` or `require`; did you mean `hold`?
           |
        52 |     holds: 3s
           |     ^^^^^"#]],
    );
}

#[test]
fn an_unknown_field_is_named_with_what_was_meant() {
    check(
        "steadyState:",
        "steadystate:",
        &expect![[r#"
            two-services.yaml:10:3: unknown field `steadystate`; expected `description`, `workload`, `traffic`, `steadyState`, `steps` or `measure`; did you mean `steadyState`?
               |
            10 |   steadystate:
               |   ^^^^^^^^^^^"#]],
    );
    check(
        "hold: 3s }",
        "holt: 3s }",
        &expect![[r#"
            two-services.yaml:24:53: unknown field `holt`; expected `notBefore`, `within`, `hold` or `after`; did you mean `hold`?
               |
            24 |           eventually: { notBefore: 3s, within: 10s, holt: 3s }
               |                                                     ^^^^"#]],
    );
    check(
        "require:",
        "colour:",
        &expect![[r#"
        two-services.yaml:13:5: unknown field `colour`; expected `within`, `hold` or `require`
           |
        13 |     colour:
           |     ^^^^^^"#]],
    );
}

#[test]
fn a_wrong_type_says_what_belongs_there() {
    check(
        "within: 60s",
        "within: 60",
        &expect![[r#"
        two-services.yaml:11:13: `60` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`
           |
        11 |     within: 60
           |             ^^"#]],
    );
    check(
        "within: 60s",
        "within: [60s]",
        &expect![[r#"
            two-services.yaml:11:13: a list cannot stand here; expected a word or a number such as `60s`
               |
            11 |     within: [60s]
               |             ^"#]],
    );
    check(
        "within: 60s",
        "within: soon",
        &expect![[r#"
        two-services.yaml:11:13: `soon` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`
           |
        11 |     within: soon
           |             ^^^^"#]],
    );
    check(
        "port: 80,",
        "port: http,",
        &expect![[r#"
        two-services.yaml:8:46: `http` is not a port; expected a number from 1 to 65535
          |
        8 |     - { name: users-a, service: web-a, port: http, rate: 10/s, connections: fresh }
          |                                              ^^^^"#]],
    );
    check(
        "rate: 10/s",
        "rate: 10",
        &expect![[r#"
        two-services.yaml:8:56: `10` is not a rate; expected requests a second from `1/s` to `1000/s`
          |
        8 |     - { name: users-a, service: web-a, port: 80, rate: 10, connections: fresh }
          |                                                        ^^"#]],
    );
    check(
        "{ ready: 1/2 }",
        "{ ready: 3/2 }",
        &expect![[r#"
        two-services.yaml:23:26: `3/2` cannot stand here; expected a count such as `1/2`, `true` or `false`
           |
        23 |           that: { ready: 3/2 }
           |                          ^^^"#]],
    );
    check(
        "restarts: { delta: 0 }",
        "restarts: none",
        &expect![[r#"
            two-services.yaml:34:93: `none` cannot stand here; expected a number or a mapping such as `{ delta: 1 }`
               |
            34 |         - { id: same-pod, pod: deploy/web, that: { uid: unchanged, ip: unchanged, restarts: none }, always: {} }
               |                                                                                             ^^^^"#]],
    );
    check(
        "uid: unchanged",
        "uid: changed",
        &expect![[r#"
        two-services.yaml:34:57: `changed` is not a comparison; expected `unchanged`; did you mean `unchanged`?
           |
        34 |         - { id: same-pod, pod: deploy/web, that: { uid: changed, ip: unchanged, restarts: { delta: 0 } }, always: {} }
           |                                                         ^^^^^^^"#]],
    );
    check(
        "flip: {",
        "flip: 3 #{",
        &expect![[r#"
            two-services.yaml:19:13: `3` cannot stand here; expected a mapping or a list of mappings such as `{ pod: deploy/web, container: b, probe: readiness, to: 404 }`
               |
            19 |       flip: 3 #{ pod: deploy/web, container: b, probe: readiness, to: 404 }
               |             ^"#]],
    );
    check(
        "[deploy.yaml, svc-2.yaml]",
        "deploy.yaml",
        &expect![[r#"
            two-services.yaml:6:22: `deploy.yaml` cannot stand here; expected a list such as `[deploy.yaml, service.yaml]`
              |
            6 |   workload: { files: deploy.yaml }      # relative to this file
              |                      ^^^^^^^^^^^"#]],
    );
}

#[test]
fn an_expectation_has_one_subject_and_one_operator() {
    check(
        "ready: true }, always: {} }",
        "ready: true }, always: {}, never: {} }",
        &expect![[r#"
            two-services.yaml:33:98: `a-stays-ready` has 2 temporal operators, `always` and `never`; expected exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`
               |
            33 |         - { id: a-stays-ready, pod: deploy/web, container: a, that: { ready: true }, always: {}, never: {} }
               |                                                                                                  ^^^^^"#]],
    );
    check(
        "ready: true }, always: {} }",
        "ready: true } }",
        &expect![[r#"
            two-services.yaml:33:11: `a-stays-ready` has no temporal operator; expected exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`
               |
            33 |         - { id: a-stays-ready, pod: deploy/web, container: a, that: { ready: true } }
               |           ^"#]],
    );
    check(
        "pod: deploy/web, container: a, that",
        "container: a, that",
        &expect![[r#"
            two-services.yaml:33:32: a container without its Pods; expected `pod` beside `container`
               |
            33 |         - { id: a-stays-ready, container: a, that: { ready: true }, always: {} }
               |                                ^^^^^^^^^"#]],
    );
    check(
        "pod: deploy/web, container: a, that",
        "that",
        &expect![[r#"
            two-services.yaml:33:11: this claim is about nothing; expected exactly one of `pod`, `endpoints`, `deployment`, `statefulset`, `daemonset`, `traffic` and `event`
               |
            33 |         - { id: a-stays-ready, that: { ready: true }, always: {} }
               |           ^"#]],
    );
    check(
        "pod: deploy/web, container: a, that",
        "pod: deploy/web, endpoints: [web], that",
        &expect![[r#"
            two-services.yaml:33:49: this claim is about several things; expected exactly one of `pod`, `endpoints`, `deployment`, `statefulset`, `daemonset`, `traffic` and `event`
               |
            33 |         - { id: a-stays-ready, pod: deploy/web, endpoints: [web], that: { ready: true }, always: {} }
               |                                                 ^^^^^^^^^"#]],
    );
    check(
        "that: { outcome: refused }",
        "that: { ready: false }",
        &expect![[r#"
            two-services.yaml:31:19: `ready` says nothing of traffic; expected `outcome`, `failed` or `longestFailure`
               |
            31 |           that: { ready: false }
               |                   ^^^^^"#]],
    );
    check(
        "that: { outcome: refused }",
        "that: {}",
        &expect![[r#"
            two-services.yaml:31:17: this claim says nothing; expected at least one of `outcome`, `failed` or `longestFailure`
               |
            31 |           that: {}
               |                 ^"#]],
    );
}

#[test]
fn one_of_several_outcomes_may_do() {
    let refused = "that: { outcome: refused }";
    check(
        refused,
        "that: { outcome: [refused, timeout] }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        refused,
        "that: { outcome: [] }",
        &expect![[r#"
        two-services.yaml:31:28: no outcome will do; expected at least one
           |
        31 |           that: { outcome: [] }
           |                            ^"#]],
    );
    check(
        refused,
        "that: { outcome: [refused, timeot] }",
        &expect![[r#"
            two-services.yaml:31:38: `timeot` is not an outcome; expected `ok`, `status`, `refused`, `reset`, `timeout` or `error`; did you mean `timeout`?
               |
            31 |           that: { outcome: [refused, timeot] }
               |                                      ^^^^^^"#]],
    );
}

#[test]
fn a_budget_has_a_number_a_share_or_a_duration() {
    let claim = "that: { outcome: refused }
          eventually: { notBefore: 3s, within: 15s, hold: 3s }";
    let with = |that: &str, operator: &str| {
        format!("that: {{ {that} }}\n          {operator}: {{ for: 15s }}")
    };
    for that in [
        "failed: { atMost: 20 }",
        "failed: { atMost: 0 }",
        "failed: { atMost: 100% }",
        "outcome: [ok, status], failed: { atMost: 0.5% }, longestFailure: { atMost: 2s }",
    ] {
        check(
            claim,
            &with(that, "always"),
            &expect!["1 experiments, 0 manifests"],
        );
    }
    check(
        claim,
        &with("failed: { atMost: 101% }", "always"),
        &expect![[r#"
            two-services.yaml:31:37: `101%` is more than all requests; expected at most `100%`
               |
            31 |           that: { failed: { atMost: 101% } }
               |                                     ^^^^"#]],
    );
    check(
        claim,
        &with("failed: { atMost: -1 }", "always"),
        &expect![[r#"
            two-services.yaml:31:37: `-1` is not a number of requests; expected a whole number such as `20`, or a share such as `1%`
               |
            31 |           that: { failed: { atMost: -1 } }
               |                                     ^^"#]],
    );
    check(
        claim,
        &with("failed: 20", "always"),
        &expect![[r#"
        two-services.yaml:31:27: `20` cannot stand here; expected a mapping such as `{ atMost: 1% }`
           |
        31 |           that: { failed: 20 }
           |                           ^^"#]],
    );
    check(
        claim,
        &with("longestFailure: { atMost: 2 }", "always"),
        &expect![[r#"
            two-services.yaml:31:45: `2` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`
               |
            31 |           that: { longestFailure: { atMost: 2 } }
               |                                             ^"#]],
    );
    check(
        claim,
        &with("failed: { atMost: 20 }", "never"),
        &expect![[r#"
            two-services.yaml:31:19: a budget counts failed requests over a time; expected `always` in a step, with or without `for`, or `observe`
               |
            31 |           that: { failed: { atMost: 20 } }
               |                   ^^^^^^"#]],
    );
    check(
        claim,
        "that: { longestFailure: { atMost: 2s } }\n          eventually: { within: 15s, hold: 3s }",
        &expect![[r#"
            two-services.yaml:31:19: a budget counts failed requests over a time; expected `always` in a step, with or without `for`, or `observe`
               |
            31 |           that: { longestFailure: { atMost: 2s } }
               |                   ^^^^^^^^^^^^^^"#]],
    );
    check(
        "- { traffic: [users-a, users-b], that: { outcome: ok } }",
        "- { traffic: [users-a, users-b], that: { failed: { atMost: 1 } } }",
        &expect![[r#"
            two-services.yaml:16:48: a budget counts failed requests over a time; expected `always` in a step, with or without `for`, or `observe`
               |
            16 |       - { traffic: [users-a, users-b], that: { failed: { atMost: 1 } } }
               |                                                ^^^^^^"#]],
    );
}

#[test]
fn a_step_acts_once_and_ends() {
    check(
        "eventually: { within: 10s, hold: 3s }",
        "always: {}",
        &expect![[r#"
            two-services.yaml:37:7: this step would never end; expected at least one `eventually`, or `for` on another operator
               |
            37 |       expect:
               |       ^^^^^^"#]],
    );
    check(
        "eventually: { within: 10s, hold: 3s }",
        "always: { for: 5s }",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        "notBefore: 3s, within: 10s",
        "notBefore: 13s, within: 10s",
        &expect![[r#"
        two-services.yaml:24:36: `notBefore: 13s` is later than `within: 10s`; expected a time up to `within`
           |
        24 |           eventually: { notBefore: 13s, within: 10s, hold: 3s }
           |                                    ^^^"#]],
    );
    check(
        "      flip: { pod: deploy/web, container: b, probe: readiness, to: pass }\n",
        "",
        &expect![[r#"
            two-services.yaml:35:5: this step does nothing; expected `flip`, `patch`, `delete` or `wait`
               |
            35 |     - name: b recovers
               |     ^"#]],
    );
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: pass }",
        "flip: []",
        &expect![[r#"
            two-services.yaml:36:13: this list is empty; expected at least one flip
               |
            36 |       flip: []
               |             ^"#]],
    );
}

#[test]
fn names_are_labels_and_unique() {
    check(
        "name: two-services",
        "name: Two Services",
        &expect![[r#"
        two-services.yaml:3:19: `Two Services` is not a name; expected lower-case letters, digits and `-`, at most 63, a letter or digit at either end
          |
        3 | metadata: { name: Two Services }
          |                   ^^^^^^^^^^^^"#]],
    );
    check(
        "name: users-b",
        "name: users-a",
        &expect![[r#"
        two-services.yaml:9:15: there is another traffic client `users-a`; expected another name
          |
        9 |     - { name: users-a, service: web-b, port: 80, rate: 10/s, connections: fresh }
          |               ^^^^^^^

        two-services.yaml:16:30: there is no traffic client `users-b`; expected `users-a`; did you mean `users-a`?
           |
        16 |       - { traffic: [users-a, users-b], that: { outcome: ok } }
           |                              ^^^^^^^

        two-services.yaml:30:30: there is no traffic client `users-b`; expected `users-a`; did you mean `users-a`?
           |
        30 |           traffic: [users-a, users-b]
           |                              ^^^^^^^

        two-services.yaml:38:48: there is no traffic client `users-b`; expected `users-a`; did you mean `users-a`?
           |
        38 |         - { id: users-back, traffic: [users-a, users-b], that: { outcome: ok }, eventually: { within: 10s, hold: 3s } }
           |                                                ^^^^^^^"#]],
    );
    check(
        "id: a-stays-ready",
        "id: pod-1-of-2",
        &expect![[r#"
        two-services.yaml:33:17: there is another expectation `pod-1-of-2`; expected another name
           |
        33 |         - { id: pod-1-of-2, pod: deploy/web, container: a, that: { ready: true }, always: {} }
           |                 ^^^^^^^^^^"#]],
    );
    check(
        "name: b recovers",
        "name: b fails readiness",
        &expect![[r#"
        two-services.yaml:35:13: there is another step `b fails readiness`; expected another name
           |
        35 |     - name: b fails readiness
           |             ^^^^^^^^^^^^^^^^^"#]],
    );
    check(
        "traffic: [users-a, users-b], that",
        "traffic: [users-a, user-b], that",
        &expect![[r#"
        two-services.yaml:16:30: there is no traffic client `user-b`; expected `users-a` or `users-b`; did you mean `users-b`?
           |
        16 |       - { traffic: [users-a, user-b], that: { outcome: ok } }
           |                              ^^^^^^"#]],
    );
}

#[test]
fn traffic_needs_ten_requests_to_mean_something() {
    check(
        "eventually: { notBefore: 3s, within: 15s, hold: 3s }",
        "eventually: { within: 15s, hold: 900ms }",
        &expect![[r#"
        two-services.yaml:30:21: `users-a` sends 9 requests in a `hold` of 900ms; expected at least 10: a longer `hold` or a higher `rate`
           |
        30 |           traffic: [users-a, users-b]
           |                     ^^^^^^^"#]],
    );
    check(
        "hold: 3s\n",
        "hold: 0s\n",
        &expect![[r#"
        two-services.yaml:16:21: `users-a` sends 0 requests in a `hold` of 0s; expected at least 10: a longer `hold` or a higher `rate`
           |
        16 |       - { traffic: [users-a, users-b], that: { outcome: ok } }
           |                     ^^^^^^^"#]],
    );
}

#[test]
fn the_steady_state_compares_with_nothing() {
    check(
        "that: { ready: 2/2 }",
        "that: { uid: unchanged }",
        &expect![[r#"
            two-services.yaml:14:41: `delta` and `unchanged` compare with a step's start, and no step has begun
               |
            14 |       - { pod: deploy/web, that: { uid: unchanged } }
               |                                         ^^^^^^^^^"#]],
    );
}

#[test]
fn a_workload_is_said_in_one_way() {
    check(
        "{ files: [deploy.yaml, svc-2.yaml] }",
        "{}",
        &expect![[r#"
            two-services.yaml:6:3: this workload is empty; expected exactly one of `files`, `kustomize` and `objects`
              |
            6 |   workload: {}      # relative to this file
              |   ^^^^^^^^"#]],
    );
    check(
        "{ files: [deploy.yaml, svc-2.yaml] }",
        "{ files: [a.yaml], kustomize: base }",
        &expect![[r#"
            two-services.yaml:6:32: this workload is given in several ways; expected exactly one of `files`, `kustomize` and `objects`
              |
            6 |   workload: { files: [a.yaml], kustomize: base }      # relative to this file
              |                                ^^^^^^^^^"#]],
    );
    check(
        "{ files: [deploy.yaml, svc-2.yaml] }",
        "{ objects: [{ kind: Pod }] }",
        &expect![[r#"
        two-services.yaml:6:25: no `apiVersion` here; expected an Experiment or a Kubernetes object
          |
        6 |   workload: { objects: [{ kind: Pod }] }      # relative to this file
          |                         ^"#]],
    );
    check(
        "{ files: [deploy.yaml, svc-2.yaml] }",
        "{ objects: [{ apiVersion: v1, kind: Pod, metadata: { name: web } }] }",
        &expect!["1 experiments, 0 manifests"],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    check(
        "to: 404 }",
        "to: 99, delay: long }",
        &expect![[r#"
            two-services.yaml:19:68: `to`: must be a status from 200 to 999, not 99
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 99, delay: long }
               |                                                                    ^^

            two-services.yaml:19:79: `delay`: must be a duration above zero such as "30s" or "1m30s", in whole milliseconds, 8760h at most, not "long"
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 99, delay: long }
               |                                                                               ^^^^"#]],
    );
}

#[test]
fn a_document_must_be_something() {
    check_text(
        "hello",
        &expect![[r#"
            two-services.yaml:1:1: `hello` cannot stand here; expected a mapping such as `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }`
              |
            1 | hello
              | ^^^^^"#]],
    );
    check_text(
        "- a\n- b\n",
        &expect![[r#"
            two-services.yaml:1:1: a list cannot stand here; expected a mapping such as `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }`
              |
            1 | - a
              | ^"#]],
    );
    check_text(
        "a: 1\n",
        &expect![[r#"
        two-services.yaml:1:1: no `apiVersion` here; expected an Experiment or a Kubernetes object
          |
        1 | a: 1
          | ^"#]],
    );
    check_text(
        "kind: Pod\napiVersion: v1\n",
        &expect![[r#"
        two-services.yaml:1:7: this Pod has no name; expected `metadata.name`
          |
        1 | kind: Pod
          |       ^^^"#]],
    );
    check_text(
        "apiVersion: probeflip.dev/v2\nkind: Experiment\n",
        &expect![[r#"
            two-services.yaml:1:13: unknown apiVersion `probeflip.dev/v2`; expected `probeflip.dev/v1alpha1`
              |
            1 | apiVersion: probeflip.dev/v2
              |             ^^^^^^^^^^^^^^^^"#]],
    );
    check(
        "v1alpha1",
        "v1beta1",
        &expect![[r#"
            two-services.yaml:1:13: unknown apiVersion `probeflip.dev/v1beta1`; expected `probeflip.dev/v1alpha1`
              |
            1 | apiVersion: probeflip.dev/v1beta1
              |             ^^^^^^^^^^^^^^^^^^^^^"#]],
    );
    check_text(
        "kind: Experimnt\n",
        &expect![[r#"
            two-services.yaml:1:1: missing field `apiVersion`; expected `probeflip.dev/v1alpha1`
              |
            1 | kind: Experimnt
              | ^

            two-services.yaml:1:7: unknown kind `Experimnt`; expected `Experiment`
              |
            1 | kind: Experimnt
              |       ^^^^^^^^^"#]],
    );
}

#[test]
fn no_text_makes_it_panic() {
    let nasty = [
        "{",
        "[",
        "\"",
        "'",
        "&a [*a]",
        "*a",
        "? : ?",
        "a: b: c",
        "\t",
        "\u{0}",
        "\u{feff}a: 1",
        "a: |\n\tb",
        "- - - -",
        "<<: 1",
        "!!binary x",
        "!<tag> {}",
        "%YAML 1.3\n---\n",
        "--- ---\n---",
        "a: !!float nan",
        "1: 2",
        "null",
        "kind: Experiment\napiVersion: é\nmetadata: é",
        "{kind: Experiment, kind: Experiment}",
        "kind: [Experiment]",
        "apiVersion: probeflip.dev/v1alpha1\nkind: Experiment\nmetadata: {name: 5}\nspec: 🔑",
    ];
    for text in nasty {
        let said = load(&source(text)).map_err(|problems| problems.to_string());
        assert!(
            said.is_ok() || said.is_err_and(|said| !said.is_empty()),
            "{text:?}"
        );
    }
    // An example cut short, and the example with one line gone.
    for (end, _) in VALID.char_indices().step_by(11) {
        said(&VALID[..end]);
    }
    for line in VALID.lines() {
        said(&VALID.replacen(line, "", 1));
    }
    assert!(load(&source(&"[".repeat(100_000))).is_err());
}

#[test]
fn a_client_that_could_not_start_is_refused() {
    check(
        "rate: 10/s",
        "timeout: 0s, rate: 10/s",
        &expect![[r#"
        two-services.yaml:8:59: `0s` is too short; expected a duration above zero
          |
        8 |     - { name: users-a, service: web-a, port: 80, timeout: 0s, rate: 10/s, connections: fresh }
          |                                                           ^^"#]],
    );
    check(
        "rate: 10/s",
        "path: /a b, rate: 10/s",
        &expect![[r#"
        two-services.yaml:8:56: `/a b` is not a path; expected a path that begins with `/` and is percent-encoded
          |
        8 |     - { name: users-a, service: web-a, port: 80, path: /a b, rate: 10/s, connections: fresh }
          |                                                        ^^^^"#]],
    );
    check(
        "rate: 10/s",
        "path: readyz, rate: 10/s",
        &expect![[r#"
        two-services.yaml:8:56: `readyz` is not a path; expected a path that begins with `/` and is percent-encoded
          |
        8 |     - { name: users-a, service: web-a, port: 80, path: readyz, rate: 10/s, connections: fresh }
          |                                                        ^^^^^^"#]],
    );
    check(
        "rate: 10/s",
        "path: '/a%20b?c=d', timeout: 1ms, rate: 10/s",
        &expect!["1 experiments, 0 manifests"],
    );
}

#[test]
fn broken_yaml_is_pointed_at() {
    check_text(
        "kind: Pod\nspec:\n\thostNetwork: true\n",
        &expect![[r#"
            two-services.yaml:3:2: tabs disallowed within this context (block indentation)
              |
            3 |     hostNetwork: true
              |     ^"#]],
    );
    check_text(
        "kind: \"Pod\nspec: {}\n",
        &expect![[r#"
            two-services.yaml:1:7: unclosed quote
              |
            1 | kind: "Pod
              |       ^"#]],
    );
    check_text(
        "kind: Pod\nspec:\n  containers: [a, b\n",
        &expect![[r#"
            two-services.yaml:3:15: unclosed bracket '['
              |
            3 |   containers: [a, b
              |               ^"#]],
    );
    check_text(
        "kind: Pod\nmetadata:\n  name: web: b\n",
        &expect![[r#"
            two-services.yaml:3:12: mapping values are not allowed in this context
              |
            3 |   name: web: b
              |            ^"#]],
    );
    check_text(
        "kind: Pod\nmetadata:\n    name: web\n  labels: {}\n",
        &expect![[r#"
            two-services.yaml:4:3: while parsing a block mapping, did not find expected key
              |
            4 |   labels: {}
              |   ^"#]],
    );
}

#[test]
fn broken_yaml_is_pointed_at_past_other_documents_and_letters() {
    check_text(
        &format!("# é\n{VALID}---\nname: é: ü\n"),
        &expect![[r#"
            two-services.yaml:41:8: mapping values are not allowed in this context
               |
            41 | name: é: ü
               |        ^"#]],
    );
    check(
        "within: 60s",
        "within: 60s: 1",
        &expect![[r#"
        two-services.yaml:11:16: mapping values are not allowed in this context
           |
        11 |     within: 60s: 1
           |                ^"#]],
    );
    for start in ["", "\u{feff}", "# é\r\n"] {
        let text = format!("{start}kind: Pod\r\nname: é: ü\r\n");
        let problem = load(&source(&text)).unwrap_err().into_vec().remove(0);
        let place = &text[problem.span.start..];
        assert_eq!(place, ": ü\r\n", "{text:?}");
    }
}
