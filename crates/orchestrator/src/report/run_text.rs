//! The run of one experiment as text: one line, the story of what did not hold, or everything.

use super::measures::{chains, measures};
use super::sections::{Part, Section};
use super::summary::summary;
use super::table::{details, verdicts};
use super::wrap::{columns, wrapped};
use crate::input::experiment::Experiment;
use crate::judge::{Judgement, Verdict};
use crate::timeline::Timeline;

/// What is known about a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunText<'a> {
    /// The experiment.
    pub(crate) experiment: &'a Experiment,
    /// The changes of its timeline.
    pub(crate) sections: &'a [Section],
    /// Its timeline.
    pub(crate) timeline: &'a Timeline,
    /// Its judgement.
    pub(crate) judgement: &'a Judgement,
    /// The width of the terminal, if there is one; no line is wider.
    pub(crate) width: Option<u16>,
}

impl RunText<'_> {
    /// The verdict, the place, the duration and the counts, in one line if it fits.
    pub(crate) fn line(&self) -> String {
        let summary = summary(self.experiment, self.timeline, self.judgement);
        wrapped(&summary, columns(self.width)).join("\n")
    }

    /// All sections, all verdicts, and what they rest on.
    pub(crate) fn everything(&self) -> String {
        self.with(self.sections)
    }

    /// The sections of the steps that did not pass, and all verdicts. If all steps passed, the last
    /// section before the clean-up stands for what ended the run.
    pub(crate) fn around_failure(&self) -> String {
        let steps = &self.judgement.steps;
        let did_not_pass = |section: &&Section| match section.part {
            Part::Step(number) => steps
                .get(number)
                .and_then(|step| step.verdict)
                .is_some_and(|verdict| verdict != Verdict::Pass),
            Part::Start | Part::AfterStep | Part::CleanUp => false,
        };
        let mut sections = self.sections.iter();
        let failed: Vec<Section> = sections.clone().filter(did_not_pass).cloned().collect();
        if !failed.is_empty() {
            return self.with(&failed);
        }
        let last = sections.rfind(|section| section.part != Part::CleanUp);
        self.with(last.map_or(&[], std::slice::from_ref))
    }

    fn with(&self, sections: &[Section]) -> String {
        let Self {
            judgement, width, ..
        } = *self;
        let sections = sections.iter().map(|section| section.text(width));
        let mut parts: Vec<String> = sections.collect();
        parts.push(verdicts(judgement, width));
        parts.extend(measures(judgement, width));
        parts.extend(chains(judgement, width));
        parts.extend(details(judgement, width));
        parts.push(self.line());
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }
}
