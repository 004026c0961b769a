//! Tests of terminal output: escaped control characters, and errors on writing to stdout.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::program::{Ended, probeflip, root};

/// Control characters that clear the screen, set the title and reverse the text direction.
const EVIL: &str = r"\e[2J\e]0;title\a\u202e";

/// The escaped form of [`EVIL`].
const SHOWN: &str = r"\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}";

fn is_safe(text: &str) -> bool {
    text.chars()
        .all(|character| character == '\n' || !character.is_control() && character != '\u{202e}')
}

#[test]
fn names_with_control_characters_are_written_out() {
    let folder = tempfile::TempDir::new().unwrap();
    let seed = root().join("manifests/seed");
    let text = fs::read_to_string(seed.join("readiness.yaml")).unwrap();
    fs::copy(seed.join("deploy.yaml"), folder.path().join("deploy.yaml")).unwrap();
    fs::copy(seed.join("svc.yaml"), folder.path().join("svc.yaml")).unwrap();
    let text = text.replacen("- name: b fails", &format!("- name: \"{EVIL} fails"), 1);
    let line = text.lines().find(|line| line.contains(EVIL)).unwrap();
    let text = text.replacen(line, &format!("{line}\""), 1);
    let file = folder.path().join("\u{1b}[2J.yaml");
    fs::write(&file, &text).unwrap();
    let json = folder.path().join("run.json");
    let run = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = probeflip();
        command.args(["run", "--verbose", "--on", "virtual", "--json"]);
        Ended::from(command.arg(&json).arg(&file).output().unwrap())
    };
    let ended = run(&text);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(is_safe(&ended.stdout) && is_safe(&ended.stderr));
    assert!(ended.stdout.contains(SHOWN), "{}", ended.stdout);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let name = report["experiments"][0]["steps"][0]["name"]
        .as_str()
        .unwrap();
    assert!(
        name.starts_with("\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}"),
        "{name:?}"
    );

    let ended = run(&text.replacen("probe: readiness", &format!("probe: \"{EVIL}\""), 1));
    assert_eq!(ended.code, 2);
    assert!(is_safe(&ended.stderr), "{:?}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("`{SHOWN}` is not a probe")),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains(r"\u{1b}[2J.yaml:"),
        "{}",
        ended.stderr
    );

    let ended = Ended::from(probeflip().arg("\u{1b}[2J").output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(is_safe(&ended.stderr), "{:?}", ended.stderr);
}

#[test]
fn a_full_standard_output_is_named() {
    for arguments in [
        &["run", "manifests/seed/readiness.yaml", "--on", "virtual"][..],
        &["schema"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = probeflip().args(arguments).stdout(full).output().unwrap();
        let ended = Ended::from(ended);
        assert_eq!(ended.code, 3, "{arguments:?}: {}", ended.stderr);
        let said =
            "error: cannot write to standard output: No space left on device (os error 28)\n";
        assert!(
            ended.stderr.ends_with(said),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_reader_that_leaves_changes_no_verdict() {
    let mut command = probeflip();
    command.args([
        "run",
        "manifests/seed/liveness.yaml",
        "manifests/seed/readiness.yaml",
    ]);
    command.args(["--on", "virtual", "--verbose"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "liveness: until the steady state\n");
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let undone = ended.stderr.matches("undoing everything").count();
    assert_eq!(undone, 2, "{}", ended.stderr);
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
}
