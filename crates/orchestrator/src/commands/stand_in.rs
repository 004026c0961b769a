//! `probeflip stand-in`: prints the stand-ins of manifests, or of what runs in a namespace.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::manifest_input::{self, InputError};
use crate::{
    cli,
    exit::{CommandResult, Exit, HasExitCode},
    report::printer::Printer,
    stand_in::{self, StandIns},
};

/// Why there are no stand-ins.
#[derive(Debug, thiserror::Error)]
enum StandInError {
    #[error("`-n {0}` is the namespace that is read; expected another one for the stand-ins")]
    SameNamespace(String),
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for StandInError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

pub(super) fn run(command: &cli::StandIn, printer: &Printer) -> CommandResult {
    if let Some(from) = command
        .input
        .from
        .as_ref()
        .filter(|from| **from == command.namespace)
    {
        return Err(StandInError::SameNamespace(from.clone()).into());
    }
    let manifests = manifest_input::read(&command.input, &[])?;
    let settings = command.targets.settings(Some(&command.namespace));
    let StandIns { objects, notes } = stand_in::convert(&manifests, &settings)?;
    super::note_stand_ins(&notes, printer);
    if objects.iter().all(|object| object["kind"] == "Namespace") {
        return Err(InputError::NoWorkload.into());
    }
    let text = stand_in::text(&objects);
    match command.output.as_deref() {
        None => printer.data(&text)?,
        Some(path) if path == Path::new("-") => printer.data(&text)?,
        Some(path) => fs::write(path, text).map_err(|source| StandInError::Write {
            path: path.to_owned(),
            source,
        })?,
    }
    Ok(Exit::Held)
}

#[cfg(test)]
pub(super) mod tests;
