//! `probeflip predict --set` and `--advise`, of experiments, and `probeflip diff`.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::run;

fn predicted(arguments: &[&str]) -> Value {
    let fixed = [
        "predict",
        "tests/shapes/web.yaml",
        "--samples=2",
        "--output=json",
    ];
    let ended = run(fixed.iter().chain(arguments).copied());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_changed_field_is_compared_row_by_row() {
    let set =
        "--set=deploy/web.spec.template.spec.containers[nginx].readinessProbe.periodSeconds=60";
    let report = predicted(&["--mode=readiness,crash", "--scope=one", set]);
    let rows = report["comparison"].as_array().unwrap().iter();
    let differs = rows.map(|row| (row["before"]["mode"].clone(), row["differs"].clone()));
    let readiness = differs.filter(|(mode, _)| mode == "readiness");
    assert!(readiness.into_iter().all(|(_, differs)| differs == true));
    let ended = run([
        "predict",
        "tests/shapes/web.yaml",
        "--set=deploy/web.spec.replica=2",
    ]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("--set:1:11: unknown field `spec.replica`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_as_predicted_is_inside_and_a_later_one_is_not() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let rows = format!("--experiments={}", path("rows"));
    let report = predicted(&["--mode=readiness", "--scope=one", &rows]);
    let name = report["rows"][0]["experiment"].as_str().unwrap();
    let experiment = path(&format!("rows/{name}.yaml"));
    let timeline = path("run.jsonl");
    let ended = run([
        "run",
        &*experiment,
        "--on=virtual",
        "--seed=7",
        "--timeline",
        &*timeline,
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    fs::write(path("as.json"), report.to_string()).unwrap();
    let diff = |prediction: &str| run(["diff", &*path(prediction), &*timeline]);
    let ended = diff("as.json");
    assert_eq!(
        (ended.code, &*ended.stdout),
        (0, &*format!("✔ {name}: as predicted\n"))
    );
    let mut later = report.clone();
    for times in later["rows"][0]["effects"].as_array_mut().unwrap() {
        for end in ["earliestMicros", "latestMicros"] {
            times[end] = (times[end].as_u64().unwrap() + 3_600_000_000).into();
        }
        times["bounds"] = Value::Null;
    }
    fs::write(path("later.json"), later.to_string()).unwrap();
    let ended = diff("later.json");
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains("; predicted 36"), "{}", ended.stdout);
}

#[test]
fn an_experiment_has_a_row_for_each_expectation() {
    let file = "manifests/experiments/predicted.yaml";
    let ended = run(["predict", file, "--samples=3", "--output=json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    for row in report["expectations"].as_array().unwrap() {
        let time = |field: &str| row[field].as_u64();
        let (Some(not_before), Some(within)) = (time("notBeforeMicros"), time("withinMicros"))
        else {
            assert_eq!(row["id"], "started-again");
            continue;
        };
        let inside = not_before..=within;
        assert!(inside.contains(&time("earliestMicros").unwrap()), "{row:#}");
        assert!(inside.contains(&time("latestMicros").unwrap()), "{row:#}");
    }
}

/// A container that is not probed for half a minute after each start.
const SLOW: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: app:1
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /ready, port: http }, initialDelaySeconds: 30, periodSeconds: 2 }
          livenessProbe: { httpGet: { path: /live, port: http }, initialDelaySeconds: 30, periodSeconds: 2 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
";

#[test]
fn advice_is_a_change_that_lowers_the_finding() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("chart.yaml"), SLOW).unwrap();
    let file = path("patches.yml");
    let chart = path("chart.yaml");
    let option = format!("--advise={file}");
    let options = ["--mode=frozen", "--samples=2", "--output=json"];
    let ended = run(["predict", &*chart, &*option].into_iter().chain(options));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let [advice] = report["advice"].as_array().unwrap().as_slice() else {
        panic!("{report:#}");
    };
    assert_eq!(
        advice["change"],
        "a startup probe of app, for up to 36 s, in place of the initial delay"
    );
    let failed = |when: &str| advice[when]["requests"][0]["mostFailed"].as_u64().unwrap();
    assert!(failed("after") * 2 <= failed("before"), "{advice:#}");
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("startupProbe:") && written.contains("name: web"),
        "{written}"
    );
    let again = run(["predict", &*chart, &*format!("--advise={chart}")]);
    assert_eq!(again.code, 2);
    assert!(
        again.stderr.contains("is part of the input"),
        "{}",
        again.stderr
    );
}
