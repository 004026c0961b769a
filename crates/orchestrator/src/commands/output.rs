//! One output file of a command, or standard output.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    cli,
    exit::{Exit, HasExitCode},
};

/// An output that has been created and is still empty.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    /// None for standard output.
    file: Option<File>,
}

/// Why an output could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Standard output is named more than once.
    #[error("{} write to standard output; expected `-` once", options.join(" and "))]
    Several {
        /// The options that name it.
        options: Vec<&'static str>,
    },
    /// Repeated runs have a timeline each.
    #[error("`--timeline -` is one timeline, and `--repeat` makes several; expected a file")]
    Repeated,
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
            Self::Several { .. } | Self::Repeated | Self::Create { .. } => Exit::Usage,
            Self::Fill { .. } => Exit::Infrastructure,
        }
    }
}

impl Output {
    /// Creates the file; `-` is standard output.
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        let path = path.to_owned();
        if cli::is_stdout(Some(&path)) {
            return Ok(Self { path, file: None });
        }
        match File::create(&path) {
            Ok(file) => Ok(Self {
                path,
                file: Some(file),
            }),
            Err(source) => Err(OutputError::Create { path, source }),
        }
    }

    /// Writes the content. A reader of standard output that left is not an error.
    pub(super) fn fill(self, bytes: &[u8]) -> Result<(), OutputError> {
        let Self { path, file } = self;
        let filled = if let Some(mut file) = file {
            file.write_all(bytes)
        } else {
            let mut out = io::stdout().lock();
            match out.write_all(bytes).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            }
        };
        filled.map_err(|source| OutputError::Fill { path, source })
    }
}

/// Refuses standard output for several options.
pub(super) fn at_most_one(options: Vec<&'static str>) -> Result<(), OutputError> {
    if options.len() > 1 {
        return Err(OutputError::Several { options });
    }
    Ok(())
}
