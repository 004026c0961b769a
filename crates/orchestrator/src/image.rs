//! Packs the image of a program into an archive for containerd, Docker, podman and kind.
//!
//! Packing needs no Docker. The archive is an OCI layout with an additional `manifest.json` for
//! Docker. It contains no timestamps and has a fixed order, so the same binary gives the same
//! bytes. Only `write` accesses files.

mod archive;
mod elf;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::exit::{Exit, HasExitCode};

pub(crate) use elf::{Architecture, NotStatic};

/// A program that makes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// The server in the place of containers
    ProbeTarget,
    /// This program, to run it in a Pod
    Probeflip,
}

impl Program {
    /// Its name, and that of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ProbeTarget => "probe-target",
            Self::Probeflip => "probeflip",
        }
    }

    /// The file in the directory of the running program.
    pub(crate) fn default_binary(self) -> PathBuf {
        let running = env::current_exe().unwrap_or_default();
        running.with_file_name(self.name())
    }

    /// The image's name of this version.
    pub(crate) fn default_tag(self) -> String {
        format!("{}:{}", self.name(), env!("CARGO_PKG_VERSION"))
    }

    /// The command that builds a binary that can be packed.
    fn build(self) -> &'static str {
        match self {
            Self::ProbeTarget => "just image",
            Self::Probeflip => "just dist",
        }
    }
}

/// An error while packing an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The binary cannot be read.
    #[error(
        "cannot read the {} binary `{}`; build it with `{}`",
        program.name(),
        path.display(),
        program.build()
    )]
    Read {
        /// The program.
        program: Program,
        /// The path of the binary.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The binary cannot run in an image without other files.
    #[error("`{}` cannot be packed; build it with `{}`", path.display(), program.build())]
    Unfit {
        /// The program.
        program: Program,
        /// The binary.
        path: PathBuf,
        /// The reason.
        #[source]
        source: NotStatic,
    },
    /// The tag is not a valid image name.
    #[error(
        "`{0}` is not an image name; expected `NAME:TAG` in lower case, such as \
         `probe-target:0.1.0`"
    )]
    Tag(String),
    /// The archive cannot be built.
    #[error("cannot pack the image")]
    Pack(#[source] io::Error),
    /// The archive cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for ImageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Packs `binary` under the name `tag` into the archive `output`.
pub(crate) fn write(
    program: Program,
    binary: &Path,
    tag: &str,
    output: &Path,
) -> Result<Architecture, ImageError> {
    check_tag(tag)?;
    let bytes = fs::read(binary).map_err(|source| ImageError::Read {
        program,
        path: binary.to_owned(),
        source,
    })?;
    let architecture = elf::architecture(&bytes).map_err(|source| ImageError::Unfit {
        program,
        path: binary.to_owned(),
        source,
    })?;
    let name = program.name();
    let archive = archive::pack(name, &bytes, architecture, tag).map_err(ImageError::Pack)?;
    fs::write(output, archive).map_err(|source| ImageError::Write {
        path: output.to_owned(),
        source,
    })?;
    Ok(architecture)
}

/// Validates `NAME:TAG` by the OCI distribution specification's syntax of references.
fn check_tag(tag: &str) -> Result<(), ImageError> {
    let (name, version) = tag.rsplit_once(':').unwrap_or((tag, ""));
    let name_fits = !name.is_empty()
        && name.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c))
        });
    let version_fits = version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && version.len() <= 128
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if name_fits && version_fits {
        Ok(())
    } else {
        Err(ImageError::Tag(tag.to_owned()))
    }
}

#[cfg(test)]
mod tests;
