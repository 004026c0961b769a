//! Claims about requests.

use expect_test::expect;

use super::{ScriptedTimeline, check};
use crate::timeline::RequestOutcome::{Ok, Refused};

const REFUSED: &str = "traffic: [users-a], that: { outcome: refused }, eventually: { notBefore: 3s, within: 10s, hold: 3s }";

/// Requests of one client: ok, then refused from so long after the step's beginning; all known at
/// 25 s.
fn refused_from(ms: u64, round_trip: u64) -> ScriptedTimeline {
    ScriptedTimeline::in_step()
        .after(1_000)
        .clock("users-a", round_trip)
        .after(15_000)
        .requests("users-a", 9_000, 10_000 + ms, Ok)
        .requests("users-a", 10_000 + ms, 25_000, Refused)
}

#[test]
fn eventually_speaks_of_all_requests_of_the_hold() {
    check(
        REFUSED,
        refused_from(5_100, 0).end(0),
        &expect!["pass at 5.100: users-a ok until 5.100 s, then refused"],
    );
    check(
        REFUSED,
        refused_from(10_000, 0).end(0),
        &expect!["pass at 10.000: users-a ok until 10.000 s, then refused"],
    );
    check(
        REFUSED,
        refused_from(10_100, 0).end(0),
        &expect!["fail: not true in time: users-a ok until 10.100 s, then refused"],
    );
    check(
        REFUSED,
        refused_from(2_900, 0).end(0),
        &expect![
            "fail: true 0.100 s before the earliest time allowed: users-a ok until 2.900 s, then refused"
        ],
    );
    // One request that was answered breaks the hold.
    let one = ScriptedTimeline::in_step()
        .clock("users-a", 0)
        .after(15_000)
        .requests("users-a", 10_000, 17_000, Ok)
        .requests("users-a", 17_000, 19_900, Refused)
        .requests("users-a", 19_900, 20_000, Ok)
        .requests("users-a", 20_000, 25_000, Refused);
    check(
        REFUSED,
        one.end(0),
        &expect![
            "pass at 10.000: users-a ok until 7.000 s, then refused until 9.900 s, then ok until 10.000 s, then refused"
        ],
    );
}

#[test]
fn a_bound_within_the_error_of_the_clocks_is_left_open() {
    check(
        REFUSED,
        refused_from(10_000, 40).end(0),
        &expect![
            "inconclusive: the times of requests are known to 20 ms only: users-a ok until 10.000 s, then refused"
        ],
    );
    check(
        REFUSED,
        refused_from(3_000, 40).end(0),
        &expect![
            "inconclusive: the times of requests are known to 20 ms only: users-a ok until 3.000 s, then refused"
        ],
    );
    check(
        REFUSED,
        refused_from(5_100, 40).end(0),
        &expect!["pass at 5.100: users-a ok until 5.100 s, then refused"],
    );
    // The smallest round trip counts.
    check(
        REFUSED,
        refused_from(10_000, 40).clock("users-a", 0).end(0),
        &expect!["pass at 10.000: users-a ok until 10.000 s, then refused"],
    );
}

#[test]
fn ten_requests_are_enough_however_well_the_clocks_agree() {
    check(
        "traffic: [users-a], that: { outcome: refused }, eventually: { within: 10s, hold: 1s }",
        refused_from(5_100, 4).end(0),
        &expect!["pass at 5.100: users-a ok until 5.100 s, then refused"],
    );
}

#[test]
fn a_request_that_is_read_twice_is_one() {
    let read = |script: ScriptedTimeline| script.requests("users-a", 9_000, 10_800, Ok);
    let script = ScriptedTimeline::in_step()
        .clock("users-a", 0)
        .after(12_000);
    check(
        "traffic: [users-a], that: { outcome: ok }, always: { for: 600ms }",
        read(read(script)).journal("users-a", 0).end(0),
        &expect!["inconclusive: only 7 requests were sent, of at least 10: users-a ok"],
    );
}

#[test]
fn a_list_means_all_at_once() {
    let both = "traffic: [users-a, users-b], that: { outcome: refused }, eventually: { within: 10s, hold: 3s }";
    let b = |script: ScriptedTimeline, from| {
        script
            .clock("users-b", 0)
            .requests("users-b", 9_050, from, Ok)
            .requests("users-b", from, 25_000, Refused)
    };
    check(
        both,
        b(refused_from(5_100, 0), 16_150).end(0),
        &expect![
            "pass at 6.100: users-a ok until 5.100 s, then refused; users-b ok until 6.150 s, then refused"
        ],
    );
    check(
        both,
        b(refused_from(5_100, 0), 20_150).end(0),
        &expect![
            "fail: not true in time: users-a ok until 5.100 s, then refused; users-b ok until 10.150 s, then refused"
        ],
    );
}

#[test]
fn always_and_never_speak_of_every_request() {
    let always = "traffic: [users-a], that: { outcome: ok }, always: { for: 5s }";
    let ok = |to| {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .after(6_000)
            .requests("users-a", 9_000, to, Ok)
    };
    check(always, ok(16_000).end(0), &expect!["pass: users-a ok"]);
    check(
        always,
        ok(13_000)
            .requests("users-a", 13_000, 16_000, Refused)
            .end(0),
        &expect!["fail at 3.000: not so for every request: users-a ok until 3.000 s, then refused"],
    );
    // One after its time is nothing to it.
    check(
        always,
        ok(15_100)
            .requests("users-a", 15_100, 16_000, Refused)
            .end(0),
        &expect!["pass: users-a ok until 5.100 s, then refused"],
    );
    check(
        "traffic: [users-a], that: { outcome: refused }, never: { for: 5s }",
        ok(16_000).end(0),
        &expect!["pass: users-a ok"],
    );
    check(
        "traffic: [users-a], that: { outcome: ok }, never: { for: 5s }",
        ok(16_000).end(0),
        &expect!["fail at 0.000: so for a request, and should never have been: users-a ok"],
    );
    // Nine requests mean nothing.
    check(
        "traffic: [users-a], that: { outcome: ok }, always: { for: 850ms }",
        ok(16_000).end(0),
        &expect!["inconclusive: only 9 requests were sent, of at least 10: users-a ok"],
    );
}

#[test]
fn a_client_that_misses_its_rate_proves_nothing() {
    let every = |period, outcome| {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .after(14_000)
            .requests_every(period, "users-a", 9_000..15_000, Ok)
            .requests_every(period, "users-a", 15_000..24_000, outcome)
            .journal("users-a", 0)
            .end(0)
    };
    let always = "traffic: [users-a], that: { outcome: ok }, always: { for: 10s }";
    let (slow, enough) = (300, 110);
    check(
        always,
        every(slow, Ok),
        &expect!["inconclusive: client users-a reached 3.3 of 10 requests/s: users-a ok"],
    );
    check(
        always,
        every(slow, Refused),
        &expect![
            "inconclusive: client users-a reached 3.3 of 10 requests/s: users-a ok until 5.000 s, then refused"
        ],
    );
    check(always, every(enough, Ok), &expect!["pass: users-a ok"]);
    let budget = "traffic: [users-a], that: { failed: { atMost: 2 } }, always: { for: 10s }";
    check(
        budget,
        every(slow, Refused),
        &expect![
            "inconclusive: client users-a reached 3.3 of 10 requests/s: users-a ok until 5.000 s, then refused"
        ],
    );
    let eventually =
        "traffic: [users-a], that: { outcome: refused }, eventually: { within: 8s, hold: 4s }";
    check(
        eventually,
        every(slow, Refused),
        &expect![
            "inconclusive: client users-a reached 3.3 of 10 requests/s: users-a ok until 5.000 s, then refused"
        ],
    );
    check(
        eventually,
        every(enough, Refused),
        &expect!["pass at 5.000: users-a ok until 5.000 s, then refused"],
    );
}

#[test]
fn what_was_lost_or_is_missing_is_left_open() {
    let always = "traffic: [users-a], that: { outcome: ok }, always: { for: 5s }";
    let ok = |to| {
        ScriptedTimeline::in_step()
            .clock("users-a", 0)
            .journal("users-a", 0)
            .after(6_000)
            .requests("users-a", 9_000, to, Ok)
    };
    check(
        always,
        ok(16_000).journal("users-a", 3).end(0),
        &expect!["inconclusive: records of requests were lost: users-a ok"],
    );
    check(
        always,
        ok(14_000).end(0),
        &expect!["inconclusive: the record ends before this is decided: users-a ok"],
    );
    // What had all its time and is not there was never sent.
    check(
        always,
        ok(14_000)
            .requests("users-a", 14_500, 16_000, Ok)
            .after(8_000)
            .journal("users-a", 0)
            .end(0),
        &expect!["pass: users-a ok"],
    );
    check(
        always,
        ScriptedTimeline::in_step().after(30_000).end(0),
        &expect!["inconclusive: not all requests became known: users-a sent nothing"],
    );
}
