//! Bounds of the experiments in `manifests` are close enough to notice a kubelet that is late.
//!
//! A kubelet that counts one failure or one success more than a manifest says, or that waits one
//! period more, behaves like one that obeys a manifest with a higher threshold. So the thresholds
//! are raised, and each expectation that a threshold times must fail in some run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    experiments::FILES,
    program::{probeflip, record_in, root},
};

/// The first seeds of the runs under a late kubelet. Each run has phases of its own, so that a few
/// show what one may miss.
const SEEDS: [u32; 6] = [1, 5, 9, 13, 17, 21];

/// What is awaited in `manifests`, but timed by something other than a threshold: the fault itself,
/// the first failure, a start, a deletion or a back-off. Predicted bounds follow the thresholds.
const OTHERWISE_TIMED: [(&str, &[&str]); 9] = [
    ("boots", &["a-is-kept-waiting", "the-fifth-boot-comes-up"]),
    ("daemon", &["replaced", "served-again"]),
    (
        "exit",
        &["started-again-at-once", "kept-waiting", "back-in-the-end"],
    ),
    ("job", &["succeeded", "complete"]),
    ("oom", &["killed-and-started-again"]),
    ("ports", &["users-wait", "users-refused"]),
    (
        "predicted",
        &[
            "unready",
            "out-of-service",
            "ready-again",
            "timed-out",
            "killed",
            "started-again",
        ],
    ),
    ("redeploy-trap", &["rollout-stalls"]),
    (
        "replaced",
        &["killed", "replaced", "fewer", "all-again", "reported"],
    ),
];

#[test]
fn every_time_that_a_threshold_decides_is_missed_by_a_late_kubelet() {
    let late = [
        manifests(|| one_failure_more("livenessProbe:")),
        manifests(|| one_failure_more("readinessProbe:")),
        manifests(one_success_more),
    ];
    let unnoticed = |file: &String| {
        let mut awaited = awaited(&runs(&root(), file, 1, 1));
        let name = Path::new(file).file_stem().unwrap().to_str().unwrap();
        let otherwise = OTHERWISE_TIMED
            .iter()
            .filter(|(experiment, _)| *experiment == name);
        for id in otherwise.flat_map(|(_, ids)| *ids) {
            assert!(awaited.remove(*id), "{name}: {id}");
        }
        for (seed, late) in SEEDS
            .iter()
            .flat_map(|seed| late.iter().map(move |it| (seed, it)))
        {
            if !awaited.is_empty() {
                let missed = missed(&runs(late.path(), file, *seed, 4));
                awaited.retain(|id| !missed.contains(id));
            }
        }
        let unnoticed = awaited.into_iter();
        unnoticed
            .map(|id| format!("{name}: {id}"))
            .collect::<Vec<_>>()
    };
    let unnoticed: Vec<_> = FILES.iter().flat_map(unnoticed).collect();
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// The reports of so many runs of an experiment, from this seed on. Its file is relative to the
/// folder.
fn runs(folder: &Path, file: &str, seed: u32, times: u32) -> Vec<Value> {
    let files = TempDir::new().unwrap();
    let file = folder.join(file).display().to_string();
    let arguments = [
        &*file,
        "--on=virtual",
        &format!("--seed={seed}"),
        &format!("--repeat={times}"),
    ];
    let ran = record_in(files.path(), probeflip(), arguments);
    ran.report["experiments"].as_array().unwrap().clone()
}

/// The expectations that something becomes true by some time, in runs that all pass.
fn awaited(runs: &[Value]) -> BTreeSet<String> {
    for run in runs {
        assert_eq!(run["verdict"], "pass", "{run:#}");
    }
    ids(runs, |_, expectation| {
        let expected = expectation["expected"].as_str().unwrap();
        expected.contains("eventually")
    })
}

/// The expectations that fail in one of the runs, or are still open when another fails: that ends
/// the step.
fn missed(runs: &[Value]) -> BTreeSet<String> {
    ids(runs, |step, expectation| {
        let is_open = expectation["at"].is_null() && !step["acknowledged"].is_null();
        expectation["verdict"] == "fail" || step["verdict"] == "fail" && is_open
    })
}

/// The expectations of which this is true; it is given their step too.
fn ids(runs: &[Value], is_wanted: impl Fn(&Value, &Value) -> bool) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for step in runs.iter().flat_map(|run| run["steps"].as_array().unwrap()) {
        let expectations = step["expectations"].as_array().unwrap();
        let wanted = expectations.iter().filter(|it| is_wanted(step, it));
        ids.extend(wanted.map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    ids
}

/// A copy of `manifests` in which every file's lines are changed one after another.
fn manifests<F: FnMut(&str) -> String>(change: impl Fn() -> F) -> TempDir {
    let copy = TempDir::new().unwrap();
    let mut folders = vec![PathBuf::from("manifests")];
    while let Some(folder) = folders.pop() {
        fs::create_dir(copy.path().join(&folder)).unwrap();
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap();
            let lines: Vec<String> = text.lines().map(change()).collect();
            fs::write(copy.path().join(path), lines.join("\n") + "\n").unwrap();
        }
    }
    copy
}

/// Raises the `failureThreshold` of these probes by one.
fn one_failure_more(probe: &str) -> impl FnMut(&str) -> String {
    let mut is_wanted = false;
    move |line| {
        if line.ends_with("Probe:") {
            is_wanted = line.ends_with(probe);
        }
        match line.split_once("failureThreshold: ") {
            Some((before, number)) if is_wanted => {
                let number: u32 = number.parse().unwrap();
                format!("{before}failureThreshold: {}", number + 1)
            }
            _ => line.to_owned(),
        }
    }
}

/// Gives every readiness probe a `successThreshold` of two.
fn one_success_more() -> impl FnMut(&str) -> String {
    |line| match line.strip_suffix("readinessProbe:") {
        Some(indent) => format!("{line}\n{indent}  successThreshold: 2"),
        None => line.to_owned(),
    }
}
