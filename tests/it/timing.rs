//! Compares how long things take on a node and in virtual time, and writes docs/timing.md.
//!
//! `just timing` measures a real node and stores its samples in `tests/recordings`; every other run
//! measures virtual time alone and compares it with the recording.

mod distribution;
mod intervals;

use std::{collections::BTreeMap, fmt::Write as _, fs, ops::RangeInclusive};

use expect_test::expect_file;
use serde::{Deserialize, Serialize};

use self::{distribution::Distribution, intervals::Interval};
use crate::program::{self, Recorded, cluster, record_virtual, record_with};

/// Paths of the measured experiments relative to the repository's root. Each starts five Pods.
const EXPERIMENTS: [&str; 2] = [
    "tests/it/timing/readiness.yaml",
    "tests/it/timing/liveness.yaml",
];

/// The runs of each experiment, by seed: 100 Pods.
const RUNS: RangeInclusive<u32> = 1..=20;

/// The samples that a node gave, relative to the repository's root.
const RECORDING: &str = "tests/recordings/timing-1.36.3.json";

/// Samples of each interval in milliseconds.
type Samples = BTreeMap<Interval, Distribution>;

/// The measurements of one node.
#[derive(Debug, Serialize, Deserialize)]
struct Recording {
    /// Version of Kubernetes.
    kubernetes: String,
    /// The node's machine.
    machine: String,
    samples: Samples,
}

#[test]
fn the_page_compares_virtual_time_with_the_recorded_node() {
    let recording = fs::read_to_string(program::root().join(RECORDING)).unwrap();
    let recording: Recording = serde_json::from_str(&recording).unwrap();
    let virtual_time = measure(record_virtual);
    let page = page(&recording, &virtual_time);
    expect_file!["../../docs/timing.md"].assert_eq(&page);
    for interval in Interval::ALL {
        let distance = recording.samples[&interval].distance(&virtual_time[&interval]);
        assert!(distance <= 0.25, "{}: {distance}", interval.name());
    }
}

#[test]
#[ignore = "takes minutes and replaces the recording; `just timing` runs it"]
fn a_node_is_recorded() {
    let cluster = cluster("a_node_is_recorded").expect("PROBEFLIP_TEST_KUBECONFIG must be set");
    let mut kubernetes = String::new();
    let samples = measure(|experiment, _| {
        let arguments = [experiment].into_iter().chain(cluster.named());
        let recorded = record_with(cluster.command(), arguments);
        kubernetes.clone_from(&recorded.timelines[0].header().kubernetes);
        recorded
    });
    let recording = Recording {
        kubernetes,
        machine: std::env::var("PROBEFLIP_TEST_MACHINE").unwrap_or_else(|_| "unnamed".to_owned()),
        samples,
    };
    let text = serde_json::to_string(&recording).unwrap() + "\n";
    fs::write(program::root().join(RECORDING), text).unwrap();
}

/// Runs every experiment once for each seed and collects the samples.
fn measure(mut run: impl FnMut(&'static str, u32) -> Recorded) -> Samples {
    let mut samples: BTreeMap<Interval, Vec<u64>> = BTreeMap::new();
    for experiment in EXPERIMENTS {
        for seed in RUNS {
            let Recorded {
                ended, timelines, ..
            } = run(experiment, seed);
            assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
            for (interval, milliseconds) in intervals::of(&timelines[0]) {
                samples.entry(interval).or_default().push(milliseconds);
            }
        }
    }
    let sorted = samples
        .into_iter()
        .map(|(interval, values)| (interval, values.into()));
    sorted.collect()
}

fn page(node: &Recording, virtual_time: &Samples) -> String {
    let Recording {
        kubernetes,
        machine,
        samples,
    } = node;
    let runs = RUNS.end();
    let mut page = format!(
        "# Timing in virtual time and on a node\n\
         \n\
         How long things take in virtual time, compared with a node of Kubernetes {kubernetes}\n\
         ({machine}). `just timing` measures the node anew; a test writes this page\n\
         (`tests/it/timing.rs`) from the recorded samples and those of virtual time.\n\
         \n\
         Each experiment of `tests/it/timing` is run {runs} times with five Pods. `distance` is the\n\
         Kolmogorov–Smirnov statistic: 0 for equal distributions, 1 for separate ones.\n\
         \n\
         | interval | place | samples | 10 % | median | 90 % | longest | distance |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for interval in Interval::ALL {
        let (node, there) = (&samples[&interval], &virtual_time[&interval]);
        let name = interval.name();
        let distance = node.distance(there);
        writeln!(page, "| {name} | node | {} | |", node.columns()).unwrap();
        writeln!(page, "| | virtual | {} | {distance:.2} |", there.columns()).unwrap();
    }
    page
}
