//! What one container remembers over its restarts: how often it was started and, if asked, its flips. One small file in the directory of
//! `--state-dir`, named after the control port, which no two containers of a Pod can have in common.
//!
//! A flip that a bound or a lease ends is not kept: how much of it was left when the process died, nobody knows.

use std::io;
use std::sync::Arc;

use serde_json::json;

use crate::failure::Failure;
use crate::model::fields::Fields;
use crate::model::flips::Flips;
use crate::model::parse_error::ParseError;
use crate::process::Files;

/// Who writes the file.
pub(crate) struct Persistence {
    files: Arc<dyn Files>,
    path: String,
    boot: u64,
    /// Whether flips are kept, too.
    flips: bool,
}

impl Persistence {
    /// Counts this start; the flips kept from before it.
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
        let boot = before.saturating_add(1);
        let keeper = Self {
            files,
            path: path.clone(),
            boot,
            flips,
        };
        keeper
            .write(&kept)
            .map_err(|error| failed("cannot be written", &error))?;
        Ok((keeper, kept))
    }

    /// Which start this is, from 1.
    pub(crate) fn boot(&self) -> u64 {
        self.boot
    }

    /// Remembers these flips, if asked to.
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
    let boot = fields.number("boot", 1..=u64::MAX)?;
    let boot = boot.ok_or_else(|| ParseError::new("boot", "is missing"))?;
    let flips = fields
        .value("flips")
        .map(|flips| Flips::read(flips, "flips"));
    let flips = flips.transpose()?.unwrap_or_default();
    fields.finish()?;
    Ok((boot, flips))
}
