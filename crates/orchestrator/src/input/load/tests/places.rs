//! Where a problem is pointed at: a key, the mapping that lacks one, or a value; and what is
//! offered in place of it.

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::Value;

use super::{VALID, check, check_text, said};
use crate::input::schema;

#[test]
fn a_missing_field_is_missing_from_its_mapping() {
    let steps = VALID.find("  steps:").unwrap();
    check_text(
        &VALID[..steps],
        &expect![[r#"
        two-services.yaml:4:1: missing field `steps`; expected one such as `steps: [{ name: b fails, flip: …, expect: … }]`
          |
        4 | spec:
          | ^^^^"#]],
    );
    check(
        "that: { ready: 1/2 }\n",
        "\n",
        &expect![[r#"
        two-services.yaml:21:9: missing field `that`; expected one such as `that: { ready: 1/2 }`
           |
        21 |         - id: pod-1-of-2
           |         ^"#]],
    );
    check(
        "  steps:\n",
        "  steps:\n    - { name: c }\n",
        &expect![[r#"
            two-services.yaml:18:7: this step does nothing; expected `flip`, `patch`, `delete` or `wait`
               |
            18 |     - { name: c }
               |       ^

            two-services.yaml:18:7: missing field `expect`; expected one such as `expect: [{ id: one-of-two, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }]`
               |
            18 |     - { name: c }
               |       ^"#]],
    );
    check(
        "metadata: { name: two-services }",
        "metadata: {}",
        &expect![[r#"
            two-services.yaml:3:11: missing field `name`; expected one such as `name: b-fails`
              |
            3 | metadata: {}
              |           ^"#]],
    );
    check(
        "metadata: { name: two-services }\n",
        "",
        &expect![[r#"
        two-services.yaml:1:1: missing field `metadata`; expected one such as `metadata: { name: b-fails }`
          |
        1 | apiVersion: probeflip.dev/v1alpha1
          | ^"#]],
    );
    check(
        "pod: deploy/web, container: b, probe: readiness, to: 404",
        "container: b",
        &expect![[r#"
            two-services.yaml:19:13: missing field `pod`; expected one such as `pod: deploy/web`
               |
            19 |       flip: { container: b }
               |             ^"#]],
    );
    let require = VALID.find("    require:").unwrap();
    let text = format!("{}{}", &VALID[..require], &VALID[steps..]);
    check_text(
        &text,
        &expect![[r#"
            two-services.yaml:10:3: missing field `require`; expected one such as `require: [{ pod: deploy/web, that: { ready: 2/2 } }]`
               |
            10 |   steadyState:
               |   ^^^^^^^^^^^"#]],
    );
    check_text(
        "kind: Experiment\nspec: {}\n",
        &expect![[r#"
        two-services.yaml:1:1: missing field `apiVersion`; expected `probeflip.dev/v1alpha1`
          |
        1 | kind: Experiment
          | ^"#]],
    );
}

#[test]
fn a_wrong_type_is_wrong_at_the_value() {
    check(
        "metadata: { name: two-services }",
        "metadata: two-services",
        &expect![[r#"
            two-services.yaml:3:11: `two-services` cannot stand here; expected a mapping such as `{ name: b-fails }`
              |
            3 | metadata: two-services
              |           ^^^^^^^^^^^^"#]],
    );
    check(
        "that: { ready: 2/2 }",
        "that: ready",
        &expect![[r#"
        two-services.yaml:14:34: `ready` cannot stand here; expected a mapping such as `{ ready: 1/2 }`
           |
        14 |       - { pod: deploy/web, that: ready }
           |                                  ^^^^^"#]],
    );
    check(
        "that: { outcome: refused }",
        "that: [refused]",
        &expect![[r#"
            two-services.yaml:31:17: a list cannot stand here; expected a mapping such as `{ ready: 1/2 }`
               |
            31 |           that: [refused]
               |                 ^"#]],
    );
    check(
        "{ notBefore: 3s, within: 10s, hold: 3s }",
        "10s",
        &expect![[r#"
            two-services.yaml:24:23: `10s` cannot stand here; expected a mapping such as `{ within: 10s, hold: 3s }`
               |
            24 |           eventually: 10s
               |                       ^^^"#]],
    );
    check(
        "    require:",
        "    require: all\n    ignored:",
        &expect![[r#"
            two-services.yaml:13:14: `all` cannot stand here; expected a list such as `[{ pod: deploy/web, that: { ready: 2/2 } }]`
               |
            13 |     require: all
               |              ^^^"#]],
    );
    check(
        "endpoints: [web-a, web-b], that",
        "endpoints: web-a, that",
        &expect![[r#"
            two-services.yaml:15:22: `web-a` cannot stand here; expected a list such as `[web]`
               |
            15 |       - { endpoints: web-a, that: { ready: true } }
               |                      ^^^^^"#]],
    );
    check(
        "pod: deploy/web, that: { ready: 2/2 }",
        "pod: { deploy: web }, that: { ready: 2/2 }",
        &expect![[r#"
            two-services.yaml:14:16: a mapping cannot stand here; expected a word or a number such as `deploy/web`
               |
            14 |       - { pod: { deploy: web }, that: { ready: 2/2 } }
               |                ^"#]],
    );
    check(
        "- id: pod-1-of-2",
        "- id:\n            name: pod-1-of-2",
        &expect![[r#"
            two-services.yaml:22:13: a mapping cannot stand here; expected a word or a number such as `one-of-two`
               |
            22 |             name: pod-1-of-2
               |             ^"#]],
    );
    check(
        "endpoints: [web-a, web-b], that",
        "endpoints: [[web-a], web-b], that",
        &expect![[r#"
            two-services.yaml:15:23: a list cannot stand here; expected a word or a number such as `web`
               |
            15 |       - { endpoints: [[web-a], web-b], that: { ready: true } }
               |                       ^"#]],
    );
    check(
        "probe: readiness, to: 404",
        "process: [exit]",
        &expect![[r#"
            two-services.yaml:19:55: a list cannot stand here; expected a word, or a mapping such as `{ fault: exit, code: 3 }`
               |
            19 |       flip: { pod: deploy/web, container: b, process: [exit] }
               |                                                       ^"#]],
    );
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        "patch: { object: deploy/web, merge: 3 }",
        &expect![[r#"
            two-services.yaml:19:43: this is no patch; expected a mapping such as `{ spec: { replicas: 2 } }`
               |
            19 |       patch: { object: deploy/web, merge: 3 }
               |                                           ^"#]],
    );
}

#[test]
fn a_key_without_a_value_is_seen_by_its_key() {
    let workload = "workload: { files: [deploy.yaml, svc-2.yaml] }";
    check(
        workload,
        "workload:",
        &expect![[r#"
            two-services.yaml:6:3: `workload` has no value; expected a mapping such as `{ files: [deploy.yaml, service.yaml] }`
              |
            6 |   workload:      # relative to this file
              |   ^^^^^^^^"#]],
    );
    check(
        "- name: b recovers",
        "- name:",
        &expect![[r#"
            two-services.yaml:35:7: `name` has no value; expected a word or a number such as `b fails`
               |
            35 |     - name:
               |       ^^^^"#]],
    );
    check(
        "that: { ready: 2/2 }",
        "that: ",
        &expect![[r#"
            two-services.yaml:14:28: `that` has no value; expected a mapping such as `{ ready: 1/2 }`
               |
            14 |       - { pod: deploy/web, that:  }
               |                            ^^^^"#]],
    );
    check(
        "ready: true }, always: {} }",
        "ready: true }, always: }",
        &expect![[r#"
            two-services.yaml:33:11: `a-stays-ready` has no temporal operator; expected exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`
               |
            33 |         - { id: a-stays-ready, pod: deploy/web, container: a, that: { ready: true }, always: }
               |           ^"#]],
    );
    // A key without a value elsewhere changes no other place.
    check(
        "description: b",
        "description: #",
        &expect!["1 experiments, 0 manifests"],
    );
    let text = VALID.replacen("    within: 60s", "    within:", 1);
    check_text(
        &text.replacen("that: { ready: 2/2 }", "that: { replicas: 1 }", 1),
        &expect![[r#"
            two-services.yaml:14:36: `replicas` says nothing of a Pod; expected `ready`, `restarts`, `uid`, `ip` or `conditions`
               |
            14 |       - { pod: deploy/web, that: { replicas: 1 } }
               |                                    ^^^^^^^^"#]],
    );
    check(
        "to: 404 }",
        "to: 404, shared: maybe }",
        &expect![[r#"
        two-services.yaml:19:81: `maybe` cannot stand here; expected `true` or `false`
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, shared: maybe }
           |                                                                                 ^^^^^"#]],
    );
}

#[test]
fn a_field_that_does_not_belong_there_is_pointed_at_by_its_name() {
    check(
        "that: { ready: 2/2 }",
        "that: { replicas: 1 }",
        &expect![[r#"
            two-services.yaml:14:36: `replicas` says nothing of a Pod; expected `ready`, `restarts`, `uid`, `ip` or `conditions`
               |
            14 |       - { pod: deploy/web, that: { replicas: 1 } }
               |                                    ^^^^^^^^"#]],
    );
    check(
        "- { pod: deploy/web, that: { ready: 2/2 } }",
        "- pod: deploy/web\n        that:\n          replicas: 1",
        &expect![[r#"
            two-services.yaml:16:11: `replicas` says nothing of a Pod; expected `ready`, `restarts`, `uid`, `ip` or `conditions`
               |
            16 |           replicas: 1
               |           ^^^^^^^^"#]],
    );
    check(
        "to: 404",
        "to: hang, every: 10s",
        &expect![[r#"
        two-services.yaml:19:74: `every`: opens again what `for`, `count` or `sequence` has closed; one of them must be given
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: hang, every: 10s }
           |                                                                          ^^^^^"#]],
    );
    check(
        "to: 404",
        "to: 404, seed: 3",
        &expect![[r#"
        two-services.yaml:19:73: `seed`: means nothing without `probability`
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, seed: 3 }
           |                                                                         ^^^^"#]],
    );
    check(
        "      flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        "      patch: { object: deploy/web, merge: {} }\n      flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        &expect![[r#"
            two-services.yaml:20:7: this step does several things; expected one of `flip`, `patch`, `delete` or `wait`
               |
            20 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
               |       ^^^^"#]],
    );
}

#[test]
fn places_are_right_in_a_later_document_and_behind_an_alias() {
    let second = VALID.replace("that: { ready: 2/2 }", "that: { replicas: 1 }");
    check_text(
        &format!("# é\n{VALID}---\n{second}"),
        &expect![[r#"
        two-services.yaml:54:36: `replicas` says nothing of a Pod; expected `ready`, `restarts`, `uid`, `ip` or `conditions`
           |
        54 |       - { pod: deploy/web, that: { replicas: 1 } }
           |                                    ^^^^^^^^"#]],
    );
    check(
        "that: { outcome: ok } }",
        "that: &that { outcome: ok } }\n      - { pod: deploy/web, that: *that }",
        &expect![[r#"
            two-services.yaml:17:28: `outcome` says nothing of a Pod; expected `ready`, `restarts`, `uid`, `ip` or `conditions`
               |
            17 |       - { pod: deploy/web, that: *that }
               |                            ^^^^"#]],
    );
}

/// Every field list that a message offers, against what is accepted.
#[test]
fn the_fields_that_are_offered_are_those_of_the_schema() {
    let offered = |from: &str, to: &str| {
        let text = VALID.replacen(from, to, 1);
        assert_ne!(text, VALID);
        let message = said(&text);
        let (_, list) = message
            .split_once("unknown field `zzzzzz`; expected ")
            .unwrap();
        let list = list.lines().next().unwrap().to_owned();
        let names: BTreeSet<String> = list
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        names
    };
    let check = |from: &str, to: &str, path: &str| {
        let fields: BTreeSet<String> = schema::fields_at(path).into_iter().collect();
        assert!(!fields.is_empty(), "{path}");
        assert_eq!(offered(from, to), fields, "{path}");
    };
    check("spec:\n", "zzzzzz: 1\nspec:\n", "");
    check("{ name: two", "{ zzzzzz: 1, name: two", "metadata");
    check("spec:\n", "spec:\n  zzzzzz: 1\n", "spec");
    check("{ files", "{ zzzzzz: 1, files", "spec.workload");
    check(
        "{ name: users-a",
        "{ zzzzzz: 1, name: users-a",
        "spec.traffic[]",
    );
    check("hold: 3s\n", "zzzzzz: 3s\n", "spec.steadyState");
    check(
        "- { pod",
        "- { zzzzzz: 1, pod",
        "spec.steadyState.require[]",
    );
    check(
        "that: { ready: 2/2 }",
        "that: { zzzzzz: 2/2 }",
        "spec.steadyState.require[].that",
    );
    check(
        "- name: b fails",
        "- zzzzzz: 1\n      name: b fails",
        "spec.steps[]",
    );
    check("flip: { pod", "flip: { zzzzzz: 1, pod", "spec.steps[].flip");
    check(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        "patch: { zzzzzz: 1 }",
        "spec.steps[].patch",
    );
    check(
        "- id: pod-1",
        "- zzzzzz: 1\n          id: pod-1",
        "spec.steps[].expect[]",
    );
    check(
        "eventually: { notBefore",
        "eventually: { zzzzzz: 1, notBefore",
        "spec.steps[].expect[].eventually",
    );
    check(
        "always: {}",
        "always: { zzzzzz: 1 }",
        "spec.steps[].expect[].always",
    );
    check(
        "{ delta: 0 }",
        "{ zzzzzz: 0 }",
        "spec.steps[].expect[].that.restarts",
    );
}

/// The conditions that a message offers for a subject are those that it takes.
#[test]
fn the_conditions_that_are_offered_are_those_that_are_taken() {
    let conditions = schema::fields_at("spec.steps[].expect[].that");
    let subjects = [
        "pod: deploy/web",
        "pod: deploy/web, container: a",
        "endpoints: [web]",
        "deployment: web",
        "traffic: [users-a]",
    ];
    for subject in subjects {
        let about = |condition: &str| {
            let from = "{ pod: deploy/web, that: { ready: 2/2 } }";
            said(&VALID.replacen(
                from,
                &format!("{{ {subject}, that: {{ {condition} }} }}"),
                1,
            ))
        };
        let nothing = about("");
        let (_, offered) = nothing
            .split_once("this claim says nothing; expected ")
            .unwrap();
        let offered = offered.lines().next().unwrap();
        for condition in &conditions {
            let taken = !about(&format!("{condition}: {}", value_of(condition)))
                .contains("says nothing of");
            assert_eq!(
                offered.contains(&format!("`{condition}`")),
                taken,
                "{subject}: {condition}"
            );
        }
    }
}

/// A value of the right type.
fn value_of(condition: &str) -> Value {
    match condition {
        "conditions" => serde_json::json!({ "Ready": true }),
        "failed" => serde_json::json!({ "atMost": 1 }),
        "longestFailure" => serde_json::json!({ "atMost": "1s" }),
        _ => 1.into(),
    }
}
