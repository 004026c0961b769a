//! Seed experiments give equal verdicts and stories in virtual time, pocket and a real cluster.

use std::{fs, sync::LazyLock};

use orchestrator::timeline::{Timeline, file};

use crate::{
    program::{Recorded, cluster, probeflip, record, root},
    story::tell,
};

/// The seed experiments, in the order they are run.
const SEED: [&str; 5] = [
    "manifests/seed/liveness.yaml",
    "manifests/seed/readiness.yaml",
    "manifests/seed/one-service.yaml",
    "manifests/seed/two-services.yaml",
    "manifests/seed/redeploy-trap.yaml",
];

static VIRTUAL: LazyLock<Recorded> =
    LazyLock::new(|| record(SEED.into_iter().chain(["--on", "virtual"])));

#[test]
fn the_seed_holds_in_virtual_time() {
    assert_eq!(VIRTUAL.ended.code, 0, "{}", VIRTUAL.ended.stderr);
    assert_eq!(VIRTUAL.timelines.len(), SEED.len());
}

#[test]
fn one_seed_gives_the_same_bytes_twice() {
    let again = record(SEED.into_iter().chain(["--on", "virtual"]));
    assert!(again.text == VIRTUAL.text, "the timelines differ");
    let other = record([SEED[0], "--on", "virtual", "--seed", "2"]);
    assert!(
        !VIRTUAL.text.starts_with(&other.text),
        "the seed does nothing"
    );
}

#[test]
fn a_recorded_timeline_is_judged_as_it_was_live() {
    let folder = tempfile::TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    fs::write(&timeline, &VIRTUAL.text).unwrap();
    for experiment in SEED {
        let judged = probeflip()
            .arg("judge")
            .arg(experiment)
            .arg(&timeline)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&judged.stdout);
        assert_eq!(judged.status.code(), Some(0), "{experiment}: {said}");
    }
}

#[test]
fn pocket_tells_the_story_of_virtual_time() {
    let pocket = record(SEED.into_iter().chain(["--on", "pocket"]));
    assert_eq!(pocket.ended.code, 0, "{}", pocket.ended.stderr);
    same_story("pocket", &pocket.timelines);
}

#[test]
fn a_real_cluster_tells_the_story_of_virtual_time() {
    let Some(cluster) = cluster("a_real_cluster_tells_the_story_of_virtual_time") else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    let ran = probeflip()
        .arg("run")
        .args(SEED)
        .args(["--context", &cluster.context, "--timeline"])
        .arg(&timeline)
        .env("KUBECONFIG", &cluster.kubeconfig)
        .output()
        .unwrap();
    assert_eq!(
        ran.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    same_story(
        &cluster.context,
        &file::read(&fs::read_to_string(timeline).unwrap()).unwrap(),
    );
}

#[test]
fn the_recording_of_a_real_node_tells_the_story_of_virtual_time() {
    let recording = root().join("tests/recordings/seed-1.36.3.jsonl");
    same_story(
        "recording",
        &file::read(&fs::read_to_string(recording).unwrap()).unwrap(),
    );
}

fn same_story(place: &str, timelines: &[Timeline]) {
    assert_eq!(timelines.len(), VIRTUAL.timelines.len());
    for (here, there) in timelines.iter().zip(&VIRTUAL.timelines) {
        assert_eq!(here.header().experiment, there.header().experiment);
        assert_eq!(
            tell(here),
            tell(there),
            "{place} differs in {}",
            here.header().experiment
        );
    }
}
