//! `probeflip run --repeat N`: the sum of N runs of an experiment.
//!
//! On `virtual` the runs share the processors: run k has seed + k - 1, and the results are taken in
//! the order of the seeds. Elsewhere the runs of an experiment follow one another.

use super::{ended::Ended, listing::Listing, output_files::OutputFiles, stops};
use crate::{
    exit::{Exit, Failure},
    input::experiment::Experiment,
    report::{
        self,
        printer::{PrintError, Printer, Verbosity},
        repetition::{Repetition, RunSum},
    },
    run::RunResult,
    timeline::Place,
};

/// How each experiment is run several times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat<'a> {
    pub(super) place: &'a Place,
    pub(super) runs: u32,
    /// Seed of the first run, if there is one.
    pub(super) seed: Option<u64>,
}

/// The runs of an experiment taken so far.
pub(super) struct Sum<'a> {
    of: Repeat<'a>,
    experiment: &'a Experiment,
    repetition: Repetition,
    /// What the first run that did not pass says.
    first: Option<(RunSum, Vec<String>)>,
    exit: Exit,
    /// Whether a run has ended after which no other counts.
    is_over: bool,
}

impl<'a> Sum<'a> {
    /// The sum of no run.
    pub(super) fn new(of: Repeat<'a>, experiment: &'a Experiment, printer: &Printer) -> Self {
        let name = &experiment.name.value;
        if *of.place == Place::Virtual {
            let first = of.seed.unwrap_or_default();
            let last = first.wrapping_add(u64::from(of.runs) - 1);
            printer.detail(format!("{name}: seeds {first} to {last}"));
        }
        Self {
            of,
            experiment,
            repetition: Repetition::new(experiment, of.place, of.runs),
            first: None,
            exit: Exit::Held,
            is_over: false,
        }
    }

    /// Takes the next run, in the order of their numbers.
    pub(super) fn take(
        &mut self,
        index: u32,
        ended: Ended,
        outputs: &mut OutputFiles,
        listing: &mut Listing<'_>,
    ) {
        // Which runs follow the last one that counts is up to chance.
        if self.is_over {
            return;
        }
        if let Some(printer) = &ended.printer {
            self.print_errors(index, printer, outputs, listing.printer());
        }
        match ended.result {
            Ok(ran) => self.add(index, &ran, outputs, listing),
            Err(failure) => self.failed(&failure, outputs, listing.printer()),
        }
    }

    /// Repeats the errors of a run that printed nowhere.
    fn print_errors(
        &self,
        index: u32,
        own: &Printer,
        outputs: &mut OutputFiles,
        printer: &Printer,
    ) {
        let errors = own.take_errors();
        for error in &errors {
            let label = self.run_sum(index, Exit::Held).label();
            printer.note(format!("error: seed {label}: {}", error.message));
            for hint in &error.hints {
                printer.note(format!("hint: {hint}"));
            }
        }
        outputs.collect_errors(self.experiment, errors);
    }

    fn run_sum(&self, index: u32, exit: Exit) -> RunSum {
        RunSum {
            number: index + 1,
            seed: super::seed_of(self.of.seed, index),
            exit,
        }
    }

    fn failed(&mut self, failure: &Failure, outputs: &mut OutputFiles, printer: &Printer) {
        // A signal before the first write needs no message for each run.
        let exit = match failure.exit {
            exit @ (Exit::Interrupted | Exit::Terminated) => exit,
            _ => failure.print(printer),
        };
        self.exit = self.exit.and(exit);
        self.is_over = true;
        outputs.went_wrong(self.experiment, printer);
    }

    fn add(
        &mut self,
        index: u32,
        ran: &RunResult,
        outputs: &mut OutputFiles,
        listing: &mut Listing<'_>,
    ) {
        let printer = listing.printer();
        self.exit = self.exit.and(ran.exit);
        let run = self.run_sum(index, ran.exit);
        if !matches!(ran.exit, Exit::Interrupted | Exit::Terminated) {
            self.repetition.add(run, &ran.judgement);
            if ran.exit != Exit::Held && self.first.is_none() {
                let details = report::details(&ran.judgement, printer.width());
                self.first = Some((run, details));
            }
        }
        listing.add_run(ran);
        if self.of.runs == 1 {
            let shown = listing.show(self.experiment, ran);
            self.exit = self.exit.and(printer.ended(shown));
        }
        let written = outputs.ran_repeatedly(self.experiment, ran, &run.label(), printer);
        self.exit = self.exit.and(written);
        self.progress(printer);
        self.is_over = stops(ran.exit);
    }

    fn progress(&self, printer: &Printer) {
        let name = &self.experiment.name.value;
        let (done, failed) = (
            self.repetition.runs.len(),
            self.repetition.count(Exit::Failed),
        );
        let all = self.of.runs;
        printer.progress(format!("{name}: {done} of {all} runs, {failed} failed"));
    }

    /// Prints the sum of what ended, and returns the exit code of the worst run.
    pub(super) fn end(self, outputs: &mut OutputFiles, listing: &mut Listing<'_>) -> Exit {
        let printer = listing.printer();
        printer.settle();
        outputs.repeated(&self.repetition);
        let exit = self.exit;
        exit.and(printer.ended(self.print(listing)))
    }

    fn print(self, listing: &mut Listing<'_>) -> Result<(), PrintError> {
        listing.ended(self.experiment, self.exit);
        if listing.printer().verbosity() == Verbosity::Quiet {
            return match self.exit {
                Exit::Held => Ok(()),
                _ => listing.line(&self.repetition.counts()),
            };
        }
        let mut parts = vec![self.repetition.text(listing.printer().width())];
        if let Some((run, details)) = self.first.as_ref().filter(|_| self.of.runs > 1) {
            let what = match run.seed {
                Some(seed) => format!("seed {seed}, again with `--seed {seed} --repeat 1`:"),
                None => format!("run {}:", run.number),
            };
            parts.push(format!("the first run that did not pass: {what}"));
            parts.extend(details.iter().cloned());
        }
        listing.block(&parts.join("\n\n"))
    }
}
