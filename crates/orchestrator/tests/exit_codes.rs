//! The exit codes of the process: one command line for each that needs no cluster.
//!
//! As a test of the package it has `probeflip` built, which `tests/it` runs as well.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// `probeflip`, run in the repository's root with a kubeconfig that does not exist.
fn probeflip() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_probeflip"));
    command.current_dir(root).env("KUBECONFIG", "/none");
    command
}

/// An experiment on the seed's Deployment that waits for its steady state for longer than any test.
fn endless(folder: &TempDir) -> String {
    let workload = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/seed/deploy.yaml");
    let text = format!(
        "
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: endless }}
spec:
  workload: {{ files: ['{}'] }}
  steadyState: {{ within: 24h, require: [{{ pod: deploy/web, that: {{ ready: 1/2 }} }}] }}
  steps:
    - name: never reached
      flip: {{ pod: deploy/web, container: b, probe: readiness, to: 404 }}
      expect: [{{ id: a, pod: deploy/web, that: {{ ready: 1/2 }}, always: {{ for: 1s }} }}]
",
        workload.display()
    );
    let file = folder.path().join("endless.yaml");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_command_ends_with_the_code_of_its_outcome() {
    for (code, command) in [
        (0, "run manifests/seed/liveness.yaml --on virtual"),
        (0, "--help"),
        (2, "run README.md"),
        (2, "run --no-such-option"),
        (2, ""),
        (3, "status"),
        (3, "run manifests/seed/liveness.yaml --on cluster"),
    ] {
        let ended = probeflip().args(command.split_whitespace()).output();
        let ended = ended.unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{command}: {stderr}");
        // Results go to stdout, everything else to stderr.
        assert_eq!(ended.stdout.is_empty(), code != 0, "{command}");
    }
}

#[test]
fn an_invalid_selection_of_log_records_is_reported() {
    for (selection, reported) in [("kube=debug", false), ("a=b=c", true)] {
        let ended = probeflip()
            .arg("status")
            .env("RUST_LOG", selection)
            .output();
        let stderr = String::from_utf8(ended.unwrap().stderr).unwrap();
        let warning = "warning: RUST_LOG=`a=b=c` selects nothing";
        assert_eq!(stderr.contains(warning), reported, "{stderr}");
    }
}

#[test]
fn a_signal_ends_a_run_with_its_code_and_later_experiments_do_not_begin() {
    let folder = TempDir::new().unwrap();
    let endless = endless(&folder);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        let mut command = probeflip();
        command.args(["run", "--verbose", &endless, "manifests/seed/liveness.yaml"]);
        // A report that cannot be written does not hide the signal.
        command.args(["--on", "virtual", "--json", "/dev/full"]);
        let mut run = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(run.stderr.take().unwrap());
        let mut messages = String::new();
        while !messages.contains("applied to namespace") {
            assert!(stderr.read_line(&mut messages).unwrap() > 0, "{messages}");
        }
        let pid = run.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
        stderr.read_to_string(&mut messages).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(code), "{messages}");
        let interrupted = "interrupted: everything is being undone";
        for text in [interrupted, "error: cannot write `/dev/full`"] {
            assert!(messages.contains(text), "{messages}");
        }
        assert!(!messages.contains("liveness"), "{messages}");
    }
}
