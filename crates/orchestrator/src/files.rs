//! Where files come from: the disk, or the seed that is built into the program.
//!
//! The embedded seed sees embedded files only, so that it means the same in every directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    exit::{Ends, Exit},
    experiment::Source,
};

/// Where files are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The file system.
    Disk,
    /// The program itself.
    Embedded,
}

/// The experiment that runs where no file is named.
pub const SEED: &str = "manifests/seed/two-services.yaml";

const EMBEDDED: [(&str, &str); 3] = [
    (
        SEED,
        include_str!("../../../manifests/seed/two-services.yaml"),
    ),
    (
        "manifests/seed/deploy.yaml",
        include_str!("../../../manifests/seed/deploy.yaml"),
    ),
    (
        "manifests/seed/svc-2.yaml",
        include_str!("../../../manifests/seed/svc-2.yaml"),
    ),
];

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file itself.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no kubectl to render a kustomization with.
    #[error("cannot render `{}`: that needs `kubectl`", path.display())]
    NoKubectl {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The kustomization is broken.
    #[error("`kubectl kustomize {}` failed: {message}", path.display())]
    Kustomize {
        /// The directory.
        path: PathBuf,
        /// What kubectl says.
        message: String,
    },
}

impl Ends for FileError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Files {
    /// Reads one file.
    pub fn read(self, path: &Path) -> Result<Source, FileError> {
        let text = match self {
            Self::Disk => fs::read_to_string(path),
            Self::Embedded => embedded(path),
        };
        let text = text.map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Source {
            path: path.to_owned(),
            text: text.into(),
        })
    }

    /// What `kubectl kustomize` makes of a directory, as one text.
    pub fn kustomize(self, path: &Path) -> Result<Source, FileError> {
        let path = path.to_owned();
        let rendered = Command::new("kubectl").arg("kustomize").arg(&path).output();
        let Output {
            status,
            stdout,
            stderr,
        } = match rendered {
            Ok(output) => output,
            Err(source) => return Err(FileError::NoKubectl { path, source }),
        };
        if !status.success() {
            let message = String::from_utf8_lossy(&stderr).trim().to_owned();
            return Err(FileError::Kustomize { path, message });
        }
        let text = String::from_utf8_lossy(&stdout).into_owned().into();
        Ok(Source { path, text })
    }
}

fn embedded(path: &Path) -> io::Result<String> {
    let found = EMBEDDED.iter().find(|(name, _)| Path::new(name) == path);
    let (_, text) = found.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "it is not one of the files built into this program",
        )
    })?;
    Ok((*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_built_in_and_nothing_else() {
        assert!(Files::Embedded.read(Path::new(SEED)).is_ok());
        let error = Files::Embedded.read(Path::new("Cargo.toml")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `Cargo.toml`");
    }
}
