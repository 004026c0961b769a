//! The text of `probeflip run` and `probeflip judge`: experiment after experiment, then the total.

use crate::{
    exit::Exit,
    input::experiment::Experiment,
    report::{
        Outcomes, RunText, Total,
        printer::{PrintError, Printer, Verbosity},
    },
    run::RunResult,
};

/// Prints each experiment when it ends, as much of it as is to be printed.
pub(super) struct Listing<'a> {
    printer: &'a Printer,
    total: Total,
    /// What was printed last; nothing at the start.
    last: Option<Shape>,
}

/// The shape of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    /// Has an empty line before and after it.
    Block,
}

impl<'a> Listing<'a> {
    /// A listing of these experiments, of which none has run.
    pub(super) fn new<'e>(
        experiments: impl Iterator<Item = &'e Experiment>,
        printer: &'a Printer,
    ) -> Self {
        let names = experiments.map(|experiment| experiment.name.value.clone());
        Self {
            printer,
            total: Total::new(Outcomes::none_of(names)),
            last: None,
        }
    }

    pub(super) fn printer(&self) -> &'a Printer {
        self.printer
    }

    /// Adds an experiment that was run once.
    pub(super) fn add(
        &mut self,
        experiment: &Experiment,
        ran: &RunResult,
    ) -> Result<(), PrintError> {
        self.ended(experiment, ran.exit);
        self.add_run(ran);
        self.show(experiment, ran)
    }

    /// Prints a run, but does not count it.
    pub(super) fn show(
        &mut self,
        experiment: &Experiment,
        ran: &RunResult,
    ) -> Result<(), PrintError> {
        let text = RunText {
            experiment,
            sections: &ran.sections,
            timeline: &ran.timeline,
            judgement: &ran.judgement,
            width: self.printer.width(),
        };
        match (self.printer.verbosity(), ran.exit) {
            (Verbosity::Quiet, Exit::Held) => Ok(()),
            (Verbosity::Normal, Exit::Held) | (Verbosity::Quiet, _) => self.line(&text.line()),
            (Verbosity::Normal, _) => self.block(&text.around_failure()),
            (Verbosity::Verbose, _) => self.block(&text.everything()),
        }
    }

    /// Counts an experiment, whose run or worst run ended with this code.
    pub(super) fn ended(&mut self, experiment: &Experiment, exit: Exit) {
        self.total.ended(&experiment.name.value, exit);
    }

    /// Counts the expectations of a run.
    pub(super) fn add_run(&mut self, ran: &RunResult) {
        self.total.add_run(&ran.judgement, ran.timeline.last());
    }

    /// What became of each experiment.
    pub(super) fn outcomes(&self) -> &Outcomes {
        self.total.outcomes()
    }

    pub(super) fn line(&mut self, text: &str) -> Result<(), PrintError> {
        self.print(Shape::Line, text)
    }

    pub(super) fn block(&mut self, text: &str) -> Result<(), PrintError> {
        self.print(Shape::Block, text)
    }

    /// Prints the total, unless it is that of a single experiment that was printed.
    pub(super) fn end(mut self) -> Result<(), PrintError> {
        let text = self.total.text(self.printer.width());
        match self.printer.verbosity() {
            Verbosity::Quiet => self.line(&text),
            _ if self.total.outcomes().len() > 1 => self.block(&text),
            _ => Ok(()),
        }
    }

    fn print(&mut self, shape: Shape, text: &str) -> Result<(), PrintError> {
        let apart = self
            .last
            .is_some_and(|last| last == Shape::Block || shape == Shape::Block);
        self.last = Some(shape);
        let before = if apart { "\n" } else { "" };
        self.printer.text(&format!("{before}{text}\n"))
    }
}
