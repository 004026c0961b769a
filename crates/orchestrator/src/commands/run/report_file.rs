//! The HTML report: its file, and the page that is written into it at the end.

use std::collections::BTreeMap;

use super::again::{self, Options};
use crate::{
    commands::output::{Output, OutputError},
    input::{experiment::Experiment, manifests::Manifest, source::Source},
    judge::{Judgement, Verdict},
    report::{
        html::{End, Entry, Page, Run},
        json,
        repetition::Repetition,
    },
    timeline::Timeline,
};

/// The file of the report, and the page so far.
#[derive(Debug)]
pub(super) struct ReportFile {
    output: Output,
    page: Page,
    /// Options of the command that makes the runs.
    options: Options,
    /// The files of the workload whose runs are drawn, by path.
    files: BTreeMap<String, Source>,
    /// The section of repeated runs whose sum is not known yet: that of the first run that did not
    /// pass, else that of the first.
    repeated: Option<(Verdict, Entry)>,
}

impl ReportFile {
    /// A page without sections, for this file.
    pub(super) fn new(output: Output, options: Options) -> Self {
        Self {
            output,
            page: Page::default(),
            options,
            files: BTreeMap::new(),
            repeated: None,
        }
    }

    /// Takes the objects of the workload whose runs follow.
    pub(super) fn begin(&mut self, objects: &[Manifest]) {
        let written = objects.iter().filter_map(|object| object.written.as_ref());
        let sources = written.map(|manifest| {
            let path = manifest.source.path.display().to_string();
            (path, manifest.source.clone())
        });
        self.files = sources.collect();
    }

    /// Adds a run.
    pub(super) fn draw(
        &mut self,
        experiment: &Experiment,
        timeline: &Timeline,
        judgement: &Judgement,
    ) {
        let entry = self.entry(experiment, timeline, judgement);
        self.page.push(entry);
    }

    /// Takes one of several runs.
    pub(super) fn draw_one_of_many(
        &mut self,
        experiment: &Experiment,
        timeline: &Timeline,
        judgement: &Judgement,
    ) {
        let (was, is) = (
            self.repeated.as_ref().map(|(was, _)| *was),
            judgement.verdict,
        );
        if was.is_none_or(|was| was == Verdict::Pass && is != Verdict::Pass) {
            self.repeated = Some((is, self.entry(experiment, timeline, judgement)));
        }
    }

    /// Adds the run that was kept of several, with the sum of all.
    pub(super) fn draw_sum(&mut self, repetition: &Repetition) {
        if let Some((_, entry)) = self.repeated.take() {
            self.page.push(entry.with_sum(repetition));
        }
    }

    /// Writes the page.
    pub(super) fn fill(mut self, report: &json::Report) -> Result<(), OutputError> {
        // An error may have kept the sum from being made.
        if let Some((_, entry)) = self.repeated.take() {
            self.page.push(entry);
        }
        let errors = report.errors.iter();
        let errors: Vec<String> = errors.map(|error| error.message.clone()).collect();
        let not_run: Vec<&str> = report.outcomes.not_run().collect();
        let html = self.page.html(&End {
            total: &report.total().text(None),
            not_run: &not_run,
            errors: &errors,
        });
        self.output.fill(html.as_bytes())
    }

    fn entry(&self, experiment: &Experiment, timeline: &Timeline, judgement: &Judgement) -> Entry {
        let files: Vec<&Source> = self.files.values().collect();
        self.page.entry(&Run {
            experiment,
            timeline,
            judgement,
            files: &files,
            again: &again::command(experiment, timeline.header(), &self.options),
        })
    }
}
