//! Runs the experiments of predicted rows on a node.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use orchestrator::{
    input::{load, source::Source},
    predict::observation,
    timeline::file,
};
use serde_json::{Value, json};

use super::row::{Recording, Row};
use crate::program::{Cluster, Ended, run};

/// A node, and the folder of what is run there.
pub(super) struct Node<'a> {
    cluster: &'a Cluster,
    folder: &'a Path,
}

/// One run that is due.
struct Due {
    experiment: PathBuf,
    timeline: PathBuf,
}

impl<'a> Node<'a> {
    pub(super) fn new(cluster: &'a Cluster, folder: &'a Path) -> Self {
        Self { cluster, folder }
    }

    /// Predicts rows of charts, and runs their experiments on the node, so many at once.
    pub(super) fn rows(
        &self,
        wanted: &[(&str, &[&str])],
        repeats: u32,
        at_once: usize,
    ) -> Vec<Row> {
        let predicted = wanted.iter().flat_map(|(shape, experiments)| {
            let rows = self.predict(shape, experiments);
            rows.into_iter().map(|row| ((*shape).to_owned(), row))
        });
        let predicted: Vec<(String, Value)> = predicted.collect();
        let due = (1..=repeats).flat_map(|number| {
            let of_row = move |(_, row): &(String, Value)| self.due(row, number);
            predicted.iter().map(of_row)
        });
        self.run(due.collect(), at_once);
        let rows = predicted.into_iter().map(|(shape, predicted)| {
            let numbers = 1..=repeats;
            let runs = numbers.map(|number| self.due(&predicted, number));
            let runs: Vec<Due> = runs.collect();
            Row {
                shape,
                observed: runs.iter().map(observed).collect(),
                loads: runs.iter().map(load).collect(),
                predicted,
            }
        });
        rows.collect()
    }

    /// Rows of a chart that are predicted again, with what an earlier recording says of the node.
    pub(super) fn predicted_anew(
        &self,
        shape: &str,
        experiments: &[&str],
        earlier: &Recording,
    ) -> Vec<Row> {
        let predicted = self.predict(shape, experiments).into_iter();
        let rows = predicted.map(|predicted| {
            let name = predicted["experiment"].as_str().unwrap();
            let mut rows = earlier.rows.iter();
            let known = rows.find(|row| (&*row.shape, row.name()) == (shape, name));
            let known = known.unwrap_or_else(|| panic!("{name} must have been recorded"));
            Row {
                predicted,
                ..known.clone()
            }
        });
        rows.collect()
    }

    /// Predicts the rows that these experiments ask, and writes the experiments.
    fn predict(&self, shape: &str, experiments: &[&str]) -> Vec<Value> {
        let chart = format!("tests/shapes/{shape}.yaml");
        let (only, folder) = (experiments.join(","), self.folder.to_str().unwrap());
        if experiments.is_empty() {
            return Vec::new();
        }
        let samples = format!("--samples={}", super::REPEATS);
        let arguments = [
            "predict",
            &chart,
            "--only",
            &only,
            "--output=json",
            &samples,
        ];
        let ended = run(arguments.into_iter().chain(["--experiments", folder]));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        let rows = report["rows"].as_array().unwrap().iter();
        let by_name: BTreeMap<&str, &Value> = rows
            .filter_map(|row| Some((row["experiment"].as_str()?, row)))
            .collect();
        let row = |name: &&str| {
            let row = by_name.get(name).copied().cloned();
            row.unwrap_or_else(|| panic!("{shape}: no {name} among {:#?}", by_name.keys()))
        };
        experiments.iter().map(row).collect()
    }

    fn due(&self, row: &Value, number: u32) -> Due {
        let name = row["experiment"].as_str().unwrap();
        Due {
            experiment: self.folder.join(format!("{name}.yaml")),
            timeline: self.folder.join(format!("{name}.{number}.jsonl")),
        }
    }

    fn run(&self, due: Vec<Due>, at_once: usize) {
        let due = Mutex::new(due.into_iter().filter(|due| !due.timeline.exists()));
        let next = || due.lock().unwrap_or_else(PoisonError::into_inner).next();
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some(due) = next() {
                        self.run_one(&due);
                    }
                });
            }
        });
    }

    /// A run of its own, repeated once so that chance chooses the phase of its probes.
    fn run_one(&self, due: &Due) {
        let under_way = due.timeline.with_extension("running");
        fs::create_dir_all(&under_way).unwrap();
        let mut command = self.cluster.command();
        command.arg("run").arg(&due.experiment).args(["--repeat=1"]);
        command.args(self.cluster.named());
        command.arg("--timeline").arg(under_way.join("run.jsonl"));
        let ended = Ended::from(command.output().unwrap());
        let name = due.experiment.display();
        assert!(
            matches!(ended.code, 0 | 1),
            "{name}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let written = fs::read_dir(&under_way).unwrap().next().unwrap().unwrap();
        fs::rename(written.path(), &due.timeline).unwrap();
        fs::remove_dir(&under_way).unwrap();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        fs::write(due.timeline.with_extension("load"), load).unwrap();
    }
}

/// What a run showed.
fn observed(due: &Due) -> Value {
    let text = fs::read_to_string(&due.experiment).unwrap();
    let source = Source {
        path: due.experiment.clone(),
        text: text.into(),
    };
    let experiments = load::load(&source).unwrap().experiments;
    let timelines = timelines(&fs::read_to_string(&due.timeline).unwrap());
    let observation = observation(&experiments[0], &timelines[0]);
    let observation = observation.unwrap_or_else(|why| panic!("{}: {why}", due.timeline.display()));
    json!(observation)
}

/// The load average of the machine after a run.
fn load(due: &Due) -> f64 {
    let text = fs::read_to_string(due.timeline.with_extension("load")).unwrap();
    text.trim().parse().unwrap()
}

fn timelines(text: &str) -> Vec<orchestrator::timeline::Timeline> {
    file::read(text).unwrap()
}
