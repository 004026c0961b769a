//! `probeflip run --repeat N`: N runs of an experiment, and their sum.
//!
//! On `virtual` the runs share the processors: run k has seed + k - 1, and the results are taken in
//! the order of the seeds. Elsewhere the runs follow one another.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{listing::Listing, output_files::OutputFiles};
use crate::{
    exit::{Exit, Failure},
    input::experiment::Experiment,
    report::{
        self,
        printer::{PrintError, Printer, Verbosity},
        repetition::{Repetition, RunSum},
    },
    run::{RunResult, interrupt::Interrupt},
    timeline::Place,
};

/// Executes one run: its number from 0, where it prints, and its signals.
pub(super) type RunOne<'a> =
    dyn Fn(u32, &Printer, &mut Interrupt) -> Result<RunResult, Failure> + Sync + 'a;

/// A run that ended, and where it printed.
struct Ended {
    result: Result<RunResult, Failure>,
    printer: Printer,
}

/// An experiment that is run several times.
pub(super) struct Repeat<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) place: &'a Place,
    pub(super) runs: u32,
    /// Seed of the first run, if there is one.
    pub(super) seed: Option<u64>,
    pub(super) run_one: &'a RunOne<'a>,
}

impl Repeat<'_> {
    /// Runs the experiment, prints the sum of what ended, and returns the exit code of the worst
    /// run.
    pub(super) fn run(
        &self,
        outputs: &mut OutputFiles,
        interrupt: &mut Interrupt,
        listing: &mut Listing<'_>,
    ) -> Result<Exit, Failure> {
        let mut sum = Sum::new(self, listing);
        if *self.place == Place::Virtual {
            self.side_by_side(&mut sum, outputs, interrupt)?;
        } else {
            self.one_by_one(&mut sum, outputs, interrupt);
        }
        outputs.repeated(&sum.repetition);
        let exit = sum.exit;
        sum.print()?;
        Ok(exit)
    }

    fn one_by_one(
        &self,
        sum: &mut Sum<'_, '_>,
        outputs: &mut OutputFiles,
        interrupt: &mut Interrupt,
    ) {
        for index in 0..self.runs {
            sum.printer
                .detail(format!("run {} of {}", index + 1, self.runs));
            let result = (self.run_one)(index, sum.printer, interrupt);
            if sum.take(index, result, outputs).is_break() {
                break;
            }
        }
    }

    /// Runs on all processors. A signal stops every run that has begun, and no other begins.
    fn side_by_side(
        &self,
        sum: &mut Sum<'_, '_>,
        outputs: &mut OutputFiles,
        interrupt: &mut Interrupt,
    ) -> Result<(), Failure> {
        let first = self.seed.unwrap_or_default();
        let last = first.wrapping_add(u64::from(self.runs) - 1);
        let name = &self.experiment.name.value;
        sum.printer
            .detail(format!("{name}: seeds {first} to {last}"));
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let (next, stopped) = (AtomicU32::new(0), AtomicBool::new(false));
        let signals: Mutex<Vec<UnboundedSender<Exit>>> = Mutex::default();
        let (ended, mut results) = unbounded_channel();
        let work = |ended: UnboundedSender<(u32, Ended)>| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.runs || stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (sender, mut signal) = Interrupt::relayed();
                lock(&signals).push(sender);
                // A stop between the two would not reach this run.
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let printer = Printer::nowhere();
                let result = (self.run_one)(index, &printer, &mut signal);
                if ended.send((index, Ended { result, printer })).is_err() {
                    return;
                }
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        thread::scope(|scope| {
            for _ in 0..workers.min(self.runs as usize) {
                let (work, ended) = (&work, ended.clone());
                scope.spawn(move || work(ended));
            }
            drop(ended);
            let stop = |exit: Exit| {
                stopped.store(true, Ordering::Relaxed);
                // A run that has ended does not receive the signal.
                lock(&signals).retain(|sender| sender.send(exit).is_ok());
            };
            runtime.block_on(sum.collect(&mut results, outputs, interrupt, stop));
        });
        Ok(())
    }
}

/// The sum of the runs taken so far.
struct Sum<'a, 'p> {
    of: &'a Repeat<'a>,
    listing: &'a mut Listing<'p>,
    printer: &'p Printer,
    repetition: Repetition,
    /// What the first run that did not pass says.
    first: Option<(RunSum, Vec<String>)>,
    exit: Exit,
}

/// Whether more runs may follow.
type Flow = std::ops::ControlFlow<()>;

impl<'a, 'p> Sum<'a, 'p> {
    fn new(of: &'a Repeat<'a>, listing: &'a mut Listing<'p>) -> Self {
        Self {
            of,
            printer: listing.printer(),
            listing,
            repetition: Repetition::new(of.experiment, of.place, of.runs),
            first: None,
            exit: Exit::Held,
        }
    }

    /// Takes results as they arrive, in the order of the runs.
    async fn collect(
        &mut self,
        results: &mut UnboundedReceiver<(u32, Ended)>,
        outputs: &mut OutputFiles,
        interrupt: &mut Interrupt,
        stop: impl Fn(Exit),
    ) {
        let mut waiting = BTreeMap::new();
        let (mut next, mut over) = (0, false);
        loop {
            let result = tokio::select! {
                biased;
                exit = interrupt.next() => {
                    self.exit = self.exit.and(exit);
                    stop(exit);
                    continue;
                }
                result = results.recv() => result,
            };
            let Some((index, ended)) = result else { break };
            waiting.insert(index, ended);
            while let Some(Ended { result, printer }) = waiting.remove(&next) {
                self.print_errors(next, &printer, outputs);
                if !over && self.take(next, result, outputs).is_break() {
                    over = true;
                    stop(self.exit);
                }
                next += 1;
            }
        }
        self.printer.settle();
    }

    /// Repeats the errors of a run that printed nowhere.
    fn print_errors(&self, index: u32, quiet: &Printer, outputs: &mut OutputFiles) {
        let errors = quiet.take_errors();
        for error in &errors {
            let label = self.run_sum(index, Exit::Held).label();
            self.printer
                .note(format!("error: seed {label}: {}", error.message));
            for hint in &error.hints {
                self.printer.note(format!("hint: {hint}"));
            }
        }
        outputs.collect_errors(self.of.experiment, errors);
    }

    fn run_sum(&self, index: u32, exit: Exit) -> RunSum {
        RunSum {
            number: index + 1,
            seed: super::seed_of(self.of.seed, index),
            exit,
        }
    }

    /// Adds the result of a run.
    fn take(
        &mut self,
        index: u32,
        result: Result<RunResult, Failure>,
        outputs: &mut OutputFiles,
    ) -> Flow {
        let experiment = self.of.experiment;
        let ran = match result {
            Ok(ran) => ran,
            Err(failure) => {
                // A signal before the first write needs no message for each run.
                let exit = match failure.exit {
                    exit @ (Exit::Interrupted | Exit::Terminated) => exit,
                    _ => failure.print(self.printer),
                };
                self.exit = self.exit.and(exit);
                outputs.went_wrong(experiment, self.printer);
                return Flow::Break(());
            }
        };
        self.exit = self.exit.and(ran.exit);
        let run = self.run_sum(index, ran.exit);
        if !matches!(ran.exit, Exit::Interrupted | Exit::Terminated) {
            self.repetition.add(run, &ran.judgement);
            if ran.exit != Exit::Held && self.first.is_none() {
                let details = report::details(&ran.judgement, self.printer.width());
                self.first = Some((run, details));
            }
        }
        self.listing.add_run(&ran);
        if self.of.runs == 1 {
            let shown = self.listing.show(experiment, &ran);
            self.exit = self.exit.and(self.printer.ended(shown));
        }
        let label = run.label();
        self.exit = self
            .exit
            .and(outputs.ran_repeatedly(experiment, &ran, &label, self.printer));
        let name = &experiment.name.value;
        let (done, failed) = (
            self.repetition.runs.len(),
            self.repetition.count(Exit::Failed),
        );
        let progress = format!("{name}: {done} of {} runs, {failed} failed", self.of.runs);
        self.printer.progress(progress);
        if super::stops(ran.exit) {
            Flow::Break(())
        } else {
            Flow::Continue(())
        }
    }

    fn print(self) -> Result<(), PrintError> {
        self.listing.ended(self.of.experiment, self.exit);
        if self.printer.verbosity() == Verbosity::Quiet {
            return match self.exit {
                Exit::Held => Ok(()),
                _ => self.listing.line(&self.repetition.counts()),
            };
        }
        let mut parts = vec![self.repetition.text(self.printer.width())];
        if let Some((run, details)) = self.first.as_ref().filter(|_| self.of.runs > 1) {
            let what = match run.seed {
                Some(seed) => format!("seed {seed}, again with `--seed {seed} --repeat 1`:"),
                None => format!("run {}:", run.number),
            };
            parts.push(format!("the first run that did not pass: {what}"));
            parts.extend(details.iter().cloned());
        }
        self.listing.block(&parts.join("\n\n"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
