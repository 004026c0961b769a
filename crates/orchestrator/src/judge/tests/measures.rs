//! Measures, and the chains of what flips bring about.

use expect_test::{Expect, expect};

use super::{ScriptedTimeline, Verdict, step_by_step, with_steps};
use crate::input::experiment::Experiment;
use crate::judge::{Judgement, judge};
use crate::timeline::Micros;
use crate::timeline::RequestOutcome::{Ok, Refused};
use crate::timeline::Timeline;

/// An experiment with this measure.
fn measuring(measure: &str) -> Experiment {
    with_steps(&format!(
        "    - name: one
      flip: {{ pod: deploy/web, container: b, probe: readiness, to: 404 }}
      expect:
        - {{ id: gone, endpoints: [web-a], that: {{ ready: false }}, eventually: {{ within: 20s }} }}
        - {{ id: same, pod: deploy/web, that: {{ uid: unchanged }}, always: {{}} }}
  measure:
    - {{ name: it, {measure} }}
"
    ))
}

/// b is not ready from 5 s to 9 s after the flip, its endpoint is gone 10 ms later each time, and
/// requests fail from `lost` to `back`.
fn outage(lost: u64, back: u64, round_trip: u64) -> Timeline {
    ScriptedTimeline::new()
        .endpoints("web-a", &[("10.0.0.1", true)])
        .at(1_000)
        .clock("users-a", round_trip)
        .steady()
        .step(0, 10_000)
        .flipped("404")
        .after(5_000)
        .ready(true, false)
        .after(5_010)
        .endpoints("web-a", &[("10.0.0.1", false)])
        .after(9_000)
        .ready(true, true)
        .after(9_010)
        .endpoints("web-a", &[("10.0.0.1", true)])
        .after(12_000)
        .end(0)
        .after(12_100)
        .requests("users-a", 9_000, 10_000 + lost, Ok)
        .requests("users-a", 10_000 + lost, 10_000 + back, Refused)
        .requests("users-a", 10_000 + back, 22_100, Ok)
        .reverting()
        .done()
}

fn judged(experiment: &Experiment, timeline: &Timeline) -> Judgement {
    let judgement = judge(experiment, timeline);
    let online = step_by_step(experiment, timeline);
    assert_eq!(online, judgement, "online and offline must agree");
    judgement
}

fn check(measure: &str, timeline: &Timeline, expected: &Expect) {
    let judgement = judged(&measuring(measure), timeline);
    let measure = &judgement.measures[0];
    let parts = [
        measure.verdict.map(|verdict| verdict.to_string()),
        measure.took.map(|took| format!("{took} s")),
        measure.why.clone(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let between = format!("{} → {}", measure.from, measure.to);
    expected.assert_eq(&format!("{between}: {}", parts.join(", ")));
}

const NOT_READY: &str = "{ change: { pod: deploy/web, that: { ready: 1/2 } } }";
const READY: &str = "{ change: { pod: deploy/web, that: { ready: 2/2 } } }";

#[test]
fn a_measure_is_the_time_between_two_marks() {
    let timeline = outage(5_100, 9_300, 0);
    check(
        &format!("from: flip, to: {NOT_READY}, atMost: 5s"),
        &timeline,
        &expect!["one → deploy/web ready 1/2: pass, 5.000 s"],
    );
    check(
        &format!("from: flip, to: {NOT_READY}, atMost: 4.999s"),
        &timeline,
        &expect!["one → deploy/web ready 1/2: fail, 5.000 s"],
    );
    check(
        &format!("from: {NOT_READY}, to: gone"),
        &timeline,
        &expect!["deploy/web ready 1/2 → gone: 0.010 s"],
    );
    // The Pod is ready already when the time begins; it becomes ready later.
    check(
        &format!("from: one, to: {READY}"),
        &timeline,
        &expect!["one → deploy/web ready 2/2: 9.000 s"],
    );
    check(
        &format!("from: {NOT_READY}, to: {READY}"),
        &timeline,
        &expect!["deploy/web ready 1/2 → deploy/web ready 2/2: 4.000 s"],
    );
}

#[test]
fn requests_are_marks_too() {
    let outage_of_a = "from: { firstFailed: users-a }, to: { recovered: users-a }, atMost: 4.2s";
    check(
        outage_of_a,
        &outage(5_100, 9_300, 0),
        &expect!["first failed request of users-a → recovery of users-a: pass, 4.200 s"],
    );
    check(
        outage_of_a,
        &outage(5_100, 9_400, 0),
        &expect!["first failed request of users-a → recovery of users-a: fail, 4.300 s"],
    );
    // Both times have the same error.
    check(
        outage_of_a,
        &outage(5_100, 9_300, 40),
        &expect!["first failed request of users-a → recovery of users-a: pass, 4.200 s"],
    );
    check(
        "from: flip, to: { firstFailed: users-a }, atMost: 5.1s",
        &outage(5_100, 9_300, 40),
        &expect![
            "one → first failed request of users-a: inconclusive, 5.100 s, the times of requests are known to 20 ms only"
        ],
    );
    check(
        "from: flip, to: { lastFailed: users-a }",
        &outage(5_100, 9_300, 0),
        &expect!["one → last failed request of users-a: 9.200 s"],
    );
}

#[test]
fn a_mark_that_was_not_seen_has_no_time() {
    // No failure is no outage.
    check(
        "from: { firstFailed: users-a }, to: { recovered: users-a }, atMost: 1s",
        &outage(5_100, 5_100, 0),
        &expect![
            "first failed request of users-a → recovery of users-a: pass, no request of users-a failed"
        ],
    );
    check(
        "from: flip, to: { lastFailed: users-a }, atMost: 1s",
        &outage(5_100, 5_100, 0),
        &expect!["one → last failed request of users-a: pass, no request of users-a failed"],
    );
    // The records of requests end before the step does.
    let cut = ScriptedTimeline::in_step()
        .clock("users-a", 0)
        .requests("users-a", 9_000, 12_000, Ok)
        .after(12_000)
        .end(0)
        .reverting()
        .done();
    for measure in [
        "from: { firstFailed: users-a }, to: { recovered: users-a }, atMost: 1s",
        "from: flip, to: { firstFailed: users-a }, atMost: 1s",
    ] {
        let judgement = judged(&measuring(measure), &cut);
        let measure = &judgement.measures[0];
        assert_eq!(measure.verdict, Some(Verdict::Inconclusive), "{measure:?}");
    }
    // Users still fail when the run ends.
    let forever = outage(5_100, 12_100, 0);
    let recovery = "from: { firstFailed: users-a }, to: { recovered: users-a }";
    check(
        recovery,
        &forever,
        &expect![
            "first failed request of users-a → recovery of users-a: recovery of users-a was not seen in 7.000 s"
        ],
    );
    check(
        &format!("{recovery}, atMost: 1s"),
        &forever,
        &expect![
            "first failed request of users-a → recovery of users-a: fail, recovery of users-a was not seen in 7.000 s"
        ],
    );
    check(
        &format!("{recovery}, atMost: 20s"),
        &forever,
        &expect![
            "first failed request of users-a → recovery of users-a: inconclusive, recovery of users-a was not seen in 7.000 s"
        ],
    );
    let never = "{ change: { pod: deploy/web, that: { ready: 0/2 } } }";
    check(
        &format!("from: {never}, to: gone, atMost: 1s"),
        &forever,
        &expect!["deploy/web ready 0/2 → gone: inconclusive, deploy/web ready 0/2 was not seen"],
    );
}

#[test]
fn a_client_that_misses_its_rate_leaves_a_measure_open() {
    let timeline = ScriptedTimeline::in_step()
        .clock("users-a", 0)
        .after(12_000)
        .requests_every(200, "users-a", 9_000..15_000, Ok)
        .requests_every(200, "users-a", 15_000..17_000, Refused)
        .requests_every(200, "users-a", 17_000..22_000, Ok)
        .journal("users-a", 0)
        .end(0)
        .reverting()
        .done();
    for measure in [
        "from: { firstFailed: users-a }, to: { recovered: users-a }, atMost: 5s",
        "from: { firstFailed: users-a }, to: { lastFailed: users-a }, atMost: 1s",
    ] {
        let judgement = judged(&measuring(measure), &timeline);
        let measure = &judgement.measures[0];
        assert_eq!(measure.verdict, Some(Verdict::Inconclusive), "{measure:?}");
        let why = measure.why.as_deref().unwrap_or_default();
        assert!(why.starts_with("client users-a reached 5."), "{why}");
    }
}

#[test]
fn a_measure_above_its_limit_fails_the_experiment() {
    let verdict = |most: &str| {
        let measure = format!("from: flip, to: gone, atMost: {most}");
        judged(&measuring(&measure), &outage(5_100, 9_300, 0)).verdict
    };
    assert_eq!(
        (verdict("6s"), verdict("5s")),
        (Verdict::Pass, Verdict::Fail)
    );
}

#[test]
fn a_watch_gap_leaves_a_measure_open() {
    let timeline = ScriptedTimeline::in_step()
        .after(4_000)
        .gap("Pod", 12_000)
        .after(5_000)
        .ready(true, false)
        .endpoints("web-a", &[("10.0.0.1", false)])
        .end(0)
        .done();
    check(
        &format!("from: flip, to: {NOT_READY}, atMost: 9s"),
        &timeline,
        &expect![
            "one → deploy/web ready 1/2: inconclusive, 5.000 s, changes of Pod objects were missed meanwhile"
        ],
    );
}

/// The links of a step's chain, with times since its acknowledgement.
fn chain(judgement: &Judgement, step: usize) -> String {
    let step = &judgement.steps[step];
    let (Some(chain), Some(zero)) = (step.chain, step.acknowledged) else {
        return "none".into();
    };
    let links = chain.links().into_iter().filter_map(|(name, at)| {
        let since = Micros::from(at?.since(zero));
        Some(format!("{name} {since}"))
    });
    links.collect::<Vec<_>>().join(" → ")
}

#[test]
fn a_flip_has_a_chain_of_effects() {
    let experiment = measuring("from: flip, to: gone");
    let seen = |timeline: &Timeline| chain(&judged(&experiment, timeline), 0);
    expect![
        "NotReady 5.000 → endpoint 5.010 → first lost 5.100 → last lost 9.200 → recovery 9.300"
    ]
    .assert_eq(&seen(&outage(5_100, 9_300, 0)));
    // Users that still fail have lost their last request at no known time.
    expect!["NotReady 5.000 → endpoint 5.010 → first lost 5.100"]
        .assert_eq(&seen(&outage(5_100, 12_100, 0)));
}

#[test]
fn what_fails_in_one_step_recovers_in_the_next() {
    let two = |name: &str, to: &str| {
        format!(
            "    - {{ name: {name}, flip: {{ pod: deploy/web, container: b, probe: readiness, to: {to} }}, expect: [{{ id: {name}, pod: deploy/web, that: {{ uid: unchanged }}, always: {{ for: 1s }} }}] }}\n"
        )
    };
    let experiment = with_steps(&(two("one", "404") + &two("two", "pass")));
    let timeline = ScriptedTimeline::new()
        .clock("users-a", 0)
        .steady()
        .step(0, 10_000)
        .flipped("404")
        .after(5_000)
        .ready(true, false)
        .end(0)
        .step(1, 18_000)
        .flipped("pass")
        .at(19_000)
        .ready(true, true)
        .at(25_000)
        .requests("users-a", 9_000, 15_100, Ok)
        .requests("users-a", 15_100, 19_200, Refused)
        .requests("users-a", 19_200, 25_000, Ok)
        .end(1)
        .reverting()
        .done();
    let judgement = judged(&experiment, &timeline);
    expect!["NotReady 5.000 → first lost 5.100 → last lost 9.100 → recovery 9.200"]
        .assert_eq(&chain(&judgement, 0));
    assert_eq!(chain(&judgement, 1), "none");
}
