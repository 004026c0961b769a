//! Runs with `--repeat`: seeds, sums, files, exit codes and signals.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    program::{Ended, probeflip, record_in, root, run},
    running::Running,
};

const READINESS: &str = "manifests/seed/readiness.yaml";

/// Runs an experiment in virtual time, and writes `run.json` and `run.jsonl` into the folder.
fn repeat(folder: &Path, experiment: &str, options: &[&str]) -> (Ended, Value) {
    let arguments = [experiment, "--on", "virtual"].into_iter();
    let ran = record_in(
        folder,
        probeflip(),
        arguments.chain(options.iter().copied()),
    );
    (ran.ended, ran.report)
}

#[test]
fn each_run_has_the_next_seed_and_one_seed_gives_the_same_bytes() {
    let (several, one) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (ended, report) = repeat(several.path(), READINESS, &["--repeat", "3", "--seed", "6"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let seeds = report["experiments"].as_array().unwrap().iter();
    let seeds: Vec<&Value> = seeds.map(|run| &run["seed"]).collect();
    assert_eq!(seeds, [6, 7, 8]);
    assert!(
        ended
            .stdout
            .starts_with("readiness on virtual: 3 runs, 3 passed\n")
    );

    repeat(one.path(), READINESS, &["--repeat", "1", "--seed", "7"]);
    let name = "run-readiness-7.jsonl";
    let [seventh, alone] =
        [&several, &one].map(|folder| fs::read(folder.path().join(name)).unwrap());
    assert!(seventh == alone, "the timelines differ");

    let (again, same) = repeat(several.path(), READINESS, &["--repeat", "3", "--seed", "6"]);
    assert_eq!((again.stdout, same), (ended.stdout, report));
}

#[test]
fn times_are_summed_up() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (xml, markdown) = (path("run.xml"), path("run.md"));
    let options = ["--repeat=10", "--junit", &xml, "--markdown", &markdown];
    let (ended, report) = repeat(folder.path(), READINESS, &options);
    let repeat = &report["repeats"][0];
    assert_eq!(repeat["passed"], 10);
    let names = repeat["measures"].as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|measure| &measure["name"]).collect();
    assert_eq!(names, ["pod-1-of-2", "NotReady", "pod-2-of-2"]);
    let first = &repeat["measures"][0];
    assert_eq!(first["samples"], 10);
    assert!(first["p90"].is_u64() && first["p99"].is_null(), "{first}");
    assert!(
        ended
            .stdout
            .contains("p50 from 2 samples on, p90 from 10, p99 from 100")
    );
    // Every output has the same times.
    let [xml, markdown] = [xml, markdown].map(|path| fs::read_to_string(path).unwrap());
    for measure in repeat["measures"].as_array().unwrap() {
        let name = measure["name"].as_str().unwrap();
        let times = ["min", "p50", "p90", "max"].map(|time| {
            let millis = measure[time].as_u64().unwrap() / 1_000;
            format!("{}.{:03}", millis / 1_000, millis % 1_000)
        });
        let [min, p50, p90, max] = &times;
        let row = format!("| {name} | 10 | {min} | {p50} | {p90} |  | {max} |");
        assert!(markdown.contains(&row), "{row} in {markdown}");
        let shown = ended.stdout.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.ends_with(&[name, "10", min, p50, p90, max])
        });
        assert!(shown, "{name} in {}", ended.stdout);
        for (percentile, time) in ["min", "p50", "p90", "max"].iter().zip(&times) {
            let property = format!("{name} {percentile}\" value=\"{time} s\"/>");
            assert!(xml.contains(&property), "{property} in {xml}");
        }
    }
}

#[test]
fn the_worst_run_decides_and_failed_seeds_are_named() {
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(root().join(READINESS)).unwrap();
    let deploy = root().join("manifests/seed/deploy.yaml");
    let text = text.replace("deploy.yaml", deploy.to_str().unwrap());
    let impossible = text.replacen("notBefore: 3500ms, within: 7500ms", "within: 1ms", 1);
    assert_ne!(text, impossible);
    let file = folder.path().join("impossible.yaml");
    fs::write(&file, impossible).unwrap();
    let (ended, report) = repeat(folder.path(), file.to_str().unwrap(), &["--repeat", "2"]);
    assert_eq!(
        (ended.code, &report["exit"]),
        (1, &json!(1)),
        "{}",
        ended.stderr
    );
    for line in [
        "readiness on virtual: 2 runs, 0 passed, 2 failed",
        "failed: seeds 1, 2",
        "the first run that did not pass: seed 1, again with `--seed 1 --repeat 1`:",
        "  seen      not true in time",
    ] {
        assert!(ended.stdout.contains(line), "{line} in {}", ended.stdout);
    }
    let fast = ["--on=virtual", "--fail-fast", "--quiet"];
    let files = [file.to_str().unwrap(), "manifests/seed/liveness.yaml"];
    let ended = run(["run"].into_iter().chain(fast).chain(files));
    let total = "\n1 of 2 experiments failed: readiness; 1 not run; ";
    assert!(ended.stdout.contains(total), "{}", ended.stdout);
    let failed = json!([{ "run": 1, "seed": 1, "exit": 1 }, { "run": 2, "seed": 2, "exit": 1 }]);
    assert_eq!(report["repeats"][0]["notPassed"], failed);
}

#[test]
fn no_run_at_all_is_refused() {
    let ended = run(["run", READINESS, "--repeat", "0"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("'--repeat <N>': 0 is not in 1.."));
}

#[test]
fn a_signal_ends_the_runs_and_prints_what_is_known() {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("run.json");
    let mut command = probeflip();
    command.args([
        "run",
        "-v",
        READINESS,
        "--on=virtual",
        "--repeat=1000000",
        "--json",
    ]);
    let mut running = Running::start(command.arg(&json));
    running.until("readiness: seeds 1 to 1000000");
    running.send("INT");
    running.ends(130, "");
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let repeat = &report["repeats"][0];
    assert_eq!(
        (&repeat["asked"], &report["exit"]),
        (&json!(1_000_000), &json!(130))
    );
    assert!(repeat["runs"].as_u64().unwrap() < 1_000_000);
}
