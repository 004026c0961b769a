//! `probeflip stand-in`: prints the stand-ins of manifests, or of what runs in a namespace.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::manifest_input::{self, InputError};
use crate::{
    cli,
    exit::{CommandResult, Exit, HasExitCode},
    input::load::Manifest,
    report::printer::Printer,
    stand_in::{self, StandIns},
};

/// Why there are no stand-ins.
#[derive(Debug, thiserror::Error)]
enum StandInError {
    #[error("`-n {0}` is the namespace that is read; expected another one for the stand-ins")]
    SameNamespace(String),
    #[error("`-o {}` is part of the input; expected a file elsewhere", .0.display())]
    OutputIsInput(PathBuf),
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
    let output = command.output.as_ref();
    if let Some(path) = output.filter(|path| manifest_input::holds(&command.input, path)) {
        return Err(StandInError::OutputIsInput(path.clone()).into());
    }
    let manifests = manifest_input::read(&command.input, &[])?;
    if let Some(path) = &command.output {
        must_not_be_among(path, &manifests)?;
    }
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

/// Rejects an output that is a file of the input by another name, such as a hard link.
fn must_not_be_among(output: &Path, manifests: &[Manifest]) -> Result<(), StandInError> {
    let identity = |path: &Path| {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((metadata.dev(), metadata.ino()))
    };
    let Some(own) = identity(output) else {
        return Ok(());
    };
    let paths: BTreeSet<&Path> = manifests.iter().map(|it| &*it.source.path).collect();
    if paths.into_iter().any(|path| identity(path) == Some(own)) {
        return Err(StandInError::OutputIsInput(output.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
