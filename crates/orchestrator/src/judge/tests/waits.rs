//! Steps that wait: they last at least so long, and need no expectation.

use super::{Judge, Micros, ScriptedTimeline, Verdict, judge, with_steps};

fn experiment(expect: &str) -> super::Experiment {
    with_steps(&format!("    - {{ name: one, wait: 10s{expect} }}\n"))
}

#[test]
fn a_step_lasts_as_long_as_it_waits() {
    let check = |expect: &str, now: u64, decided: bool, look_again_at: Option<u64>| {
        let mut judge = Judge::new(&experiment(expect));
        let state = judge.step(&ScriptedTimeline::in_step().done(), 0, Micros(now * 1_000));
        let look_again_at = look_again_at.map(|at| Micros(at * 1_000));
        assert_eq!(
            (state.decided, state.look_again_at),
            (decided, look_again_at),
            "{expect}"
        );
    };
    check("", 11_000, false, Some(20_000));
    check("", 20_000, true, None);
    let longer =
        ", expect: [{ id: it, pod: deploy/web, that: { ready: 2/2 }, always: { for: 15s } }]";
    check(longer, 20_000, false, Some(25_000));
    let open = ", expect: [{ id: it, pod: deploy/web, that: { ready: 2/2 }, always: {} }]";
    check(open, 19_999, false, Some(20_000));
    check(open, 20_000, true, None);
}

#[test]
fn a_wait_without_expectations_passes_when_it_ends() {
    let check = |script: ScriptedTimeline, step: Option<Verdict>, verdict: Verdict| {
        let judgement = judge(&experiment(""), &script.done());
        assert_eq!(
            (judgement.steps[0].verdict, judgement.verdict),
            (step, verdict)
        );
    };
    check(
        ScriptedTimeline::in_step().after(10_000).end(0),
        Some(Verdict::Pass),
        Verdict::Pass,
    );
    let cut_off = ScriptedTimeline::in_step().after(3_000).reverting();
    check(cut_off, Some(Verdict::Inconclusive), Verdict::Inconclusive);
    check(
        ScriptedTimeline::new().steady().reverting(),
        None,
        Verdict::Inconclusive,
    );
}
