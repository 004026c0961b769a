//! `probeflip predict`: asks every question about the workloads of manifests in virtual time.

mod advise;
mod experiments;
mod samples;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    manifest_input,
    output::{Output, at_most_one, check},
    shell,
};
use crate::{
    cli::{
        self,
        predict::{FailOn, Format},
    },
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{
        experiment::{Rate, TrafficThat},
        load::Manifest,
        problem::{ProblemText, Problems},
        source::Source,
    },
    predict::{
        self, Answer, Basis, Comparison, Extras, Finding, ImpactSeverity, PredictionPage, Question,
        Table, Wanted, Workload, Written,
    },
    report::{
        hanging, markdown_text,
        printer::{PrintError, Printer},
        wrapped,
    },
    run::interrupt::Interrupt,
    stand_in::{self, Settings},
};
use advise::{Tried, advise};
use samples::{Asked, Outcome, Samples};

/// Width of sentences that no terminal limits.
const WIDTH: usize = 100;

/// Why nothing is predicted.
#[derive(Debug, thiserror::Error)]
enum PredictError {
    #[error("nothing to predict: the input has no workload")]
    NoWorkload,
    #[error("{0}")]
    NoSuchRow(ProblemText),
    #[error("`--advise={}` is part of the input; expected a file elsewhere", .0.display())]
    PatchesAreInput(PathBuf),
    #[error(
        "`--report` draws rows of manifests, and these are experiments; `probeflip run --on virtual \
         --report F.html` draws their runs"
    )]
    ReportOfExperiments,
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
    if let Some(path) = patches(command)
        && manifest_input::holds(&command.input, path)
    {
        return Err(PredictError::PatchesAreInput(path.clone()).into());
    }
    at_most_one(command.on_stdout())?;
    let names: Vec<&Path> = command.input.names.iter().map(Path::new).collect();
    let report = command.report.as_deref().map(|path| ("--report", path));
    check(report.as_slice(), &names)?;
    let experiments = experiments::experiments(&command.input)?;
    if !experiments.is_empty() {
        if command.report.is_some() {
            return Err(PredictError::ReportOfExperiments.into());
        }
        return experiments::predict(experiments, command, printer);
    }
    let manifests = manifest_input::read(&command.input, &[])?;
    let changed = predict::set(&manifests, &command.set)?;
    let settings = command.targets.settings(None);
    let (workloads, notes) = workloads(&changed, &settings)?;
    super::note_stand_ins(&notes, printer);
    let ending = ending(&changed);
    for note in &ending {
        printer.paragraph("note: ", note);
    }
    if workloads.is_empty() && ending.is_empty() {
        return Err(PredictError::NoWorkload.into());
    }
    let asked = asked(&workloads, command, printer);
    must_have_rows(&asked, &workloads, command)?;
    if let Some(path) = patches(command) {
        // A path that cannot be written is reported before anything runs.
        let opened = fs::File::options().append(true).create(true).open(path);
        at(path, opened.map(drop))?;
    }
    if let Some(folder) = &command.experiments {
        keep(&asked, folder)?;
    }
    let report = command.report.as_deref().map(Output::create).transpose()?;
    let rate = command.rate.per_second();
    let basis = Basis::new(&settings, command.samples, command.seed, rate);
    let mut interrupt = Interrupt::catch()?;
    let mut rows = Rows::new(&asked, command, printer);
    rows.head(&basis)?;
    let samples = Samples::new(&asked, basis.samples, basis.seed);
    let Outcome {
        answers,
        mut signal,
    } = samples.run(&mut interrupt, printer, |answer| rows.row(answer))?;
    let comparison = if command.set.is_empty() || signal.is_some() {
        None
    } else {
        let before = before(&manifests, command, &mut interrupt, printer)?;
        signal = before.signal;
        Some(predict::compare(before.answers, answers.clone()))
    };
    let tried = if command.advise.is_some() && signal.is_none() {
        let tried = advise(
            &changed,
            &workloads,
            &answers,
            command,
            &mut interrupt,
            printer,
        )?;
        signal = tried.signal;
        Some(tried)
    } else {
        None
    };
    if let (Some(path), Some(tried)) = (patches(command), &tried) {
        at(path, fs::write(path, &tried.patches))?;
    }
    let exit = signal.unwrap_or_else(|| exit(&answers, command.fail_on));
    let questions: Vec<&Question<'_>> = asked.iter().map(|asked| &asked.question).collect();
    let predicted = Predicted {
        experiments: asked.iter().filter_map(Asked::written).collect(),
        findings: predict::findings(&questions, &answers),
        answers,
        comparison,
        tried,
    };
    predicted.print(&basis, &mut rows, exit)?;
    let Some(report) = report else {
        return Ok(exit);
    };
    let page = predicted.page(&basis, &manifests, &notes);
    Ok(exit.and(printer.ended(report.fill(page.as_bytes()))))
}

/// The file that the patches of `--advise` go to.
fn patches(command: &cli::Predict) -> Option<&PathBuf> {
    command.advise.as_ref()?.as_ref()
}

/// The workloads of manifests as stand-ins, and the notes about these.
fn workloads(
    manifests: &[Manifest],
    settings: &Settings,
) -> Result<(Vec<Workload>, Vec<String>), Problems> {
    let (stand_ins, mut notes) = stand_in::manifests(manifests, settings)?;
    let workloads = Workload::all(&stand_ins, manifests)?;
    let mut of_services = Vec::new();
    for workload in &workloads {
        of_services.extend(workload.headless());
        of_services.extend(workload.dead_services.iter().cloned());
    }
    of_services.sort();
    of_services.dedup();
    notes.extend(of_services);
    Ok((workloads, notes))
}

/// What is said of workloads whose containers end and about which nothing is asked.
fn ending(manifests: &[Manifest]) -> Vec<String> {
    let cron_jobs = manifests.iter().filter(|it| it.kind() == "CronJob");
    cron_jobs
        .map(|manifest| {
            format!(
                "cronjob/{} is not predicted: it makes Jobs, whose containers end by themselves \
                 and get no requests; `probeflip lint` checks their probes",
                manifest.name()
            )
        })
        .collect()
}

/// The wanted questions about workloads.
fn asked<'w>(
    workloads: &'w [Workload],
    command: &cli::Predict,
    printer: &Printer,
) -> Vec<Asked<'w>> {
    let is_asked = |question: &Question<'_>| {
        command.only.is_empty() || command.only.contains(&predict::name(question))
    };
    let settle = settle(command.rate);
    let asked = questions(workloads, command)
        .into_iter()
        .filter(is_asked)
        .map(|question| Asked::new(question, command.rate, settle, printer));
    asked.collect()
}

/// The questions of the wanted modes and scopes, which have different names.
fn questions<'w>(workloads: &'w [Workload], command: &cli::Predict) -> Vec<Question<'w>> {
    let wanted = Wanted {
        modes: command.mode.clone(),
        scopes: command.scope.clone(),
    };
    let asked = workloads
        .iter()
        .flat_map(|workload| predict::questions(workload, &wanted));
    let mut asked: Vec<Question<'_>> = asked.collect();
    if asked.is_empty() {
        let rows = workloads.iter();
        asked.extend(rows.filter_map(|workload| predict::of_no_mode(workload, &wanted)));
    }
    let mut namesakes = BTreeMap::<String, usize>::new();
    for question in &mut asked {
        let before = namesakes.entry(predict::name(question)).or_default();
        question.namesakes = *before;
        *before += 1;
    }
    asked
}

/// Refuses the name of an experiment that no row has.
fn must_have_rows(
    asked: &[Asked<'_>],
    workloads: &[Workload],
    command: &cli::Predict,
) -> Result<(), PredictError> {
    let is_asked = |name: &&String| asked.iter().any(|it| predict::name(&it.question) == **name);
    let Some(unknown) = command.only.iter().find(|name| !is_asked(name)) else {
        return Ok(());
    };
    let questions = questions(workloads, command);
    let names: Vec<String> = questions.iter().map(predict::name).collect();
    let fault = ProblemText::new(format!(
        "no row of these modes has the experiment `{unknown}`"
    ));
    let fault = fault.one_of(unknown, names.iter().map(String::as_str));
    Err(PredictError::NoSuchRow(fault))
}

/// The answers without `--set`.
fn before(
    manifests: &[Manifest],
    command: &cli::Predict,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<Outcome, Failure> {
    let (workloads, _) = workloads(manifests, &command.targets.settings(None))?;
    let asked = asked(&workloads, command, printer);
    let samples = Samples::new(&asked, command.samples, command.seed);
    samples.run(interrupt, printer, |_| Ok(()))
}

/// What is printed.
struct Predicted<'a> {
    experiments: Vec<&'a Written>,
    answers: Vec<Answer>,
    findings: Vec<Finding>,
    comparison: Option<Vec<Comparison>>,
    tried: Option<Tried>,
}

impl Predicted<'_> {
    /// The HTML page.
    fn page(&self, basis: &Basis, manifests: &[Manifest], notes: &[String]) -> String {
        let tried = self.tried.as_ref();
        let advice = tried.map(|tried| tried.text(WIDTH));
        let patches = tried.map_or("", |tried| &tried.patches);
        let files: Vec<&Source> = manifests.iter().map(|manifest| &manifest.source).collect();
        let page = PredictionPage {
            basis,
            answers: &self.answers,
            findings: &self.findings,
            comparison: self.comparison.as_deref(),
            advice: advice.as_deref().map(|advice| (advice, patches)),
            notes,
            files: &files,
            again: &shell::command(std::env::args_os(), "--report"),
        };
        page.html()
    }

    fn print(&self, basis: &Basis, rows: &mut Rows<'_>, exit: Exit) -> Result<(), PrintError> {
        let printer = rows.printer;
        let messages = self.findings.iter().map(|finding| finding.message.as_str());
        match rows.format {
            Format::Table => {
                if let Some(comparison) = &self.comparison {
                    rows.compared(comparison)?;
                }
                rows.end(&self.answers, messages)?;
                if let Some(tried) = &self.tried {
                    printer.text(&tried.text(rows.width))?;
                }
            }
            Format::Json => {
                let extras = Extras {
                    comparison: self.comparison.as_deref(),
                    advice: self.tried.as_ref().map(|tried| &*tried.advice),
                    experiments: &self.experiments,
                };
                let (answers, findings) = (&self.answers, &self.findings);
                printer.data(&predict::json(basis, answers, findings, extras, exit))?;
            }
            Format::Markdown => {
                printer.data(&format!("{}\n\n", basis.text()))?;
                let marked = self.comparison.as_ref().map(|rows| predict::marked(rows));
                let answers = marked.as_ref().unwrap_or(&self.answers);
                printer.data(&predict::markdown(answers))?;
                let items = messages.enumerate();
                let items = items
                    .map(|(index, message)| format!("{}. {}\n", index + 1, markdown_text(message)));
                let items: String = items.collect();
                if !items.is_empty() {
                    printer.data(&format!("\n{items}"))?;
                }
                if let Some(tried) = &self.tried {
                    printer.data(&tried.markdown())?;
                }
            }
        }
        Ok(())
    }
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
    at(folder, fs::create_dir_all(folder))?;
    for it in asked.iter().filter_map(Asked::written) {
        let path = folder.join(format!("{}.yaml", it.name));
        at(&path, fs::write(&path, &it.text))?;
    }
    Ok(())
}

/// The result of writing to a path.
fn at(path: &Path, written: io::Result<()>) -> Result<(), PredictError> {
    written.map_err(|source| PredictError::Write {
        path: path.to_owned(),
        source,
    })
}

/// The table as it is printed, row by row; without other formats' rows. A comparison is printed
/// when all is known.
struct Rows<'a> {
    table: Table,
    format: Format,
    is_compared: bool,
    width: usize,
    printer: &'a Printer,
}

impl<'a> Rows<'a> {
    fn new(asked: &[Asked<'_>], command: &cli::Predict, printer: &'a Printer) -> Self {
        let mark = if command.set.is_empty() { "" } else { "  " };
        let labels = asked.iter().map(|asked| {
            (
                mark.to_owned() + &asked.question.what(),
                asked.question.pods(),
            )
        });
        let labels: Vec<(String, String)> = labels.collect();
        Self {
            table: Table::new(&labels, printer.width()),
            format: command.output,
            is_compared: !command.set.is_empty(),
            width: printer.width().map_or(WIDTH, usize::from),
            printer,
        }
    }

    fn head(&self, basis: &Basis) -> Result<(), PrintError> {
        let basis = wrapped(&basis.text(), self.width).join("\n");
        self.print(&format!("{basis}\n\n{}", self.table.head()))
    }

    fn row(&mut self, answer: &Answer) -> Result<(), PrintError> {
        if self.is_compared {
            return Ok(());
        }
        let row = self.table.row(answer);
        self.print(&row)
    }

    /// The rows of two predictions.
    fn compared(&mut self, rows: &[Comparison]) -> Result<(), PrintError> {
        let marked = predict::marked(rows);
        let text: String = marked.iter().map(|answer| self.table.row(answer)).collect();
        self.print(&text)
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
            lines.extend(hanging(&format!("{}. ", index + 1), message, self.width));
        }
        self.print(&(lines.join("\n") + "\n"))
    }

    fn print(&self, text: &str) -> Result<(), PrintError> {
        if self.format == Format::Table {
            self.printer.settle();
            self.printer.text(text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
