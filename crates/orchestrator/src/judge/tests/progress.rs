//! When a step can end, and when it is worth asking again.

use expect_test::expect;

use super::{Judge, Micros, ScriptedTimeline, StepState, Verdict, experiment, judge, with_steps};
use crate::timeline::RequestOutcome::Ok;

fn check(
    expect: &str,
    script: ScriptedTimeline,
    now: u64,
    decided: bool,
    failed: bool,
    look_again_at: Option<u64>,
) {
    let experiment = experiment(&format!("{{ id: it, {expect} }}"));
    let state = Judge::new(&experiment).step(&script.done(), 0, Micros(now * 1_000));
    let look_again_at = look_again_at.map(Micros);
    assert_eq!(
        state,
        StepState {
            decided,
            failed,
            look_again_at
        }
    );
}

#[test]
fn an_eventually_is_looked_at_when_it_may_be_decided() {
    let claim = "pod: deploy/web, that: { ready: 1/2 }, eventually: { notBefore: 3s, within: 10s, hold: 3s }";
    // Not yet true: when its time is over.
    check(
        claim,
        ScriptedTimeline::in_step(),
        10_000,
        false,
        false,
        Some(20_000_001),
    );
    // True: when it has held.
    check(
        claim,
        ScriptedTimeline::in_step().after(5_000).ready(true, false),
        15_000,
        false,
        false,
        Some(18_000_000),
    );
    check(
        claim,
        ScriptedTimeline::in_step().after(5_000).ready(true, false),
        18_000,
        true,
        false,
        None,
    );
    check(claim, ScriptedTimeline::in_step(), 20_001, true, true, None);
    // Too early: at once.
    check(
        claim,
        ScriptedTimeline::in_step().after(1_000).ready(true, false),
        11_000,
        true,
        true,
        None,
    );
}

#[test]
fn a_for_is_waited_for_even_if_it_failed() {
    let claim = "pod: deploy/web, that: { ready: 2/2 }, always: { for: 5s }";
    check(
        claim,
        ScriptedTimeline::in_step().after(1_000).ready(true, false),
        11_000,
        false,
        true,
        Some(15_000_000),
    );
    check(
        claim,
        ScriptedTimeline::in_step(),
        15_000,
        true,
        false,
        None,
    );
}

#[test]
fn before_the_acknowledgement_nothing_is_decided() {
    let claim = "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 5s }";
    check(claim, ScriptedTimeline::new(), 10_000, false, false, None);
}

#[test]
fn requests_that_never_become_known_are_not_waited_for_for_ever() {
    let claim =
        "traffic: [users-a], that: { outcome: refused }, eventually: { within: 5s, hold: 3s }";
    let script = || {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .requests("users-a", 9_000, 12_000, Ok)
    };
    check(claim, script(), 16_000, false, false, Some(25_000_000));
    check(claim, script(), 25_000, true, false, None);
}

#[test]
fn late_requests_are_waited_for_before_the_timeline_ends() {
    let experiment = experiment(
        "{ id: it, traffic: [users-a], that: { outcome: ok }, always: {} }, { id: end, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 1s, hold: 2s } }",
    );
    let script = |to| {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .after(2_000)
            .end(0)
            .requests("users-a", 9_000, to, Ok)
    };
    let settled = |to| {
        Judge::new(&experiment)
            .settled(&script(to).done(), Micros(12_000_000))
            .decided
    };
    assert!(!settled(11_500));
    assert!(settled(12_100));
}

#[test]
fn what_is_undone_is_held_against_nobody() {
    let experiment = experiment(
        "{ id: it, pod: deploy/web, that: { ready: 2/2 }, always: {} }, { id: end, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }",
    );
    let interrupted = ScriptedTimeline::in_step()
        .after(2_000)
        .reverting()
        .after(2_100)
        .replaced()
        .after(12_000);
    let judgement = judge(&experiment, &interrupted.done());
    let verdicts: Vec<_> = judgement.steps[0]
        .findings
        .iter()
        .map(|finding| finding.verdict)
        .collect();
    assert_eq!(verdicts, [Some(Verdict::Inconclusive); 2]);
}

#[test]
fn what_was_decided_stays_so_when_it_is_undone_at_once() {
    let experiment = experiment(
        "{ id: it, traffic: [users-a], that: { outcome: refused }, eventually: { within: 5s, hold: 3s } }",
    );
    let script = || {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .requests("users-a", 9_000, 15_001, Ok)
            .at(15_000)
    };
    let state = Judge::new(&experiment).step(&script().done(), 0, Micros(15_000_000));
    assert!(state.failed);
    let judgement = judge(&experiment, &script().end(0).reverting().done());
    assert_eq!(judgement.verdict, Verdict::Fail);
}

#[test]
fn steps_that_never_ran_make_a_run_inconclusive_at_best() {
    let step = |name: &str, ready: &str| {
        format!(
            "    - {{ name: {name}, flip: {{ pod: deploy/web, container: b, probe: readiness, to: 404 }}, expect: [{{ id: {name}-it, pod: deploy/web, that: {{ ready: {ready} }}, eventually: {{ within: 1s }} }}] }}\n"
        )
    };
    let verdicts = |ready: &str| {
        let experiment = with_steps(&(step("one", ready) + &step("two", "2/2")));
        let judgement = judge(
            &experiment,
            &ScriptedTimeline::in_step().after(1_001).end(0).done(),
        );
        (
            judgement.verdict,
            judgement.steps[0].verdict,
            judgement.steps[1].verdict,
        )
    };
    assert_eq!(
        verdicts("2/2"),
        (Verdict::Inconclusive, Some(Verdict::Pass), None)
    );
    assert_eq!(verdicts("1/2"), (Verdict::Fail, Some(Verdict::Fail), None));
}

#[test]
fn a_step_with_another_action_decides_nothing() {
    let expect = "pod: deploy/web, that: { ready: 2/2 }, always: { for: 1s }";
    let flipped = |to: &str| ScriptedTimeline::in_step().flipped(to).after(5_000).end(0);
    super::check(expect, flipped("404"), &expect!["pass: web-1 ready 2/2"]);
    super::check(
        expect,
        flipped("503"),
        &expect![
            "inconclusive: the recording has another action than the file: b readiness gets 503: web-1 ready 2/2"
        ],
    );
    let patched = ScriptedTimeline::new()
        .steady()
        .begun(0, 10_000)
        .patched(0, 0, None);
    super::check(
        expect,
        patched.after(5_000).end(0),
        &expect![
            "inconclusive: the recording has another action than the file: Deployment web is patched: web-1 ready 2/2"
        ],
    );
}

#[test]
fn a_step_of_another_name_is_another_step() {
    let other = with_steps(
        "    - { name: other, flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }, expect: [{ id: it, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 1s } }] }\n",
    );
    let judgement = judge(
        &other,
        &ScriptedTimeline::in_step().after(1_001).end(0).done(),
    );
    assert_eq!(
        (judgement.verdict, judgement.steps[0].verdict),
        (Verdict::Inconclusive, None)
    );
}

#[test]
fn what_a_late_gap_hides_of_an_ended_step_is_not_waited_for() {
    let claim =
        "{ id: it, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 5s, hold: 1s } }";
    let script = ScriptedTimeline::in_step()
        .after(1_000)
        .end(0)
        .after(30_000);
    let script = script.gap("Pod", 9_000);
    let state = Judge::new(&experiment(claim)).settled(&script.done(), Micros(40_000_000));
    assert!(state.decided);
    assert_eq!(state.look_again_at, None);
}
