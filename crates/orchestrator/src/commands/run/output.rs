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
    exit::{Ends, Exit, Failure},
    experiment::Experiment,
    printer::Printer,
    report::json,
    run::Ran,
    timeline::file,
};

/// What was run, with its experiment.
pub(super) type All<'e> = [(&'e Experiment, Ran)];

/// The files that were asked for.
#[derive(Debug)]
pub(super) struct Outputs {
    json: Option<Output>,
    timeline: Option<Output>,
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

impl Ends for OutputError {
    fn exit(&self) -> Exit {
        match self {
            Self::Create { .. } => Exit::Usage,
            Self::Fill { .. } => Exit::Infrastructure,
        }
    }
}

impl Outputs {
    /// Creates them all.
    pub(super) fn create(run: &cli::Run) -> Result<Self, OutputError> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(Output::create).transpose();
        Ok(Self {
            json: create(&run.json)?,
            timeline: create(&run.timeline)?,
        })
    }

    /// Fills each of them, says which could not be, and how the process ends because of that.
    pub(super) fn fill(self, ran: &All<'_>, printer: &Printer) -> Exit {
        let json = self.json.map(|output| output.fill(&report(ran)));
        let timeline = self.timeline.map(|output| output.fill(&timelines(ran)));
        let filled = [json, timeline].into_iter().flatten();
        let failed = filled.filter_map(Result::err);
        failed
            .map(|error| Failure::from(error).print(printer))
            .fold(Exit::Held, Exit::and)
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

fn report(ran: &All<'_>) -> Vec<u8> {
    let runs = ran
        .iter()
        .map(|(experiment, one)| json::Run::new(experiment, &one.timeline, &one.judgement));
    let report = json::Report::new(runs.collect());
    let mut bytes = serde_json::to_vec_pretty(&report).expect("a report must serialize");
    bytes.push(b'\n');
    bytes
}

fn timelines(ran: &All<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (_, one) in ran {
        file::write(&one.timeline, &mut bytes).expect("memory must take what is written");
    }
    bytes
}
