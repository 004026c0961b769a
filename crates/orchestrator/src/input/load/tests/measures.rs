//! Measures and their marks.

use expect_test::{Expect, expect};

use super::{VALID, check_text};

/// The example with this measure.
fn check(measure: &str, expected: &Expect) {
    check_text(
        &format!("{VALID}  measure:\n    - {{ name: it, {measure} }}\n"),
        expected,
    );
}

#[test]
fn marks_are_steps_expectations_changes_and_requests() {
    for measure in [
        "from: flip, to: pod-1-of-2, atMost: 10s",
        "from: b recovers, to: users-back",
        "from: pod-1-of-2, to: both-endpoints-not-ready, atMost: 1s",
        "from: { firstFailed: users-a }, to: { recovered: users-a }",
        "from: flip, to: { change: { pod: deploy/web, container: b, that: { ready: false } } }",
        "from: { change: { endpoints: [web-a], that: { ready: false } } }, to: { lastFailed: users-b }",
    ] {
        check(measure, &expect!["1 experiments, 0 manifests"]);
    }
}

#[test]
fn a_mark_that_does_not_exist_is_refused() {
    check(
        "from: flip, to: pod-1-of-3",
        &expect![[r#"
        two-services.yaml:40:35: there is no mark `pod-1-of-3`; expected `flip`, `b fails readiness`, `b recovers`, `pod-1-of-2`, `both-endpoints-not-ready`, `all-users-refused` or `users-back`; did you mean `pod-1-of-2`?
           |
        40 |     - { name: it, from: flip, to: pod-1-of-3 }
           |                                   ^^^^^^^^^^"#]],
    );
    check(
        "from: flip, to: same-pod",
        &expect![[r#"
        two-services.yaml:40:35: `same-pod` never becomes true: its operator is `always`; expected the id of an `eventually`
           |
        40 |     - { name: it, from: flip, to: same-pod }
           |                                   ^^^^^^^^"#]],
    );
    check(
        "from: flip, to: { firstFailed: users-c }",
        &expect![[r#"
        two-services.yaml:40:50: there is no traffic client `users-c`; expected `users-a` or `users-b`; did you mean `users-a`?
           |
        40 |     - { name: it, from: flip, to: { firstFailed: users-c } }
           |                                                  ^^^^^^^"#]],
    );
    check(
        "from: flip, to: { firstFailed: users-a, recovered: users-a }",
        &expect![[r#"
            two-services.yaml:40:35: this is not one mark; expected exactly one of `change`, `firstFailed`, `lastFailed` and `recovered`
               |
            40 |     - { name: it, from: flip, to: { firstFailed: users-a, recovered: users-a } }
               |                                   ^"#]],
    );
    check(
        "from: flip, to: { change: { traffic: [users-a], that: { outcome: ok } } }",
        &expect![[r#"
            two-services.yaml:40:45: requests are no change of an object; expected `firstFailed`, `lastFailed` or `recovered` with the name of a client
               |
            40 |     - { name: it, from: flip, to: { change: { traffic: [users-a], that: { outcome: ok } } } }
               |                                             ^"#]],
    );
    check(
        "from: flip, to: { changed: {} }",
        &expect![[r#"
        two-services.yaml:40:37: unknown field `changed`; expected `change`, `firstFailed`, `lastFailed` or `recovered`; did you mean `change`?
           |
        40 |     - { name: it, from: flip, to: { changed: {} } }
           |                                     ^^^^^^^"#]],
    );
    check(
        "from: flip, atMost: 1s",
        &expect![[r#"
        two-services.yaml:40:7: missing field `to`; expected one such as `to: { recovered: users }`
           |
        40 |     - { name: it, from: flip, atMost: 1s }
           |       ^"#]],
    );
}

#[test]
fn marks_that_cannot_both_occur_in_this_order_are_refused() {
    check(
        "from: flip, to: flip",
        &expect![[r#"
        two-services.yaml:40:35: this is the mark of `from` too; expected a mark after that of `from`
           |
        40 |     - { name: it, from: flip, to: flip }
           |                                   ^^^^"#]],
    );
    check(
        "from: users-back, to: pod-1-of-2",
        &expect![[r#"
        two-services.yaml:40:41: the step of this mark ends before that of `from` begins; expected a mark after that of `from`
           |
        40 |     - { name: it, from: users-back, to: pod-1-of-2 }
           |                                         ^^^^^^^^^^"#]],
    );
    check(
        "from: b recovers, to: flip",
        &expect![[r#"
        two-services.yaml:40:41: the step of this mark ends before that of `from` begins; expected a mark after that of `from`
           |
        40 |     - { name: it, from: b recovers, to: flip }
           |                                         ^^^^"#]],
    );
    check(
        "from: users-back, to: b recovers",
        &expect![[r#"
        two-services.yaml:40:41: this step begins before the mark of `from`; expected a mark after that of `from`
           |
        40 |     - { name: it, from: users-back, to: b recovers }
           |                                         ^^^^^^^^^^"#]],
    );
    check(
        "from: { lastFailed: users-a }, to: { firstFailed: users-a }",
        &expect![[r#"
            two-services.yaml:40:54: no such request follows the mark of `from`; expected a mark after that of `from`
               |
            40 |     - { name: it, from: { lastFailed: users-a }, to: { firstFailed: users-a } }
               |                                                      ^"#]],
    );
    check(
        "from: { recovered: users-a }, to: { recovered: users-a }",
        &expect![[r#"
            two-services.yaml:40:53: no such request follows the mark of `from`; expected a mark after that of `from`
               |
            40 |     - { name: it, from: { recovered: users-a }, to: { recovered: users-a } }
               |                                                     ^"#]],
    );
}

#[test]
fn without_a_flip_there_is_no_mark_of_one() {
    let flips = "flip: { pod: deploy/web, container: b, probe: readiness, to:";
    let patched = VALID.split('\n').map(|line| {
        let place = line.find(flips);
        place.map_or(line.to_owned(), |place| {
            let patch = "patch: { object: deploy/web, merge: { spec: { replicas: 1 } } }";
            format!("{}{patch}", &line[..place])
        })
    });
    let patched: Vec<String> = patched.collect();
    check_text(
        &format!(
            "{}  measure:\n    - {{ name: it, from: flip, to: users-back }}\n",
            patched.join("\n")
        ),
        &expect![[r#"
            two-services.yaml:40:25: no step of this experiment flips; expected the name of a step
               |
            40 |     - { name: it, from: flip, to: users-back }
               |                         ^^^^"#]],
    );
}
