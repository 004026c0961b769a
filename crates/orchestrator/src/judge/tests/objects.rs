//! Claims about objects, under each operator.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

use expect_test::expect;
use serde_json::json;

use super::{ScriptedTimeline, check};

#[test]
fn eventually_becomes_true_and_stays() {
    let claim = "pod: deploy/web, that: { ready: 1/2 }, eventually: { notBefore: 3s, within: 10s, hold: 3s }";
    let flipped = |at| ScriptedTimeline::in_step().after(at).ready(true, false);
    check(
        claim,
        flipped(5_104).after(8_104).end(0),
        &expect!["pass at 5.104: web-1 ready 2/2 until 5.104 s, then ready 1/2"],
    );
    // It holds until after `within`.
    check(
        claim,
        flipped(10_000).after(13_000).end(0),
        &expect!["pass at 10.000: web-1 ready 2/2 until 10.000 s, then ready 1/2"],
    );
    // Too late, by a millisecond.
    check(
        claim,
        flipped(10_001).after(13_001).end(0),
        &expect!["fail: not true in time: web-1 ready 2/2 until 10.001 s, then ready 1/2"],
    );
    // Too early, by a millisecond.
    check(
        claim,
        flipped(2_999).after(8_000).end(0),
        &expect![
            "fail: true 0.001 s before the earliest time allowed: web-1 ready 2/2 until 2.999 s, then ready 1/2"
        ],
    );
    check(
        claim,
        flipped(3_000).after(6_000).end(0),
        &expect!["pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2"],
    );
    // Never at all.
    check(
        claim,
        ScriptedTimeline::in_step().after(10_001).end(0),
        &expect!["fail: not true in time: web-1 ready 2/2"],
    );
    // Broken off, and again.
    check(
        claim,
        flipped(4_000)
            .after(6_999)
            .ready(true, true)
            .after(10_001)
            .end(0),
        &expect![
            "fail: not true in time: web-1 ready 2/2 until 4.000 s, then ready 1/2 until 6.999 s, then ready 2/2"
        ],
    );
    check(
        claim,
        flipped(4_000)
            .after(5_000)
            .ready(true, true)
            .after(6_000)
            .ready(true, false)
            .after(9_000)
            .end(0),
        &expect![
            "pass at 6.000: web-1 ready 2/2 until 4.000 s, then ready 1/2 until 5.000 s, then ready 2/2 until 6.000 s, then ready 1/2"
        ],
    );
    // The hold ends with the step's record, not before.
    check(
        claim,
        flipped(5_000).after(7_999).end(0),
        &expect![
            "inconclusive: the record ends before this is decided: web-1 ready 2/2 until 5.000 s, then ready 1/2"
        ],
    );
}

#[test]
fn eventually_may_be_true_from_the_start() {
    check(
        "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 5s }",
        ScriptedTimeline::in_step().end(0),
        &expect!["pass at 0.000: already true when its time began: web-1 ready 2/2"],
    );
    check(
        "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 5s, hold: 2s }",
        ScriptedTimeline::in_step()
            .after(1_000)
            .ready(false, true)
            .after(3_000)
            .ready(true, true)
            .after(5_000)
            .end(0),
        &expect![
            "pass at 3.000: web-1 ready 2/2 until 1.000 s, then ready 1/2 until 3.000 s, then ready 2/2"
        ],
    );
}

#[test]
fn lower_bounds_count_from_the_sending_and_upper_ones_from_the_acknowledgement() {
    let claim = "pod: deploy/web, that: { ready: 1/2 }, eventually: { notBefore: 3s, within: 5s }";
    let slow = || {
        ScriptedTimeline::new()
            .at(9_000)
            .step_taking(0, 10_000, 1_000)
    };
    // 3.5 s after the sending is 2.5 s after the acknowledgement.
    check(
        claim,
        slow().at(13_500).ready(true, false).end(0),
        &expect!["pass at 2.500: web-1 ready 2/2 until 2.500 s, then ready 1/2"],
    );
    check(
        claim,
        slow().at(16_000).ready(true, false).end(0),
        &expect!["pass at 5.000: web-1 ready 2/2 until 5.000 s, then ready 1/2"],
    );
    check(
        claim,
        slow().at(12_900).ready(true, false).end(0),
        &expect![
            "fail: true 0.100 s before the earliest time allowed: web-1 ready 2/2 until 1.900 s, then ready 1/2"
        ],
    );
}

#[test]
fn always_sees_the_shortest_breach() {
    let claim = "pod: deploy/web, that: { ready: 2/2 }, always: { for: 5s }";
    check(
        claim,
        ScriptedTimeline::in_step().after(5_000).end(0),
        &expect!["pass: web-1 ready 2/2"],
    );
    check(
        claim,
        ScriptedTimeline::in_step()
            .after(2_000)
            .ready(true, false)
            .ready(true, true)
            .after(5_000)
            .end(0),
        &expect![
            "fail at 2.000: not true all the time: web-1 ready 2/2 until 2.000 s, then ready 1/2 until 2.000 s, then ready 2/2"
        ],
    );
    check(
        claim,
        ScriptedTimeline::in_step()
            .after(5_000)
            .ready(true, false)
            .end(0),
        &expect!["pass: web-1 ready 2/2 until 5.000 s, then ready 1/2"],
    );
    check(
        claim,
        ScriptedTimeline::in_step().after(4_999).end(0),
        &expect!["inconclusive: the record ends before this is decided: web-1 ready 2/2"],
    );
    let open = "pod: deploy/web, that: { ready: 2/2 }, always: {} }, { id: end, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 1s }";
    check(
        open,
        ScriptedTimeline::in_step()
            .after(3_000)
            .ready(false, true)
            .after(4_000)
            .end(0),
        &expect![[r#"
        fail at 3.000: not true all the time: web-1 ready 2/2 until 3.000 s, then ready 1/2
        pass at 0.000: already true when its time began: web-1 ready 2/2 until 3.000 s, then ready 1/2"#]],
    );
}

#[test]
fn never_is_the_opposite() {
    let claim = "endpoints: [web-a, web-b], that: { ready: false }, never: { for: 5s }";
    let ready = |ready| [("10.0.0.1", ready)];
    let both = ScriptedTimeline::new()
        .endpoints("web-a", &ready(true))
        .endpoints("web-b", &ready(true))
        .step(0, 10_000);
    check(
        claim,
        both.after(1_000)
            .endpoints("web-a", &ready(false))
            .after(2_000)
            .endpoints("web-b", &ready(false))
            .after(5_000)
            .end(0),
        &expect![
            "fail at 2.000: true, and should never have been: web-a ready 1/1, web-b ready 1/1 until 1.000 s, then web-a ready 0/1, web-b ready 1/1 until 2.000 s, then web-a ready 0/1, web-b ready 0/1"
        ],
    );
}

#[test]
fn observe_decides_nothing() {
    check(
        "pod: deploy/web, that: { ready: 1/2 }, observe: { for: 5s }",
        ScriptedTimeline::in_step()
            .after(1_000)
            .ready(true, false)
            .after(2_000)
            .ready(true, true)
            .after(5_000)
            .end(0),
        &expect![
            "pass: web-1 ready 2/2 until 1.000 s, then ready 1/2 until 2.000 s, then ready 2/2"
        ],
    );
    check(
        "pod: deploy/web, that: { ready: 1/2 }, observe: { for: 5s }",
        ScriptedTimeline::in_step().after(1_000).ready(true, false),
        &expect!["pass: web-1 ready 2/2 until 1.000 s, then ready 1/2"],
    );
}

#[test]
fn comparisons_are_with_the_steps_start() {
    let claim = "pod: deploy/web, container: b, that: { restarts: { delta: 1 } }, eventually: { within: 5s }";
    let restarted = ScriptedTimeline::new().restarts(3).step(0, 10_000);
    check(
        claim,
        restarted.after(1_000).restarts(4).end(0),
        &expect!["pass at 1.000: web-1/b 0 restarts until 1.000 s, then 1 restart"],
    );
    check(
        claim,
        ScriptedTimeline::new()
            .restarts(3)
            .step(0, 10_000)
            .after(5_001)
            .end(0),
        &expect!["fail: not true in time: web-1/b 0 restarts"],
    );
    let same = "pod: deploy/web, that: { uid: unchanged, ip: unchanged }, always: { for: 5s }";
    check(
        same,
        ScriptedTimeline::in_step()
            .after(1_000)
            .ip("10.0.0.9")
            .after(5_000)
            .end(0),
        &expect![
            "fail at 1.000: not true all the time: web-1 same UID · IP 10.0.0.1 until 1.000 s, then same UID · IP 10.0.0.9"
        ],
    );
    check(
        "endpoints: [web-a], that: { addresses: unchanged }, always: { for: 5s }",
        ScriptedTimeline::new()
            .endpoints("web-a", &[("10.0.0.1", true)])
            .step(0, 10_000)
            .after(1_000)
            .endpoints("web-a", &[("10.0.0.1", false)])
            .after(2_000)
            .endpoints("web-a", &[])
            .after(5_000)
            .end(0),
        &expect![
            "fail at 2.000: not true all the time: web-a addresses 10.0.0.1 until 2.000 s, then addresses none"
        ],
    );
}

#[test]
fn a_bound_pod_that_is_replaced_is_deleted() {
    check(
        "pod: deploy/web, that: { ready: 2/2 }, always: { for: 5s }",
        ScriptedTimeline::in_step()
            .after(1_000)
            .replaced()
            .after(5_000)
            .end(0),
        &expect![
            "fail at 1.000: not true all the time: web-1 ready 2/2 until 1.000 s, then deleted"
        ],
    );
}

#[test]
fn endpoints_are_counted() {
    let two = |a, b| {
        ScriptedTimeline::new()
            .endpoints("web-a", &[("10.0.0.1", a), ("10.0.0.2", b)])
            .step(0, 10_000)
            .end(0)
    };
    let claim = |ready: &str| {
        format!("endpoints: [web-a], that: {{ ready: {ready} }}, eventually: {{ within: 1s }}")
    };
    check(
        &claim("true"),
        two(true, true),
        &expect!["pass at 0.000: already true when its time began: web-a ready 2/2"],
    );
    check(
        &claim("true"),
        two(true, false).after(1_001),
        &expect!["inconclusive: the record ends before this is decided: web-a ready 1/2"],
    );
    check(
        &claim("1/2"),
        two(true, false),
        &expect!["pass at 0.000: already true when its time began: web-a ready 1/2"],
    );
    check(
        &claim("false"),
        two(false, false),
        &expect!["pass at 0.000: already true when its time began: web-a ready 0/2"],
    );
    check(
        &claim("false"),
        ScriptedTimeline::in_step().end(0),
        &expect!["pass at 0.000: already true when its time began: web-a ready 0/0"],
    );
    check(
        &claim("true"),
        ScriptedTimeline::in_step().after(1_001).end(0),
        &expect!["fail: not true in time: web-a ready 0/0"],
    );
}

#[test]
fn a_deployment_is_believed_when_its_status_is_of_its_generation() {
    let claim = "deployment: web, that: { replicas: 1, progressing: NewReplicaSetAvailable }, eventually: { within: 40s }";
    let status = |observed| {
        let condition = json!({ "type": "Progressing", "reason": "NewReplicaSetAvailable" });
        json!({ "observedGeneration": observed, "replicas": 1, "conditions": [condition] })
    };
    check(
        claim,
        ScriptedTimeline::new()
            .deployment(2, &status(1))
            .step(0, 10_000)
            .after(20_000)
            .deployment(2, &status(2))
            .end(0),
        &expect![
            "pass at 20.000: web replicas 1 · progressing NewReplicaSetAvailable · status not of this generation until 20.000 s, then replicas 1 · progressing NewReplicaSetAvailable"
        ],
    );
}

#[test]
fn a_container_has_a_state_and_a_reason() {
    check(
        "pod: deploy/web, container: b, that: { state: waiting, reason: CrashLoopBackOff }, eventually: { within: 5s }",
        ScriptedTimeline::in_step()
            .after(1_000)
            .waiting("ContainerCreating")
            .after(2_000)
            .waiting("CrashLoopBackOff")
            .end(0),
        &expect![
            "pass at 2.000: web-1/b running · reason none until 1.000 s, then waiting · reason ContainerCreating until 2.000 s, then waiting · reason CrashLoopBackOff"
        ],
    );
}

#[test]
fn a_gap_leaves_open_what_may_have_happened_in_it() {
    let always = "pod: deploy/web, that: { ready: 2/2 }, always: { for: 5s }";
    let gap = || ScriptedTimeline::in_step().after(2_000).gap("Pod", 11_000);
    check(
        always,
        gap().after(5_000).end(0),
        &expect![
            "inconclusive: the watch was down from 11.000 s to 12.000 s of the timeline: web-1 ready 2/2"
        ],
    );
    // What was seen outside of it is seen.
    check(
        always,
        gap().after(3_000).ready(true, false).after(5_000).end(0),
        &expect![
            "fail at 3.000: not true all the time: web-1 ready 2/2 until 3.000 s, then ready 1/2"
        ],
    );
    // A gap of another kind is none.
    check(
        always,
        ScriptedTimeline::in_step()
            .after(2_000)
            .gap("Deployment", 11_000)
            .after(5_000)
            .end(0),
        &expect!["pass: web-1 ready 2/2"],
    );
    let eventually = "pod: deploy/web, that: { ready: 1/2 }, eventually: { notBefore: 3s, within: 10s, hold: 3s }";
    // It may have been true too early.
    check(
        eventually,
        gap().after(5_000).ready(true, false).after(8_000).end(0),
        &expect![
            "inconclusive: the watch was down from 11.000 s to 12.000 s of the timeline: web-1 ready 2/2 until 5.000 s, then ready 1/2"
        ],
    );
    // The hold goes through the gap, and begins again after it.
    let broken = || {
        ScriptedTimeline::in_step()
            .after(4_000)
            .ready(true, false)
            .after(6_000)
            .gap("Pod", 15_500)
    };
    check(
        eventually,
        broken().after(9_000).end(0),
        &expect!["pass at 6.000: web-1 ready 2/2 until 4.000 s, then ready 1/2"],
    );
    check(
        eventually,
        broken().after(6_500).ready(true, true).after(10_001).end(0),
        &expect![
            "fail: not true in time: web-1 ready 2/2 until 4.000 s, then ready 1/2 until 6.500 s, then ready 2/2"
        ],
    );
}

#[test]
fn a_watch_that_is_down_leaves_open_what_happens_until_it_is_back() {
    let eventually = "pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s, hold: 3s }";
    let down = || ScriptedTimeline::in_step().after(9_000).down("Pod", 18_500);
    check(
        eventually,
        down().after(21_000).end(0),
        &expect![
            "inconclusive: the watch was down from 18.500 s on of the timeline: web-1 ready 2/2"
        ],
    );
    // It comes back, and tells late of what it missed.
    check(
        eventually,
        down()
            .after(10_650)
            .ready(true, false)
            .gap("Pod", 18_500)
            .after(21_000)
            .end(0),
        &expect![
            "inconclusive: the watch was down from 18.500 s to 20.650 s of the timeline: web-1 ready 2/2 until 10.650 s, then ready 1/2"
        ],
    );
    // It comes back, and nothing had changed.
    check(
        eventually,
        down().after(10_650).unbroken("Pod").after(21_000).end(0),
        &expect!["fail: not true in time: web-1 ready 2/2"],
    );
}

#[test]
fn a_record_that_ends_too_soon_leaves_everything_open() {
    check(
        "pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 5s }",
        ScriptedTimeline::in_step().after(1_000),
        &expect!["inconclusive: the record ends before this is decided: web-1 ready 2/2"],
    );
}

#[test]
fn many_pods_are_counted_by_what_they_do_alike() {
    let claim = "pod: deploy/web, that: { ready: 2/2 }, always: { for: 10s }";
    let check_with = |more, expected| {
        let script = ScriptedTimeline::new()
            .more_pods(more)
            .steady()
            .step(0, 10_000);
        let script = script.after(5_104).ready(true, false).after(10_000).end(0);
        check(claim, script, expected);
    };
    check_with(
        11,
        &expect![
            "fail at 5.104: not true all the time: 12 Pods ready 2/2 until 5.104 s, then 1 Pod ready 1/2, 11 Pods ready 2/2"
        ],
    );
    check_with(
        1,
        &expect![
            "fail at 5.104: not true all the time: more-0 ready 2/2, web-1 ready 2/2 until 5.104 s, then more-0 ready 2/2, web-1 ready 1/2"
        ],
    );
}
