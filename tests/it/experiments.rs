//! Every file of `manifests/experiments` passes in virtual time, pocket and a real cluster.
//!
//! Each object goes through the same states in the same order in all three. New files in the folder
//! are run without further registration.

use std::{collections::BTreeMap, fs, sync::LazyLock, thread};

use orchestrator::timeline::Timeline;

use crate::{
    program::{Recorded, cluster, record, record_with, root},
    story::tell,
};

/// Number of concurrent experiments in real time, where they mostly wait.
const LANES: usize = 4;

/// Paths of the experiments relative to the repository's root, in the order of their names.
static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = "manifests/experiments";
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| format!("{folder}/{}", path.file_name().unwrap().display()))
        .collect();
    files.sort();
    files
});

static VIRTUAL: LazyLock<Recorded> = LazyLock::new(|| record(words().chain(["--on", "virtual"])));

fn words() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(String::as_str)
}

#[test]
fn every_experiment_holds_in_virtual_time() {
    let Recorded { ended, .. } = &*VIRTUAL;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(VIRTUAL.timelines.len(), FILES.len());
    let again = record(words().chain(["--on", "virtual"]));
    assert!(again.text == VIRTUAL.text, "the timelines differ");
}

#[test]
fn every_experiment_holds_on_pocket_and_tells_the_same_story() {
    in_lanes("pocket", |file| record([file, "--on", "pocket"]));
}

#[test]
fn every_experiment_holds_on_a_real_cluster_and_tells_the_same_story() {
    let Some(cluster) = cluster("every_experiment_holds_on_a_real_cluster") else {
        return;
    };
    in_lanes(&cluster.context, |file| {
        record_with(cluster.command(), [file].into_iter().chain(cluster.named()))
    });
}

/// Runs each file in its own process, [`LANES`] at a time, and compares its story with that of
/// virtual time.
fn in_lanes(place: &str, run: impl Fn(&'static str) -> Recorded + Sync) {
    let expected: BTreeMap<&str, &Timeline> = VIRTUAL
        .timelines
        .iter()
        .map(|timeline| (timeline.header().experiment.as_str(), timeline))
        .collect();
    let wrong: Vec<String> = thread::scope(|scope| {
        let lane = |first| {
            let files = words().skip(first).step_by(LANES);
            let (run, expected) = (&run, &expected);
            scope.spawn(move || {
                let wrong = files.filter_map(|file| wrong(&run(file), expected));
                wrong.collect::<Vec<_>>()
            })
        };
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "on {place}:\n{}", wrong.join("\n"));
}

/// Describes how a run failed or differs from virtual time, if it does.
fn wrong(ran: &Recorded, expected: &BTreeMap<&str, &Timeline>) -> Option<String> {
    let Recorded {
        ended, timelines, ..
    } = ran;
    let [timeline] = &timelines[..] else {
        return Some(format!("{} timelines: {}", timelines.len(), ended.stderr));
    };
    let name = timeline.header().experiment.as_str();
    if ended.code != 0 {
        return Some(format!(
            "{name} ended with {}:\n{}\n{}",
            ended.code, ended.stdout, ended.stderr
        ));
    }
    let Some(there) = expected.get(name) else {
        return Some(format!("{name} has no timeline in virtual time"));
    };
    let (here, there) = (tell(timeline), tell(there));
    (here != there).then(|| {
        format!(
            "{name} tells\n{here:#?}\nand in virtual time\n{there:#?}\n{}",
            ended.stdout
        )
    })
}
