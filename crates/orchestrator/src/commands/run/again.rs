//! The command that makes a run again, for the report.

use clap::ValueEnum as _;

use crate::{
    cli,
    cluster::Latencies,
    commands::shell::quoted,
    input::{experiment::Experiment, files::SEED},
    timeline::{Header, Place},
};

/// Options of the command that a timeline does not tell. The default is a recorded timeline's.
#[derive(Debug, Default)]
pub(super) struct Options {
    namespace: Option<String>,
    latencies: Option<String>,
    /// Repeated runs spread the moments of their flips.
    is_repeated: bool,
    /// Whether no file was named: the embedded seed runs.
    is_embedded: bool,
}

impl Options {
    /// Those of this command.
    pub(super) fn of(run: &cli::Run) -> Self {
        let latencies = Some(run.latencies).filter(|latencies| *latencies != Latencies::Node);
        let latencies = latencies.and_then(|latencies| latencies.to_possible_value());
        Self {
            namespace: run.namespace.clone(),
            latencies: latencies.map(|value| value.get_name().to_owned()),
            is_repeated: run.repeat.is_some(),
            is_embedded: run.files.is_empty(),
        }
    }
}

/// The command that makes the run with this header again.
pub(super) fn command(experiment: &Experiment, header: &Header, options: &Options) -> String {
    let mut words: Vec<String> = vec!["probeflip".into(), "run".into()];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    match &header.place {
        Place::Pocket => option("--on", "pocket"),
        Place::Virtual => option("--on", "virtual"),
        Place::Cluster(context) => option("--context", context),
    }
    if let Some(namespace) = &options.namespace {
        option("-n", namespace);
    }
    if let Some(latencies) = &options.latencies {
        option("--latencies", latencies);
    }
    if let Some(seed) = header.seed {
        option("--seed", &seed.to_string());
    }
    if options.is_repeated {
        option("--repeat", "1");
    }
    let path = experiment.source.path.display().to_string();
    if !(options.is_embedded && path == SEED) {
        words.push(quoted(&path));
    }
    words.join(" ")
}
