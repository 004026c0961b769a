//! Tests of the commands other than `run`: schema, completions, judge, up, flip, status, heal,
//! down.

use std::fs;

use serde_json::Value;

use crate::{
    namespace::Namespace,
    program::{cluster, probeflip, run},
};

#[test]
fn the_schema_is_json_and_knows_the_seed_s_fields() {
    let ended = run(["schema"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for field in ["apiVersion", "kind", "metadata", "spec"] {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(["completions", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{shell}");
        assert!(ended.stdout.contains("heal"), "{shell}");
    }
    assert_eq!(run(["completions", "nu"]).code, 2);
}

#[test]
fn help_is_data_and_a_missing_command_is_not() {
    let help = run(["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("Exit codes:"), "{}", help.stdout);
    let nothing = run::<&str>([]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
}

#[test]
fn what_was_recorded_of_another_experiment_is_not_judged() {
    let folder = tempfile::TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    let recorded = probeflip()
        .args([
            "run",
            "manifests/seed/readiness.yaml",
            "--on",
            "virtual",
            "--timeline",
        ])
        .arg(&timeline)
        .output()
        .unwrap();
    assert_eq!(recorded.status.code(), Some(0));
    let judge = |experiment: &str| {
        let judged = probeflip()
            .args(["judge", experiment])
            .arg(&timeline)
            .output();
        crate::program::Ended::from(judged.unwrap())
    };
    let other = judge("manifests/seed/liveness.yaml");
    assert_eq!((other.code, other.stdout.as_str()), (2, ""));
    assert!(
        other.stderr.ends_with("holds no timeline of liveness\n"),
        "{}",
        other.stderr
    );
    fs::write(&timeline, "no timeline\n").unwrap();
    let broken = judge("manifests/seed/readiness.yaml");
    assert_eq!((broken.code, broken.stdout.as_str()), (2, ""));
}

#[test]
fn a_file_that_fills_the_disk_takes_nothing_else_along() {
    let folder = tempfile::TempDir::new().unwrap();
    for (full, other) in [("--json", "--timeline"), ("--timeline", "--json")] {
        let path = folder.path().join(other);
        let mut command = probeflip();
        let experiment = "manifests/seed/readiness.yaml";
        command.args(["run", experiment, "--on", "virtual", full, "/dev/full"]);
        let ended = command.arg(other).arg(&path).output().unwrap();
        let ended = crate::program::Ended::from(ended);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        let said = "error: cannot write `/dev/full`: No space left on device (os error 28)\n";
        assert!(ended.stderr.ends_with(said), "{}", ended.stderr);
        assert!(!fs::read(path).unwrap().is_empty(), "{other}");
    }
}

#[test]
fn a_workload_is_brought_up_flipped_healed_and_taken_down() {
    let Some(cluster) = cluster("a_workload_is_brought_up_flipped_healed_and_taken_down") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "commands");
    let does = |code: i32, command: &str| {
        let words = command.split(' ').chain(["-n", &namespace.name]);
        let ended = cluster.run(&words.collect::<Vec<_>>());
        assert_eq!(ended.code, code, "{command}: {}", ended.stderr);
        ended
    };
    let files = "manifests/seed/deploy.yaml manifests/seed/svc-2.yaml";
    does(0, &format!("up {files}"));
    let pod = namespace.pod();
    does(0, &format!("up {files}"));
    assert_eq!(
        namespace.pod(),
        pod,
        "up must be repeatable without a rollout"
    );

    does(0, "flip deploy/web -c b readiness 404 --for 6s");
    let status = does(0, "status deploy/web").stdout;
    assert!(line(&status, "b readiness").contains("404"), "{status}");
    assert!(line(&status, "a readiness").contains("base"), "{status}");
    namespace.wait_ready(&pod, false);
    let status = does(0, "status -l app=web").stdout;
    assert!(
        line(&status, "a readiness").contains("web-a not ready, web-b not ready"),
        "{status}"
    );
    namespace.wait_ready(&pod, true);

    does(0, "flip deploy/web -c b readiness hang --for 10m");
    does(0, "heal deploy/web");
    let status = does(0, "status").stdout;
    assert!(line(&status, "b readiness").contains("base"), "{status}");

    does(
        0,
        "flip deploy/web -c b liveness stall-body --bytes 100 --agent kube-probe/ --for 10m",
    );
    does(
        0,
        "flip deploy/web -c b readiness 503,503,200 --after 10m --for 1m",
    );
    does(
        0,
        "flip deploy/web -c a process stop-accepting --after 10m --for 1m",
    );
    does(
        0,
        "flip deploy/web -c b process exit --code 3 --message done --after 10m",
    );
    let status = does(0, "status").stdout;
    for (probe, set) in [
        (
            "b liveness",
            "stall-body, 10m left; process exit, begins in ",
        ),
        ("b readiness", "503,503,200, begins in "),
        ("a readiness", "base; process stop-accepting, begins in "),
    ] {
        assert!(line(&status, probe).contains(set), "{probe}: {status}");
    }
    does(0, "heal deploy/web");
    let status = does(0, "status").stdout;
    assert!(!status.contains("begins in"), "{status}");

    does(2, "flip deploy/web -c z readiness 404");
    does(2, "flip deploy/web -c b startup 404");
    does(2, "flip deploy/web -c b readiness refuse");
    does(2, "flip deploy/none -c b readiness 404");
    does(2, "status -l !");
    let runs = does(2, "down").stdout;
    assert!(
        runs.contains("up: service/web-a, service/web-b, deployment/web"),
        "{runs}"
    );

    does(0, &format!("down {files}"));
    assert_eq!(namespace.pods(), 0);
    does(0, &format!("down {files}"));
}

#[test]
fn kept_objects_are_healed_and_go_with_their_run() {
    let Some(cluster) = cluster("kept_objects_are_healed_and_go_with_their_run") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "keep");
    let at = ["-n", &namespace.name];
    let kept =
        cluster.run(&[&["run", "manifests/seed/readiness.yaml", "--keep"][..], &at].concat());
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let id = kept
        .stderr
        .lines()
        .next()
        .unwrap()
        .strip_prefix("run ")
        .unwrap();
    assert!(
        kept.stderr
            .contains(&format!("`probeflip down --run {id} -n {}", namespace.name))
    );
    let status = cluster.run(&[&["status"][..], &at].concat());
    assert!(
        line(&status.stdout, "b readiness").contains("base"),
        "{}",
        status.stdout
    );
    let down = cluster.run(&[&["down", "--run", id][..], &at].concat());
    assert_eq!(down.code, 0, "{}", down.stderr);
    assert_eq!(namespace.pods(), 0);
}

/// The line of one probe in the output of `status`, with single spaces.
fn line(status: &str, probe: &str) -> String {
    let lines = status
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut found = lines.filter(|line| line.contains(&format!(" {probe} ")));
    found
        .next()
        .unwrap_or_else(|| panic!("no line of {probe} in {status}"))
}
