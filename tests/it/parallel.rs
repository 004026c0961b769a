//! Runs with `--parallel`: the same results as one after the other, and how they end early.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    program::{Ended, probeflip, root},
    running::Running,
};

/// Writes the seed's experiments and a failing one into a folder.
fn seed(folder: &Path) {
    for entry in fs::read_dir(root().join("manifests/seed")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let text = fs::read_to_string(folder.join("readiness.yaml")).unwrap();
    let text = text.replacen("name: readiness", "name: impossible", 1);
    let failing = text.replacen("notBefore: 3500ms, within: 7500ms", "within: 1ms", 1);
    assert_ne!(text, failing);
    fs::write(folder.join("impossible.yaml"), failing).unwrap();
}

/// The files that a run wrote, and what it printed.
fn outputs(options: &[&str]) -> (Ended, BTreeMap<String, Vec<u8>>) {
    let folder = TempDir::new().unwrap();
    seed(folder.path());
    let mut command = probeflip();
    command.current_dir(folder.path());
    command.args(["run", "--on=virtual", "impossible.yaml", "one-service.yaml"]);
    command.args(["liveness.yaml", "readiness.yaml", "two-services.yaml"]);
    command.args(["--json=r.json", "--junit=r.xml", "--markdown=r.md"]);
    command.args(["--report=r.html", "--timeline=r.jsonl"]);
    let ended = Ended::from(command.args(options).output().unwrap());
    let files = fs::read_dir(folder.path()).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let named = files.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    (ended, named.collect())
}

#[test]
fn results_are_the_same_bytes_however_many_run_at_a_time() {
    for options in [&["--verbose"][..], &["--seed=5"], &["--repeat=3"]] {
        let (one, files) = outputs(options);
        assert_eq!(one.code, 1, "{}", one.stderr);
        for parallel in ["--parallel=2", "--parallel=4"] {
            let (several, same) = outputs(&[options, &[parallel]].concat());
            assert_eq!(several.stdout, one.stdout, "{options:?}");
            assert_eq!(several.stderr, one.stderr, "{options:?}");
            assert_eq!(several.code, one.code);
            assert!(files.keys().eq(same.keys()), "{:?}", same.keys());
            for (name, bytes) in &files {
                assert!(*bytes == same[name], "{options:?} {parallel}: {name}");
            }
        }
    }
}

/// A failing experiment, one that takes longer, and a third, two at a time on pocket.
fn two_of_three(folder: &Path, options: &[&str]) -> Running {
    seed(folder);
    let mut command = probeflip();
    command.current_dir(folder);
    command.args(["run", "--verbose", "--on=pocket", "--parallel=2"]);
    command.args(["--json=r.json", "--timeline=r.jsonl"]);
    command.args(["impossible.yaml", "readiness.yaml", "liveness.yaml"]);
    Running::start(command.args(options))
}

/// The names and verdicts of the report's experiments.
fn verdicts(folder: &Path) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&fs::read(folder.join("r.json")).unwrap()).unwrap();
    let text = |run: &Value, field: &str| run[field].as_str().unwrap().to_owned();
    let runs = report["experiments"].as_array().unwrap().iter();
    runs.map(|run| (text(run, "experiment"), text(run, "verdict")))
        .collect()
}

fn pair(name: &str, verdict: &str) -> (String, String) {
    (name.to_owned(), verdict.to_owned())
}

#[test]
fn what_is_under_way_when_an_experiment_fails_is_run_to_its_end() {
    let folder = TempDir::new().unwrap();
    two_of_three(folder.path(), &["--fail-fast"]).ends(1, "");
    let expected = [pair("impossible", "fail"), pair("readiness", "pass")];
    assert_eq!(verdicts(folder.path()), expected);
}

#[test]
fn a_signal_undoes_every_run_under_way() {
    let folder = TempDir::new().unwrap();
    let mut running = two_of_three(folder.path(), &[]);
    // From here on, the second is in its first step and the third begins.
    running.until("impossible: undoing everything");
    running.send("INT");
    let stderr = running.ends(130, "interrupted: everything is being undone");
    assert_eq!(stderr.matches("everything is being undone").count(), 1);
    let records = fs::read_to_string(folder.path().join("r.jsonl")).unwrap();
    let records: Vec<Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |what: &str| {
        let of_what = records.iter().filter(|record| record["record"] == what);
        of_what.count()
    };
    let runs = verdicts(folder.path()).len();
    assert!(runs >= 2, "{stderr}");
    assert_eq!((count("reverting"), count("end")), (runs, runs), "{stderr}");
}
