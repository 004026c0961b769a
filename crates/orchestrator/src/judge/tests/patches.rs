//! Conditions about a patched object: unknown until its status is of the patched generation.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{ScriptedTimeline, check_patched as check};

fn status(observed: i64, updated: i32) -> Value {
    json!({ "observedGeneration": observed, "replicas": 1, "updatedReplicas": updated, "readyReplicas": 1, "availableReplicas": 1 })
}

/// Generation 1 is settled; a patch of 10 s, answered 20 ms later, makes it 2.
fn patched() -> ScriptedTimeline {
    let script = ScriptedTimeline::new().deployment(1, &status(1, 1));
    script.steady().begun(0, 10_000).patched(0, 20, Some(2))
}

fn after(script: ScriptedTimeline, ms: u64) -> ScriptedTimeline {
    script.at(10_020 + ms)
}

const ROLLED: &str = "deployment: web, that: { updated: 1, ready: 1 }";

fn eventually(script: ScriptedTimeline, expected: &Expect) {
    check(
        &format!("{ROLLED}, eventually: {{ within: 10s }}"),
        after(script, 10_001).end(0),
        expected,
    );
}

#[test]
fn a_status_of_an_earlier_generation_makes_nothing_true() {
    // The watch is late: for 80 ms it shows the object as it was, then the new one with the old
    // status.
    let late = after(patched(), 80).deployment(2, &status(1, 1));
    let fresh = after(late, 100).deployment(2, &status(2, 0));
    eventually(
        after(fresh, 4_000).deployment(2, &status(2, 1)),
        &expect![
            "pass at 4.000: web updated 1 · ready 1 until 0.080 s, then updated 1 · ready 1 · status not of this generation until 0.100 s, then updated 0 · ready 1 until 4.000 s, then updated 1 · ready 1"
        ],
    );
    eventually(
        patched(),
        &expect!["fail: not true in time: web updated 1 · ready 1"],
    );
    // True from the first status that counts on.
    eventually(
        after(patched(), 90).deployment(2, &status(2, 1)),
        &expect!["pass at 0.090: web updated 1 · ready 1"],
    );
    // A status that the patch's answer overtook counts for what it shows at that time.
    let quick = ScriptedTimeline::new()
        .deployment(1, &status(1, 0))
        .steady();
    let quick = quick
        .begun(0, 10_000)
        .at(10_010)
        .deployment(2, &status(2, 1));
    eventually(
        quick.patched(0, 10, Some(2)),
        &expect!["pass at 0.000: web updated 0 · ready 1 until 0.000 s, then updated 1 · ready 1"],
    );
}

#[test]
fn an_outdated_status_is_not_true_too_early() {
    let fresh = after(patched(), 100).deployment(2, &status(2, 0));
    check(
        &format!("{ROLLED}, eventually: {{ notBefore: 3s, within: 10s }}"),
        after(after(fresh, 4_000).deployment(2, &status(2, 1)), 4_000).end(0),
        &expect![
            "pass at 4.000: web updated 1 · ready 1 until 0.100 s, then updated 0 · ready 1 until 4.000 s, then updated 1 · ready 1"
        ],
    );
}

#[test]
fn always_and_never_skip_what_is_unknown() {
    let lasting = |operator: &str, script: ScriptedTimeline, expected: &Expect| {
        check(&format!("{ROLLED}, {operator}"), script, expected);
    };
    let late = || after(patched(), 80).deployment(2, &status(1, 0));
    let fresh = |updated| after(late(), 100).deployment(2, &status(2, updated));
    lasting(
        "always: { for: 5s }",
        after(fresh(1), 5_000).end(0),
        &expect![
            "pass: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation until 0.100 s, then updated 1 · ready 1"
        ],
    );
    lasting(
        "always: { for: 5s }",
        after(fresh(0), 5_000).end(0),
        &expect![
            "fail at 0.100: not true all the time: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation until 0.100 s, then updated 0 · ready 1"
        ],
    );
    lasting(
        "never: { for: 5s }",
        after(fresh(0), 5_000).end(0),
        &expect![
            "pass: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation until 0.100 s, then updated 0 · ready 1"
        ],
    );
    lasting(
        "never: { for: 5s }",
        after(fresh(1), 5_000).end(0),
        &expect![
            "fail at 0.100: true, and should never have been: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation until 0.100 s, then updated 1 · ready 1"
        ],
    );
    // Nothing was known at all.
    lasting(
        "always: { for: 5s }",
        after(late(), 5_000).end(0),
        &expect![
            "inconclusive: the status was never of the patched generation: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation"
        ],
    );
    lasting(
        "never: { for: 5s }",
        after(late(), 5_000).end(0),
        &expect![
            "inconclusive: the status was never of the patched generation: web updated 1 · ready 1 until 0.080 s, then updated 0 · ready 1 · status not of this generation"
        ],
    );
}

#[test]
fn a_patch_that_changes_no_spec_leaves_the_status_as_good_as_it_is() {
    let same = ScriptedTimeline::new()
        .deployment(1, &status(1, 1))
        .steady();
    eventually(
        same.begun(0, 10_000).patched(0, 20, Some(1)),
        &expect!["pass at 0.000: already true when its time began: web updated 1 · ready 1"],
    );
}

#[test]
fn what_is_not_recorded_is_judged_as_before() {
    let before = || {
        ScriptedTimeline::new()
            .deployment(1, &status(1, 1))
            .steady()
    };
    // A timeline that does not name the generation, and a status that names none.
    eventually(
        before().step_taking(0, 10_000, 20),
        &expect!["pass at 0.000: already true when its time began: web updated 1 · ready 1"],
    );
    eventually(
        before().begun(0, 10_000).patched(0, 20, None),
        &expect!["pass at 0.000: already true when its time began: web updated 1 · ready 1"],
    );
}

#[test]
fn other_objects_are_not_the_patched_one() {
    check(
        "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 10s }",
        after(patched(), 10_001).end(0),
        &expect!["pass at 0.000: already true when its time began: web-1 ready 2/2"],
    );
}

#[test]
fn a_watch_gap_may_hide_the_first_status_that_counts() {
    let seen = after(patched(), 9_000).deployment(2, &status(2, 1));
    check(
        &format!("{ROLLED}, eventually: {{ within: 5s }}"),
        seen.gap("Deployment", 10_050).end(0),
        &expect![
            "inconclusive: the watch was down from 10.050 s to 19.020 s of the timeline: web updated 1 · ready 1"
        ],
    );
}
