//! Flips that the requests of their probe never reached. The probe asks every 2 s with a timeout of
//! 1 s: within 3 s it must have.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Judge, Micros, ScriptedTimeline, Verdict, experiment, judge, said};

const KUBELET: &str = "kube-probe/1.36";

const EXPECT: &str = "{ id: it, pod: deploy/web, that: { ready: 2/2 }, always: { for: 5s } }";

fn probe() -> Value {
    json!({ "httpGet": { "path": "/readyz", "port": 8081 }, "periodSeconds": 2, "timeoutSeconds": 1 })
}

/// Container b runs since the beginning, and its step begins at 10 s.
fn in_step(probe: &Value) -> ScriptedTimeline {
    ScriptedTimeline::probed("readinessProbe", probe)
        .steady()
        .step(0, 10_000)
}

fn flipped() -> ScriptedTimeline {
    in_step(&probe()).flip(|_| ())
}

/// What is said of the step's flips once the journal is known well beyond its end.
fn unreached(script: ScriptedTimeline) -> Vec<String> {
    let timeline = script.done();
    let judgement = judge(&experiment(EXPECT), &timeline);
    judgement.steps[0].unreached.clone()
}

/// Whether a flip was missed; the step ends after 5 s, and the journal is read to 9 s after its
/// beginning.
fn check(script: ScriptedTimeline, missed: bool) {
    let script = script.after(9_000).journal_of_b(0);
    let unreached = unreached(script);
    assert_eq!(!unreached.is_empty(), missed, "{unreached:?}");
}

#[test]
fn a_flip_that_its_probe_never_reached_leaves_its_step_open() {
    let script = || {
        flipped()
            .after(1_000)
            .asked("/x", KUBELET)
            .after(2_000)
            .asked("/readyz", "curl/8")
            .after(3_000)
            .asked("/x", KUBELET)
            .after(5_000)
            .end(0)
            .after(5_500)
            .journal_of_b(0)
    };
    expect!["inconclusive: a flip of this step was not reached: web-1 ready 2/2"]
        .assert_eq(&said(&experiment(EXPECT), script()));
    expect!["the readiness probe of web-1/b did not reach the flip `503`: no request of it for `/readyz` arrived at port 8081, although it was due for 5.500 s; probes asked for `/x` (2×) there"]
        .assert_eq(&unreached(script()).join("; "));
    let failing = script().ready(true, false);
    let failing = experiment_said("ready: 1/2", failing);
    assert_eq!(failing, Verdict::Inconclusive);
}

fn experiment_said(ready: &str, script: ScriptedTimeline) -> Verdict {
    let expect =
        format!("{{ id: it, pod: deploy/web, that: {{ {ready} }}, eventually: {{ within: 1s }} }}");
    judge(&experiment(&expect), &script.done()).verdict
}

#[test]
fn one_request_of_the_probe_is_enough() {
    check(flipped(), true);
    check(flipped().after(2_900).asked("/readyz", KUBELET), false);
    // Before the flip, elsewhere, or somebody else's.
    let earlier = ScriptedTimeline::probed("readinessProbe", &probe()).steady();
    let earlier = earlier.at(9_000).asked("/readyz", KUBELET);
    check(earlier.step(0, 10_000).flip(|_| ()), true);
    check(flipped().after(1_000).asked("/readyz/", KUBELET), true);
    // The journal has one text for a path, and a flip may have another.
    let encoded = in_step(&probe()).flip(|flip| flip.path = Some("/%72eadyz".into()));
    check(encoded.after(1_000).asked("/readyz", KUBELET), false);
    check(flipped().after(1_000).asked("/%72eadyz", KUBELET), true);
    let traffic = "probe-target-traffic/0.1.0";
    check(flipped().after(1_000).asked("/readyz", traffic), true);
}

#[test]
fn a_request_outside_the_flips_time_does_not_reach_it() {
    let bounded = |after: Option<u64>, lasts: u64| {
        let micros = |ms: u64| Micros(ms * 1_000);
        in_step(&probe()).flip(|flip| {
            (flip.after, flip.lasts) = (after.map(micros), Some(micros(lasts)));
        })
    };
    let asked_at = |script: ScriptedTimeline, ms: u64| script.after(ms).asked("/readyz", KUBELET);
    check(asked_at(bounded(None, 4_000), 3_900), false);
    check(asked_at(bounded(None, 4_000), 4_100), true);
    check(asked_at(bounded(Some(1_000), 4_000), 900), true);
    check(asked_at(bounded(Some(1_000), 4_000), 1_100), false);
    check(asked_at(flipped().after(4_000).healed(), 4_100), true);
    // The journal is read late: a request may be recorded after the flip's end, or before it.
    let read_late = |began: u64| {
        let script = flipped().after(began).asked("/readyz", KUBELET);
        script.after(4_500).flip(|flip| {
            (flip.sent, flip.to) = (Micros(14_000_000), "404".into());
        })
    };
    check(read_late(3_900), false);
    check(read_late(4_200), true);
}

#[test]
fn a_request_that_the_flip_is_not_for_does_not_reach_it() {
    let script = |agent: &str| {
        let agent = agent.to_owned();
        let script = in_step(&probe()).flip(|flip| flip.agent = Some(agent));
        script.after(1_000).asked("/readyz", KUBELET)
    };
    check(script("kube-probe/"), false);
    check(script("grpc-go"), true);
    // What it is not for does not use it up either.
    let counted = in_step(&probe()).flip(|flip| {
        (flip.agent, flip.count) = (Some("kube-probe/".into()), Some(1));
    });
    check(counted.after(500).asked("/readyz", "curl/8"), true);
    let script = script("grpc-go").after(9_000).journal_of_b(0);
    expect!["the readiness probe of web-1/b did not reach the flip `503`: requests of it for `/readyz` arrived at port 8081, but the flip is only for user agents that begin with `grpc-go`"]
        .assert_eq(&unreached(script).join("; "));
}

#[test]
fn a_text_that_the_journal_cut_is_the_one_it_was_cut_from() {
    let asked = |length: usize, cut: usize| {
        // The escapes are cut through.
        let path = format!("/{}", "%C3%BC".repeat(length));
        let script = in_step(&probe()).flip(|flip| flip.path = Some(path.clone()));
        script.after(1_000).asked(&path[..cut], KUBELET)
    };
    check(asked(60, 256), false);
    check(asked(60, 255), true);
    check(asked(42, 253), false);
    check(asked(42, 252), true);
    let agent = format!("kube-probe/{}", "x".repeat(300));
    let script = in_step(&probe()).flip(|flip| flip.agent = Some(agent.clone()));
    check(script.after(1_000).asked("/readyz", &agent[..256]), false);
}

#[test]
fn recordings_without_the_time_of_the_flip_are_judged_as_before() {
    check(in_step(&probe()).flipped("503"), false);
}

#[test]
fn a_flip_of_a_whole_port_is_not_shown_by_single_requests() {
    check(in_step(&probe()).flip(|flip| flip.path = None), false);
}

#[test]
fn a_flip_must_be_in_force_for_longer_than_the_probe_may_take() {
    let bounded = |lasts: u64, after: u64| {
        in_step(&probe()).flip(move |flip| {
            flip.lasts = Some(Micros(lasts * 1_000));
            flip.after = Some(Micros(after * 1_000));
        })
    };
    check(bounded(3_000, 0), false);
    check(bounded(3_001, 0), true);
    // To the end of what is recorded, 9 s.
    check(bounded(60_000, 5_500), false);
    check(bounded(60_000, 5_000), true);
    let ends: [fn(ScriptedTimeline) -> ScriptedTimeline; 3] = [
        ScriptedTimeline::healed,
        ScriptedTimeline::reverting,
        |script| {
            let path = Some("/other".into());
            let script = script.flip(|flip| (flip.to, flip.path) = ("pass".into(), path));
            script.asked("/other", KUBELET)
        },
    ];
    for end in ends {
        check(end(flipped().after(3_000)), false);
    }
    check(flipped().after(3_100).healed(), true);
}

#[test]
fn a_count_that_others_used_up_ends_a_flip() {
    let counted = || in_step(&probe()).flip(|flip| flip.count = Some(1));
    check(counted(), true);
    check(counted().after(500).asked("/readyz", "curl/8"), false);
}

#[test]
fn a_probe_with_a_long_timeout_may_wait_so_long_unrecorded() {
    let slow = json!({ "httpGet": {}, "periodSeconds": 2, "timeoutSeconds": 4 });
    let read_to = |ms: u64| {
        let script = in_step(&slow).flip(|_| ()).after(ms).journal_of_b(0);
        !unreached(script).is_empty()
    };
    // Due for 5 s; a request that began then is recorded 4 s later.
    assert!(!read_to(8_999));
    assert!(read_to(9_000));
}

#[test]
fn the_probe_must_be_due() {
    let late = json!({ "httpGet": {}, "periodSeconds": 2, "initialDelaySeconds": 15 });
    // The container runs since 0 s: due from 15 s on, 5 s into the step.
    let delayed = |ms: u64| {
        let script = in_step(&late).flip(|_| ()).after(ms).journal_of_b(0);
        !unreached(script).is_empty()
    };
    assert!(!delayed(8_900));
    assert!(delayed(9_100));
    check(flipped().after(2_000).waiting("CrashLoopBackOff"), false);
    check(flipped().after(2_000).running(false), false);
    check(flipped().after(2_000).restarts(1), false);
    check(flipped().after(2_000).deleting(), false);
    check(flipped().after(2_000).killing(), false);
    check(flipped().after(4_000).killing(), true);
}

#[test]
fn a_startup_probe_is_due_until_it_has_succeeded() {
    let startup = || {
        let script = ScriptedTimeline::probed("startupProbe", &probe()).running(false);
        let script = script.steady().step(0, 10_000);
        script.flip(|flip| flip.probe = "startup".into())
    };
    check(startup(), true);
    check(startup().after(2_000).running(true), false);
}

#[test]
fn what_is_not_recorded_is_not_held_against_a_flip() {
    // Lost records, a broken watch, a journal that is not read far enough.
    check(flipped().after(2_000).journal_of_b(1), false);
    check(flipped().after(8_000).gap("Pod", 12_000), false);
    check(flipped().after(3_000).down("Pod", 12_000), false);
    check(
        flipped().after(3_000).down("Pod", 12_000).unbroken("Pod"),
        true,
    );
    assert_eq!(unreached(flipped().after(9_000)), [""; 0]);
    assert_eq!(
        unreached(flipped().after(3_900).journal_of_b(0).after(9_000)),
        [""; 0]
    );
}

#[test]
fn a_port_that_may_be_closed_hides_what_is_asked_there() {
    let closed = |port, probe: &'static str, to: &'static str| {
        flipped().after(100).flip(move |flip| {
            (flip.port, flip.path) = (port, None);
            (flip.probe, flip.to) = (probe.into(), to.into());
        })
    };
    check(closed(Some(8081), "liveness", "refuse"), false);
    check(closed(Some(8082), "liveness", "refuse"), true);
    check(closed(None, "process", "stop-accepting"), false);
    check(closed(None, "process", "sigterm"), true);
}

#[test]
fn a_grpc_service_is_named_as_one() {
    let grpc = json!({ "grpc": { "port": 8081, "service": "db" }, "periodSeconds": 2 });
    let script = in_step(&grpc).flip(|flip| flip.path = Some("/db".into()));
    let script = script
        .after(1_000)
        .asked("/", "kube-probe/1.36 grpc-go/1.79.3");
    let script = script.after(5_000).journal_of_b(0);
    expect!["the readiness probe of web-1/b did not reach the flip `503`: no request of it for the gRPC service `db` arrived at port 8081, although it was due for 5.000 s; probes asked for the gRPC server as a whole (1×) there"]
        .assert_eq(&unreached(script).join("; "));
}

#[test]
fn the_last_readings_of_the_journal_are_waited_for() {
    let experiment = experiment(EXPECT);
    let settled = |script: ScriptedTimeline, now: u64| {
        let mut judge = Judge::new(&experiment);
        let state = judge.settled(&script.done(), Micros(now * 1_000));
        (state.decided, state.look_again_at)
    };
    let read = |ms: u64| flipped().after(ms).journal_of_b(0).after(5_000).end(0);
    // Due since 10 s: asked by 13 s, recorded by 14 s; patience ends 10 s later.
    assert_eq!(
        settled(read(3_500), 15_000),
        (false, Some(Micros(24_000_000)))
    );
    assert_eq!(settled(read(3_500), 24_000), (true, None));
    assert_eq!(settled(read(4_000), 15_000), (true, None));
}
