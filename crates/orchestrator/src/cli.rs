//! The command line as types: commands, options, help texts.
//!
//! Names, flags and defaults are a contract. Only the form of a value is checked here; its meaning
//! is checked where it is used.

mod check;
mod completion;
mod detail;
mod explain;
mod flip;
mod input;
mod lint;
mod pocket_on_port;
pub(crate) mod predict;
mod results;
mod stand_in;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::{
    cluster::Latencies,
    image::Program,
    input::experiment::{ObjectRef, label},
    report::printer::Printing,
    targets::select::Selection,
};
pub use check::Check;
use completion::offering;
pub use detail::Detail;
pub use explain::Explain;
pub use flip::Flip;
pub use input::Input;
pub use lint::{Lint, Output};
pub use pocket_on_port::Pocket;
pub use predict::Predict;
pub use results::Results;
pub(crate) use results::{NamedOutput, is_stdout};
pub use stand_in::{StandIn, StandInTargets};

/// Flip the health of one container and see what Kubernetes does.
#[derive(Debug, Parser)]
#[command(name = "probeflip", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all held                      4  refused by a guard
  1  an expectation failed, or     5  not everything could be undone
     lint or predict found it      6  inconclusive
  2  usage or an invalid file      130, 143  interrupted, and all undone
  3  cluster, image or target
     unavailable
Of several, the process ends with the first in 5, 130 or 143, 3, 4, 2, 1, 6.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run experiments; with no file, the embedded seed (two Services)
    Run(Run),
    /// Say everything about files that can be said before a run
    Check(Check),
    /// Judge a recorded timeline again
    Judge(Judge),
    /// Apply a workload and wait until it is available
    Up(Box<Up>),
    /// Delete a workload that `up` applied, or what a killed run left behind
    Down(Down),
    /// Print a workload with every container replaced by a probe target
    StandIn(Box<StandIn>),
    /// Find what is wrong with the probes, hooks, rollouts and Services of manifests
    Lint(Lint),
    /// Predict what the failure of each container does to Services and their users
    Predict(Box<Predict>),
    /// Name what of recorded runs falls outside of a prediction
    Diff(Diff),
    /// Flip one probe of a container, or its process, without a rollout
    Flip(Box<Flip>),
    /// Remove all flips
    Heal(Selected),
    /// Show what each probe gets and what Kubernetes sees
    Status(Selected),
    /// Run the embedded cluster on a port, for kubectl and other programs
    Pocket(Pocket),
    /// Watch a namespace live, and flip its probes by key
    Watch(Watch),
    /// Pack the probe-target image, without Docker
    Image(Image),
    /// Print the JSON Schema of experiment files, or of the JSON that `run`, `lint` or
    /// `predict` writes
    Schema {
        /// The described format
        #[arg(value_name = "WHAT", value_enum, default_value_t = Described::Experiment)]
        of: Described,
    },
    /// Explain a field of experiment files, or of the JSON that `schema` describes
    Explain(Explain),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// How the command prints its text.
    pub fn printing(&self) -> Printing {
        match self {
            Self::Run(run) => run.printing(),
            Self::Judge(judge) => judge.printing(),
            Self::Predict(predict) => predict.printing(),
            _ => Printing::default(),
        }
    }
}

/// What a JSON Schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Described {
    /// Experiment files
    Experiment,
    /// The output of `run --json`
    Run,
    /// What `lint` writes as JSON
    Lint,
    /// What `predict` writes as JSON
    Predict,
    /// What `predict` of experiments writes as JSON
    PredictExperiments,
}

/// Where experiments run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// The embedded cluster, in real time
    Pocket,
    /// The embedded cluster, in virtual time: an hour in milliseconds
    Virtual,
    /// A Kubernetes cluster: the current kubeconfig context, or `--context`
    Cluster,
}

/// `probeflip run`
#[derive(Debug, Args)]
pub struct Run {
    /// Experiment files, directories, or `-` for standard input; files that hold only Kubernetes
    /// objects are skipped
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// The cluster to run on; `pocket` unless `--context` is given
    #[arg(long, value_enum)]
    pub on: Option<On>,
    /// The kubeconfig context to use; implies `--on cluster`
    #[arg(long, value_name = "C")]
    pub context: Option<String>,
    /// An existing namespace to run in [default: a new one, deleted afterwards]
    #[arg(short, long, value_name = "NS", value_parser = label::parse)]
    pub namespace: Option<String>,
    /// The seed of all random choices on pocket and virtual [default on virtual: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Run each experiment N times and print percentiles; on virtual with the seeds that follow
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// What chance decides on pocket and virtual
    #[arg(long, value_enum, default_value_t = Latencies::Node)]
    pub latencies: Latencies,
    /// Revert the flips and keep the objects
    #[arg(long)]
    pub keep: bool,
    /// Begin no experiment after the first that does not hold; those under way are run to their end
    #[arg(long)]
    pub fail_fast: bool,
    /// Run N experiments at a time; results stay in the order of the files. On a cluster,
    /// experiments that share a namespace or a port of nodes follow one another
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub parallel: usize,
    /// Where to write results
    #[command(flatten)]
    pub results: Results,
    /// Write everything observed, for `probeflip judge`; `-` is standard output; with `--repeat` a
    /// file for each run
    #[arg(long, value_name = "F.jsonl")]
    pub timeline: Option<PathBuf>,
    /// How much to print
    #[command(flatten)]
    pub detail: Detail,
}

impl Run {
    /// The files that are written.
    pub(crate) fn outputs(&self) -> Vec<NamedOutput<'_>> {
        let mut outputs = self.results.outputs();
        outputs.extend(self.timeline.as_deref().map(|path| ("--timeline", path)));
        outputs
    }

    fn printing(&self) -> Printing {
        Printing {
            verbosity: self.detail.verbosity(),
            on_stderr: self.outputs().iter().any(|(_, path)| is_stdout(Some(path))),
        }
    }
}

/// Parses a number from 1 on.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("expected a number from 1 on".to_owned()),
    }
}

/// `probeflip judge`
#[derive(Debug, Args)]
pub struct Judge {
    /// The experiment file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A timeline written by `run --timeline`
    #[arg(value_name = "TIMELINE")]
    pub timeline: PathBuf,
    /// Where to write results
    #[command(flatten)]
    pub results: Results,
    /// How much to print
    #[command(flatten)]
    pub detail: Detail,
}

impl Judge {
    /// The files that are written.
    pub(crate) fn outputs(&self) -> Vec<NamedOutput<'_>> {
        self.results.outputs()
    }

    fn printing(&self) -> Printing {
        Printing {
            verbosity: self.detail.verbosity(),
            on_stderr: self.outputs().iter().any(|(_, path)| is_stdout(Some(path))),
        }
    }
}

/// `probeflip diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// What `predict --output json` wrote
    #[arg(value_name = "PREDICTION")]
    pub prediction: PathBuf,
    /// Timelines of its experiments, written by `run --timeline`
    #[arg(value_name = "TIMELINE", required = true)]
    pub timelines: Vec<PathBuf>,
}

/// Which cluster and namespace, for every command but `run`.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The kubeconfig context to use [default: the current one]
    #[arg(long, value_name = "C")]
    pub context: Option<String>,
    /// The namespace to work in [default: the context's]
    #[arg(short, long, value_name = "NS", value_parser = label::parse)]
    pub namespace: Option<String>,
}

impl Where {
    /// Whether neither is given.
    fn is_default(&self) -> bool {
        self.context.is_none() && self.namespace.is_none()
    }
}

/// `probeflip up`
#[derive(Debug, Args)]
#[command(mut_args(|arg| match arg.get_id().as_str() {
    id if StandInTargets::OPTIONS.contains(&id) => arg.requires("stand_in"),
    _ => arg,
}))]
pub struct Up {
    /// Kubernetes manifests, directories, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Replace every container by a probe target, as `probeflip stand-in` does
    #[arg(long)]
    pub stand_in: bool,
    /// The probe targets of stand-ins
    #[command(flatten)]
    pub targets: StandInTargets,
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
}

/// `probeflip down`
#[derive(Debug, Args)]
pub struct Down {
    /// The manifests given to `up`
    #[arg(value_name = "FILE", conflicts_with = "run")]
    pub files: Vec<PathBuf>,
    /// The manifests were given to `up --stand-in`
    #[arg(long, requires = "files")]
    pub stand_in: bool,
    /// Delete all objects of the run with this ID
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
}

/// `probeflip heal` and `probeflip status`
#[derive(Debug, Args)]
pub struct Selected {
    /// A Pod, or all Pods of a workload [default: all Pods of the namespace]
    #[arg(
        value_name = "POD|KIND/NAME",
        conflicts_with = "labels",
        hide_possible_values = true,
        value_parser = offering(ObjectRef::of_pods, completion::kinds_of_pods))]
    pub subject: Option<ObjectRef>,
    /// Pods with these labels, as for kubectl
    #[arg(short = 'l', long = "selector", value_name = "LABELS")]
    pub labels: Option<String>,
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
}

impl Selected {
    /// The selected Pods.
    pub(crate) fn selection(&self) -> Selection<'_> {
        match (&self.subject, &self.labels) {
            (Some(subject), _) => Selection::Subject(subject),
            (None, Some(labels)) => Selection::Labels(labels),
            (None, None) => Selection::All,
        }
    }
}

/// `probeflip watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
}

/// `probeflip image`
#[derive(Debug, Args)]
pub struct Image {
    /// What the image runs
    #[arg(long, value_enum, default_value_t = Program::ProbeTarget)]
    pub program: Program,
    /// Its static binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// The image's name [default: PROGRAM:VERSION]
    #[arg(short, long, value_name = "NAME:TAG")]
    pub tag: Option<String>,
    /// Where to write the archive
    #[arg(short, long, value_name = "FILE.tar")]
    pub output: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_namespace_is_a_label() {
        for namespace in ["", "Bad NS", "a/b", "a-", "a.b"] {
            for command in [&["run", "-n"][..], &["status", "-n"]] {
                let words = ["probeflip"].iter().chain(command).chain([&namespace]);
                let error = Cli::try_parse_from(words).unwrap_err().to_string();
                assert!(error.contains("expected lower-case letters"), "{error}");
            }
        }
        assert!(Cli::try_parse_from(["probeflip", "run", "-n", "team-a"]).is_ok());
    }

    /// `exit.rs` tests this order.
    #[test]
    fn help_and_documents_say_which_exit_code_wins() {
        const ORDER: &str = "the first in 5, 130 or 143, 3, 4, 2, 1, 6";
        let page = include_str!("../../../docs/ci.md");
        for text in [EXIT_CODES, page] {
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.join(" ").contains(ORDER), "{text}");
        }
    }
}
