//! Seed experiments with a wrong expectation fail with exit 1 and report what was observed.

use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use crate::program::{root, run};

#[test]
fn liveness_that_expects_two_restarts() {
    check(
        "liveness",
        "restarts: { delta: 1 } }\n",
        "restarts: { delta: 2 } }\n",
        &expect![[r#"
            ✘ fail b-restarted (b fails liveness)
              expected  deploy/web container b 2 restarts, after b-killed eventually within 10s, for 3s
              seen      not true in time: web-…/b 0 restarts until 4.988 s, then 1 restart

            ✘ fail liveness on virtual in 18.223 s: 4 of 5 expectations held, 1 failed
        "#]],
    );
}

#[test]
fn readiness_that_expects_the_pod_to_stay_ready() {
    check(
        "readiness",
        "{ ready: 1/2 }",
        "{ ready: 0/2 }",
        &expect![[r#"
            ✘ fail pod-1-of-2 (b fails readiness)
              expected  deploy/web ready 0/2, eventually not before 3.5s, within 7.5s, for 5s
              seen      not true in time: web-… ready 2/2 until 4.998 s, then ready 1/2

            ✘ fail readiness on virtual in 11.223 s: 2 of 5 expectations held, 1 failed, 2 not run
        "#]],
    );
}

#[test]
fn one_service_that_expects_a_s_users_to_be_served() {
    check(
        "one-service",
        "traffic: [users-a]\n          that: { outcome: [refused, timeout] }",
        "traffic: [users-a]\n          that: { outcome: status }",
        &expect![[r#"
            ✘ fail users-of-healthy-a-refused (b fails readiness)
              expected  requests of users-a status, eventually not before 3.5s, within 7.5s, for 3s
              seen      not true in time: users-a ok until 5.610 s, then refused

            ✘ fail one-service on virtual in 14.223 s: 5 of 8 expectations held, 1 failed, 2 not run
        "#]],
    );
}

#[test]
fn two_services_that_expects_one_to_stay_ready() {
    check(
        "two-services",
        "that: { ready: false, addresses: unchanged }",
        "that: { ready: true, addresses: unchanged }",
        &expect![[r#"
            ✘ fail both-endpoints-not-ready (b fails readiness)
              expected  endpoints of web-a and web-b all ready · same addresses, eventually not before 3.5s, within 7.5s, for 3s
              seen      true 3.500 s before the earliest time allowed: web-a ready 1/1 · addresses 10.244.0.2, web-b ready 1/1 · addresses 10.244.0.2 until 5.522 s, then web-a ready 0/1 · addresses 10.244.0.2, web-b ready 1/1 · addresses 10.244.0.2 until 5.522 s, then web-a ready 0/1 · addresses 10.244.0.2, web-b ready 0/1 · addresses 10.244.0.2

            ✘ fail two-services on virtual in 15.223 s: 4 of 7 expectations held, 1 failed, 2 not run
        "#]],
    );
}

#[test]
fn redeploy_trap_that_expects_the_rollout_to_end() {
    check(
        "redeploy-trap",
        "progressing: ProgressDeadlineExceeded",
        "progressing: NewReplicaSetAvailable",
        &expect![[r#"
            ✘ fail rollout-stalls (edit b's readiness path)
              expected  deploy/web replicas 2 · updated 1 · ready 1 · progressing NewReplicaSetAvailable, eventually not before 19s, within 24s, for 3s
              seen      not true in time: web replicas 1 · updated 1 · ready 1 · progressing NewReplicaSetAvailable until 0.000 s, then replicas 1 · updated 1 · ready 1 · progressing NewReplicaSetAvailable · status not of this generation until 0.000 s, then replicas 1 · updated 1 · ready 1 · progressing NewReplicaSetCreated · status not of this generation until 0.000 s, then replicas 1 · updated 0 · ready 1 · progressing NewReplicaSetCreated until 0.000 s, then replicas 2 · updated 1 · ready 1 · progressing ReplicaSetUpdated until 20.500 s, then replicas 2 · updated 1 · ready 1 · progressing ProgressDeadlineExceeded

            ✘ fail redeploy-trap on virtual in 45.223 s: 6 of 7 expectations held, 1 failed
        "#]],
    );
}

/// Runs a seed experiment in virtual time, with `from` replaced by `to`.
fn check(experiment: &str, from: &str, to: &str, expected: &Expect) {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(root().join("manifests/seed")).unwrap() {
        let file = entry.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let file = folder.path().join(format!("{experiment}.yaml"));
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(from),
        "{experiment}.yaml does not say `{from}`"
    );
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
    let ended = run([
        "run".as_ref(),
        file.as_os_str(),
        "--on".as_ref(),
        "virtual".as_ref(),
        "--latencies".as_ref(),
        "none".as_ref(),
    ]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let failures = ended
        .stdout
        .split_once("\n✘")
        .map_or("", |(_, after)| after);
    expected.assert_eq(&unnamed(&format!("✘{failures}")));
}

/// Removes the random parts of Pod names: they depend on all earlier random choices.
pub(crate) fn unnamed(text: &str) -> String {
    let words = text.split_inclusive([' ', '/']).map(|word| {
        let mut parts = word.splitn(3, '-');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("web"), Some(_), Some(end)) => {
                let rest = end.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
                // The kubelet's full name of a Pod: `web-1_namespace(uid)`.
                let full = rest.strip_prefix('_').and_then(|full| full.split_once(')'));
                format!("web-…{}", full.map_or(rest, |(_, rest)| rest))
            }
            _ => word.to_owned(),
        }
    });
    words.collect()
}
