//! The options of `probeflip predict`.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ValueEnum, ValueHint};
use probe_target::model::duration;

use super::{input::Input, results::is_stdout, stand_in::StandInTargets};
use crate::{
    input::experiment::Rate,
    predict::{Mode, Scope},
    report::printer::Printing,
};

/// `probeflip predict`
#[derive(Debug, Args)]
pub struct Predict {
    /// What to predict for
    #[command(flatten)]
    pub input: Input,
    /// Ask only these questions
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [
        Mode::Readiness, Mode::Liveness, Mode::Startup, Mode::Crash, Mode::Frozen, Mode::Rollout,
    ])]
    pub mode: Vec<Mode>,
    /// Of one Pod of a workload, or of all
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Scope::One, Scope::All])]
    pub scope: Vec<Scope>,
    /// Ask only the questions of these experiments, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The number of runs of each question
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub samples: u32,
    /// The seed of the first run; the others follow
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Compare with this field changed, such as
    /// `deploy/web.spec.template.spec.containers[app].readinessProbe.periodSeconds=2`; `null`
    /// removes it
    #[arg(long, value_name = "OBJECT.PATH=VALUE")]
    pub set: Vec<String>,
    /// Try small changes for the worst findings; with a file, write those that help as patches
    #[arg(
        long,
        value_name = "PATCHES.yaml",
        num_args = 0..=1,
        require_equals = true)]
    pub advise: Option<Option<PathBuf>>,
    /// The probe targets
    #[command(flatten)]
    pub targets: StandInTargets,
    /// The rate of requests to each Service
    #[arg(long, value_name = "N/s", default_value = "10/s")]
    pub rate: Rate,
    /// How answers are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// Draw the rows and when their effects follow on one HTML page; `-` is standard output
    #[arg(long, value_name = "F.html", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// Where to write the experiments, which `run` takes
    #[arg(long, value_name = "DIR")]
    pub experiments: Option<PathBuf>,
    /// Exit with 1 if a row is as bad as this or worse: `restart`, `unnoticed`, `outage`, or
    /// `outage=5s` for outages that last as long
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
}

impl Predict {
    /// How text is printed, which a report on standard output leaves to stderr.
    pub(super) fn printing(&self) -> Printing {
        Printing {
            on_stderr: is_stdout(self.report.as_deref()),
            ..Printing::default()
        }
    }

    /// The options that write to standard output.
    pub(crate) fn on_stdout(&self) -> Vec<&'static str> {
        if !is_stdout(self.report.as_deref()) {
            return Vec::new();
        }
        let output = match self.output {
            Format::Table => None,
            Format::Json => Some("--output json"),
            Format::Markdown => Some("--output markdown"),
        };
        output.into_iter().chain(["--report"]).collect()
    }
}

/// The least severity that makes the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// A container is restarted, or worse
    Restart,
    /// Something suffers and nothing in Kubernetes shows it, or worse
    Unnoticed,
    /// No request to a Service succeeds for this long
    Outage(Duration),
}

/// The text is not a severity that `--fail-on` takes.
#[derive(Debug, thiserror::Error)]
#[error("expected `restart`, `unnoticed`, `outage` or a time such as `outage=5s`")]
pub struct InvalidFailOn;

impl FromStr for FailOn {
    type Err = InvalidFailOn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None => match text {
                "restart" => Ok(Self::Restart),
                "unnoticed" => Ok(Self::Unnoticed),
                "outage" => Ok(Self::Outage(Duration::ZERO)),
                _ => Err(InvalidFailOn),
            },
            Some(("outage", least)) => {
                let least = duration::parse(least).ok_or(InvalidFailOn)?;
                Ok(Self::Outage(least))
            }
            Some(_) => Err(InvalidFailOn),
        }
    }
}

/// The forms of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For documents
    Markdown,
}
