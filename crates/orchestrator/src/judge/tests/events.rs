//! Conditions about Events: they hold at the moments at which an Event is seen.

use expect_test::expect;

use super::{ScriptedTimeline, check, check_patched};

fn unhealthy(script: ScriptedTimeline) -> ScriptedTimeline {
    script.event("Warning", "Unhealthy", "Readiness probe failed")
}

#[test]
fn an_event_is_seen_once_the_step_began() {
    let claim = "event: { reason: Unhealthy, of: pod/web-1 }, eventually: { within: 5s }";
    let before = || {
        unhealthy(ScriptedTimeline::new().at(9_000))
            .steady()
            .step(0, 10_000)
    };
    check(
        claim,
        before().after(5_001).end(0),
        &expect!["fail: not true in time: no Unhealthy of pod/web-1"],
    );
    check(
        claim,
        unhealthy(before().after(2_000)).after(3_000).end(0),
        &expect![
            "pass at 2.000: no Unhealthy of pod/web-1 until 2.000 s, then Unhealthy of pod web-1: Readiness probe failed"
        ],
    );
    check(
        claim,
        unhealthy(before().after(5_001)).end(0),
        &expect![
            "fail: not true in time: no Unhealthy of pod/web-1 until 5.001 s, then Unhealthy of pod web-1: Readiness probe failed"
        ],
    );
    // Between sending and acknowledgement.
    let early = unhealthy(ScriptedTimeline::new().steady().begun(0, 10_000).after(50));
    check_patched(
        claim,
        early.patched(0, 100, None).after(5_001).end(0),
        &expect![
            "pass at 0.000: no Unhealthy of pod/web-1 until 0.000 s, then Unhealthy of pod web-1: Readiness probe failed"
        ],
    );
}

#[test]
fn another_reason_or_object_is_another_event() {
    let script = || {
        unhealthy(ScriptedTimeline::in_step().after(1_000))
            .after(3_000)
            .end(0)
    };
    let never = |event: &str| format!("event: {event}, never: {{ for: 2s }}");
    check(
        &never("{ reason: Unhealthy, of: web-1 }"),
        script(),
        &expect![
            "fail at 1.000: true, and should never have been: no Unhealthy of pod/web-1 until 1.000 s, then Unhealthy of pod web-1: Readiness probe failed"
        ],
    );
    check(
        &never("{ reason: Killing, of: web-1 }"),
        script(),
        &expect!["pass: no Killing of pod/web-1"],
    );
    check(
        &never("{ reason: Unhealthy, of: web-2 }"),
        script(),
        &expect!["pass: no Unhealthy of pod/web-2"],
    );
}

#[test]
fn events_of_a_deployment_are_those_of_its_pods_too() {
    let claim = "event: { reason: Killing, of: deploy/web }, eventually: { within: 5s }";
    let script = ScriptedTimeline::owned().steady().step(0, 10_000);
    check(
        claim,
        script.after(1_000).killing().after(2_000).end(0),
        &expect![
            "pass at 1.000: no Killing of deploy/web until 1.000 s, then Killing of pod web-1: Container b failed liveness probe, will be restarted"
        ],
    );
}

#[test]
fn an_event_may_arrive_before_its_pod() {
    let claim = "event: { reason: Killing, of: deploy/web }, eventually: { within: 5s }";
    let script = ScriptedTimeline::owned()
        .steady()
        .step(0, 10_000)
        .after(1_000);
    check(
        claim,
        script
            .killing_of("web-2", "u2")
            .after(1_200)
            .replaced()
            .after(2_000)
            .end(0),
        &expect![
            "pass at 1.200: no Killing of deploy/web until 1.200 s, then Killing of pod web-2: Container b failed liveness probe, will be restarted"
        ],
    );
}

#[test]
fn a_watch_gap_may_hide_an_event() {
    let script = || {
        ScriptedTimeline::in_step()
            .after(2_000)
            .gap("Event", 11_000)
    };
    check(
        "event: { reason: Unhealthy, of: web-1 }, never: { for: 3s }",
        script().after(3_000).end(0),
        &expect![
            "inconclusive: the watch was down from 11.000 s to 12.000 s of the timeline: no Unhealthy of pod/web-1"
        ],
    );
    check(
        "event: { reason: Unhealthy, of: web-1 }, eventually: { within: 5s }",
        script().after(5_001).end(0),
        &expect![
            "inconclusive: the watch was down from 11.000 s to 12.000 s of the timeline: no Unhealthy of pod/web-1"
        ],
    );
}
