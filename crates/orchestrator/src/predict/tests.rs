//! Questions about a small chart, and the experiments that ask them.

use expect_test::{Expect, expect, expect_file};

use super::{Mode, Question, Scope, Wanted, Workload, questions, written};
use crate::{
    input::{load, source::Source},
    stand_in::{self, Settings},
};
use std::time::Duration;

const CHART: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: app:1
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /health, port: http } }
          livenessProbe: { httpGet: { path: /health, port: http }, failureThreshold: 6 }
        - name: worker
          image: worker:1
          livenessProbe: { exec: { command: [/healthcheck] } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: batch/v1
kind: Job
metadata: { name: once }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: job, image: job:1 }]
";

fn workloads() -> Vec<Workload> {
    let source = Source {
        path: "chart.yaml".into(),
        text: CHART.into(),
    };
    let originals = load::load(&source).unwrap().manifests;
    let (stand_ins, _) = stand_in::manifests(&originals, &Settings::default()).unwrap();
    Workload::all(&stand_ins, &originals).unwrap()
}

/// All questions of these modes and scopes, in words.
fn check(modes: &[Mode], scopes: &[Scope], expected: &Expect) {
    let wanted = Wanted {
        modes: modes.to_vec(),
        scopes: scopes.to_vec(),
    };
    let workloads = workloads();
    let asked = workloads
        .iter()
        .flat_map(|workload| questions(workload, &wanted));
    let words = |question: Question<'_>| {
        format!(
            "{} {} {}\n",
            question.subject(),
            question.what(),
            question.pods()
        )
    };
    expected.assert_eq(&asked.map(words).collect::<String>());
}

#[test]
fn probes_that_ask_the_same_fail_together() {
    let both = [Scope::One, Scope::All];
    check(
        &[Mode::Readiness, Mode::Liveness],
        &both,
        &expect![[r"
        deploy/web/app readiness+liveness one of 2
        deploy/web/app readiness+liveness all 2
        deploy/web/worker liveness one of 2
        deploy/web/worker liveness all 2
    "]],
    );
    check(
        &[Mode::Liveness],
        &[Scope::One],
        &expect![[r"
        deploy/web/app readiness+liveness one of 2
        deploy/web/worker liveness one of 2
    "]],
    );
}

#[test]
fn an_unknown_command_gives_two_answers_to_a_freeze() {
    check(
        &[Mode::Frozen],
        &[Scope::All],
        &expect![[r"
        deploy/web/app frozen all 2
        deploy/web/worker frozen, if the command asks it all 2
        deploy/web/worker frozen, if the command does not all 2
    "]],
    );
}

#[test]
fn a_template_is_asked_about_as_a_whole() {
    check(
        &[Mode::Startup, Mode::Rollout],
        &[Scope::One, Scope::All],
        &expect![[r"
            deploy/web startup all 2
            deploy/web rollout all 2
        "]],
    );
}

#[test]
fn a_question_is_an_experiment() {
    let wanted = Wanted {
        modes: vec![Mode::Readiness],
        scopes: vec![Scope::One],
    };
    let workloads = workloads();
    let asked = questions(&workloads[0], &wanted);
    let text = written(&asked[0], "10/s".parse().unwrap(), Duration::from_secs(2)).text;
    // The objects come last, and are the stand-ins' own.
    let (text, objects) = text.split_once("  workload:\n").unwrap();
    assert!(objects.contains("kind: Deployment"));
    expect_file!["tests/question.yaml"].assert_eq(text);
}
