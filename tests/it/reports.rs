//! Tests of the `run --json` report of runs that end without a verdict.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, probeflip, root};

/// Runs `probeflip run --json` in a new folder, and returns the ended process and the report.
fn run(files: &[(&str, &str)], arguments: &[&str]) -> (Ended, Value) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = probeflip();
    command.current_dir(folder.path());
    command.env("KUBECONFIG", folder.path().join("kubeconfig"));
    command
        .args(["run", "--json", "report.json"])
        .args(arguments);
    let ended = Ended::from(command.output().unwrap());
    let report = fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["exit"], ended.code);
    (ended, report)
}

const INVALID: &str = "\
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: { name: Broken }
spec:
  workload: { files: [deploy.yaml] }
  steadyState: { require: [{ pod: deploy/web, that: { replicas: 1 } }] }
  steps:
    - name: nothing
      expect: [{ id: a, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: soon } }]
";

#[test]
fn every_problem_of_a_file_is_reported_with_its_place() {
    let (ended, report) = run(&[("a.yaml", INVALID)], &["a.yaml"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert_eq!(report["experiments"], serde_json::json!([]));
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let problems = errors[0]["problems"].as_array().unwrap();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| {
            (
                problem["line"].as_u64().unwrap(),
                problem["column"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [(3, 19), (6, 55), (8, 5), (9, 86)]);
    for problem in problems {
        assert_eq!(problem["file"], "a.yaml");
        let message = problem["message"].as_str().unwrap();
        assert!(
            ended.stderr.contains(message),
            "{message} in {}",
            ended.stderr
        );
    }
    assert_eq!(
        errors[0]["causes"].as_array().unwrap().len(),
        problems.len()
    );
}

/// A port on which nothing listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_cluster_that_is_not_there_is_reported_with_every_cause() {
    let kubeconfig = format!(
        "apiVersion: v1
kind: Config
clusters: [{{ name: c, cluster: {{ server: 'http://127.0.0.1:{}' }} }}]
users: [{{ name: u, user: {{}} }}]
contexts: [{{ name: gone, context: {{ cluster: c, user: u }} }}]
",
        closed_port()
    );
    let (ended, report) = run(&[("kubeconfig", &kubeconfig)], &["--context", "gone"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let error = &report["errors"][0];
    let causes: Vec<&str> = error["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause.as_str().unwrap())
        .collect();
    assert_eq!(causes[0], "cannot reach the cluster of context `gone`");
    assert!(causes.len() > 1, "{causes:?}");
    assert!(
        causes.last().unwrap().contains("Connection refused"),
        "{causes:?}"
    );
    let told = format!("error: {}\n", error["message"].as_str().unwrap());
    assert!(ended.stderr.ends_with(&told), "{}", ended.stderr);
    assert_eq!(error["experiment"], "two-services");
}

#[test]
fn a_timeline_of_an_earlier_run_survives_an_invalid_file() {
    let files = [("a.yaml", INVALID), ("t.jsonl", "earlier\n")];
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = probeflip();
    command.current_dir(folder.path());
    let ended = Ended::from(
        command
            .args(["run", "a.yaml", "--timeline", "t.jsonl"])
            .output()
            .unwrap(),
    );
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let kept = fs::read_to_string(folder.path().join("t.jsonl")).unwrap();
    assert_eq!(kept, "earlier\n");
}

#[test]
fn what_cannot_be_written_is_reported_too() {
    let arguments = ["--on", "virtual", "--timeline", "/dev/full"];
    let (ended, report) = run(&[], &arguments);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let error = &report["errors"][0];
    assert_eq!(error["experiment"], Value::Null);
    assert_eq!(error["causes"][0], "cannot write `/dev/full`");
    assert_eq!(report["experiments"][0]["verdict"], "pass");
}

#[test]
fn standard_output_takes_one_file_and_the_text_goes_elsewhere() {
    let run = |options: &[&str]| {
        let mut command = probeflip();
        command.args(["run", "--on=virtual"]).args(options);
        Ended::from(command.output().unwrap())
    };
    let text = "✔ pass two-services on virtual in 19.580 s: 7 of 7 expectations held\n";
    for (option, start) in [
        ("--json", "{\n  \"report\": 1,"),
        (
            "--junit",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ",
        ),
        (
            "--markdown",
            "## 1 experiment: all held; 7 expectations in ",
        ),
        ("--timeline", "{\"timeline\":1,"),
    ] {
        let ended = run(&[option, "-"]);
        assert_eq!((ended.code, &*ended.stderr), (0, text));
        assert!(
            ended.stdout.starts_with(start),
            "{option}: {}",
            ended.stdout
        );
    }
    let ended = run(&["--json=-", "--junit=-"]);
    let said = "error: --json and --junit write to standard output; expected `-` once\n";
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (2, "", said));
    let ended = run(&["--timeline=-", "--repeat=2"]);
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
}

/// `down` without arguments lists the runs of a cluster; without a cluster it names the arguments
/// to give.
#[test]
fn down_without_a_cluster_says_what_to_give() {
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("none");
    let mut command = probeflip();
    let ended = Ended::from(
        command
            .arg("down")
            .env("KUBECONFIG", &kubeconfig)
            .output()
            .unwrap(),
    );
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    let expected = format!(
        "error: nothing to delete is named: give the files given to `up`, or `--run ID`; without them `down` lists the \
         runs of a cluster: cannot read the kubeconfig `{}`: No such file or directory (os error 2)\n",
        kubeconfig.display()
    );
    assert_eq!(ended.stderr, expected);
}

/// The hint to name a context helps only if a context of that name exists.
#[test]
fn a_current_context_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncontexts: [{ name: here, context: { cluster: c, user: u } }]\ncurrent-context: gone\n";
    fs::write(&kubeconfig, text).unwrap();
    for command in [
        &["run", "--on", "cluster"][..],
        &["down", "--run", "x"],
        &["status"],
    ] {
        let mut program = probeflip();
        let ended = program
            .args(command)
            .env("KUBECONFIG", &kubeconfig)
            .output();
        let ended = Ended::from(ended.unwrap());
        assert_eq!(ended.code, 2, "{command:?}: {}", ended.stderr);
        assert_eq!(
            ended.stderr,
            "error: the kubeconfig has no context `gone`; expected `here`\n"
        );
    }
}

/// The lanes of a page: from the first to the last one.
fn lanes(page: &str) -> &str {
    let start = page.find("<div class=\"canvas\">").unwrap();
    let end = page.rfind("<summary>All changes").unwrap();
    &page[start..end]
}

#[test]
fn a_recorded_timeline_is_drawn_as_its_run_was() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let of = |arguments: &[&str], report: &str| {
        let mut command = probeflip();
        command.current_dir(root()).args(arguments);
        let output = command.arg("--report").arg(path(report)).output();
        assert_eq!(Ended::from(output.unwrap()).code, 0);
        fs::read_to_string(path(report)).unwrap()
    };
    let (file, timeline) = ("manifests/seed/two-services.yaml", path("run.jsonl"));
    let timeline = timeline.to_str().unwrap();
    let run = of(
        &["run", file, "--on", "virtual", "--timeline", timeline],
        "run.html",
    );
    let judged = of(&["judge", file, timeline], "judged.html");
    assert!(lanes(&run).contains("endpoints web-a"), "{run}");
    assert_eq!(lanes(&run), lanes(&judged));
}

#[test]
fn the_pages_of_the_seed_fit_in_300_kilobytes() {
    let folder = TempDir::new().unwrap();
    let report = folder.path().join("report.html");
    let seed = fs::read_dir(root().join("manifests/seed")).unwrap();
    let mut command = probeflip();
    command
        .args(["run", "--on", "virtual", "--report"])
        .arg(&report);
    command.args(seed.map(|entry| entry.unwrap().path()));
    assert_eq!(Ended::from(command.output().unwrap()).code, 0);
    let bytes = fs::metadata(&report).unwrap().len();
    assert!(bytes <= 300_000, "{bytes} bytes");
}
