//! Waiting for the steady state: the Pod ready 2/2 and users-a ok, within 30 s, for 3 s.

use super::{Experiment, Judge, Micros, ScriptedTimeline, SteadyState, experiment, judge};
use crate::judge::Verdict;
use crate::timeline::RequestOutcome::{Ok, Refused};

fn any() -> Experiment {
    experiment("{ id: it, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 1s } }")
}

fn steady(script: ScriptedTimeline, now: u64) -> SteadyState {
    let experiment = any();
    Judge::new(&experiment).steady_state(&script.done(), Micros(now * 1_000))
}

fn waiting(look_again_at: u64) -> SteadyState {
    SteadyState::Waiting {
        look_again_at: Some(Micros(look_again_at * 1_000)),
    }
}

#[test]
fn everything_holds_at_once_for_the_hold() {
    let script = |to| {
        ScriptedTimeline::new()
            .at(4_000)
            .ready(true, true)
            .clock("users-a", 0)
            .requests("users-a", 1_000, to, Ok)
    };
    assert_eq!(steady(script(4_000), 3_999), waiting(4_000));
    assert_eq!(
        steady(script(4_100), 4_100),
        SteadyState::Reached {
            since: Micros(1_000_000)
        }
    );
    // Requests of the hold are not all known yet.
    assert_eq!(steady(script(3_900), 4_000), waiting(43_000));
}

#[test]
fn a_break_begins_the_hold_again() {
    let script = ScriptedTimeline::new()
        .at(2_000)
        .ready(false, true)
        .at(3_000)
        .ready(true, true)
        .clock("users-a", 0)
        .requests("users-a", 1_000, 2_950, Ok);
    assert_eq!(steady(script, 4_000), waiting(6_000));
    let script = ScriptedTimeline::new()
        .at(9_000)
        .clock("users-a", 0)
        .requests("users-a", 1_000, 5_000, Refused)
        .requests("users-a", 5_000, 8_100, Ok);
    assert_eq!(
        steady(script, 9_000),
        SteadyState::Reached {
            since: Micros(5_000_000)
        }
    );
}

#[test]
fn what_is_missing_is_what_was_missing_before_it_was_undone() {
    let script = ScriptedTimeline::new()
        .at(1_000)
        .ready(true, false)
        .clock("users-a", 0)
        .requests("users-a", 500, 1_000, Ok);
    let undone = script
        .at(31_000)
        .reverting()
        .at(31_100)
        .replaced()
        .requests("users-a", 31_200, 31_300, Refused);
    let missing = judge(&any(), &undone.done()).missing;
    assert_eq!(
        missing,
        ["expected deploy/web ready 2/2, saw web-1 ready 1/2"]
    );
}

#[test]
fn a_signal_before_the_steady_state_leaves_open_whether_it_would_be_reached() {
    let script = || ScriptedTimeline::new().at(1_000).ready(true, false);
    let interrupted = judge(&any(), &script().interrupted().done());
    let given_up = judge(&any(), &script().reverting().done());
    assert_eq!(interrupted.verdict, Verdict::Inconclusive);
    assert_eq!(given_up.verdict, Verdict::Error);
}

#[test]
fn what_is_missing_at_the_end_is_named() {
    let script = || {
        ScriptedTimeline::new()
            .at(1_000)
            .ready(true, false)
            .clock("users-a", 0)
            .requests("users-a", 500, 1_000, Refused)
    };
    assert_eq!(
        steady(script(), 30_000),
        SteadyState::Waiting {
            look_again_at: Some(Micros(30_000_001))
        }
    );
    let missing = vec![
        "expected deploy/web ready 2/2, saw web-1 ready 1/2".to_owned(),
        "expected requests of users-a ok, saw users-a refused".to_owned(),
    ];
    assert_eq!(steady(script(), 30_001), SteadyState::Missed { missing });
}
