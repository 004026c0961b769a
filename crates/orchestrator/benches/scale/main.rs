//! Measures what a run costs as Pods grow in number: one table, like the probe target's budgets.
//! `just bench` runs it. Nothing fails: a slow machine is no error, and CI does not run this.
//!
//! Every row runs the program itself on a generated experiment. Processor time is compared with the
//! budgets where possible, as other load on the machine hardly changes it. Many Pods run with
//! `--latencies none`: a node would start a thousand in three minutes.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is measured is real time"
)]

mod manifests;
mod process;
#[path = "../../../probe-target/benches/budgets/table.rs"]
#[allow(dead_code, reason = "the probe target's budgets need more of it")]
mod table;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use process::{Cost, Process};
use serde_json::Value;
use table::Table;

/// The real time over which a cluster at rest is measured.
const REST: Duration = Duration::from_secs(20);

/// The option for short and regular latencies.
const QUICK: &str = "--latencies=none";

/// How often the start of a cluster is measured.
const STARTS: usize = 21;

/// How often the start of a Pod is measured; each takes a run of some ten seconds.
const PODS: usize = 3;

/// The interval at which a file is waited for.
const SHORT: Duration = Duration::from_micros(100);

/// How often the seed is repeated to measure one sample of it.
const SAMPLES: u32 = 50;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    // Cargo adds options of its own, such as `--bench`.
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| word == name);
    let mut table = Table::default();
    if wanted("minute") {
        minute(directory, &mut table);
    }
    if wanted("start") {
        start(directory, &mut table);
    }
    if wanted("pod") {
        pod(directory, &mut table);
    }
    if wanted("flip") {
        flip(directory, &mut table);
    }
    if wanted("seed") {
        seed(&mut table);
    }
    if wanted("predict") {
        predict(&mut table);
    }
    if wanted("day") {
        day(directory, &mut table);
    }
    if wanted("rest") {
        rest(directory, &mut table);
    }
    #[expect(clippy::print_stdout, reason = "the table is the product")]
    {
        println!("{table}");
    }
}

/// A virtual minute in which every Pod is flipped and flipped back.
fn minute(directory: &Path, table: &mut Table) {
    let run = |pods| on_virtual(&[QUICK], &[&manifests::minute(directory, pods)]);
    let (few, many) = (run(100), run(1_000));
    table.row(
        "a virtual minute of 1,000 Pods, flipped and back: processor time",
        format!("{:.1} s", many.processor),
        "≤ 8 s",
    );
    table.row(
        "the same: peak memory",
        format!("{:.0} MB", many.megabytes()),
        "≤ 400 MB",
    );
    table.row(
        "the same: processor time a Pod, against 100 Pods",
        format!("{:.2}×", many.processor / few.processor / 10.0),
        "≤ 1.3×",
    );
}

/// `probeflip pocket` from its start until its API answers: then the kubeconfig is there.
fn start(directory: &Path, table: &mut Table) {
    let kubeconfig = directory.join("pocket.yaml");
    let mut times: Vec<Duration> = (0..STARTS).map(|_| started(&kubeconfig)).collect();
    times.sort();
    table.row(
        "`probeflip pocket`: start → the API answers",
        format!("{} ms", milliseconds(times[times.len() / 2])),
        "≤ 20 ms",
    );
}

fn started(kubeconfig: &Path) -> Duration {
    let begun = Instant::now();
    let pocket = Process::start(&[
        "pocket".as_ref(),
        "--kubeconfig".as_ref(),
        kubeconfig.as_os_str(),
    ]);
    while !kubeconfig.exists() {
        sleep(SHORT);
    }
    let took = begun.elapsed();
    // It is killed, so that it cannot remove the file.
    pocket.stop();
    fs::remove_file(kubeconfig).unwrap();
    took
}

/// The Pod of the seed in real time: from its creation until it is ready.
fn pod(directory: &Path, table: &mut Table) {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/seed/readiness.yaml");
    let mut times: Vec<Duration> = (0..PODS).map(|_| ready(directory, &seed)).collect();
    times.sort();
    table.row(
        "the seed's Pod in real time, `--latencies none`: created → ready",
        format!("{} ms", milliseconds(times[times.len() / 2])),
        "≤ 50 ms",
    );
}

fn ready(directory: &Path, seed: &Path) -> Duration {
    let records = records(directory, seed);
    let pods: Vec<Value> = records
        .into_iter()
        .filter(|record| record["object"]["kind"] == "Pod")
        .collect();
    let is_ready = |pod: &&Value| {
        let conditions = pod["object"]["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
    };
    let at = |pod: &Value| pod["at"].as_u64().unwrap();
    Duration::from_micros(at(pods.iter().find(is_ready).unwrap()) - at(&pods[0]))
}

/// The flip of 1,000 targets in real time: from the step's beginning to its last acknowledgement.
fn flip(directory: &Path, table: &mut Table) {
    let experiment = manifests::minute(directory, 1_000);
    let records = records(directory, &experiment);
    let of_step = records.iter().filter(|record| record["step"] == 0);
    let times = |name: &str| -> Vec<u64> {
        let named = of_step.clone().filter(|record| record["record"] == name);
        named.map(|record| record["at"].as_u64().unwrap()).collect()
    };
    let (started, sent) = (times("step-start"), times("sending"));
    let last = *times("acknowledged").last().unwrap();
    table.row(
        "the flip of 1,000 targets in real time; of it sending",
        format!(
            "{} ms; {} ms",
            (last - started[0]) / 1_000,
            (last - sent[0]) / 1_000
        ),
        "≤ 1 s",
    );
}

/// One sample of a file of the seed, out of many in one process, with the latencies of a node.
fn seed(table: &mut Table) {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/seed");
    let all = [
        "readiness.yaml",
        "liveness.yaml",
        "one-service.yaml",
        "two-services.yaml",
    ]
    .map(|name| seed.join(name));
    let files: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    let run = |samples: u32| on_virtual(&["--repeat", &samples.to_string()], &files).processor;
    let files = f64::from(u32::try_from(files.len()).unwrap());
    let each = (run(SAMPLES + 1) - run(1)) / f64::from(SAMPLES) / files;
    table.row(
        "one sample of the seed, a file",
        format!("{:.1} ms", each * 1e3),
        "≤ 10 ms",
    );
}

/// Every question about a web shop of twelve workloads, with the samples of a prediction.
fn predict(table: &mut Table) {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/shapes/webshop.yaml");
    let cost = Process::start(&["predict".as_ref(), shop.as_os_str()]).wait();
    table.row(
        "a prediction for twelve workloads, 20 samples: processor time",
        format!("{:.0} s", cost.processor),
        "≤ 120 s, that is 60 s on two cores",
    );
}

/// A virtual day with a rollout a minute.
fn day(directory: &Path, table: &mut Table) {
    let run = |hours: usize| on_virtual(&[], &[&manifests::rollouts(directory, hours * 60)]);
    let (short, long) = (run(6), run(24));
    table.row(
        "24 virtual hours with a rollout a minute: processor time; peak memory; of 6 hours",
        format!(
            "{:.0} s; {:.0} MB; {:.0} MB",
            long.processor,
            long.megabytes(),
            short.megabytes()
        ),
        "memory bounded",
    );
}

/// 500 Pods in real time that only answer their probes.
fn rest(directory: &Path, table: &mut Table) {
    let resting = |pods| {
        let experiment = manifests::rest(directory, pods);
        let mut run = Process::start(&[
            "run".as_ref(),
            "--verbose".as_ref(),
            experiment.as_os_str(),
            "--on=pocket".as_ref(),
            QUICK.as_ref(),
        ]);
        run.wait_for_line("steady after");
        let before = run.cost();
        sleep(REST);
        let after = run.cost();
        run.stop();
        (after.processor - before.processor, after)
    };
    let (_, one) = resting(1);
    let (processor, many) = resting(500);
    table.row(
        "500 Pods in real time: share of a core",
        format!("{:.1} %", processor / REST.as_secs_f64() * 100.0),
        "≤ 5 %",
    );
    #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
    let each = (many.resident - one.resident) as f64 / 499.0;
    table.row(
        "the same: memory a Pod",
        format!("{each:.0} KB"),
        "≤ 100 KB",
    );
}

/// Runs an experiment in real time with short latencies, and returns the records of its timeline.
fn records(directory: &Path, experiment: &Path) -> Vec<Value> {
    let timeline = directory.join("run.jsonl");
    let mut run = Process::start(&[
        "run".as_ref(),
        experiment.as_os_str(),
        "--on=pocket".as_ref(),
        QUICK.as_ref(),
        "--timeline".as_ref(),
        timeline.as_os_str(),
    ]);
    run.wait();
    let text = fs::read_to_string(timeline).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn on_virtual(options: &[&str], files: &[&Path]) -> Cost {
    let mut words: Vec<&OsStr> = vec!["run".as_ref(), "--on=virtual".as_ref()];
    words.extend(options.iter().map(OsStr::new));
    words.extend(files.iter().map(|file| file.as_os_str()));
    Process::start(&words).wait()
}
