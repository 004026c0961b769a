//! Output files of a run (JSON report, timeline): created before the run, filled after it.
//!
//! A file that cannot be filled affects neither the run's result nor the other file.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    cli,
    exit::{Exit, Failure, HasExitCode},
    input::experiment::Experiment,
    report::{json, printer::Printer, repetition::Repetition},
    run::RunResult,
    timeline::file,
};

/// The requested files and their collected content.
#[derive(Debug)]
pub(super) struct OutputFiles {
    json: Option<Output>,
    timeline: Option<Output>,
    /// Where the timeline of each repeated run goes; its name gets the experiment and the seed.
    timelines_path: Option<PathBuf>,
    runs: Vec<json::Run>,
    repeats: Vec<json::Repeat>,
    errors: Vec<json::Error>,
    timelines: Vec<u8>,
}

/// One output file.
#[derive(Debug)]
struct Output {
    path: PathBuf,
    file: File,
}

/// Why an output file could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// The file cannot be created.
    #[error("cannot write `{}`", path.display())]
    Create {
        /// Path of the file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The content cannot be written.
    #[error("cannot write `{}`", path.display())]
    Fill {
        /// Path of the file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for OutputError {
    fn exit(&self) -> Exit {
        match self {
            Self::Create { .. } => Exit::Usage,
            Self::Fill { .. } => Exit::Infrastructure,
        }
    }
}

impl OutputFiles {
    /// Creates the report's file, so that the report can hold all errors from now on.
    pub(super) fn create(run: &cli::Run) -> Result<Self, OutputError> {
        Ok(Self {
            json: run.json.as_deref().map(Output::create).transpose()?,
            timeline: None,
            timelines_path: None,
            runs: Vec::new(),
            repeats: Vec::new(),
            errors: Vec::new(),
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
        self.collect_run(experiment, ran);
        let written = self.path_of(experiment, label).map_or(Ok(()), |path| {
            let mut bytes = Vec::new();
            file::write(&ran.timeline, &mut bytes).expect("memory must take what is written");
            Output::create(&path)?.fill(&bytes)
        });
        let exit = ended(written, printer);
        self.went_wrong(experiment, printer);
        exit
    }

    /// Collects the sum of the runs of an experiment.
    pub(super) fn repeated(&mut self, repetition: &Repetition) {
        self.repeats.push(json::Repeat::new(repetition));
    }

    /// Collects the result of an experiment, and its errors.
    pub(super) fn ran(&mut self, experiment: &Experiment, ran: &RunResult, printer: &Printer) {
        self.collect_run(experiment, ran);
        if self.timeline.is_some() {
            file::write(&ran.timeline, &mut self.timelines)
                .expect("memory must take what is written");
        }
        self.went_wrong(experiment, printer);
    }

    /// Collects the result of a run for the report, if there is to be one.
    fn collect_run(&mut self, experiment: &Experiment, ran: &RunResult) {
        if self.json.is_some() {
            let run = json::Run::new(experiment, &ran.timeline, &ran.judgement);
            self.runs.push(run);
        }
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
        self.errors.extend(errors);
    }

    /// Writes the files, prints failures, and returns the resulting exit code. The report is
    /// written last, so that it contains a failure to write the timeline.
    pub(super) fn fill(mut self, exit: Exit, printer: &Printer) -> Exit {
        let timeline = self.timeline.take();
        let filled = timeline.map_or(Ok(()), |output| output.fill(&self.timelines));
        let exit = exit.and(ended(filled, printer));
        self.errors.extend(printer.take_errors());
        let Some(output) = self.json else {
            return exit;
        };
        let report = json::Report::new(exit as u8, self.runs, self.repeats, self.errors);
        let mut bytes = serde_json::to_vec_pretty(&report).expect("a report must serialize");
        bytes.push(b'\n');
        // A failure to write the report cannot be in the report; it is only printed.
        exit.and(ended(output.fill(&bytes), printer))
    }
}

fn ended(filled: Result<(), OutputError>, printer: &Printer) -> Exit {
    match filled {
        Ok(()) => Exit::Held,
        Err(error) => Failure::from(error).print(printer),
    }
}

impl Output {
    fn create(path: &Path) -> Result<Self, OutputError> {
        let path = path.to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(OutputError::Create { path, source }),
        }
    }

    fn fill(self, bytes: &[u8]) -> Result<(), OutputError> {
        let Self { path, mut file } = self;
        let filled = file.write_all(bytes);
        filled.map_err(|source| OutputError::Fill { path, source })
    }
}
