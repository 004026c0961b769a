//! A probe worker, tick by tick.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::probe::Threshold;

/// Period 10 s, failure threshold 3, success threshold 1, no delay.
fn spec(kind: ProbeKind) -> Spec {
    Spec {
        kind,
        initial_delay: Duration::ZERO,
        period: Duration::from_secs(10),
        timeout: Duration::from_secs(1),
        success: Threshold::ONE,
        failure: threshold(3),
        grace: None,
    }
}

fn threshold(count: u32) -> Threshold {
    Threshold::new(count).expect("not zero")
}

/// A worker and its container.
struct Story {
    worker: Worker,
    view: View,
    now: Moment,
}

impl Story {
    /// A started container `a` that the worker has already seen.
    fn of(spec: Spec) -> Self {
        let mut story = Self {
            worker: Worker::new(spec, Moment::ZERO, false),
            view: View::default(),
            now: Moment::ZERO,
        };
        story.container("a", spec.kind != ProbeKind::Startup);
        story
    }

    fn container(&mut self, id: &str, started: bool) {
        let life = Life::Running {
            since: self.now.whole_second(),
        };
        self.appears(id, life, started);
    }

    fn appears(&mut self, id: &str, life: Life, started: bool) {
        self.view.container = Some(Seen {
            id: ContainerId::new(id),
            life,
            started,
        });
    }

    /// The next tick.
    fn beat(&mut self) -> WorkerStep {
        self.now = self.now.max(self.worker.due());
        self.worker.wake(Cause::Tick, &self.view, self.now)
    }

    /// Takes one tick with an attempt for each letter: `s`uccess, `w`arning, `f`ailure, `e`rror.
    /// Returns the verdict after the last one.
    fn attempts(&mut self, outcomes: &str) -> Option<Verdict> {
        let verdicts = outcomes.chars().map(|letter| {
            assert_eq!(self.beat().next, Next::Probe, "at {:?}", self.now);
            self.attempt(letter)
        });
        verdicts.last().flatten()
    }

    fn attempt(&mut self, letter: char) -> Option<Verdict> {
        let outcome = match letter {
            's' => ProbeOutcome::Success,
            'w' => ProbeOutcome::Warning,
            'f' => ProbeOutcome::Failure,
            _ => ProbeOutcome::Error,
        };
        loop {
            match self.worker.observe(outcome) {
                Observed::Retry => assert_eq!(outcome, ProbeOutcome::Error),
                Observed::Done(Some(Effect::Store(_, verdict))) => return Some(verdict),
                Observed::Done(_) => return None,
            }
        }
    }
}

fn check(kind: ProbeKind, outcomes: &str, verdict: Option<Verdict>) {
    assert_eq!(
        Story::of(spec(kind)).attempts(outcomes),
        verdict,
        "{outcomes}"
    );
}

#[test]
fn a_verdict_needs_a_run_of_its_threshold() {
    check(ProbeKind::Liveness, "ff", None);
    check(ProbeKind::Liveness, "fff", Some(Verdict::Failure));
    check(ProbeKind::Liveness, "ffsff", None);
    check(ProbeKind::Readiness, "s", Some(Verdict::Success));
    check(ProbeKind::Readiness, "w", Some(Verdict::Success));
    check(ProbeKind::Startup, "ffs", Some(Verdict::Success));
}

#[test]
fn an_error_neither_counts_nor_resets() {
    check(ProbeKind::Liveness, "eeeee", None);
    check(ProbeKind::Liveness, "fefe", None);
    check(ProbeKind::Liveness, "fefef", Some(Verdict::Failure));
}

#[test]
fn an_error_is_tried_three_times_at_once() {
    let mut worker = Worker::new(spec(ProbeKind::Liveness), Moment::ZERO, false);
    let observed = [(); 4].map(|()| worker.observe(ProbeOutcome::Error));
    let settled = Observed::Done(None);
    let expected = [Observed::Retry, Observed::Retry, settled, Observed::Retry];
    assert_eq!(observed, expected);
}

#[test]
fn a_success_threshold_above_one_counts_too() {
    let two = Spec {
        success: threshold(2),
        ..spec(ProbeKind::Readiness)
    };
    // A worker starts as if its last outcome had been a success, in a run of length 0.
    assert_eq!(Story::of(two).attempts("s"), None);
    assert_eq!(Story::of(two).attempts("ss"), Some(Verdict::Success));
}

#[test]
fn a_new_container_is_seeded_and_the_old_one_forgotten() {
    let mut story = Story::of(spec(ProbeKind::Readiness));
    let a = ContainerId::new("a");
    let b = ContainerId::new("b");
    let met = Effect::Store(a.clone(), Verdict::Failure);
    assert_eq!(story.beat().effects, [met]);
    assert_eq!(story.beat().effects, []);
    story.container("b", true);
    let replaced = [
        Effect::Forget(a),
        Effect::Store(b.clone(), Verdict::Failure),
    ];
    assert_eq!(story.beat().effects, replaced);
    assert_eq!(story.worker.exit_effect(), Some(Effect::Forget(b)));
}

#[test]
fn a_run_of_failures_survives_a_crash() {
    let mut story = Story::of(spec(ProbeKind::Liveness));
    assert_eq!(story.attempts("ff"), None);
    story.container("b", true);
    assert_eq!(story.attempts("f"), Some(Verdict::Failure));
}

#[test]
fn a_killed_containers_successor_gets_all_its_attempts() {
    let mut story = Story::of(spec(ProbeKind::Liveness));
    assert_eq!(story.attempts("fff"), Some(Verdict::Failure));
    assert_eq!(story.beat().next, Next::Wait, "the victim is left alone");
    story.container("b", true);
    assert_eq!(story.attempts("ff"), None);
    assert_eq!(story.attempts("f"), Some(Verdict::Failure));
}

#[test]
fn startup_holds_the_others_back_and_then_rests() {
    let mut liveness = Story::of(spec(ProbeKind::Liveness));
    liveness.container("a", false);
    assert_eq!(liveness.beat().next, Next::Wait);
    liveness.container("a", true);
    assert_eq!(liveness.beat().next, Next::Probe);

    let mut startup = Story::of(spec(ProbeKind::Startup));
    assert_eq!(startup.attempts("s"), Some(Verdict::Success));
    assert_eq!(startup.beat().next, Next::Wait);
    startup.container("b", true);
    assert_eq!(startup.beat().next, Next::Wait, "idle while it is started");
}

#[test]
fn the_initial_delay_counts_from_the_published_second() {
    let delayed = Spec {
        initial_delay: Duration::from_secs(5),
        ..spec(ProbeKind::Liveness)
    };
    let wakes = |millis| {
        let mut story = Story::of(delayed);
        let since = Moment::from_millis(3_900).whole_second();
        story.appears("a", Life::Running { since }, true);
        let now = Moment::from_millis(millis);
        story.worker.wake(Cause::Tick, &story.view, now).next
    };
    assert_eq!(wakes(7_999), Next::Wait);
    // 4.1 s after the true start.
    assert_eq!(wakes(8_000), Next::Probe);
}

#[test]
fn a_container_that_is_down_has_failed() {
    let check = |life, next| {
        let mut story = Story::of(spec(ProbeKind::Readiness));
        story.beat();
        story.appears("a", life, false);
        let failed = Effect::Store(ContainerId::new("a"), Verdict::Failure);
        assert_eq!(
            story.beat(),
            WorkerStep {
                effects: vec![failed],
                next
            }
        );
    };
    check(Life::Waiting, Next::Wait);
    check(Life::Terminated { restarts: true }, Next::Wait);
    check(Life::Terminated { restarts: false }, Next::Exit);
}

#[test]
fn a_worker_waits_for_its_container_and_leaves_with_its_pod() {
    let mut worker = Worker::new(spec(ProbeKind::Readiness), Moment::ZERO, false);
    let mut next = |view| worker.wake(Cause::Tick, &view, Moment::ZERO).next;
    assert_eq!(next(View::default()), Next::Wait);
    assert_eq!(
        next(View {
            over: true,
            container: None
        }),
        Next::Exit
    );
}

#[test]
fn a_pod_that_was_deleted_from_the_start_is_never_killed_by_a_probe() {
    let check = |kind, next| {
        let mut story = Story::of(spec(kind));
        story.worker = Worker::new(spec(kind), Moment::ZERO, true);
        assert_eq!(story.beat().next, next);
    };
    check(ProbeKind::Liveness, Next::Exit);
    check(ProbeKind::Startup, Next::Exit);
    check(ProbeKind::Readiness, Next::Probe);
}

#[test]
fn a_trigger_moves_the_beat() {
    let mut story = Story::of(spec(ProbeKind::Readiness));
    story.beat();
    let now = Moment::from_secs(3);
    let step = story.worker.wake(Cause::Trigger, &story.view, now);
    assert_eq!(step.next, Next::Probe);
    assert_eq!(story.worker.due(), Moment::from_secs(13));
}

proptest! {
    /// A target that fails from some moment on gets its verdict within ((F−1)·P, F·P] of it.
    #[test]
    fn detection_takes_between_one_period_less_and_all(
        failure in 1..6_u32, period in 1..30_u64, phase in 0..30_000_u64,
    ) {
        let (period, bad) = (Duration::from_secs(period), Moment::from_millis(phase));
        let spec = Spec { period, failure: threshold(failure), ..spec(ProbeKind::Liveness) };
        let mut story = Story::of(spec);
        let detected = loop {
            story.beat();
            let letter = if story.now > bad { 'f' } else { 's' };
            if story.attempt(letter) == Some(Verdict::Failure) {
                break story.now - bad;
            }
        };
        prop_assert!(detected > period * (failure - 1));
        prop_assert!(detected <= period * failure);
    }

    /// No sequence of outcomes reaches a failure without that many failures since the last success.
    #[test]
    fn a_failure_verdict_has_its_failures(outcomes in "[sfe]{1,40}", failure in 1..5_u32) {
        let spec = Spec { failure: threshold(failure), ..spec(ProbeKind::Readiness) };
        let mut story = Story::of(spec);
        let mut run = 0;
        for letter in outcomes.chars() {
            run = match letter { 'f' => run + 1, 's' => 0, _ => run };
            let verdict = story.attempts(&letter.to_string());
            prop_assert_eq!(verdict == Some(Verdict::Failure), letter == 'f' && run >= failure);
        }
    }
}
