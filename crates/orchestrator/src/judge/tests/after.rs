//! Expectations whose time begins when another one became true.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

use expect_test::{Expect, expect};

use super::{Judge, Micros, ScriptedTimeline, experiment, said};

/// The Pod's containers are ready; then b is not, from 3 s to 8 s.
fn away_and_back() -> ScriptedTimeline {
    let away = ScriptedTimeline::in_step().after(3_000).ready(true, false);
    away.after(8_000).ready(true, true)
}

fn check(gone: &str, back: &str, script: ScriptedTimeline, expected: &Expect) {
    let experiment = experiment(&format!(
        "{{ id: back, pod: deploy/web, that: {{ ready: 2/2 }}, {back} }}, \
         {{ id: gone, pod: deploy/web, that: {{ ready: 1/2 }}, eventually: {gone} }}"
    ));
    expected.assert_eq(&said(&experiment, script));
}

#[test]
fn its_bounds_count_from_the_other() {
    check(
        "{ within: 10s }",
        "eventually: { after: gone, notBefore: 5s, within: 5s, hold: 2s }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            pass at 8.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
    check(
        "{ within: 10s }",
        "eventually: { after: gone, within: 4999ms }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            fail: not true in time: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
    check(
        "{ within: 10s }",
        "eventually: { after: gone, notBefore: 5001ms, within: 10s }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            fail: true 0.001 s before the earliest time allowed: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
}

#[test]
fn an_always_lasts_from_the_other_on() {
    check(
        "{ within: 10s, hold: 1s }",
        "never: { after: gone, for: 5s }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            pass: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
    check(
        "{ within: 10s, hold: 1s }",
        "never: { after: gone, for: 6s }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            fail at 8.000: true, and should never have been: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
}

#[test]
fn it_is_inconclusive_if_its_time_never_began() {
    check(
        "{ within: 2s }",
        "eventually: { after: gone, within: 10s }",
        away_and_back().after(10_000).end(0),
        &expect![[r#"
            inconclusive: its time did not begin, as `gone` did not become true: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
            fail: not true in time: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2"#]],
    );
}

#[test]
fn what_was_true_before_the_other_is_marked() {
    let experiment = experiment(
        "{ id: gone, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }, \
         { id: runs, pod: deploy/web, that: { restarts: 0 }, eventually: { after: gone, within: 1s } }",
    );
    let script = away_and_back().after(10_000).end(0);
    expect![[r#"
        pass at 3.000: web-1 ready 2/2 until 3.000 s, then ready 1/2 until 8.000 s, then ready 2/2
        pass at 3.000: already true when its time began: web-1 0 restarts"#]]
    .assert_eq(&said(&experiment, script));
}

#[test]
fn the_step_waits_for_both() {
    let experiment = experiment(
        "{ id: gone, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }, \
         { id: stays, pod: deploy/web, that: { ready: 1/2 }, always: { after: gone, for: 4s } }",
    );
    let check = |script: ScriptedTimeline, now: u64, decided: bool, look_again_at: Option<u64>| {
        let state = Judge::new(&experiment).step(&script.done(), 0, Micros(now * 1_000));
        let look_again_at = look_again_at.map(|at| Micros(at * 1_000));
        assert_eq!(
            (state.decided, state.look_again_at),
            (decided, look_again_at)
        );
    };
    let gone = || ScriptedTimeline::in_step().after(3_000).ready(true, false);
    check(gone(), 13_000, false, Some(17_000));
    check(gone(), 17_000, true, None);
}
