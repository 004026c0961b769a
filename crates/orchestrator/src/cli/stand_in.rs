//! The options of `probeflip stand-in`, and those about its probe targets that `up` has too.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use probe_target::model::duration;

use super::input::Input;
use crate::{
    input::experiment::label,
    stand_in::{IMAGE, LateStart, Settings},
};

/// `probeflip stand-in`
#[derive(Debug, Args)]
pub struct StandIn {
    /// What to convert
    #[command(flatten)]
    pub input: Input,
    /// Where the output belongs: a Namespace comes first, and every object names it
    #[arg(short, long, value_name = "NS", value_parser = label::parse)]
    pub namespace: String,
    /// Where to write the manifests [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The probe targets
    #[command(flatten)]
    pub targets: StandInTargets,
}

/// The probe targets of stand-ins.
#[derive(Debug, Args)]
pub struct StandInTargets {
    /// The probe target's image; a port with TLS takes that of the tag with `-tls`
    #[arg(long, value_name = "REF", default_value = IMAGE, value_parser = image)]
    pub image: String,
    /// Serve for this long after SIGTERM [default: close the ports at once]
    #[arg(long, value_name = "DURATION", value_parser = time)]
    pub drain: Option<Duration>,
    /// Keep the ports of all containers, or of one, closed for this long after each start
    #[arg(long, value_name = "[CONTAINER=]DURATION")]
    pub start_after: Vec<LateStart>,
    /// Exit with this code after SIGTERM [default: 0]
    #[arg(long, value_name = "CODE")]
    pub exit_on_term: Option<u8>,
}

impl StandInTargets {
    /// The names of the options, which `up` has beside `--stand-in` only.
    pub(super) const OPTIONS: [&str; 4] = ["image", "drain", "start_after", "exit_on_term"];

    /// The settings of stand-ins that go to this namespace.
    pub(crate) fn settings(&self, namespace: Option<&str>) -> Settings {
        Settings {
            namespace: namespace.map(str::to_owned),
            image: self.image.clone(),
            drain: self.drain,
            start_after: self.start_after.iter().cloned().collect(),
            exit_on_term: self.exit_on_term,
        }
    }
}

/// Parses a reference of an image.
fn image(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(format!("expected an image such as {IMAGE}"));
    }
    Ok(text.to_owned())
}

/// Parses a duration above zero.
fn time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "expected a time above zero, such as 20s or 1m30s".to_owned())
}
