//! Validates `run --json` reports against the schema of `schema run` with a Python validator.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::python;
use crate::program::{Ended, probeflip, root};

/// Runs `probeflip` to its end, and returns the path of its report.
fn report(folder: &Path, name: &str, code: i32, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut command = probeflip();
    command.arg("run").args(arguments).arg("--json").arg(&path);
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, code, "{name}: {}", ended.stderr);
    path
}

fn conforms(python: &Path, schema: &Path, documents: &[PathBuf]) -> Ended {
    let mut command = Command::new(python);
    command.arg(root().join("tests/peers/conforms.py"));
    Ended::from(command.arg(schema).args(documents).output().unwrap())
}

#[test]
fn reports_conform_to_their_schema() {
    let Some(python) = python("reports_conform_to_their_schema") else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let folder = folder.path();
    let schema = folder.join("schema.json");
    let printed = probeflip().args(["schema", "run"]).output().unwrap();
    fs::write(&schema, &printed.stdout).unwrap();

    let seed = root().join("manifests/seed");
    for file in ["deploy.yaml", "svc.yaml", "svc-2.yaml"] {
        fs::copy(seed.join(file), folder.join(file)).unwrap();
    }
    let text = fs::read_to_string(seed.join("one-service.yaml")).unwrap();
    let changed = |name: &str, from: &str, to: &str| {
        let path = folder.join(name);
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let held = changed("held.yaml", "kind", "kind");
    let failed = changed(
        "failed.yaml",
        "that: { ready: 1/2 }",
        "that: { ready: 0/2 }",
    );
    let never = changed("never.yaml", "that: { ready: 2/2 }", "that: { ready: 3/3 }");
    let invalid = changed("invalid.yaml", "probe: readiness", "probe: ready");
    let on = ["--on", "virtual"];
    let of = |files: &[&str]| {
        [files, &on]
            .concat()
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let written = |name: &str, code: i32, files: &[&str]| {
        let arguments = of(files);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        report(folder, name, code, &arguments)
    };
    let reports = [
        written("held.json", 0, &[&held]),
        written("failed.json", 1, &[&failed]),
        written("invalid.json", 2, &[&invalid]),
        written("full.json", 3, &[&held, "--timeline", "/dev/full"]),
    ];
    let ended = conforms(&python, &schema, &reports);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, ""),
        "{}",
        ended.stderr
    );
    // A run that never reaches its steady state also has a report.
    let path = folder.join("never.json");
    let mut command = probeflip();
    command
        .args(["run", &never])
        .args(on)
        .arg("--json")
        .arg(&path);
    command.output().unwrap();
    let ended = conforms(&python, &schema, &[path]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, ""),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_report_that_lacks_something_does_not_conform() {
    let Some(python) = python("a_report_that_lacks_something_does_not_conform") else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let schema = folder.path().join("schema.json");
    let printed = probeflip().args(["schema", "run"]).output().unwrap();
    fs::write(&schema, &printed.stdout).unwrap();
    let path = report(folder.path(), "a.json", 0, &["--on", "virtual"]);
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"took\":", "\"lasted\":"),
        ("\"verdict\": \"pass\"", "\"verdict\": \"passed\""),
        ("\"errors\": []", "\"errors\": [\"no\"]"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let ended = conforms(&python, &schema, std::slice::from_ref(&path));
        assert_eq!(ended.code, 1, "{to}: {}", ended.stderr);
    }
}
