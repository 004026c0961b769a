//! Takes the results of runs in their order: prints them, and collects them for the output files.

use super::{
    Checked,
    ended::{Ended, Messages},
    listing::Listing,
    output_files::OutputFiles,
    repeat::{Repeat, Sum},
    schedule::RunKey,
};
use crate::{
    exit::{Exit, Failure},
    input::experiment::Experiment,
    report::printer::Printer,
    run::RunResult,
};

/// The results so far.
pub(super) struct Collector<'a> {
    checked: &'a [Checked],
    repeat: Option<Repeat<'a>>,
    messages: Messages,
    outputs: &'a mut OutputFiles,
    listing: Listing<'a>,
    /// The experiment whose results are being taken.
    now: Option<usize>,
    /// The sum of its runs, if there are several.
    sum: Option<Sum<'a>>,
    exit: Exit,
}

impl<'a> Collector<'a> {
    /// No result yet.
    pub(super) fn new(
        checked: &'a [Checked],
        repeat: Option<Repeat<'a>>,
        messages: Messages,
        outputs: &'a mut OutputFiles,
        printer: &'a Printer,
    ) -> Self {
        Self {
            checked,
            repeat,
            messages,
            outputs,
            listing: Listing::new(checked.iter().map(|it| &it.experiment), printer),
            now: None,
            sum: None,
            exit: Exit::Held,
        }
    }

    /// The name of an experiment.
    pub(super) fn name(&self, experiment: usize) -> &'a str {
        &self.checked[experiment].experiment.name.value
    }

    /// A signal came.
    pub(super) fn interrupted(&mut self, exit: Exit) {
        self.exit = self.exit.and(exit);
    }

    /// A run could not begin.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.exit = self.exit.and(failure.print(self.listing.printer()));
    }

    /// Takes the next result.
    pub(super) fn take(&mut self, key: RunKey, mut ended: Ended) {
        let Checked {
            experiment,
            objects,
        } = &self.checked[key.experiment];
        let printer = self.listing.printer();
        if self.now.replace(key.experiment) != Some(key.experiment) {
            self.outputs.begin(objects);
            let sum = |repeat| Sum::new(repeat, experiment, printer);
            self.sum = self.repeat.map(sum);
        }
        if self.messages == Messages::Held
            && let Some(held) = ended.printer.take()
        {
            printer.release(&held);
        }
        match &mut self.sum {
            Some(sum) => sum.take(key.run, ended, self.outputs, &mut self.listing),
            None => self.take_only(experiment, &ended.result),
        }
    }

    /// Takes the result of an experiment that is run once.
    fn take_only(&mut self, experiment: &Experiment, result: &Result<RunResult, Failure>) {
        let printer = self.listing.printer();
        match result {
            Ok(ran) => {
                self.exit = self.exit.and(ran.exit);
                let shown = self.listing.add(experiment, ran);
                self.exit = self.exit.and(printer.ended(shown));
                self.outputs.ran(experiment, ran, printer);
            }
            Err(failure) => {
                self.listing.ended(experiment, failure.exit);
                self.exit = self.exit.and(failure.print(printer));
                self.outputs.went_wrong(experiment, printer);
            }
        }
    }

    /// Ends the experiment whose results are being taken.
    pub(super) fn finish(&mut self) {
        self.now = None;
        if let Some(sum) = self.sum.take() {
            self.exit = self.exit.and(sum.end(self.outputs, &mut self.listing));
        }
    }

    /// Prints the total, and returns the exit code.
    pub(super) fn end(mut self) -> Exit {
        self.finish();
        self.outputs.set_outcomes(self.listing.outcomes());
        let printer = self.listing.printer();
        self.exit.and(printer.ended(self.listing.end()))
    }
}
