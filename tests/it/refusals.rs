//! Runs that a cluster or a kubeconfig stops: each prints one message and ends with its exit code.
//!
//! Only the first line of a message that quotes a file is compared here. Invalid files and
//! arguments are tested in `orchestrator`.

use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use crate::{
    broken::unnamed,
    namespace::Namespace,
    program::{Ended, cluster, probeflip, root},
};

/// A folder with the seed's files, with one text of one file replaced.
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

    /// Like [`Self::check_end`], for a command that ends before it prints a result.
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

#[test]
fn a_manifest_that_the_api_server_rejects() {
    let check = |from, to, expected| {
        let seed = Seed::with("deploy.yaml", from, to);
        seed.check_end("run --on virtual readiness.yaml", 2, expected);
    };
    let unserved =
        "{ apiVersion: batch/v1, kind: CronJob, metadata: { name: j } }\n---\napiVersion: apps/v1";
    check(
        "apiVersion: apps/v1",
        unserved,
        &expect![
            "error: deploy.yaml:3:15: this cluster does not serve the kind `CronJob` (batch/v1) of cronjob/j"
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
}

#[test]
fn a_missing_service_account() {
    let seed = Seed::with(
        "deploy.yaml",
        "automountServiceAccountToken: false",
        "serviceAccountName: prober",
    );
    seed.check_end("run --on virtual readiness.yaml", 3, &expect![[r#"error: replicaset web-859c5b58b6: FailedCreate: pods "web-859c5b58b6-" is forbidden: error looking up service account probeflip-readiness-sj4b4/prober: serviceaccount "prober" not found"#]]);
}

#[test]
fn a_host_port_in_use() {
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
fn an_unknown_image() {
    let seed = Seed::with(
        "deploy.yaml",
        "image: probe-target:0.1.0",
        "image: nginx:1.29",
    );
    seed.check_end("run --on virtual readiness.yaml", 3, &expect![[r#"error: container a of pod web-…: ErrImagePull: pocket knows no image "nginx:1.29": it can run probe-target, under any registry and tag"#]]);
}

#[test]
fn a_container_port_in_use() {
    let seed = Seed::with("deploy.yaml", "--port=8081", "--port=8080");
    seed.check_end("run --on virtual readiness.yaml", 3, &expect!["error: the steady state was not reached: expected deploy/web ready 2/2, saw web-… ready 1/2; container b of pod web-… exited with 1: error: port 8080 is in use; the last warning is of pod web-…: BackOff: Back-off restarting failed container b in pod web-…"]);
}

#[test]
fn an_unreachable_cluster_and_an_unknown_context() {
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
fn the_current_context_is_not_written_to_unless_it_is_named() {
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
fn a_missing_kubeconfig() {
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
fn a_missing_namespace() {
    let Some(cluster) = cluster("a_missing_namespace") else {
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
fn an_object_of_another_owner() {
    let Some(cluster) = cluster("an_object_of_another_owner") else {
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
