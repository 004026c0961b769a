//! Persists a container's boot count and flips across restarts, in a file in `--state-dir`.
//! The JSON file is named after the control port, which is unique among the containers of a Pod.
//!
//! Flips that a bound or a lease ends are not persisted, as the time since the process died is
//! unknown.

use std::io;
use std::sync::Arc;

use serde_json::json;

use crate::failure::Failure;
use crate::model::field::{Field, FieldType};
use crate::model::fields::Fields;
use crate::model::flips::Flips;
use crate::model::parse_error::ParseError;
use crate::process::Files;

/// The field that counts starts, from 1.
const BOOT: Field = Field::new(
    "boot",
    FieldType::Number {
        least: 1,
        most: u64::MAX,
    },
);

/// Writes the state file.
pub(crate) struct Persistence {
    files: Arc<dyn Files>,
    path: String,
    boot: u64,
    /// Whether flips are persisted as well.
    flips: bool,
}

impl Persistence {
    /// Reads the state file and counts this start; returns the flips from before it as well.
    pub(crate) fn open(
        files: Arc<dyn Files>,
        directory: &str,
        control: u16,
        flips: bool,
    ) -> Result<(Self, Flips), Failure> {
        let path = format!("{directory}/{control}.json");
        let failed = |what: &str, why: &dyn std::fmt::Display| {
            Failure::Failed(format!("cannot count boots: {path} {what}: {why}"))
        };
        let (before, kept) = match files.read(&path) {
            Ok(text) => read(&text)
                .map_err(|why| failed("is damaged, remove it to begin with 1 again", &why))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (0, Flips::default()),
            Err(error) => return Err(failed("cannot be read", &error)),
        };
        let kept = if flips { kept } else { Flips::default() };
        // Counted before anything can fail: a start that crashes is a boot as well.
        let boot = before.saturating_add(1);
        let persistence = Self {
            files,
            path: path.clone(),
            boot,
            flips,
        };
        persistence
            .write(&kept)
            .map_err(|error| failed("cannot be written", &error))?;
        Ok((persistence, kept))
    }

    /// The number of this start, from 1.
    pub(crate) fn boot(&self) -> u64 {
        self.boot
    }

    /// Persists these flips, if that is configured.
    pub(crate) fn keep(&self, flips: impl FnOnce() -> Flips) -> io::Result<()> {
        if !self.flips {
            return Ok(());
        }
        self.write(&flips())
    }

    fn write(&self, flips: &Flips) -> io::Result<()> {
        let kept = json!({"boot": self.boot, "flips": flips});
        self.files.replace(&self.path, kept.to_string().as_bytes())
    }
}

fn read(text: &[u8]) -> Result<(u64, Flips), ParseError> {
    let mut fields = Fields::parse(text)?;
    let boot = fields.number(&BOOT)?;
    let boot = boot.ok_or_else(|| ParseError::new(BOOT.name, "is missing"))?;
    let flips = fields
        .value("flips")
        .map(|flips| Flips::read(flips, "flips"));
    let flips = flips.transpose()?.unwrap_or_default();
    fields.finish()?;
    Ok((boot, flips))
}
