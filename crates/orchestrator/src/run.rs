//! Runs one experiment on one cluster, from the first write to the last delete.
//!
//! A run is undone before [`run`] returns, whether a verdict, an error, a signal or a panic ended
//! it. All decisions are the judge's: it is asked after each record and at the times it names.

pub(crate) mod active_flips;
pub(crate) mod interrupt;
mod ledger;
mod phase;
mod revert;
mod running;
mod setup;
mod state;
mod step;
pub(crate) mod traffic;

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt as _;

use crate::{
    cluster::Cluster,
    exit::{Exit, Failure},
    judge::{Judgement, Verdict},
    random::Random,
    report::{Section, printer::Printer},
    run::interrupt::Interrupt,
    timeline::{Timeline, What},
};
use state::RunState;
pub(crate) use state::{Job, Views};

/// The result of a run.
#[derive(Debug)]
pub(crate) struct RunResult {
    /// The recorded timeline, without the records that no view asked to keep.
    pub(crate) timeline: Timeline,
    /// The timeline as text, if a view asked for it.
    pub(crate) sections: Vec<Section>,
    /// The judgement of the timeline.
    pub(crate) judgement: Judgement,
    /// The exit code for this run.
    pub(crate) exit: Exit,
}

/// Runs an experiment. Returns an error only before the first write; later errors are printed and
/// determine the exit code.
pub(crate) async fn run(
    job: &Job<'_>,
    cluster: &Cluster,
    random: &mut Random,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<RunResult, Failure> {
    let mut state = RunState::new(job, cluster, random, printer);
    let end = {
        let lapse = state.leases.lapse();
        let execution = AssertUnwindSafe(state.execute()).catch_unwind();
        tokio::select! {
            biased;
            exit = interrupt.next() => RunEnd::Interrupted(exit),
            end = execution => RunEnd::from(end),
            // The target may have ended its flips by itself, so later observations prove nothing.
            lapsed = lapse => RunEnd::Failed(lapsed.into()),
        }
    };
    let end = match end {
        RunEnd::Failed(failure) if state.ledger.is_empty() => return Err(failure),
        RunEnd::Interrupted(exit) if state.ledger.is_empty() => {
            return Err(Failure::new(exit, "interrupted before anything was done"));
        }
        end => end,
    };
    let exit = end.report(interrupt, printer);
    let exit = exit.and(state.clear_up(interrupt, end.interrupted()).await);
    if let RunEnd::Panicked(panic) = end {
        std::panic::resume_unwind(panic);
    }
    Ok(state.end(exit))
}

/// How the experiment's execution ended, before the clean-up.
enum RunEnd {
    /// It ran to its end, or to its first failed step.
    Through,
    /// An error stopped it.
    Failed(Failure),
    /// A signal stopped it.
    Interrupted(Exit),
    /// A panic stopped it. It is resumed after the clean-up.
    Panicked(Box<dyn Any + Send>),
}

impl From<Result<Result<(), Failure>, Box<dyn Any + Send>>> for RunEnd {
    fn from(end: Result<Result<(), Failure>, Box<dyn Any + Send>>) -> Self {
        match end {
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

    fn report(&self, interrupt: &Interrupt, printer: &Printer) -> Exit {
        match self {
            Self::Through | Self::Panicked(_) => Exit::Held,
            Self::Failed(failure) => failure.print(printer),
            Self::Interrupted(exit) => {
                interrupt.announce(printer);
                *exit
            }
        }
    }
}

impl RunState<'_> {
    /// Executes the experiment: workload, steady state, steps.
    async fn execute(&mut self) -> Result<(), Failure> {
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

    /// Waits until all requests that the verdicts of the steps so far depend on are known. They
    /// become known late.
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

    /// Undoes the run. The first signal, before or during this, only sets the exit code; the second
    /// stops the clean-up, and the commands that finish it are printed.
    async fn clear_up(&mut self, interrupt: &mut Interrupt, interrupted: Option<Exit>) -> Exit {
        if interrupted.is_some() {
            self.recorder.record(What::Interrupted);
        } else {
            self.detail("undoing everything");
        }
        self.recorder.record(What::Reverting);
        let (undone, interrupted) = self.undo(interrupt, interrupted).await;
        let exit = undone.unwrap_or_else(|| self.quit());
        self.printer.settle();
        if exit == Exit::RevertFailed {
            self.say_what_remains();
        }
        interrupted.map_or(exit, |interrupted| exit.and(interrupted))
    }

    /// Returns the result of the clean-up, `None` if a second signal stopped it, and the exit code
    /// of the first signal.
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
                    interrupt.announce(printer);
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
        let timeline = self.recorder.finish();
        let judgement = self.judge.judgement(&timeline, now);
        let sections = self.sections.map_or_else(Vec::new, |mut sections| {
            sections.catch_up(&timeline);
            sections.end()
        });
        // The error that prevented the steady state set the exit code already; it need not be an
        // infrastructure error.
        let exit = match judgement.verdict {
            Verdict::Error if exit != Exit::Held => exit,
            verdict => exit.and(exit_of(verdict)),
        };
        RunResult {
            timeline,
            sections,
            judgement,
            exit,
        }
    }
}

/// The exit code of a verdict.
pub(crate) fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Held,
        Verdict::Inconclusive => Exit::Inconclusive,
        Verdict::Fail => Exit::Failed,
        Verdict::Error => Exit::Infrastructure,
    }
}
