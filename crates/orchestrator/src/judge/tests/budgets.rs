//! Budgets of traffic, and the counts that every verdict about traffic has.

use expect_test::expect;

use super::{ScriptedTimeline, check, experiment};
use crate::judge::judge;
use crate::timeline::RequestOutcome::{Ok, Refused};

/// Requests of users-a from 9 s to 16 s; those from `from` to `to` after the step's beginning fail.
fn failing(from: u64, to: u64, round_trip: u64) -> ScriptedTimeline {
    ScriptedTimeline::in_step()
        .after(1_000)
        .clock("users-a", round_trip)
        .after(6_000)
        .requests("users-a", 9_000, 10_000 + from, Ok)
        .requests("users-a", 10_000 + from, 10_000 + to, Refused)
        .requests("users-a", 10_000 + to, 16_000, Ok)
}

fn budget(that: &str) -> String {
    format!("traffic: [users-a], that: {{ {that} }}, always: {{ for: 5s }}")
}

#[test]
fn a_number_of_requests_may_fail() {
    check(
        &budget("failed: { atMost: 3 }"),
        failing(2_000, 2_300, 0).end(0),
        &expect!["pass: users-a ok until 2.000 s, then refused until 2.300 s, then ok"],
    );
    check(
        &budget("failed: { atMost: 2 }"),
        failing(2_000, 2_300, 0).end(0),
        &expect![[
            r"fail: 3 of 51 requests of users-a failed, of at most 2: users-a ok until 2.000 s, then refused until 2.300 s, then ok"
        ]],
    );
    // It is certain before the time is over.
    check(
        "traffic: [users-a], that: { failed: { atMost: 2 } }, always: { for: 20s }",
        failing(2_000, 2_300, 0).end(0),
        &expect![
            "fail: 3 of 60 requests of users-a failed, of at most 2: users-a ok until 2.000 s, then refused until 2.300 s, then ok"
        ],
    );
}

#[test]
fn a_share_of_the_requests_may_fail() {
    check(
        &budget("failed: { atMost: 5.9% }"),
        failing(2_000, 2_300, 0).end(0),
        &expect!["pass: users-a ok until 2.000 s, then refused until 2.300 s, then ok"],
    );
    check(
        &budget("failed: { atMost: 5% }"),
        failing(2_000, 2_300, 0).end(0),
        &expect![[
            r"fail: 3 of 51 requests of users-a failed, of at most 5%: users-a ok until 2.000 s, then refused until 2.300 s, then ok"
        ]],
    );
    // Requests to come may make the share smaller.
    check(
        "traffic: [users-a], that: { failed: { atMost: 1% } }, always: { for: 20s }",
        failing(2_000, 2_300, 0).end(0),
        &expect![[
            r"inconclusive: the record ends before this is decided: users-a ok until 2.000 s, then refused until 2.300 s, then ok"
        ]],
    );
}

#[test]
fn a_failure_lasts_until_a_request_succeeds() {
    check(
        &budget("longestFailure: { atMost: 300ms }"),
        failing(2_000, 2_300, 0).end(0),
        &expect!["pass: users-a ok until 2.000 s, then refused until 2.300 s, then ok"],
    );
    check(
        &budget("longestFailure: { atMost: 299ms }"),
        failing(2_000, 2_300, 0).end(0),
        &expect![[
            r"fail: requests of users-a failed for 0.300 s in a row, of at most 299ms: users-a ok until 2.000 s, then refused until 2.300 s, then ok"
        ]],
    );
    // What happens after the window does not count.
    check(
        &budget("longestFailure: { atMost: 1s }"),
        failing(4_000, 5_500, 0).end(0),
        &expect!["pass: users-a ok until 4.000 s, then refused until 5.500 s, then ok"],
    );
}

#[test]
fn an_outcome_beside_a_budget_does_not_fail() {
    check(
        &budget("outcome: [ok, refused], failed: { atMost: 0 }"),
        failing(2_000, 2_300, 0).end(0),
        &expect!["pass: users-a ok until 2.000 s, then refused until 2.300 s, then ok"],
    );
}

#[test]
fn a_request_possibly_in_the_window_leaves_a_budget_open() {
    // The clocks agree within 20 ms, and the last failure is due at the end of the window.
    check(
        &budget("failed: { atMost: 3 }"),
        failing(4_700, 5_100, 40).end(0),
        &expect![
            "inconclusive: the times of requests are known to 20 ms only: users-a ok until 4.700 s, then refused until 5.100 s, then ok"
        ],
    );
    check(
        &budget("failed: { atMost: 4 }"),
        failing(4_700, 5_100, 40).end(0),
        &expect!["pass: users-a ok until 4.700 s, then refused until 5.100 s, then ok"],
    );
    check(
        &budget("failed: { atMost: 2 }"),
        failing(4_700, 5_100, 40).end(0),
        &expect![
            "fail: 3 of 50 requests of users-a failed, of at most 2: users-a ok until 4.700 s, then refused until 5.100 s, then ok"
        ],
    );
}

/// What the verdict on this expectation says about requests.
fn counted(expect: &str, script: ScriptedTimeline) -> String {
    let experiment = experiment(&format!("{{ id: it, {expect} }}"));
    let judgement = judge(&experiment, &script.done());
    let counts = judgement.steps[0].findings[0].requests.iter();
    let counts: Vec<String> = counts.map(ToString::to_string).collect();
    counts.join("; ")
}

#[test]
fn every_verdict_about_traffic_counts_requests() {
    let eventually =
        "traffic: [users-a], that: { outcome: refused }, eventually: { within: 2s, hold: 1s }";
    assert_eq!(
        counted(eventually, failing(2_000, 3_500, 0).end(0)),
        "users-a 15 of 60 failed, longest failure 1.500 s"
    );
    let always = "traffic: [users-a], that: { outcome: ok }, always: { for: 1s }";
    assert_eq!(
        counted(always, failing(2_000, 3_500, 0).end(0)),
        "users-a 0 of 11 failed"
    );
    let observed = "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 2s }";
    assert_eq!(counted(observed, failing(2_000, 3_500, 0).end(0)), "");
}

#[test]
fn requests_that_may_still_time_out_are_not_counted() {
    // The request due at 11.5 s is missing, so all later ones are unknown too.
    let script = ScriptedTimeline::in_step()
        .clock("users-a", 0)
        .after(3_000)
        .requests("users-a", 10_000, 11_500, Ok)
        .requests("users-a", 11_600, 13_000, Ok)
        .end(0);
    let observed = "pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 1s } }, { id: seen, traffic: [users-a], that: { outcome: ok }, observe: {}";
    let experiment = experiment(&format!("{{ id: it, {observed} }}"));
    let judgement = judge(&experiment, &script.done());
    assert_eq!(
        judgement.steps[0].findings[1].requests[0].to_string(),
        "users-a 0 of 15 failed"
    );
}
