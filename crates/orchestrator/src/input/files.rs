//! Reads input files from the disk or from the seed experiment built into the program.
//!
//! The embedded seed can name only embedded files, so it is the same in every directory.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    exit::{Exit, HasExitCode},
    input::source::Source,
};

/// The source of input files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The file system.
    Disk,
    /// The files built into the program.
    Embedded,
}

/// The names that a kustomization has.
// Rule: sigs.k8s.io/kustomize `api/konfig/general.go`, `RecognizedKustomizationFileNames`.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The experiment that runs by default.
pub const SEED: &str = "manifests/seed/two-services.yaml";

// By their paths in the repository, so that the seed's relative names lead to them.
const EMBEDDED: [(&str, &str); 3] = [
    (
        SEED,
        include_str!("../../../../manifests/seed/two-services.yaml"),
    ),
    (
        "manifests/seed/deploy.yaml",
        include_str!("../../../../manifests/seed/deploy.yaml"),
    ),
    (
        "manifests/seed/svc-2.yaml",
        include_str!("../../../../manifests/seed/svc-2.yaml"),
    ),
];

/// The longest input, in bytes: more than every object of a large cluster.
const LONGEST: u64 = 256 << 20;

/// An error while reading a file or directory.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The file is longer than any input, and may have no end.
    #[error("`{}` is longer than {} MiB; expected manifests", path.display(), LONGEST >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// `kubectl`, which renders a kustomization, cannot be started.
    #[error("cannot render `{}`: that needs `kubectl`", path.display())]
    NoKubectl {
        /// The directory.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The directory is a chart, whose manifests are templates.
    #[error(
        "`{path}` is a chart; expected manifests, as `helm template {path}` prints them",
        path = path.display()
    )]
    Chart {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has no file that may hold manifests.
    #[error(
        "`{}` has no manifests; expected files that end in .yaml, .yml or .json, of which those in \
         directories inside do not count, or a kustomization",
        path.display()
    )]
    NoManifests {
        /// The directory.
        path: PathBuf,
    },
    /// `kubectl kustomize` failed.
    #[error("`kubectl kustomize {}` failed: {message}", path.display())]
    Kustomize {
        /// The directory.
        path: PathBuf,
        /// kubectl's error message.
        message: String,
    },
}

impl HasExitCode for FileError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Files {
    /// Reads one file; `-` is standard input.
    pub fn read(self, path: &Path) -> Result<Source, FileError> {
        let text = match self {
            Self::Disk if path == Path::new("-") => limited(io::stdin()),
            Self::Disk => fs::File::open(path).and_then(limited),
            Self::Embedded => embedded(path).map(Some),
        };
        let text = text.map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = text.ok_or_else(|| FileError::TooLong {
            path: path.to_owned(),
        })?;
        Ok(Source {
            path: path.to_owned(),
            text: text.into(),
        })
    }

    /// Reads a file, standard input for `-`, or the files of a directory.
    pub(crate) fn sources(self, path: &Path) -> Result<Vec<Source>, FileError> {
        if self == Self::Disk && path.is_dir() {
            self.directory(path)
        } else {
            Ok(vec![self.read(path)?])
        }
    }

    /// Reads the manifests of a directory: renders its kustomization, or reads its files as
    /// `kubectl apply -f DIRECTORY` does: by name, those with the endings of manifests, without
    /// directories inside.
    fn directory(self, path: &Path) -> Result<Vec<Source>, FileError> {
        let failed = |source| FileError::Read {
            path: path.to_owned(),
            source,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.sort();
        let has = |names: &[&str]| {
            let mut found = files.iter().filter_map(|file| file.file_name()?.to_str());
            found.any(|name| names.contains(&name))
        };
        if has(&KUSTOMIZATIONS) {
            return Ok(vec![self.kustomize(path)?]);
        }
        let path = path.to_owned();
        if has(&["Chart.yaml"]) {
            return Err(FileError::Chart { path });
        }
        let is_manifest = |file: &&PathBuf| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            // Not `is_file`: what cannot be read, such as a link that leads nowhere, is an error.
            !file.is_dir() && matches!(ending, Some("yaml" | "yml" | "json"))
        };
        let manifests: Vec<&PathBuf> = files.iter().filter(is_manifest).collect();
        if manifests.is_empty() {
            return Err(FileError::NoManifests { path });
        }
        manifests.into_iter().map(|file| self.read(file)).collect()
    }

    /// Renders a directory with `kubectl kustomize` into one text.
    pub fn kustomize(self, path: &Path) -> Result<Source, FileError> {
        let path = path.to_owned();
        // kubectl's own message about a missing directory is long and unclear.
        if let Err(source) = fs::read_dir(&path) {
            return Err(FileError::Read { path, source });
        }
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
            let message = plain(&String::from_utf8_lossy(&stderr));
            return Err(FileError::Kustomize { path, message });
        }
        let text = String::from_utf8_lossy(&stdout).into_owned().into();
        Ok(Source { path, text })
    }
}

/// Strips the `error: ` prefix, or the log header and quoting, from kubectl's error output.
fn plain(stderr: &str) -> String {
    let line = |line: &str| {
        let line = line.strip_prefix("error: ").unwrap_or(line);
        let Some((head, message)) = line.split_once("] \"command failed\" err=") else {
            return line.to_owned();
        };
        let is_log = head.starts_with(['E', 'F']) && head.contains(".go:");
        let unquoted = serde_json::from_str(message).ok();
        unquoted
            .filter(|_| is_log)
            .unwrap_or_else(|| line.to_owned())
    };
    let lines: Vec<String> = stderr.trim().lines().map(line).collect();
    lines.join("\n")
}

/// Reads text to its end; `None` if it is longer than [`LONGEST`].
fn limited(from: impl io::Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Ok(None);
    }
    io::read_to_string(&bytes[..]).map(Some)
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

    #[test]
    fn kubectl_is_quoted_without_its_log() {
        let check = |said: &str, expected: &str| assert_eq!(plain(said), expected);
        check(
            "E1128 05:25:03.504909   26299 run.go:72] \"command failed\" err=\"invalid \\\"x\\\": line 1\"\n",
            "invalid \"x\": line 1",
        );
        check("error: no such thing\n", "no such thing");
        check(
            "a \"command failed\" err=\"b\"",
            "a \"command failed\" err=\"b\"",
        );
    }

    #[test]
    fn a_directory_is_read_as_kubectl_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let error = || Files::Disk.directory(root).unwrap_err();
        assert!(matches!(error(), FileError::NoManifests { .. }));
        fs::create_dir(root.join("inside.yaml")).unwrap();
        fs::write(root.join("README.md"), "kind: none").unwrap();
        assert!(matches!(error(), FileError::NoManifests { .. }));
        for name in ["b.yml", "a.json", "c.yaml"] {
            fs::write(root.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("nowhere", root.join("link.yaml")).unwrap();
        let expected = format!("cannot read `{}`", root.join("link.yaml").display());
        assert_eq!(error().to_string(), expected);
        fs::remove_file(root.join("link.yaml")).unwrap();
        let sources = Files::Disk.directory(root).unwrap();
        let names: Vec<_> = sources.iter().map(|it| it.path.file_name()).collect();
        let expected = ["a.json", "b.yml", "c.yaml"];
        assert_eq!(names, expected.map(|name| Some(name.as_ref())));
        fs::write(root.join("Chart.yaml"), "name: c").unwrap();
        let expected = format!(
            "`{path}` is a chart; expected manifests, as `helm template {path}` prints them",
            path = root.display()
        );
        assert_eq!(error().to_string(), expected);
    }

    #[test]
    fn a_directory_that_is_not_there_needs_no_kubectl() {
        let error = Files::Disk.kustomize(Path::new("no/such/directory"));
        assert_eq!(
            error.unwrap_err().to_string(),
            "cannot read `no/such/directory`"
        );
    }
}
