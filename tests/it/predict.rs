//! `probeflip predict`: the severities of a chart's failures, and samples within closed formulas.

use std::{fmt::Write as _, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, run};

#[test]
fn the_failures_of_a_chart_have_the_severities_of_its_key() {
    let ended = run([
        "predict",
        "tests/shapes/web.yaml",
        "--mode=readiness,frozen,rollout",
        "--samples=2",
        "--output=json",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answers: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = answers["rows"].as_array().unwrap().iter();
    let severities: Vec<String> = rows
        .map(|row| {
            let words = ["fails", "pods", "severity"].map(|field| row[field].as_str().unwrap());
            words.join(", ")
        })
        .collect();
    let expected = [
        "readiness, one of 3, degraded",
        "readiness, all 3, outage",
        "frozen, one of 3, restart",
        "frozen, all 3, outage",
        "rollout, all 3, none",
    ];
    assert_eq!(severities, expected);
}

/// How many containers with generated probes there are.
const GENERATED: usize = 6;

#[test]
fn every_sample_lies_within_the_closed_formula() {
    let folder = TempDir::new().unwrap();
    let chart = folder.path().join("chart.yaml");
    fs::write(&chart, generated(&mut Digits(12))).unwrap();
    let ended = run([
        "predict",
        chart.to_str().unwrap(),
        "--mode=readiness,frozen",
        "--samples=3",
        "--output=json",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answers: Value = serde_json::from_str(&ended.stdout).unwrap();
    let mut checked = 0;
    for row in answers["rows"].as_array().unwrap() {
        assert_ne!(row["severity"], "notJudged", "{row:#}");
        for effect in row["effects"].as_array().unwrap() {
            let micros = |value: &Value| value.as_u64().unwrap();
            if effect["bounds"].is_null() {
                continue;
            }
            let after = micros(&effect["bounds"]["afterMicros"]);
            let within = micros(&effect["bounds"]["withinMicros"]);
            let times = [&effect["earliestMicros"], &effect["latestMicros"]].map(micros);
            let is_inside = times.iter().all(|time| (after..=within).contains(time));
            assert!(is_inside, "{effect:#} of {row:#}");
            checked += 1;
        }
    }
    assert!(checked > 2 * GENERATED, "{checked}");
}

/// Numbers that look random: a linear congruential generator.
struct Digits(u64);

impl Digits {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's constants, as in musl's `rand`.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// Deployments of one Pod behind a Service, with probes of any kind and timing: a liveness probe,
/// and a readiness probe, a startup probe, or both.
fn generated(random: &mut Digits) -> String {
    let mut chart = String::new();
    for number in 0..GENERATED {
        let mut probes = vec![("livenessProbe", "/livez")];
        if number % 3 > 0 {
            probes.push(("readinessProbe", "/readyz"));
        }
        if number % 3 < 2 {
            probes.push(("startupProbe", "/startz"));
        }
        let probes = probes.iter().map(|(name, path)| {
            let probe = probe(random, path);
            format!("\n          {name}: {probe}")
        });
        let probes: String = probes.collect();
        let grace = random.below(20) + 2;
        write!(
            chart,
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web-{number} }}
spec:
  selector: {{ matchLabels: {{ app: web-{number} }} }}
  template:
    metadata: {{ labels: {{ app: web-{number} }} }}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
        - name: app
          image: app:1
          ports: [{{ containerPort: 8080 }}, {{ containerPort: 9090 }}]{probes}
---
apiVersion: v1
kind: Service
metadata: {{ name: web-{number} }}
spec: {{ selector: {{ app: web-{number} }}, ports: [{{ port: 80, targetPort: 8080 }}] }}
---"
        )
        .unwrap();
    }
    chart
}

fn probe(random: &mut Digits, path: &str) -> String {
    let handler = match random.below(4) {
        0 => format!("httpGet: {{ port: 8080, path: {path} }}"),
        1 => "tcpSocket: { port: 8080 }".to_owned(),
        2 => "grpc: { port: 9090 }".to_owned(),
        _ => format!("exec: {{ command: [curl, 'http://localhost:8080{path}'] }}"),
    };
    let (delay, period) = (random.below(4), random.below(12) + 1);
    let (timeout, failures) = (random.below(4) + 1, random.below(4) + 1);
    format!(
        "{{ {handler}, initialDelaySeconds: {delay}, periodSeconds: {period}, \
         timeoutSeconds: {timeout}, failureThreshold: {failures} }}"
    )
}

#[test]
fn a_table_begins_with_its_assumptions_and_ends_with_findings() {
    let Ended { code, stdout, .. } = run([
        "predict",
        "tests/shapes/web.yaml",
        "--mode=frozen",
        "--scope=all",
        "--samples=1",
        "--fail-on=outage=5s",
    ]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.starts_with("Assumed: on SIGTERM a container closes its ports"));
    assert!(stdout.contains("\n1 row: 1 outage\n\n1. When deploy/web/nginx freezes in all 3 Pods"));
    let widest = stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{stdout}");
}

#[test]
fn input_that_holds_nothing_to_predict_is_refused() {
    let refused = |text: &str, expected: &str| {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        fs::write(file.path(), text).unwrap();
        let ended = run(["predict", file.path().to_str().unwrap()]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    };
    let service =
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}";
    refused(
        service,
        "error: nothing to predict: the input has no workload",
    );
    let template = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n";
    refused(template, "helm template");
}
