//! One experiment on one cluster, from its first write to its last delete.
//!
//! Whatever ends it (a verdict, an error, a signal, a panic), everything it did is undone before it
//! returns. It decides nothing: the judge is asked after each record, and at the times it names.

pub mod interrupt;
mod revert;
mod running;
mod setup;
mod step;
pub mod traffic;

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;

use crate::{
    cluster::{
        Cluster,
        apply::{CreatedObject, RunNamespace},
        watches::Watches,
    },
    exit::{Exit, Failure},
    input::{experiment::Experiment, workload::Manifest},
    judge::{Judge, Judgement, Verdict},
    random::Random,
    report::printer::Printer,
    run::interrupt::Interrupt,
    targets::{control_pool::ControlPool, journal::Journals, lease::Leases},
    timeline::{FORMAT, Header, Micros, Timeline, What, recorder::Recorder, snapshot::Snapshot},
};
use revert::Ledger;
use step::ActiveFlips;

/// An experiment that is ready to run.
#[derive(Debug)]
pub struct Job<'a> {
    /// What it says.
    pub experiment: &'a Experiment,
    /// The objects of its workload.
    pub objects: Vec<Manifest>,
    /// Where it runs; without one, in a namespace of its own.
    pub namespace: Option<&'a str>,
    /// The run's ID.
    pub run: &'a str,
    /// What names and clusters are drawn from, where that was said.
    pub seed: Option<u64>,
    /// Whether the objects stay.
    pub keep: bool,
}

/// What became of it.
#[derive(Debug)]
pub struct RunResult {
    /// Everything observed.
    pub timeline: Timeline,
    /// What that means.
    pub judgement: Judgement,
    /// How the process should end because of it.
    pub exit: Exit,
}

/// How often the progress line is drawn anew while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// What a first signal is answered with.
const INTERRUPTED: &str = "interrupted: everything is being undone; once more to quit at once";

/// Runs it. An error before the first write is the only one returned; all others are printed and part of
/// the exit code.
pub async fn run(
    job: &Job<'_>,
    cluster: &Cluster,
    draw: &mut Random,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<RunResult, Failure> {
    let mut scene = RunState::new(job, cluster, draw, printer);
    let played = {
        let lapse = scene.leases.lapse();
        let play = AssertUnwindSafe(scene.play()).catch_unwind();
        tokio::select! {
            biased;
            exit = interrupt.next() => RunEnd::Interrupted(exit),
            played = play => RunEnd::from(played),
            // What is expected from now on might be expected of a target that is well.
            lapsed = lapse => RunEnd::Failed(lapsed.into()),
        }
    };
    let played = match played {
        RunEnd::Failed(failure) if scene.ledger.is_empty() => return Err(failure),
        RunEnd::Interrupted(exit) if scene.ledger.is_empty() => {
            return Err(Failure::new(exit, "interrupted before anything was done"));
        }
        played => played,
    };
    let exit = played.report(printer);
    let exit = exit.and(scene.clear_up(interrupt, played.interrupted()).await);
    if let RunEnd::Panicked(panic) = played {
        std::panic::resume_unwind(panic);
    }
    Ok(scene.end(exit))
}

/// How the play ended.
enum RunEnd {
    /// It was played to its end, or to its first failed step.
    Through,
    /// Something kept it from being played.
    Failed(Failure),
    /// A signal came.
    Interrupted(Exit),
    /// A bug of ours; it goes on unwinding once everything is undone.
    Panicked(Box<dyn Any + Send>),
}

impl From<Result<Result<(), Failure>, Box<dyn Any + Send>>> for RunEnd {
    fn from(played: Result<Result<(), Failure>, Box<dyn Any + Send>>) -> Self {
        match played {
            Ok(Ok(())) => Self::Through,
            Ok(Err(failure)) => Self::Failed(failure),
            Err(panic) => Self::Panicked(panic),
        }
    }
}

impl RunEnd {
    fn interrupted(&self) -> Option<Exit> {
        match self {
            Self::Interrupted(exit) => Some(*exit),
            Self::Through | Self::Failed(_) | Self::Panicked(_) => None,
        }
    }

    fn report(&self, printer: &Printer) -> Exit {
        match self {
            Self::Through | Self::Panicked(_) => Exit::Held,
            Self::Failed(failure) => failure.print(printer),
            Self::Interrupted(exit) => {
                printer.note(INTERRUPTED);
                *exit
            }
        }
    }
}

/// Everything a running experiment holds on to.
struct RunState<'a> {
    job: &'a Job<'a>,
    cluster: &'a Cluster,
    printer: &'a Printer,
    recorder: Recorder,
    judge: Judge,
    latest: Snapshot,
    site: RunNamespace,
    switchboard: ControlPool,
    watches: Option<Watches>,
    journals: Journals,
    leases: Leases,
    made: Vec<CreatedObject>,
    laid: ActiveFlips,
    ledger: Ledger,
}

impl<'a> RunState<'a> {
    fn new(
        job: &'a Job<'a>,
        cluster: &'a Cluster,
        draw: &mut Random,
        printer: &'a Printer,
    ) -> Self {
        let namespace = match job.namespace {
            Some(namespace) => namespace.to_owned(),
            None => setup::namespace_name(&job.experiment.name, draw),
        };
        let client = &cluster.client;
        Self {
            job,
            cluster,
            printer,
            recorder: Recorder::start(header(job, cluster, &namespace)),
            judge: Judge::new(job.experiment),
            latest: Snapshot::default(),
            site: RunNamespace::new(client.clone(), &namespace, job.run),
            switchboard: ControlPool::new(client.clone(), &namespace),
            watches: None,
            journals: Journals::default(),
            leases: Leases::default(),
            made: Vec::new(),
            laid: ActiveFlips::default(),
            ledger: Ledger::default(),
        }
    }

    /// The experiment as it is written: workload, steady state, steps.
    async fn play(&mut self) -> Result<(), Failure> {
        self.set_up().await?;
        self.steady_state().await?;
        for step in 0..self.job.experiment.steps.len() {
            self.step(step).await?;
            if self.settle().await == Verdict::Fail {
                break;
            }
        }
        Ok(())
    }

    /// Requests become known late: waits until the journals say what the verdicts of the steps so far need.
    async fn settle(&mut self) -> Verdict {
        loop {
            let now = self.recorder.now();
            let state = self
                .recorder
                .read(|timeline| self.judge.settled(timeline, now));
            if state.decided {
                let failed = state.failed;
                return if failed { Verdict::Fail } else { Verdict::Pass };
            }
            self.wait(state.look_again_at, "waiting for the last answers")
                .await;
        }
    }

    /// Waits until something is recorded, or until that time.
    async fn wait(&self, until: Option<Micros>, doing: &str) {
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
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::select! {
            biased;
            () = self.recorder.grown() => {}
            () = until => {}
            () = tick, if self.printer.is_live() => {}
        }
    }

    /// Undoes everything. A first signal, if none came before, only says how the process ends; a second one stops the
    /// undoing, and what remains is said.
    async fn clear_up(&mut self, interrupt: &mut Interrupt, interrupted: Option<Exit>) -> Exit {
        self.recorder.record(What::Reverting);
        if interrupted.is_none() {
            self.note("undoing everything");
        }
        let (undone, interrupted) = self.undo(interrupt, interrupted).await;
        let exit = undone.unwrap_or_else(|| self.quit());
        self.printer.settle();
        if exit == Exit::RevertFailed {
            self.say_what_remains();
        }
        interrupted.map_or(exit, |interrupted| exit.and(interrupted))
    }

    /// How undoing went, `None` where it was stopped, and the signal that came before or meanwhile.
    async fn undo(
        &mut self,
        interrupt: &mut Interrupt,
        mut interrupted: Option<Exit>,
    ) -> (Option<Exit>, Option<Exit>) {
        let printer = self.printer;
        let mut undoing = Box::pin(self.revert());
        loop {
            tokio::select! {
                biased;
                exit = interrupt.next() => {
                    if interrupted.is_some() {
                        return (None, interrupted);
                    }
                    printer.note(INTERRUPTED);
                    interrupted = Some(exit);
                }
                exit = &mut undoing => return (Some(exit), interrupted),
            }
        }
    }

    fn end(mut self, exit: Exit) -> RunResult {
        self.watches = None;
        self.recorder.record(What::End);
        let now = self.recorder.now();
        let timeline = self.recorder.read(Timeline::clone);
        let judgement = self.judge.judgement(&timeline, now);
        // What kept it from its steady state has said how the run ends: a refused file is no infrastructure.
        let exit = match judgement.verdict {
            Verdict::Error if exit != Exit::Held => exit,
            verdict => exit.and(exit_of(verdict)),
        };
        RunResult {
            timeline,
            judgement,
            exit,
        }
    }

    fn note(&self, line: impl AsRef<str>) {
        self.printer.note(format!(
            "{}: {}",
            self.job.experiment.name.value,
            line.as_ref()
        ));
    }
}

/// How a verdict ends the process.
pub fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Held,
        Verdict::Inconclusive => Exit::Inconclusive,
        Verdict::Fail => Exit::Failed,
        Verdict::Error => Exit::Infrastructure,
    }
}

fn header(job: &Job<'_>, cluster: &Cluster, namespace: &str) -> Header {
    Header {
        timeline: FORMAT,
        experiment: job.experiment.name.value.clone(),
        place: cluster.place.clone(),
        kubernetes: cluster.version.clone(),
        probeflip: env!("CARGO_PKG_VERSION").to_owned(),
        run: job.run.to_owned(),
        namespace: namespace.to_owned(),
        seed: job.seed,
        started: cluster.date.clone(),
    }
}
