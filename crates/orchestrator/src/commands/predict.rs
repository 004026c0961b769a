//! `probeflip predict`: asks every question about the workloads of manifests in virtual time.

mod samples;

use std::{
    fs, io, iter,
    path::{Path, PathBuf},
    time::Duration,
};

use super::manifest_input;
use crate::{
    cli::{
        self,
        predict::{FailOn, Format},
    },
    exit::{CommandResult, Exit, HasExitCode},
    input::{
        experiment::{Rate, TrafficThat},
        problem::Problems,
    },
    predict::{self, Answer, Basis, ImpactSeverity, Question, Table, Wanted, Workload},
    report::{
        printer::{PrintError, Printer},
        wrapped,
    },
    run::interrupt::Interrupt,
    stand_in,
};
use samples::{Asked, Outcome, Samples};

/// Width of sentences that no terminal limits.
const WIDTH: usize = 100;

/// Why nothing is predicted.
#[derive(Debug, thiserror::Error)]
enum PredictError {
    #[error("nothing to predict: the input has no workload")]
    NoWorkload,
    #[error(
        "nothing to predict: these modes and names ask about no container and no template of the \
         input"
    )]
    NoQuestion,
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for PredictError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

pub(super) fn run(command: &cli::Predict, printer: &Printer) -> CommandResult {
    let manifests = manifest_input::read(&command.input, &[])?;
    let settings = command.targets.settings(None);
    let (stand_ins, notes) = stand_in::manifests(&manifests, &settings)?;
    super::note_stand_ins(&notes, printer);
    let workloads = Workload::all(&stand_ins, &manifests).map_err(Problems::from)?;
    if workloads.is_empty() {
        return Err(PredictError::NoWorkload.into());
    }
    let wanted = Wanted {
        modes: command.mode.clone(),
        scopes: command.scope.clone(),
    };
    let questions = workloads
        .iter()
        .flat_map(|workload| predict::questions(workload, &wanted));
    let is_asked = |question: &Question<'_>| {
        command.only.is_empty() || command.only.contains(&predict::name(question))
    };
    let settle = settle(command.rate);
    let asked: Vec<Asked<'_>> = questions
        .filter(is_asked)
        .map(|question| Asked::new(question, command.rate, settle, printer))
        .collect();
    if asked.is_empty() {
        return Err(PredictError::NoQuestion.into());
    }
    if let Some(folder) = &command.experiments {
        keep(&asked, folder)?;
    }
    let rate = command.rate.per_second();
    let basis = Basis::new(&settings, command.samples, command.seed, rate);
    predicted(&asked, &basis, command, printer)
}

/// Answers the questions, and prints the answers as they are known, or those that are known when
/// a signal comes.
fn predicted(
    asked: &[Asked<'_>],
    basis: &Basis,
    command: &cli::Predict,
    printer: &Printer,
) -> CommandResult {
    let mut rows = Rows::new(asked, command.output, printer);
    rows.head(basis)?;
    let samples = Samples::new(asked, basis.samples, basis.seed);
    let interrupt = Interrupt::catch()?;
    let Outcome { answers, signal } = samples.run(interrupt, printer, |answer| rows.row(answer))?;
    let exit = signal.unwrap_or_else(|| exit(&answers, command.fail_on));
    let questions: Vec<&Question<'_>> = asked.iter().map(|asked| &asked.question).collect();
    let findings = predict::findings(&questions, &answers);
    match command.output {
        Format::Table => {
            let messages = findings.iter().map(|finding| finding.message.as_str());
            rows.end(&answers, messages)?;
        }
        Format::Json => printer.data(&predict::json(basis, &answers, &findings, exit))?,
        Format::Markdown => {
            printer.data(&format!("{}\n\n", basis.text()))?;
            printer.data(&predict::markdown(&answers))?;
            let items = findings.iter().enumerate();
            let items = items.map(|(index, it)| format!("{}. {}\n", index + 1, it.message));
            let items: String = items.collect();
            if !items.is_empty() {
                printer.data(&format!("\n{items}"))?;
            }
        }
    }
    Ok(exit)
}

fn exit(answers: &[Answer], fail_on: Option<FailOn>) -> Exit {
    let fails = |answer: &Answer| match fail_on {
        None => false,
        Some(FailOn::Restart) => answer.severity >= ImpactSeverity::Restart,
        Some(FailOn::Unnoticed) => answer.severity >= ImpactSeverity::Unnoticed,
        Some(FailOn::Outage(least)) => {
            let lasts = answer.reason.outage_lasts();
            lasts.is_some_and(|lasts| lasts >= least.into())
        }
    };
    if answers.iter().any(fails) {
        Exit::Failed
    } else {
        Exit::Held
    }
}

/// How long a steady state must last at this rate, so that enough requests show it.
fn settle(rate: Rate) -> Duration {
    let requests = TrafficThat::MIN_REQUESTS;
    Duration::from_secs(requests.div_ceil(rate.per_second().into()) + 1)
}

/// Writes the experiments into a folder, which is created.
fn keep(asked: &[Asked<'_>], folder: &Path) -> Result<(), PredictError> {
    let written = |path: PathBuf, result: io::Result<()>| {
        result.map_err(|source| PredictError::Write { path, source })
    };
    written(folder.to_owned(), fs::create_dir_all(folder))?;
    for it in asked.iter().filter_map(Asked::written) {
        let path = folder.join(format!("{}.yaml", it.name));
        written(path.clone(), fs::write(path, &it.text))?;
    }
    Ok(())
}

/// The table as it is printed, row by row; without other formats' rows.
struct Rows<'a> {
    table: Table,
    is_table: bool,
    width: usize,
    printer: &'a Printer,
}

impl<'a> Rows<'a> {
    fn new(asked: &[Asked<'_>], format: Format, printer: &'a Printer) -> Self {
        let labels = asked
            .iter()
            .map(|asked| (asked.question.what(), asked.question.pods()));
        let labels: Vec<(String, String)> = labels.collect();
        Self {
            table: Table::new(&labels, printer.width()),
            is_table: format == Format::Table,
            width: printer.width().map_or(WIDTH, usize::from),
            printer,
        }
    }

    fn head(&self, basis: &Basis) -> Result<(), PrintError> {
        let basis = wrapped(&basis.text(), self.width).join("\n");
        self.print(&format!("{basis}\n\n{}", self.table.head()))
    }

    fn row(&mut self, answer: &Answer) -> Result<(), PrintError> {
        let row = self.table.row(answer);
        self.print(&row)
    }

    /// The counts of severities, and the findings.
    fn end<'f>(
        &self,
        answers: &[Answer],
        findings: impl Iterator<Item = &'f str>,
    ) -> Result<(), PrintError> {
        let mut lines = vec![String::new(), predict::counts(answers)];
        for (index, message) in findings.enumerate() {
            lines.push(String::new());
            let starts = [format!("{}. ", index + 1)];
            let starts = starts.into_iter().chain(iter::repeat("   ".to_owned()));
            let message = wrapped(message, self.width.saturating_sub(3));
            lines.extend(starts.zip(message).map(|(start, line)| start + &line));
        }
        self.print(&(lines.join("\n") + "\n"))
    }

    fn print(&self, text: &str) -> Result<(), PrintError> {
        if self.is_table {
            self.printer.settle();
            self.printer.text(text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
