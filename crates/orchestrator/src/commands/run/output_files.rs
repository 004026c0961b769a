//! Output files of a run (results, timeline): created before the run, filled after it.
//!
//! A file that cannot be filled affects neither the run's result nor the other files.

use std::path::{Path, PathBuf};

use super::{again::Options, result_files::ResultFiles};
use crate::{
    cli,
    commands::output::{Output, OutputError, check},
    exit::Exit,
    input::{experiment::Experiment, manifests::Manifest},
    report::{Outcomes, json, printer::Printer, repetition::Repetition},
    run::RunResult,
    timeline::file,
};

/// The requested files and their collected content.
#[derive(Debug)]
pub(super) struct OutputFiles {
    results: ResultFiles,
    timeline: Option<Output>,
    /// Where the timeline of each repeated run goes; its name gets the experiment and the seed.
    timelines_path: Option<PathBuf>,
    timelines: Vec<u8>,
}

impl OutputFiles {
    /// Creates the files for results, so that they can hold all errors from now on.
    pub(super) fn create(run: &cli::Run) -> Result<Self, OutputError> {
        let inputs: Vec<&Path> = run.files.iter().map(PathBuf::as_path).collect();
        check(&run.outputs(), &inputs)?;
        if run.repeat.is_some() && cli::is_stdout(run.timeline.as_deref()) {
            return Err(OutputError::Repeated);
        }
        Ok(Self {
            results: ResultFiles::create(&run.results, Options::of(run))?,
            timeline: None,
            timelines_path: None,
            timelines: Vec::new(),
        })
    }

    /// Creates the timeline's file. This truncates an earlier timeline, so it happens only once all
    /// checks have passed.
    ///
    /// With `--repeat`, each run has a file of its own. Only that of the first run is created here,
    /// so that a path that cannot be written is reported before anything runs.
    pub(super) fn create_timelines(
        &mut self,
        run: &cli::Run,
        first: &Experiment,
        seed: Option<u64>,
    ) -> Result<(), OutputError> {
        if run.repeat.is_some() {
            self.timelines_path.clone_from(&run.timeline);
            let label = seed.map_or_else(|| "1".to_owned(), |seed| seed.to_string());
            let path = self.path_of(first, &label);
            return path.map_or(Ok(()), |path| Output::create(&path).map(drop));
        }
        self.timeline = run.timeline.as_deref().map(Output::create).transpose()?;
        Ok(())
    }

    /// Takes the objects of the workload whose runs follow.
    pub(super) fn begin(&mut self, objects: &[Manifest]) {
        self.results.begin(objects);
    }

    /// `run.jsonl` → `run-EXPERIMENT-LABEL.jsonl`
    fn path_of(&self, experiment: &Experiment, label: &str) -> Option<PathBuf> {
        let path = self.timelines_path.as_ref()?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut name = format!("{stem}-{}-{label}", experiment.name.value);
        if let Some(extension) = path.extension() {
            name = format!("{name}.{}", extension.to_string_lossy());
        }
        Some(path.with_file_name(name))
    }

    /// Collects the result of a repeated run, and writes its timeline. `label` is its seed or
    /// number. Prints a failure, and returns its exit code.
    pub(super) fn ran_repeatedly(
        &mut self,
        experiment: &Experiment,
        ran: &RunResult,
        label: &str,
        printer: &Printer,
    ) -> Exit {
        self.results.add_repeated_run(experiment, ran);
        let written = self.path_of(experiment, label).map_or(Ok(()), |path| {
            let mut bytes = Vec::new();
            file::write(&ran.timeline, &mut bytes).expect("memory must take what is written");
            Output::create(&path)?.fill(&bytes)
        });
        let exit = printer.ended(written);
        self.went_wrong(experiment, printer);
        exit
    }

    /// Collects the sum of the runs of an experiment.
    pub(super) fn repeated(&mut self, repetition: &Repetition) {
        self.results.add_repetition(repetition);
    }

    /// Collects the result of an experiment, and its errors.
    pub(super) fn ran(&mut self, experiment: &Experiment, ran: &RunResult, printer: &Printer) {
        self.results.add_run(experiment, ran);
        if self.timeline.is_some() {
            file::write(&ran.timeline, &mut self.timelines)
                .expect("memory must take what is written");
        }
        self.went_wrong(experiment, printer);
    }

    /// Takes what became of each experiment.
    pub(super) fn set_outcomes(&mut self, outcomes: &Outcomes) {
        self.results.set_outcomes(outcomes);
    }

    /// Collects an experiment's errors: those printed since the previous experiment.
    pub(super) fn went_wrong(&mut self, experiment: &Experiment, printer: &Printer) {
        self.collect_errors(experiment, printer.take_errors());
    }

    /// Collects errors of an experiment.
    pub(super) fn collect_errors(&mut self, experiment: &Experiment, errors: Vec<json::Error>) {
        let errors = errors.into_iter().map(|error| json::Error {
            experiment: Some(experiment.name.value.clone()),
            ..error
        });
        self.results.add_errors(errors);
    }

    /// Writes the files, prints failures, and returns the resulting exit code. The results are
    /// written last, so that they contain a failure to write the timeline.
    pub(super) fn fill(mut self, exit: Exit, printer: &Printer) -> Exit {
        let timeline = self.timeline.take();
        let filled = timeline.map_or(Ok(()), |output| output.fill(&self.timelines));
        let exit = exit.and(printer.ended(filled));
        self.results.add_errors(printer.take_errors());
        self.results.fill(exit, printer)
    }
}
