//! Invalid arguments and files: each gives one clear message and the right exit code.
//!
//! Of a message that quotes a file, only the first line is compared here.

use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use crate::{
    broken::unnamed,
    namespace::Namespace,
    program::{Ended, cluster, probeflip, root},
};

/// A folder with the seed's files, one word of one file changed.
struct Seed(TempDir);

impl Seed {
    fn with(file: &str, from: &str, to: &str) -> Self {
        let folder = TempDir::new().unwrap();
        for entry in fs::read_dir(root().join("manifests/seed")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` must stand in {file}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        Self(folder)
    }

    /// Runs the program, and checks that it refuses before doing anything: no output except on
    /// stderr.
    fn check(&self, arguments: &str, code: i32, expected: &Expect) {
        let ended = self.check_end(arguments, code, expected);
        assert_eq!(ended.stdout, "");
    }

    /// Runs the program in the folder and compares its exit code, its `error:` and its `hint:`.
    fn check_end(&self, arguments: &str, code: i32, expected: &Expect) -> Ended {
        let mut command = probeflip();
        command
            .current_dir(self.0.path())
            .args(arguments.split(' '));
        command.env("KUBECONFIG", "kubeconfig");
        let ended = Ended::from(command.output().unwrap());
        let how = |line: &&str| line.starts_with("error: ") || line.starts_with("hint: ");
        let said: Vec<_> = ended.stderr.lines().filter(how).collect();
        expected.assert_eq(&unnamed(&said.join("\n")));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        ended
    }
}

/// Runs the seed with one word changed, and checks the refusal.
fn check(file: &str, from: &str, to: &str, code: i32, expected: &Expect) {
    Seed::with(file, from, to).check(&format!("run --on virtual {file}"), code, expected);
}

/// Runs a command on the unchanged seed, and checks the refusal.
fn check_command(arguments: &str, code: i32, expected: &Expect) {
    Seed::with("deploy.yaml", "", "").check(arguments, code, expected);
}

#[test]
fn a_field_that_there_is_not() {
    check(
        "readiness.yaml",
        "notBefore",
        "notbefore",
        2,
        &expect![
            "error: readiness.yaml:20:25: unknown field `notbefore`; expected `notBefore`, `within` or `hold`; did you mean `notBefore`?"
        ],
    );
}

#[test]
fn a_value_of_a_wrong_type() {
    check(
        "readiness.yaml",
        "within: 60s",
        "within: 60",
        2,
        &expect![
            "error: readiness.yaml:9:13: `60` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`"
        ],
    );
    check(
        "readiness.yaml",
        "[deploy.yaml]",
        "deploy.yaml",
        2,
        &expect![
            "error: readiness.yaml:7:22: `deploy.yaml` cannot stand here; expected a list such as `[deploy.yaml, service.yaml]`"
        ],
    );
}

#[test]
fn a_container_that_there_is_not() {
    check(
        "readiness.yaml",
        "container: b",
        "container: c",
        2,
        &expect![
            "error: readiness.yaml:15:43: the workload has no container `c`; expected `a` or `b`"
        ],
    );
}

#[test]
fn a_service_that_there_is_not() {
    check(
        "two-services.yaml",
        "service: web-a",
        "service: web-c",
        2,
        &expect![
            "error: two-services.yaml:9:33: the workload has no Service `web-c`; expected `web-a` or `web-b`; did you mean `web-a`?"
        ],
    );
}

#[test]
fn two_experiments_of_one_name() {
    let expected = expect![
        "error: readiness.yaml:4:19: another experiment is named `readiness`, at readiness.yaml:4:19; expected one name for each experiment of a run"
    ];
    check_command(
        "run --on virtual readiness.yaml readiness.yaml",
        2,
        &expected,
    );
    let seed = Seed::with("readiness.yaml", "", "");
    let file = seed.0.path().join("readiness.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        seed.0.path().join("twice.yaml"),
        format!("{text}---\n{text}"),
    )
    .unwrap();
    fs::write(seed.0.path().join("t.jsonl"), "").unwrap();
    let expected = expect![
        "error: twice.yaml:35:19: another experiment is named `readiness`, at twice.yaml:4:19; expected one name for each experiment of a run"
    ];
    seed.check("judge twice.yaml t.jsonl", 2, &expected);
}

#[test]
fn a_workload_that_there_is_not() {
    check(
        "readiness.yaml",
        "deploy/web",
        "deploy/wub",
        2,
        &expect![
            "error: readiness.yaml:12:16: the workload has no Deployment `deploy/wub`; expected `deploy/web`; did you mean `deploy/web`?"
        ],
    );
}

#[test]
fn a_probe_that_there_is_not() {
    check(
        "readiness.yaml",
        "probe: readiness",
        "probe: startup",
        2,
        &expect![
            "error: readiness.yaml:15:53: container `b` has no startup probe; it has liveness and readiness"
        ],
    );
}

#[test]
fn a_probe_of_another_host() {
    Seed::with(
        "deploy.yaml",
        "httpGet: { path: /readyz, port: http-b }",
        "tcpSocket: { host: 10.9.9.9, port: http-b }",
    )
    .check("run --on virtual readiness.yaml", 2, &expect!["error: readiness.yaml:15:53: the readiness probe of `b` (tcp 8081 of host `10.9.9.9`, which is not its Pod) does not ask a probe-target; nothing can be flipped for it"]);
}

#[test]
fn two_operators_in_one_expectation() {
    check(
        "readiness.yaml",
        "always: {}",
        "always: {}, never: {}",
        2,
        &expect![
            "error: readiness.yaml:21:98: `a-stays-ready` has 2 temporal operators, `always` and `never`; expected exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`"
        ],
    );
}

#[test]
fn a_step_that_can_never_end() {
    check(
        "readiness.yaml",
        "eventually: { notBefore: 3s, within: 10s, hold: 5s }",
        "always: {}",
        2,
        &expect![
            "error: readiness.yaml:16:7: this step would never end; expected at least one `eventually`, or `for` on another operator"
        ],
    );
}

#[test]
fn a_status_that_cannot_be_sent() {
    check(
        "readiness.yaml",
        "to: 404",
        "to: 99",
        2,
        &expect![
            "error: readiness.yaml:15:68: status 99 cannot be sent; expected a status from 200 to 999"
        ],
    );
    check(
        "readiness.yaml",
        "to: 404",
        "to: 1000",
        2,
        &expect![
            "error: readiness.yaml:15:68: status 1000 cannot be sent; expected a status from 200 to 999"
        ],
    );
}

#[test]
fn a_file_that_is_not_there() {
    check(
        "readiness.yaml",
        "deploy.yaml",
        "deploi.yaml",
        2,
        &expect![
            "error: readiness.yaml:7:23: cannot read `deploi.yaml`: No such file or directory (os error 2)"
        ],
    );
    check_command(
        "run nowhere.yaml",
        2,
        &expect!["error: cannot read `nowhere.yaml`: No such file or directory (os error 2)"],
    );
}

#[test]
fn no_experiment_at_all() {
    check_command(
        "run deploy.yaml svc.yaml",
        2,
        &expect!["error: no experiment in these files; expected `kind: Experiment`"],
    );
}

#[test]
fn files_that_hold_nothing_of_ours() {
    let seed = Seed::with("deploy.yaml", "", "");
    let write = |name: &str, bytes: &[u8]| fs::write(seed.0.path().join(name), bytes).unwrap();
    write("empty.yaml", b"");
    write("text.yaml", b"hello\n");
    write("list.yaml", b"- hello\n");
    write("cut.yaml", b"a: [\n");
    write("binary.yaml", &[0xff, 0xfe, 0, 1]);
    let check = |file: &str, expected: Expect| seed.check(&format!("run {file}"), 2, &expected);
    check(
        "empty.yaml",
        expect!["error: no experiment in these files; expected `kind: Experiment`"],
    );
    check(
        "text.yaml",
        expect![
            "error: text.yaml:1:1: `hello` cannot stand here; expected a mapping such as `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }`"
        ],
    );
    check(
        "list.yaml",
        expect![
            "error: list.yaml:1:1: a list cannot stand here; expected a mapping such as `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }`"
        ],
    );
    check(
        "cut.yaml",
        expect!["error: cut.yaml:1:4: unclosed bracket '['"],
    );
    check(
        "binary.yaml",
        expect!["error: cannot read `binary.yaml`: stream did not contain valid UTF-8"],
    );
    check(
        ".",
        expect!["error: cannot read `.`: Is a directory (os error 21)"],
    );
}

#[test]
fn a_manifest_that_the_cluster_does_not_take() {
    let check = |from, to, expected| {
        let seed = Seed::with("deploy.yaml", from, to);
        seed.check_end("run --on virtual readiness.yaml", 2, expected);
    };
    let job =
        "{ apiVersion: batch/v1, kind: Job, metadata: { name: j } }\n---\napiVersion: apps/v1";
    check(
        "apiVersion: apps/v1",
        job,
        &expect![
            "error: deploy.yaml:3:15: this cluster does not serve the kind `Job` (batch/v1) of job/j"
        ],
    );
    check(
        "periodSeconds: 2",
        "periodSecond: 2",
        &expect![[
            r#"error: deploy.yaml:33:13: cannot apply deployment/web: failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="a"].livenessProbe.periodSecond: field not declared in schema"#
        ]],
    );
    check(
        "automountServiceAccountToken: false",
        "hostNetwork: true",
        &expect![[
            r#"error: deploy.yaml:17:7: cannot apply deployment/web: Deployment.apps "web" is invalid: spec.template.spec.hostNetwork: Forbidden: pocket has no host network"#
        ]],
    );
    check(
        "periodSeconds: 2",
        "periodSeconds: two",
        &expect![[
            r#"error: deploy.yaml:33:28: Deployment `web` cannot be read: invalid type: string "two", expected i32"#
        ]],
    );
    check(
        "runAsNonRoot: true",
        "runAsNonRoot: [",
        &expect![
            "error: deploy.yaml:22:7: while parsing a flow mapping, did not find expected ',' or '}'"
        ],
    );
}

#[test]
fn a_variable_that_is_named_twice() {
    let variable = "- { name: PROBE_TARGET_CONTAINER, value: b }";
    let twice = format!("{variable}\n            {variable}");
    let seed = Seed::with("deploy.yaml", variable, &twice);
    let expected = expect![[
        r#"error: deploy.yaml:48:15: .spec.template.spec.containers[name="b"].env: duplicate entries for key [name="PROBE_TARGET_CONTAINER"]; expected each key once"#
    ]];
    seed.check("run --on virtual readiness.yaml", 2, &expected);
}

#[test]
fn a_service_account_that_there_is_not() {
    let seed = Seed::with(
        "deploy.yaml",
        "automountServiceAccountToken: false",
        "serviceAccountName: prober",
    );
    seed.check_end("run --on virtual readiness.yaml", 3, &expect![[r#"error: replicaset web-859c5b58b6: FailedCreate: Error creating: pods "web-859c5b58b6-" is forbidden: error looking up service account probeflip-readiness-sj4b4/prober: serviceaccount "prober" not found"#]]);
}

#[test]
fn a_port_of_the_node_that_is_taken() {
    let seed = Seed::with("deploy.yaml", "replicas: 1", "replicas: 2");
    let file = seed.0.path().join("deploy.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let port = "containerPort: 8081";
    fs::write(
        file,
        text.replacen(port, "containerPort: 8081, hostPort: 81", 1),
    )
    .unwrap();
    seed.check_end("run --on virtual readiness.yaml", 3, &expect!["error: pod web-…: Unschedulable: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."]);
}

#[test]
fn a_kustomization_that_there_is_not() {
    check(
        "readiness.yaml",
        "files: [deploy.yaml]",
        "kustomize: overlays/test",
        2,
        &expect![
            "error: readiness.yaml:7:26: cannot read `overlays/test`: No such file or directory (os error 2)"
        ],
    );
}

#[test]
fn objects_beside_an_experiment_are_its_workload_only_by_name() {
    let seed = Seed::with("readiness.yaml", "", "");
    let file = seed.0.path().join("readiness.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let beside = |name: &str| {
        let text = text.replacen("files: [deploy.yaml]", &format!("files: [{name}]"), 1);
        let deployment = fs::read_to_string(seed.0.path().join("deploy.yaml")).unwrap();
        fs::write(&file, format!("{text}---\n{deployment}")).unwrap();
        let ended = seed.check_end("run --on virtual readiness.yaml", 0, &expect![[""]]);
        let warnings = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: "));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    let warning = "warning: `readiness.yaml` also holds Deployment `web`: no workload of its experiments \
                   names this file, so that is not applied";
    assert_eq!(beside("deploy.yaml"), [warning]);
    assert_eq!(beside("./readiness.yaml"), [""; 0]);
}

#[test]
fn an_image_that_is_not_there() {
    let seed = Seed::with(
        "deploy.yaml",
        "image: probe-target:0.1.0",
        "image: nginx:1.29",
    );
    seed.check_end("run --on virtual readiness.yaml", 3, &expect![[r#"error: container a of pod web-…: ErrImagePull: pocket knows no image "nginx:1.29": it can run probe-target, under any registry and tag"#]]);
}

#[test]
fn a_port_that_is_in_use() {
    let seed = Seed::with("deploy.yaml", "--port=8081", "--port=8080");
    seed.check_end("run --on virtual readiness.yaml", 3, &expect!["error: the steady state was not reached: expected deploy/web ready 2/2, saw web-… ready 1/2; container b of pod web-… exited with 1: error: port 8080 is in use; the last warning is of pod web-…: BackOff: Back-off restarting failed container b in pod web-…"]);
}

#[test]
fn a_cluster_that_is_not_there() {
    let seed = Seed::with("deploy.yaml", "", "");
    let kubeconfig = "
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
contexts:
  - { name: kind-gone, context: { cluster: c, user: u } }
  - { name: production, context: { cluster: c, user: u } }
users: [{ name: u, user: {} }]
current-context: production
";
    fs::write(seed.0.path().join("kubeconfig"), kubeconfig).unwrap();
    seed.check("run --context kind-gone readiness.yaml", 3, &expect!["error: cannot reach the cluster of context `kind-gone`: client error (Connect): tcp connect error: Connection refused (os error 111)"]);
    seed.check("status --context kind-gone", 3, &expect!["error: cannot reach the cluster of context `kind-gone`: client error (Connect): tcp connect error: Connection refused (os error 111)"]);
    seed.check("run --on cluster readiness.yaml", 4, &expect!["error: the current context `production` is not a test cluster by its name; to use it, say `--context production`"]);
    seed.check("flip web-1 -c b readiness fail", 4, &expect!["error: the current context `production` is not a test cluster by its name; to use it, say `--context production`"]);
    seed.check(
        "run --context nope readiness.yaml",
        2,
        &expect![
            "error: the kubeconfig has no context `nope`; expected `kind-gone` or `production`"
        ],
    );
}

#[test]
fn a_flip_that_cannot_be() {
    let says = |flip: &str, expected: &Expect| {
        check_command(&format!("flip web-1 -c b {flip}"), 2, expected);
    };
    says(
        "process exitt",
        &expect![
            "error: unknown process fault `exitt`; expected `exit`, `signal`, `sigterm`, `memory` or `stop-accepting`; did you mean `exit`?"
        ],
    );
    says(
        "readiness refuse --count 3",
        &expect!["error: `--count`: nothing can be counted on a port that is closed"],
    );
    says(
        "readiness 503 --bytes 3",
        &expect!["error: `--bytes`: means nothing to a reply"],
    );
    says(
        "readiness 503,200 --bytes 3",
        &expect!["error: `--bytes` means nothing beside `503,200`"],
    );
    says(
        "readiness blackhole --bytes 3",
        &expect!["error: `blackhole` is of the whole port, where `--bytes` means nothing"],
    );
    says(
        "readiness 503 --every 10s",
        &expect![
            "error: `--every`: opens again what `for`, `count` or `sequence` has closed; one of them must be given"
        ],
    );
    says(
        "process exit --count 3",
        &expect!["error: `--count` means nothing beside `exit`"],
    );
    says(
        "process signal",
        &expect![
            "error: `--signal`: must be given: one of SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS"
        ],
    );
    says(
        "process sigterm",
        &expect!["error: `sigterm`: takes either `ignore` or `delay`"],
    );
}

#[test]
fn a_context_that_nobody_named_is_not_written_to() {
    let seed = Seed::with("deploy.yaml", "", "");
    fs::write(
        seed.0.path().join("kubeconfig"),
        "{ current-context: production, contexts: [{ name: production, context: { cluster: c, user: u } }] }",
    )
    .unwrap();
    for command in [
        "run --on cluster readiness.yaml",
        "up deploy.yaml",
        "down deploy.yaml",
        "down --run abc",
        "flip web-1 -c b readiness fail",
    ] {
        seed.check(command, 4, &expect!["error: the current context `production` is not a test cluster by its name; to use it, say `--context production`"]);
    }
}

#[test]
fn a_kubeconfig_that_is_none() {
    let seed = Seed::with("deploy.yaml", "", "");
    seed.check(
        "status",
        3,
        &expect![
            "error: cannot read the kubeconfig `kubeconfig`: No such file or directory (os error 2)"
        ],
    );
}

#[test]
fn a_file_that_cannot_be_written() {
    for option in ["--json", "--timeline"] {
        check_command(
            &format!("run --on virtual readiness.yaml {option} nowhere/r"),
            2,
            &expect!["error: cannot write `nowhere/r`: No such file or directory (os error 2)"],
        );
    }
}

#[test]
fn places_that_exclude_each_other() {
    check_command(
        "run --on virtual --context c readiness.yaml",
        2,
        &expect!["error: `--context` is a cluster's, and `--on virtual` is not one"],
    );
}

#[test]
fn a_timeline_that_is_none() {
    check_command(
        "judge readiness.yaml deploy.yaml",
        2,
        &expect![
            "error: `deploy.yaml` is no timeline: line 1 is no line of a timeline: expected value at line 1 column 1"
        ],
    );
}

#[test]
fn a_program_that_would_not_run_alone() {
    check_command(
        "image --binary deploy.yaml -o t.tar",
        2,
        &expect![
            "error: `deploy.yaml` cannot be packed; build it with `just image`: it is not a Linux ELF program"
        ],
    );
    check_command(
        "image --binary nowhere -o t.tar",
        2,
        &expect![
            "error: cannot read the probe-target binary `nowhere`; build it with `just image`: No such file or directory (os error 2)"
        ],
    );
    check_command(
        "image --binary deploy.yaml -t Probe -o t.tar",
        2,
        &expect![
            "error: `Probe` is not an image name; expected `NAME:TAG` in lower case, such as `probe-target:0.1.0`"
        ],
    );
}

#[test]
fn a_namespace_that_does_not_exist() {
    let Some(cluster) = cluster("a_namespace_that_does_not_exist") else {
        return;
    };
    let commands: [&[&str]; 4] = [
        &["run", "manifests/seed/readiness.yaml"],
        &["up", "manifests/seed/deploy.yaml"],
        &["flip", "deploy/web", "-c", "b", "readiness", "404"],
        &["status"],
    ];
    for command in commands {
        let ended = cluster.run(&[command, &["-n", "probeflip-it-none"][..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{command:?}");
        assert!(
            ended
                .stderr
                .ends_with("error: there is no namespace `probeflip-it-none`\n"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn an_object_that_is_not_ours() {
    let Some(cluster) = cluster("an_object_that_is_not_ours") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "not-ours");
    let theirs = namespace.create_service("web");
    for (command, maker) in [
        (["run", "manifests/seed/one-service.yaml"], "this run"),
        (["up", "manifests/seed/svc.yaml"], "`probeflip up`"),
        (["down", "manifests/seed/svc.yaml"], "`probeflip up`"),
    ] {
        let ended = cluster.run(&[&command[..], &["-n", &namespace.name]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{command:?}");
        let expected = format!(
            "error: service/web exists in namespace `{}` and was not made by {maker}; it is not touched\n",
            namespace.name
        );
        assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
    }
    assert_eq!(namespace.service_version("web"), theirs);
    assert_eq!(namespace.pods(), 0);
}

#[test]
fn an_image_that_the_node_lacks() {
    let Some(cluster) = cluster("an_image_that_the_node_lacks") else {
        return;
    };
    let seed = Seed::with(
        "deploy.yaml",
        "image: probe-target:0.1.0\n          imagePullPolicy: IfNotPresent",
        "image: probe-target:none\n          imagePullPolicy: Never",
    );
    let mut command = cluster.command();
    command
        .current_dir(&seed.0)
        .args(["run", "readiness.yaml"])
        .args(cluster.named());
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let hint = "\nhint: `probeflip image -t probe-target:none -o t.tar && ";
    for said in [": ErrImageNeverPull: ", hint] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
