//! The probe-target image, packed without Docker: one archive that containerd, Docker, podman and kind
//! load.
//!
//! The archive is an OCI layout with Docker's `manifest.json` beside it. It holds no time and no order
//! that could vary, so the same binary gives the same bytes. Only `write` touches files.

mod archive;
mod elf;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::exit::{Exit, HasExitCode};

pub use elf::{Architecture, NotStatic};

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The binary cannot be read.
    #[error("cannot read the probe-target binary `{}`; build it with `{BUILD}`", path.display())]
    Read {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The binary would not run alone in an image.
    #[error("`{}` cannot be packed; build it with `{BUILD}`", path.display())]
    Unfit {
        /// The binary.
        path: PathBuf,
        /// Why.
        #[source]
        source: NotStatic,
    },
    /// The name is not an image's.
    #[error(
        "`{0}` is not an image name; expected `NAME:TAG` in lower case, such as `probe-target:0.1.0`"
    )]
    Tag(String),
    /// The archive cannot be made.
    #[error("cannot pack the image")]
    Pack(#[source] io::Error),
    /// The archive cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The recipe that makes a binary fit to be packed.
const BUILD: &str = "just image";

impl HasExitCode for ImageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Packs `binary` under the name `tag` into the archive `output`.
pub fn write(binary: &Path, tag: &str, output: &Path) -> Result<Architecture, ImageError> {
    check_tag(tag)?;
    let program = fs::read(binary).map_err(|source| ImageError::Read {
        path: binary.to_owned(),
        source,
    })?;
    let architecture = elf::architecture(&program).map_err(|source| ImageError::Unfit {
        path: binary.to_owned(),
        source,
    })?;
    let archive = archive::pack(&program, architecture, tag).map_err(ImageError::Pack)?;
    fs::write(output, archive).map_err(|source| ImageError::Write {
        path: output.to_owned(),
        source,
    })?;
    Ok(architecture)
}

/// The binary packed where none is named: `probe-target` beside the running program.
pub fn default_binary() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.with_file_name("probe-target")
}

/// `NAME:TAG`, as the OCI distribution specification spells references.
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
