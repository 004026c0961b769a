//! The state of a running experiment, and its clock: the next record or a time.

use std::time::Duration;

use super::active_flips::ActiveFlips;
use super::ledger::Ledger;
use crate::{
    cluster::{
        Cluster,
        apply::{CreatedObject, RunNamespace},
        watches::Watches,
    },
    input::{experiment::Experiment, manifests::Manifest},
    judge::Judge,
    random::Random,
    report::{SectionBuilder, printer::Printer},
    targets::{control_pool::ControlPool, journal::Journals, lease::Leases},
    timeline::{Micros, recorder::Recorder},
};

/// An experiment that is ready to run.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The experiment.
    pub(crate) experiment: &'a Experiment,
    /// The objects of its workload.
    pub(crate) objects: Vec<Manifest>,
    /// The namespace to run in; without one, the run creates its own.
    pub(crate) namespace: Option<&'a str>,
    /// The run's ID.
    pub(crate) run: &'a str,
    /// Seed of generated names and of the embedded cluster, if there is one.
    pub(crate) seed: Option<u64>,
    /// Whether flips are made at random moments of their probes' periods, as in repeated runs.
    pub(crate) spread_phases: bool,
    /// Whether to keep the objects after the run.
    pub(crate) keep: bool,
    /// What is made of the timeline.
    pub(crate) views: Views,
}

/// What is made of a run's timeline besides the judgement.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Views {
    /// All records, for a file. Otherwise each is forgotten once the other views have taken it.
    pub(crate) records: bool,
    /// The text of the report.
    pub(crate) sections: bool,
}

/// Maximum length of a namespace's name.
const NAME_LENGTH: usize = 63;

/// Interval at which the progress line is refreshed.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The state of a running experiment.
pub(super) struct RunState<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) cluster: &'a Cluster,
    pub(super) printer: &'a Printer,
    pub(super) recorder: Recorder,
    pub(super) judge: Judge,
    /// The text of the report, if it is asked for.
    pub(super) sections: Option<SectionBuilder<'a>>,
    pub(super) scope: RunNamespace,
    pub(super) controls: ControlPool,
    pub(super) watches: Option<Watches>,
    pub(super) journals: Journals,
    pub(super) leases: Leases,
    pub(super) created: Vec<CreatedObject>,
    pub(super) active_flips: ActiveFlips,
    pub(super) ledger: Ledger,
    /// Draws the phases, if they are spread.
    pub(super) phases: Option<Random>,
}

impl<'a> RunState<'a> {
    pub(super) fn new(
        job: &'a Job<'a>,
        cluster: &'a Cluster,
        random: &mut Random,
        printer: &'a Printer,
    ) -> Self {
        let namespace = match job.namespace {
            Some(namespace) => namespace.to_owned(),
            None => namespace_name(&job.experiment.name, random),
        };
        let client = &cluster.client;
        let header = cluster.header(&job.experiment.name, job.run, &namespace, job.seed);
        Self {
            job,
            cluster,
            printer,
            recorder: Recorder::start(header),
            judge: Judge::new(job.experiment),
            sections: (job.views.sections).then(|| SectionBuilder::new(job.experiment)),
            scope: RunNamespace::new(client.clone(), &namespace, job.run),
            controls: ControlPool::new(client.clone(), &namespace),
            watches: None,
            journals: Journals::default(),
            leases: Leases::default(),
            created: Vec::new(),
            active_flips: ActiveFlips::default(),
            ledger: Ledger::default(),
            // Drawn only if needed, so that the same seed gives the same single run as ever.
            phases: job.spread_phases.then(|| Random::seeded(random.seed())),
        }
    }

    /// Waits for the next record, or until the given time.
    pub(super) async fn wait(&mut self, until: Option<Micros>, doing: &str) {
        self.take_records();
        let until = async {
            match until {
                Some(at) => self.recorder.until(at).await,
                None => std::future::pending().await,
            }
        };
        let tick = async {
            loop {
                let name = &self.job.experiment.name.value;
                self.printer.progress(format!(
                    "{name} {:>7} s  {doing}",
                    self.recorder.now().to_string()
                ));
                tokio::time::sleep(PROGRESS_INTERVAL).await;
            }
        };
        tokio::select! {
            biased;
            () = self.recorder.grown() => {}
            () = until => {}
            () = tick, if self.printer.is_live() => {}
        }
    }

    /// Lets all views take the new records, which are then forgotten unless a view keeps them: so
    /// a long run takes no more memory than a short one.
    fn take_records(&mut self) {
        let (judge, sections) = (&mut self.judge, &mut self.sections);
        let keeps = self.job.views.records;
        self.recorder.update(|timeline| {
            judge.catch_up(timeline);
            if let Some(sections) = sections {
                sections.catch_up(timeline);
            }
            // Without a steady state, the records so far say why.
            if !keeps && judge.snapshot().steady.is_some() {
                timeline.forget();
            }
        });
    }

    /// Prints what the run does.
    pub(super) fn detail(&self, line: impl AsRef<str>) {
        self.printer.detail(format!(
            "{}: {}",
            self.job.experiment.name.value,
            line.as_ref()
        ));
    }
}

/// `probeflip-NAME-xxxxx`, with NAME truncated to fit.
fn namespace_name(experiment: &str, random: &mut Random) -> String {
    let suffix = random.suffix(5);
    let room = NAME_LENGTH - "probeflip--".len() - suffix.len();
    let name = experiment
        .get(..room)
        .unwrap_or(experiment)
        .trim_end_matches('-');
    format!("probeflip-{name}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_named_after_its_experiment_and_fits() {
        let mut random = Random::seeded(1);
        let name = namespace_name("two-services", &mut random);
        assert!(name.starts_with("probeflip-two-services-"), "{name}");
        assert_eq!(
            namespace_name(&"x".repeat(63), &mut random).len(),
            NAME_LENGTH
        );
    }
}
