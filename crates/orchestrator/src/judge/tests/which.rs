//! Conditions about the Pods that the step flips, and about the others; ranges of numbers.

use expect_test::{Expect, expect};

use super::{ScriptedTimeline, check, said, with_steps};

/// Judges an expectation of a step that flips one Pod.
fn check_one(expect: &str, script: ScriptedTimeline, expected: &Expect) {
    let flip = "{ pod: deploy/web, pods: 1, container: b, probe: readiness, to: 404 }";
    let experiment = with_steps(&format!(
        "    - {{ name: one, flip: {flip}, expect: [{{ id: it, {expect} }}] }}\n"
    ));
    expected.assert_eq(&said(&experiment, script));
}

const FLIPPED: &str =
    "pod: deploy/web, which: flipped, that: { ready: 1/2 }, eventually: { within: 10s }";
const OTHERS: &str = "pod: deploy/web, which: others, that: { ready: 2/2 }, always: { for: 3s }";

#[test]
fn only_the_selected_pods_count() {
    let script = || {
        ScriptedTimeline::in_step_of_two()
            .after(2_000)
            .ready(true, false)
    };
    check_one(
        FLIPPED,
        script().after(3_000).end(0),
        &expect!["pass at 2.000: web-1 ready 2/2 until 2.000 s, then ready 1/2"],
    );
    check_one(
        OTHERS,
        script().after(3_000).end(0),
        &expect!["pass: web-0 ready 2/2"],
    );
    let failed = script().after(2_500).other_ready(false);
    check_one(
        OTHERS,
        failed.after(3_000).end(0),
        &expect![
            "fail at 2.500: not true all the time: web-0 ready 2/2 until 2.500 s, then ready 0/2"
        ],
    );
}

#[test]
fn a_step_that_flips_all_pods_leaves_no_other() {
    let script = || {
        ScriptedTimeline::in_step_of_one()
            .after(2_000)
            .ready(true, false)
    };
    check_one(
        FLIPPED,
        script().after(3_000).end(0),
        &expect!["pass at 2.000: web-1 ready 2/2 until 2.000 s, then ready 1/2"],
    );
    check_one(
        OTHERS,
        script().after(3_000).end(0),
        &expect!["fail at 0.000: not true all the time: no other Pod of deploy/web"],
    );
}

#[test]
fn never_says_nothing_of_pods_that_were_deleted_before() {
    let never = "pod: deploy/web, that: { ready: 1/2 }, never: { for: 3s }";
    let gone_at = |at: u64| {
        let script = ScriptedTimeline::new().at(5_000).steady();
        let replaced = |script: ScriptedTimeline, now: u64| {
            if now == at {
                script.at(at).replaced()
            } else {
                script
            }
        };
        let script = replaced(script, 8_000).step(0, 10_000);
        replaced(script, 11_000).at(14_000).end(0)
    };
    check(
        never,
        gone_at(8_000),
        &expect!["inconclusive: the selected Pods had been deleted before: web-1 deleted"],
    );
    check(
        never,
        gone_at(11_000),
        &expect!["pass: web-1 ready 2/2 until 1.000 s, then deleted"],
    );
}

#[test]
fn numbers_may_have_a_least_and_a_greatest() {
    let restarts = |range: &str, number: i64| {
        let claim =
            format!("pod: deploy/web, that: {{ restarts: {range} }}, eventually: {{ within: 5s }}");
        (
            claim,
            ScriptedTimeline::in_step()
                .after(1_000)
                .restarts(number)
                .after(5_001)
                .end(0),
        )
    };
    let (claim, script) = restarts("{ atLeast: 2 }", 2);
    check(
        &claim,
        script,
        &expect!["pass at 1.000: web-1 0 restarts until 1.000 s, then 2 restarts"],
    );
    let (claim, script) = restarts("{ delta: { atLeast: 1, atMost: 2 } }", 3);
    check(
        &claim,
        script,
        &expect!["fail: not true in time: web-1 0 restarts until 1.000 s, then 3 restarts"],
    );
}
