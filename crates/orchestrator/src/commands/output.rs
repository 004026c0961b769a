//! One output file of a command, or standard output.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    cli::{self, NamedOutput},
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
    /// An output is also an input.
    #[error("`{option}` would overwrite `{}`, which is read; expected another file", path.display())]
    OverInput {
        /// The option that names it.
        option: &'static str,
        /// Path of the file.
        path: PathBuf,
    },
    /// Two outputs are one file.
    #[error(
        "`{}` and `{}` both write `{}`; expected a file each",
        options[0], options[1], path.display()
    )]
    Same {
        /// The options that name it.
        options: [&'static str; 2],
        /// Path of the file.
        path: PathBuf,
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
            Self::Several { .. }
            | Self::OverInput { .. }
            | Self::Same { .. }
            | Self::Repeated
            | Self::Create { .. } => Exit::Usage,
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

/// Refuses outputs that would be written into each other or over an input.
pub(super) fn check(outputs: &[NamedOutput<'_>], inputs: &[&Path]) -> Result<(), OutputError> {
    let on_stdout = outputs
        .iter()
        .filter(|(_, path)| cli::is_stdout(Some(path)));
    at_most_one(on_stdout.map(|(option, _)| *option).collect())?;
    let read: Vec<PathBuf> = inputs
        .iter()
        .filter_map(|path| regular_file(path))
        .collect();
    let mut written: Vec<(&str, PathBuf)> = Vec::new();
    for (option, path) in outputs.iter().copied() {
        let Some(file) = regular_file(path) else {
            continue;
        };
        let path = path.to_owned();
        if read.contains(&file) {
            return Err(OutputError::OverInput { option, path });
        }
        if let Some((other, _)) = written.iter().find(|(_, other)| *other == file) {
            let options = [*other, option];
            return Err(OutputError::Same { options, path });
        }
        written.push((option, file));
    }
    Ok(())
}

/// The one name of a file of the disk, whether it exists or not; `None` for anything else, such as
/// a terminal, which may be written by several.
fn regular_file(path: &Path) -> Option<PathBuf> {
    if cli::is_stdout(Some(path)) {
        return None;
    }
    if let Ok(existing) = path.canonicalize() {
        return existing.is_file().then_some(existing);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(outputs: &[NamedOutput<'_>], inputs: &[&Path]) -> String {
        check(outputs, inputs)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn an_output_is_neither_an_input_nor_another_output() {
        let [input, new] = ["Cargo.toml", "new.out"].map(Path::new);
        let (also_input, also_new) = (
            Path::new("src/../Cargo.toml"),
            Path::new("./src/../new.out"),
        );
        assert_eq!(
            refusal(&[("--json", new), ("--timeline", Path::new("-"))], &[input]),
            ""
        );
        assert_eq!(
            refusal(&[("--json", also_input)], &[input]),
            "`--json` would overwrite `src/../Cargo.toml`, which is read; expected another file"
        );
        assert_eq!(
            refusal(&[("--json", new), ("--junit", also_new)], &[input]),
            "`--json` and `--junit` both write `./src/../new.out`; expected a file each"
        );
        let null = Path::new("/dev/null");
        assert_eq!(refusal(&[("--json", null), ("--junit", null)], &[null]), "");
    }
}
