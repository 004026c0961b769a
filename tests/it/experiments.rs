//! Every experiment of `manifests/seed` and `manifests/experiments`: in virtual time and on a real
//! cluster.
//!
//! Verdicts and stories are equal in both. A new file in either folder is run without further
//! registration. Only the default experiment runs on pocket in real time, as a smoke test.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::Path, sync::LazyLock, thread};

use orchestrator::timeline::{Timeline, file};
use tempfile::TempDir;

use crate::{
    program::{Ended, Recorded, cluster, record, record_with, root, run},
    story::{Story, story},
};

/// Number of concurrent experiments on a node, where they mostly wait.
const LANES: usize = 4;

/// Seeds of further runs in virtual time.
const SEEDS: RangeInclusive<u32> = 2..=5;

/// Paths of the experiments relative to the repository's root, sorted.
pub(crate) static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut files = Vec::new();
    for folder in ["manifests/seed", "manifests/experiments"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let is_file = path
                .extension()
                .is_some_and(|extension| extension == "yaml");
            if is_file
                && fs::read_to_string(&path)
                    .unwrap()
                    .contains("kind: Experiment")
            {
                files.push(format!("{folder}/{}", path.file_name().unwrap().display()));
            }
        }
    }
    files.sort();
    files
});

/// All experiments in virtual time.
pub(crate) static VIRTUAL: LazyLock<Recorded> = LazyLock::new(|| in_virtual_time(&[]));

fn in_virtual_time(options: &[&str]) -> Recorded {
    let files = FILES.iter().map(String::as_str);
    let options = ["--on", "virtual"].iter().chain(options);
    record(files.chain(options.copied()))
}

#[test]
fn they_pass_in_virtual_time_and_one_seed_gives_the_same_bytes() {
    let Recorded { ended, .. } = &*VIRTUAL;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(VIRTUAL.timelines.len(), FILES.len());
    let folder = TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    let files = FILES.iter().map(Path::new);
    let options = ["run", "--on=virtual", "--timeline"].map(Path::new);
    let again = run(options.into_iter().chain([&*timeline]).chain(files));
    assert!(
        fs::read_to_string(timeline).unwrap() == VIRTUAL.text,
        "the timelines differ"
    );
    let lines = again.stdout.lines().chain(again.stderr.lines()).count();
    assert!(lines <= 60, "{}{}", again.stdout, again.stderr);
    let total = format!("\n\n{} experiments: all held; ", FILES.len());
    assert!(again.stdout.contains(&total), "{}", again.stdout);
}

#[test]
fn a_quiet_run_prints_the_total_and_what_did_not_hold() {
    let ended = run(["run", "--quiet", "--on=virtual", &FILES[0]]);
    assert!(ended.stdout.starts_with("1 experiment: all held; "));
    assert_eq!((ended.stdout.lines().count(), &*ended.stderr), (1, ""));
}

#[test]
fn another_seed_gives_other_bytes() {
    let other = record([&*FILES[0], "--on", "virtual", "--seed", "2"]);
    // The first line names the seed.
    let records = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert!(!records(&VIRTUAL.text).starts_with(&records(&other.text)));
}

/// A story that depends on the seed would differ on a node too, by chance.
#[test]
fn every_seed_tells_the_same_stories() {
    let differences = SEEDS.flat_map(|seed| {
        let run = in_virtual_time(&["--seed", &seed.to_string()]);
        let Ended { code, stdout, .. } = &run.ended;
        assert_eq!(*code, 0, "{stdout}");
        let timelines = run.timelines.into_iter();
        timelines
            .filter_map(move |timeline| Some(format!("seed {seed}: {}", difference_of(&timeline)?)))
    });
    let differences: Vec<String> = differences.collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_recorded_timeline_is_judged_as_during_the_run() {
    let folder = TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    fs::write(&timeline, &VIRTUAL.text).unwrap();
    for experiment in &*FILES {
        let judged = run([Path::new("judge"), Path::new(experiment), &timeline]);
        assert_eq!(judged.code, 0, "{experiment}: {}", judged.stdout);
    }
}

/// The one test in real time: the program without arguments, as the README starts it.
#[test]
fn the_default_experiment_has_the_same_story_on_pocket() {
    let ran = record::<&str>([]);
    assert_eq!(difference(&ran), None);
}

#[test]
fn the_recordings_of_a_node_have_the_same_stories() {
    let recording = root().join("tests/recordings/seed-1.36.3.jsonl");
    let timelines = file::read(&fs::read_to_string(recording).unwrap()).unwrap();
    assert_eq!(timelines.len(), 5);
    for timeline in &timelines {
        assert_eq!(difference_of(timeline), None);
    }
}

/// A recording of a StatefulSet, a DaemonSet and a Job on a node.
#[test]
fn a_recording_of_other_workloads_is_judged_by_their_own_numbers() {
    let recordings = root().join("tests/recordings");
    let experiment = recordings.join("workloads.yaml");
    let recording = recordings.join("workloads-1.36.3.jsonl");
    let judged = |experiment: &Path| {
        let ended = run([Path::new("judge"), experiment, &recording]);
        (ended.code, ended.stdout)
    };
    let (code, stdout) = judged(&experiment);
    let held = "8 of 8 expectations held";
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains(held), "{stdout}");
    let ran = run(["run", "--on", "virtual", experiment.to_str().unwrap()]);
    assert!(ran.code == 0 && ran.stdout.contains(held), "{}", ran.stdout);
    let folder = TempDir::new().unwrap();
    let wrong = folder.path().join("wrong.yaml");
    let text = fs::read_to_string(&experiment).unwrap();
    // The DaemonSet is short of a Pod after 1.795 s.
    let text = text.replace("notBefore: 500ms", "notBefore: 5s");
    fs::write(&wrong, text).unwrap();
    let (code, stdout) = judged(&wrong);
    assert_eq!(code, 1, "{stdout}");
    let seen = "agent ready 1 · unavailable 0 until 1.795 s, then ready 0 · unavailable 1";
    assert!(stdout.contains(seen), "{stdout}");
}

#[test]
fn they_pass_on_a_real_cluster_with_the_same_stories() {
    let Some(cluster) = cluster("they_pass_on_a_real_cluster_with_the_same_stories") else {
        return;
    };
    let run = |file: &str| {
        let arguments = [file].into_iter().chain(cluster.named());
        difference(&record_with(cluster.command(), arguments))
    };
    let lane = |first: usize| {
        let files = FILES.iter().skip(first).step_by(LANES);
        files.filter_map(|file| run(file)).collect::<Vec<_>>()
    };
    let differences = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|first| scope.spawn(move || lane(first)))
            .collect();
        let of_lanes = lanes.into_iter().map(|lane| lane.join().unwrap());
        of_lanes.collect::<Vec<_>>().concat()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How the run of one experiment failed or differs from virtual time, if it does.
fn difference(ran: &Recorded) -> Option<String> {
    let Recorded {
        ended, timelines, ..
    } = ran;
    let [timeline] = &timelines[..] else {
        return Some(format!("{} timelines: {}", timelines.len(), ended.stderr));
    };
    if ended.code == 0 {
        return difference_of(timeline);
    }
    let name = &timeline.header().experiment;
    let Ended {
        code,
        stdout,
        stderr,
    } = ended;
    Some(format!("{name} ended with {code}:\n{stdout}\n{stderr}"))
}

/// How the story of a timeline differs from that in virtual time, if it does.
fn difference_of(timeline: &Timeline) -> Option<String> {
    static STORIES: LazyLock<BTreeMap<&str, Story>> = LazyLock::new(|| {
        let timelines = VIRTUAL.timelines.iter();
        timelines
            .map(|it| (&*it.header().experiment, story(it)))
            .collect()
    });
    let name = &*timeline.header().experiment;
    let (here, there) = (story(timeline), &STORIES[name]);
    (here != *there).then(|| format!("{name}: {here:#?}\nin virtual time: {there:#?}"))
}
