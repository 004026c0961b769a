//! The files that a run writes for others to read: created before it, filled after it.
//!
//! What a run came to is decided by then; a file that cannot be filled takes neither that nor another file along.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    cli,
    exit::{Exit, Failure, HasExitCode},
    input::experiment::Experiment,
    report::{json, printer::Printer},
    run::RunResult,
    timeline::file,
};

/// The files that were asked for, and what they will hold.
#[derive(Debug)]
pub(super) struct Outputs {
    json: Option<Output>,
    timeline: Option<Output>,
    runs: Vec<json::Run>,
    errors: Vec<json::Error>,
    timelines: Vec<u8>,
}

/// One of them.
#[derive(Debug)]
struct Output {
    path: PathBuf,
    file: File,
}

/// Why a file is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// It cannot be created.
    #[error("cannot write `{}`", path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It cannot be filled.
    #[error("cannot write `{}`", path.display())]
    Fill {
        /// Which file.
        path: PathBuf,
        /// What the system says.
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

impl Outputs {
    /// Creates the report, which has what goes wrong from now on.
    pub(super) fn create(run: &cli::Run) -> Result<Self, OutputError> {
        Ok(Self {
            json: run.json.as_deref().map(Output::create).transpose()?,
            timeline: None,
            runs: Vec::new(),
            errors: Vec::new(),
            timelines: Vec::new(),
        })
    }

    /// Creates the timeline, now that there is something to record: one of an earlier run is gone by that.
    pub(super) fn create_timeline(&mut self, run: &cli::Run) -> Result<(), OutputError> {
        self.timeline = run.timeline.as_deref().map(Output::create).transpose()?;
        Ok(())
    }

    /// Takes down what came of an experiment.
    pub(super) fn ran(&mut self, experiment: &Experiment, ran: &RunResult, printer: &Printer) {
        let run = json::Run::new(experiment, &ran.timeline, &ran.judgement);
        self.runs.push(run);
        file::write(&ran.timeline, &mut self.timelines).expect("memory must take what is written");
        self.went_wrong(experiment, printer);
    }

    /// Takes down what went wrong in an experiment, all that was printed since the one before.
    pub(super) fn went_wrong(&mut self, experiment: &Experiment, printer: &Printer) {
        let errors = printer.take_errors().into_iter().map(|error| json::Error {
            experiment: Some(experiment.name.value.clone()),
            ..error
        });
        self.errors.extend(errors);
    }

    /// Fills each of them, says which could not be, and how the process ends because of that. The report comes last:
    /// it has the other's failure, too.
    pub(super) fn fill(mut self, exit: Exit, printer: &Printer) -> Exit {
        let timeline = self.timeline.take();
        let filled = timeline.map_or(Ok(()), |output| output.fill(&self.timelines));
        let exit = exit.and(ended(filled, printer));
        self.errors.extend(printer.take_errors());
        let Some(output) = self.json else {
            return exit;
        };
        let report = json::Report::new(exit as u8, self.runs, self.errors);
        let mut bytes = serde_json::to_vec_pretty(&report).expect("a report must serialize");
        bytes.push(b'\n');
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
