//! What commands write as JSON fits the schemas that `probeflip schema` prints.

mod validator;

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{probeflip, root};
use validator::Validator;

/// Checks JSON against a schema in which no object may have a field that is not described.
#[track_caller]
fn check(of: &str, json: &Value) {
    let output = probeflip().args(["schema", of]).output().unwrap();
    let schema = serde_json::from_slice(&output.stdout).unwrap();
    let errors = Validator::new(schema).errors(json);
    assert!(errors.is_empty(), "{of}: {errors:#?}");
}

/// What a command prints as JSON.
fn printed(arguments: &[&str]) -> Value {
    let output = probeflip().args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {error}"))
}

/// What a run writes with `--json`, and its exit code.
fn run(mut command: Command, files: &[&str], options: &[&str]) -> (i32, Value) {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("run.json");
    command.args(["run", "--on=virtual", "--json"]).arg(&json);
    let output = command.args(files).args(options).output().unwrap();
    let report = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    (output.status.code().unwrap(), report)
}

#[test]
fn the_schema_of_runs_describes_every_report() {
    let manifests = ["manifests/seed", "manifests/experiments"];
    let (code, report) = run(probeflip(), &manifests, &["--parallel=2"]);
    assert_eq!(code, 0, "{}", report["errors"]);
    check("run", &report);
    let repeated = run(
        probeflip(),
        &["manifests/seed/two-services.yaml"],
        &["--repeat=3"],
    );
    check("run", &repeated.1);

    let folder = TempDir::new().unwrap();
    let readiness = fs::read_to_string(root().join("manifests/seed/readiness.yaml")).unwrap();
    let deploy = root().join("manifests/seed/deploy.yaml");
    let readiness = readiness.replace("deploy.yaml", deploy.to_str().unwrap());
    let failing = readiness.replacen("notBefore: 3500ms, within: 7500ms", "within: 1ms", 1);
    let unsteady = readiness.replacen("ready: 2/2", "ready: 5/5", 1);
    let invalid = readiness.replacen("within: 60s", "within: soon", 1);
    for (text, expected) in [(failing, 1), (unsteady, 3), (invalid, 2)] {
        assert_ne!(text, readiness);
        let file = folder.path().join("one.yaml");
        fs::write(&file, text).unwrap();
        let (code, report) = run(probeflip(), &[file.to_str().unwrap()], &[]);
        assert_eq!(code, expected, "{report}");
        check("run", &report);
    }
}

#[test]
fn a_judged_timeline_fits_the_schema_of_runs() {
    let folder = TempDir::new().unwrap();
    let timeline = folder.path().join("run.jsonl");
    let timeline = timeline.to_str().unwrap();
    let file = "manifests/seed/two-services.yaml";
    run(probeflip(), &[file], &["--timeline", timeline]);
    check("run", &printed(&["judge", file, timeline, "--json=-"]));
}

#[test]
fn the_schema_of_predictions_describes_every_answer() {
    let file = "tests/shapes/web.yaml";
    let few = ["predict", file, "--output=json", "--samples=2"];
    check("predict", &printed(&few));
    let set = "--set=deploy/web.spec.minReadySeconds=5";
    let more = ["--mode=rollout,readiness", "--advise", set];
    check("predict", &printed(&[&few[..], &more].concat()));
    let file = "manifests/experiments/predicted.yaml";
    let of_experiment = ["predict", file, "--output=json", "--samples=2"];
    check("predict-experiments", &printed(&of_experiment));
}

#[test]
fn the_schema_of_lint_describes_every_finding() {
    for shape in ["mistakes", "web", "worker"] {
        let file = format!("tests/shapes/{shape}.yaml");
        check("lint", &printed(&["lint", &file, "--output=json"]));
    }
}
