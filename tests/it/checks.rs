//! Tests of `check`, `explain`, `help`, and of completions in real shells.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::program::{Ended, probeflip, root, run};

/// Runs `check` with these arguments in a folder.
fn check(folder: &TempDir, arguments: &[&str]) -> Ended {
    let mut command = probeflip();
    command.arg("check").args(arguments);
    Ended::from(command.current_dir(folder.path()).output().unwrap())
}

/// A folder with these files, and the seed's workload.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["deploy.yaml", "svc.yaml"] {
        let seed = root().join("manifests/seed").join(name);
        fs::copy(seed, folder.path().join(name)).unwrap();
    }
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn seed() -> String {
    fs::read_to_string(root().join("manifests/seed/readiness.yaml")).unwrap()
}

#[test]
fn every_file_of_the_repository_is_valid() {
    let ended = run(["check", "manifests/seed", "manifests/experiments"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (0, ""),
        "{}",
        ended.stdout
    );
    let seed = "manifests/seed/readiness.yaml: valid: experiment `readiness` (";
    assert!(ended.stdout.contains(seed), "{}", ended.stdout);
    let objects = "manifests/seed/deploy.yaml: valid: 1 Kubernetes object and no experiment\n";
    assert!(ended.stdout.contains(objects), "{}", ended.stdout);
    let count = ended.stdout.lines().count() - 1;
    let total = format!("\n{count} files: all valid\n");
    assert!(ended.stdout.ends_with(&total), "{}", ended.stdout);
    let quiet = run(["check", "-q", "manifests/seed"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    assert!(
        quiet.stdout.ends_with(" files: all valid\n"),
        "{}",
        quiet.stdout
    );
    assert_eq!(quiet.stdout.lines().count(), 1);
}

#[test]
fn no_invalid_file_hides_another_and_each_has_all_its_problems() {
    let unknown = seed().replacen("probe: readiness", "probe: startup", 1);
    let service = seed().replacen("pod: deploy/web", "pod: deploy/shop", 1);
    let folder = folder(&[
        ("a.yaml", &unknown),
        ("b.yaml", &service),
        ("c.yaml", "kind: Experiment\n"),
    ]);
    let ended = check(
        &folder,
        &["a.yaml", "b.yaml", "c.yaml", "gone.yaml", "svc.yaml"],
    );
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[2], "c.yaml: 1 problem", "{lines:?}");
    assert_eq!(lines[3], "gone.yaml: 1 problem", "{lines:?}");
    assert_eq!(
        lines[4],
        "svc.yaml: valid: 1 Kubernetes object and no experiment"
    );
    assert_eq!(lines[5], "5 files: 1 valid, 4 invalid");
    for reason in [
        "error: a.yaml:",
        "b.yaml:4:19: another experiment is named `readiness`, at a.yaml:4:19; expected one name",
        "the workload has no Deployment `deploy/shop`",
        "c.yaml:1:1: missing field `apiVersion`",
        "error: cannot read `gone.yaml`: No such file or directory",
    ] {
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
    let quiet = check(&folder, &["-q", "svc.yaml", "c.yaml"]);
    assert_eq!(
        (quiet.code, quiet.stdout.as_str()),
        (2, "c.yaml: 1 problem\n2 files: 1 valid, 1 invalid\n")
    );
}

#[test]
fn kubernetes_objects_are_checked_as_an_api_server_does() {
    let deploy = fs::read_to_string(root().join("manifests/seed/deploy.yaml")).unwrap();
    let refused = deploy.replacen("name: web", "name: Web", 1);
    let misspelled = deploy.replacen("replicas:", "replica:", 1);
    let folder = folder(&[("refused.yaml", &refused), ("misspelled.yaml", &misspelled)]);
    let ended = check(&folder, &["refused.yaml", "misspelled.yaml"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    for reason in [
        "an API server refuses this Deployment: metadata.name: ",
        "unknown field `spec.replica` of a Deployment",
    ] {
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
}

#[test]
fn a_time_that_the_probe_s_formula_contradicts_is_warned_about() {
    let hasty = seed().replacen("notBefore: 3500ms, within: 7500ms", "within: 100ms", 1);
    let folder = folder(&[("hasty.yaml", &hasty)]);
    let ended = check(&folder, &["hasty.yaml"]);
    let expected = "warning: hasty.yaml:17:15: `pod-1-of-2` is not to be expected: `within` is 100ms, \
                    and the probe decides 3.5s after the flip at the earliest\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (0, expected));
}

#[test]
fn standard_input_and_directories_hold_experiments() {
    let folder = folder(&[("readiness.yaml", &seed())]);
    let piped = |arguments: &[&str]| {
        let mut command = probeflip();
        command.args(arguments).current_dir(folder.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(seed().as_bytes()).unwrap();
        drop(input);
        Ended::from(child.wait_with_output().unwrap())
    };
    let checked = piped(&["check", "-"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(
        checked
            .stdout
            .starts_with("-: valid: experiment `readiness` (")
    );
    for input in ["-", "."] {
        let ran = piped(&["run", "--on", "virtual", "-q", input]);
        assert_eq!(ran.code, 0, "{input}: {}", ran.stderr);
        assert!(
            ran.stdout.contains("1 experiment"),
            "{input}: {}",
            ran.stdout
        );
    }
}

#[test]
fn fields_are_explained() {
    let probe = run(["explain", "experiment.steps.flip.probe"]);
    assert_eq!((probe.code, probe.stderr.as_str()), (0, ""));
    let expected = "experiment.spec.steps.flip.probe\n\n  The container's probe; requires `to`.\n";
    assert!(probe.stdout.starts_with(expected), "{}", probe.stdout);
    assert!(probe.stdout.contains("\n  readiness\n"), "{}", probe.stdout);
    let within = run(["explain", "steps.expect.eventually.within"]);
    assert!(within.stdout.contains("\nUnit:      "), "{}", within.stdout);
    assert!(
        within.stdout.contains("\nExample:   10s\n"),
        "{}",
        within.stdout
    );
    let tree = run(["explain", "--recursive", "experiment"]);
    assert!(
        tree.stdout
            .contains("\n      flip  object or list of object\n"),
        "{}",
        tree.stdout
    );
    let json = run(["explain", "run.experiments"]);
    assert_eq!(json.code, 0, "{}", json.stderr);

    let unknown = run(["explain", "experiment.spec.steps.flip.prob"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    let expected = "error: no field `prob` in `experiment.spec.steps.flip`; expected `after`, ";
    assert!(unknown.stderr.starts_with(expected), "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("did you mean `probe`?"),
        "{}",
        unknown.stderr
    );
    let elsewhere = run(["explain", "hold"]);
    let expected = "hint: that name is at `experiment.spec.steadyState.hold`";
    assert!(elsewhere.stderr.contains(expected), "{}", elsewhere.stderr);
}

#[test]
fn help_is_a_command_too() {
    let help = run(["help", "flip"]);
    let option = run(["flip", "--help"]);
    assert_eq!((help.code, &help.stdout), (0, &option.stdout));
    assert_eq!(run(["help"]).stdout, run(["--help"]).stdout);
    assert_eq!(run(["help", "fly"]).code, 2);
}

/// The completions that bash offers for the last of these words.
fn bash(words: &[&str]) -> Vec<String> {
    let (before, last) = (words[words.len() - 2], words[words.len() - 1]);
    let (quoted, place) = (words.join("' '"), words.len() - 1);
    let script = format!(
        "source /dev/stdin; COMP_WORDS=('{quoted}'); COMP_CWORD={place}; \
         _probeflip probeflip '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    completed(Command::new("bash").args(["--norc", "-c", &script]), "bash")
}

/// Runs a shell that reads the completion script from standard input.
fn completed(shell: &mut Command, name: &str) -> Vec<String> {
    let script = run(["completions", name]).stdout;
    let mut child = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Command lines, and the only word that completes the last word of each.
const COMPLETIONS: [(&[&str], &str); 8] = [
    (&["probeflip", "expl"], "explain"),
    (
        &["probeflip", "flip", "deploy/web", "-c", "b", "read"],
        "readiness",
    ),
    (
        &[
            "probeflip",
            "flip",
            "deploy/web",
            "-c",
            "b",
            "readiness",
            "stall",
        ],
        "stall-body",
    ),
    (&["probeflip", "flip", "dep"], "deploy/"),
    (&["probeflip", "status", "st"], "sts/"),
    (&["probeflip", "run", "--on", "vir"], "virtual"),
    (&["probeflip", "lint", "--fail-on", "warn"], "warning"),
    (&["probeflip", "schema", "ru"], "run"),
];

#[test]
fn bash_completes_probes_behaviours_kinds_and_values() {
    for (words, expected) in COMPLETIONS {
        assert_eq!(bash(words), [expected], "{words:?}");
    }
}

#[test]
fn fish_completes_them_too() {
    if Command::new("fish").arg("--version").output().is_err() {
        eprintln!("fish_completes_them_too: skipped, there is no fish");
        return;
    }
    for (words, expected) in COMPLETIONS {
        let script = format!("source -; complete -C '{}'", words.join(" "));
        let offered = completed(
            Command::new("fish").args(["--no-config", "-c", &script]),
            "fish",
        );
        // Behind a tab is the description.
        let offered: Vec<&str> = offered
            .iter()
            .filter_map(|it| it.split('\t').next())
            .collect();
        assert_eq!(offered, [expected], "{words:?}");
    }
}
