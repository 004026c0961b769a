//! Kubernetes objects in an experiment and in a file: one dialect.

use serde_json::{Value, json};

use super::*;

const SPEC: &str =
    "{ replicas: 0b11, paused: Off, minReadySeconds: 010, revisionHistoryLimit: 09 }";

fn experiment(text: &str) -> Experiment {
    load(&source(text)).unwrap().experiments.remove(0)
}

/// The example with a Deployment written in it.
fn with_object(object: &str) -> String {
    let workload = "{ files: [deploy.yaml, svc-2.yaml] }";
    assert!(VALID.contains(workload));
    VALID.replacen(workload, &format!("{{ objects: [{object}] }}"), 1)
}

fn inline_object(object: &str) -> Value {
    let experiment = experiment(&with_object(object));
    let Workload::Objects(objects) = &experiment.workload else {
        panic!("{:?}", experiment.workload)
    };
    let [manifest] = inline(&experiment.source, objects)
        .unwrap()
        .try_into()
        .unwrap();
    manifest.object
}

#[test]
fn files_objects_and_patches_are_in_kubectls_dialect() {
    let expected =
        json!({"replicas": 3, "paused": false, "minReadySeconds": 8, "revisionHistoryLimit": 9});
    let object = format!(
        "{{ apiVersion: apps/v1, kind: Deployment, metadata: {{ name: y-1 }}, spec: {SPEC} }}"
    );
    let file = load(&source(&object)).unwrap().manifests.remove(0);
    assert_eq!(file.object["spec"], expected);
    assert_eq!(inline_object(&object), file.object);

    let flip = "flip: { pod: deploy/web, container: b, probe: readiness, to: pass }";
    assert!(VALID.contains(flip));
    let patch = format!("patch: {{ object: deploy/web, merge: {{ spec: {SPEC} }} }}");
    let patched = experiment(&VALID.replacen(flip, &patch, 1));
    let Action::Patch(patch) = &patched.steps[1].action else {
        panic!("{:?}", patched.steps[1].action)
    };
    assert_eq!(patch.merge, json!({ "spec": expected }));
}

#[test]
fn the_experiments_own_fields_keep_their_dialect() {
    check(
        "to: pass }",
        "to: pass, shared: yes }",
        &expect![[r#"
        two-services.yaml:36:82: `yes` cannot stand here; expected `true` or `false`
           |
        36 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pass, shared: yes }
           |                                                                                  ^^^"#]],
    );
    check(
        "name: users-a,",
        "name: no,",
        &expect![[r#"
            two-services.yaml:16:21: there is no traffic client `users-a`; expected `no` or `users-b`; did you mean `users-b`?
               |
            16 |       - { traffic: [users-a, users-b], that: { outcome: ok } }
               |                     ^^^^^^^

            two-services.yaml:30:21: there is no traffic client `users-a`; expected `no` or `users-b`; did you mean `users-b`?
               |
            30 |           traffic: [users-a, users-b]
               |                     ^^^^^^^

            two-services.yaml:38:39: there is no traffic client `users-a`; expected `no` or `users-b`; did you mean `users-b`?
               |
            38 |         - { id: users-back, traffic: [users-a, users-b], that: { outcome: ok }, eventually: { within: 10s, hold: 3s } }
               |                                       ^^^^^^^"#]],
    );
}

#[test]
fn a_number_too_large_for_a_float_is_text_in_an_object_and_refused_elsewhere() {
    let object = "{ apiVersion: v1, kind: ConfigMap, metadata: { name: y-1 }, data: { c: 31e7777, d: [1e999] } }";
    let expected = json!({"c": "31e7777", "d": ["1e999"]});
    assert_eq!(
        load(&source(object)).unwrap().manifests[0].object["data"],
        expected
    );
    assert_eq!(inline_object(object)["data"], expected);
    check(
        "to: pass }",
        "to: 31e7777 }",
        &expect![[r#"
            two-services.yaml:36:68: this number is not finite; quote it to make it text
               |
            36 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 31e7777 }
               |                                                                    ^^^^^^^"#]],
    );
}

#[test]
fn what_does_not_fit_in_an_object_is_pointed_at() {
    let text = with_object(
        "{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web }, spec: { ~: 1 } }",
    );
    check_text(
        &text,
        &expect![[r#"
            two-services.yaml:6:99: `~` cannot be a key; expected text; quote it
              |
            6 |   workload: { objects: [{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web }, spec: { ~: 1 } }] }      # relative to this...
              |                                                                                                   ^"#]],
    );
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: { nam: a }\n";
    check_text(
        list,
        &expect![[r#"
            two-services.yaml:4:3: this Pod has no name; expected `metadata.name`
              |
            4 | - apiVersion: v1
              |   ^"#]],
    );
}
