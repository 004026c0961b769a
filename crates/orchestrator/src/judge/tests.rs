//! Hand-made timelines and what is made of them. Each is judged record by record as well, as a run
//! does it.

mod after;
mod budgets;
mod events;
mod measures;
mod objects;
mod patches;
mod progress;
mod reach;
mod steady;
mod traffic;
mod waits;
mod which;

use expect_test::Expect;

use super::*;
use crate::input::experiment::Source;
use crate::input::load::load;
use crate::timeline::scripted_timeline::ScriptedTimeline;

/// An experiment whose only step expects this.
fn experiment(expect: &str) -> Experiment {
    with_steps(&format!(
        "    - {{ name: one, flip: {{ pod: deploy/web, container: b, probe: readiness, to: 404 }}, expect: [{expect}] }}\n"
    ))
}

fn with_steps(steps: &str) -> Experiment {
    let text = format!(
        "apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: test }}
spec:
  workload: {{ files: [deploy.yaml] }}
  traffic:
    - {{ name: users-a, service: web-a, port: 80, rate: 10/s }}
    - {{ name: users-b, service: web-b, port: 80, rate: 10/s }}
  steadyState:
    within: 30s
    hold: 3s
    require:
      - {{ pod: deploy/web, that: {{ ready: 2/2 }} }}
      - {{ traffic: [users-a], that: {{ outcome: ok }} }}
  steps:
{steps}"
    );
    let source = Source {
        path: "test.yaml".into(),
        text: text.into(),
    };
    let mut loaded = load(&source).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.experiments.remove(0)
}

/// The verdict on an expectation's operator and claim, and what is said of it.
fn check(expect: &str, script: ScriptedTimeline, expected: &Expect) {
    let experiment = experiment(&format!("{{ id: it, {expect} }}"));
    expected.assert_eq(&said(&experiment, script));
}

/// The same for a step that patches the Deployment.
fn check_patched(expect: &str, script: ScriptedTimeline, expected: &Expect) {
    let patch = "{ object: deploy/web, merge: { spec: { replicas: 2 } } }";
    let experiment = with_steps(&format!(
        "    - {{ name: one, patch: {patch}, expect: [{{ id: it, {expect} }}] }}\n"
    ));
    expected.assert_eq(&said(&experiment, script));
}

fn said(experiment: &Experiment, script: ScriptedTimeline) -> String {
    let timeline = script.done();
    let judgement = judge(experiment, &timeline);
    assert_eq!(
        step_by_step(experiment, &timeline),
        judgement,
        "online and offline must agree"
    );
    let findings = judgement
        .steps
        .iter()
        .flat_map(|step| step.findings.iter().map(move |finding| (step, finding)));
    let lines = findings.map(|(step, finding)| {
        let verdict = finding.verdict.map_or("not run", Verdict::word);
        let zero = step.acknowledged.unwrap_or_default();
        let at = finding.at.map_or(String::new(), |at| {
            format!(" at {}", Micros::from(at.since(zero)))
        });
        format!("{verdict}{at}: {}", finding.seen)
    });
    lines.collect::<Vec<_>>().join("\n")
}

// A run asks after every record; asking must not change what is found.
fn step_by_step(experiment: &Experiment, timeline: &Timeline) -> Judgement {
    let mut judge = Judge::new(experiment);
    let mut growing = Timeline::new(timeline.header().clone());
    for record in timeline.records() {
        growing.push(record.at, record.what.clone());
        judge.steady_state(&growing, record.at);
        for step in 0..experiment.steps.len() {
            judge.step(&growing, step, record.at);
        }
    }
    judge.judgement(timeline, timeline.last())
}
