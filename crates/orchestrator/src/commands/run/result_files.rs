//! The results of a command, and the files for them: JSON, JUnit and Markdown, all made from one
//! report, and the HTML page.

use crate::{
    cli,
    commands::output::{Output, OutputError},
    exit::Exit,
    input::{experiment::Experiment, manifests::Manifest},
    report::{self, Outcomes, json, printer::Printer, repetition::Repetition},
    run::RunResult,
};

use super::{again::Options, report_file::ReportFile};

/// The requested files and what they will contain.
#[derive(Debug)]
pub(super) struct ResultFiles {
    json: Option<Output>,
    junit: Option<Output>,
    markdown: Option<Output>,
    page: Option<ReportFile>,
    outcomes: Outcomes,
    runs: Vec<json::Run>,
    repeats: Vec<json::Repeat>,
    errors: Vec<json::Error>,
}

impl ResultFiles {
    /// Creates the files, so that they can hold all errors from now on. `options` are those of the
    /// command that makes the runs.
    pub(super) fn create(results: &cli::Results, options: Options) -> Result<Self, OutputError> {
        let create = |path: &Option<_>| {
            let path: Option<&std::path::PathBuf> = path.as_ref();
            path.map(|path| Output::create(path)).transpose()
        };
        Ok(Self {
            json: create(&results.json)?,
            junit: create(&results.junit)?,
            markdown: create(&results.markdown)?,
            page: create(&results.report)?.map(|output| ReportFile::new(output, options)),
            outcomes: Outcomes::default(),
            runs: Vec::new(),
            repeats: Vec::new(),
            errors: Vec::new(),
        })
    }

    /// Takes the objects of the workload whose runs follow.
    pub(super) fn begin(&mut self, objects: &[Manifest]) {
        if let Some(page) = &mut self.page {
            page.begin(objects);
        }
    }

    /// Collects the result of a run, if there is a file for it.
    pub(super) fn add_run(&mut self, experiment: &Experiment, ran: &RunResult) {
        if let Some(page) = &mut self.page {
            page.draw(experiment, &ran.timeline, &ran.judgement);
        }
        self.collect_run(experiment, ran);
    }

    /// Collects the result of one of several runs. The page shows one of them.
    pub(super) fn add_repeated_run(&mut self, experiment: &Experiment, ran: &RunResult) {
        if let Some(page) = &mut self.page {
            page.draw_one_of_many(experiment, &ran.timeline, &ran.judgement);
        }
        self.collect_run(experiment, ran);
    }

    fn collect_run(&mut self, experiment: &Experiment, ran: &RunResult) {
        if self.json.is_some() || self.junit.is_some() || self.markdown.is_some() {
            let run = json::Run::new(experiment, &ran.timeline, &ran.judgement);
            self.runs.push(run);
        }
    }

    /// Collects the sum of the runs of an experiment.
    pub(super) fn add_repetition(&mut self, repetition: &Repetition) {
        self.repeats.push(json::Repeat::new(repetition));
        if let Some(page) = &mut self.page {
            page.draw_sum(repetition);
        }
    }

    /// Takes what became of each experiment.
    pub(super) fn set_outcomes(&mut self, outcomes: &Outcomes) {
        self.outcomes.clone_from(outcomes);
    }

    /// Collects errors.
    pub(super) fn add_errors(&mut self, errors: impl IntoIterator<Item = json::Error>) {
        self.errors.extend(errors);
    }

    /// Writes the files, prints failures, and returns the resulting exit code. JSON is written
    /// last, so that it contains a failure to write the others.
    pub(super) fn fill(self, exit: Exit, printer: &Printer) -> Exit {
        let mut report =
            json::Report::new(exit, self.outcomes, self.runs, self.repeats, self.errors);
        let mut exit = exit;
        if let Some(output) = self.junit {
            exit = exit.and(printer.ended(output.fill(&report::junit(&report))));
        }
        if let Some(output) = self.markdown {
            let text = report::markdown(&report);
            exit = exit.and(printer.ended(output.fill(text.as_bytes())));
        }
        if let Some(page) = self.page {
            exit = exit.and(printer.ended(page.fill(&report)));
        }
        report.errors.extend(printer.take_errors());
        report.exit = exit;
        let Some(output) = self.json else {
            return exit;
        };
        let mut bytes = serde_json::to_vec_pretty(&report).expect("a report must serialize");
        bytes.push(b'\n');
        // A failure to write the report cannot be in the report; it is only printed.
        exit.and(printer.ended(output.fill(&bytes)))
    }
}
