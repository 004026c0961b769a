//! The timeline as text, in sections: the start, each step, and the clean-up.

use std::fmt;

use probe_target::model::duration;

use super::alike::sum_up;
use super::line::Line;
use super::outcome_changes::{self, OutcomeChange, outcome_changes};
use super::record_changes::changes;
use super::wrap::{columns, wrapped};
use crate::input::experiment::{Action, Delete, Experiment, Flip, ObjectKind, ObjectRef, Step};
use crate::printable::one_line;
use crate::timeline::snapshot::Snapshot;
use crate::timeline::{Micros, Record, Timeline, What};

/// A part of the timeline with its own time 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// Which part it is.
    pub(crate) part: Part,
    /// The heading.
    pub(crate) title: String,
    /// Time 0 of its lines.
    pub(crate) zero: Micros,
    /// The changes, in the order of their times.
    pub(crate) lines: Vec<Line>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Until the steady state.
    Start,
    /// The step with this number, from 0.
    Step(usize),
    /// What follows a step, until the next.
    AfterStep,
    /// The clean-up.
    CleanUp,
}

impl Section {
    /// The section as text that is not wider than `width`.
    pub(super) fn text(&self, width: Option<u16>) -> String {
        let objects = self.lines.iter();
        let objects = objects.map(|line| one_line(&line.object).chars().count());
        let object = objects.max().unwrap_or(0);
        let columns = columns(width);
        let lines = self.lines.iter();
        let lines = lines.flat_map(|line| line.rows(self.zero, object, columns));
        let title = wrapped(&one_line(&self.title), columns);
        title
            .into_iter()
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(None))
    }
}

/// All sections of a timeline.
pub(crate) fn sections(experiment: &Experiment, timeline: &Timeline) -> Vec<Section> {
    let mut builder = SectionBuilder::new(experiment);
    builder.catch_up(timeline);
    builder.end()
}

/// Sections under construction, of a timeline that may still grow.
#[derive(Debug)]
pub(crate) struct SectionBuilder<'a> {
    experiment: &'a Experiment,
    sections: Vec<Section>,
    /// When each section starts.
    starts: Vec<Micros>,
    snapshot: Snapshot,
}

impl<'a> SectionBuilder<'a> {
    /// The sections of a timeline of which no record has been taken.
    pub(crate) fn new(experiment: &'a Experiment) -> Self {
        let mut builder = Self {
            experiment,
            sections: Vec::new(),
            starts: Vec::new(),
            snapshot: Snapshot::new(&experiment.traffic),
        };
        let name = &experiment.name.value;
        let title = format!("{name}: until the steady state");
        builder.open(Part::Start, Micros::ZERO, title);
        builder
    }

    /// Takes the records added since the last call. The timeline must be the same one each time.
    pub(crate) fn catch_up(&mut self, timeline: &Timeline) {
        for record in self.snapshot.untaken(timeline) {
            self.take(record);
        }
    }

    fn open(&mut self, part: Part, at: Micros, title: String) {
        self.sections.push(Section {
            part,
            title,
            zero: at,
            lines: Vec::new(),
        });
        self.starts.push(at);
    }

    fn take(&mut self, record: &Record) {
        let lines = changes(&mut self.snapshot, record);
        match &record.what {
            What::StepStart { step, name, .. } => {
                self.close_if_empty();
                let title = title(*step, name, self.experiment.steps.get(*step));
                self.open(Part::Step(*step), record.at, title);
            }
            What::Applied | What::Acknowledged { .. } => self.last().zero = record.at,
            What::Steady => self.line(Line::new(record.at, "steady state", "reached")),
            What::Interrupted => self.line(Line::new(record.at, "signal", "ends the run")),
            What::StepEnd { step } => {
                self.line(Line::new(
                    record.at,
                    format!("step {}", step + 1),
                    "decided",
                ));
                self.open(Part::AfterStep, record.at, "after the step".into());
            }
            What::Reverting => {
                self.close_if_empty();
                let title = "afterwards: flips reverted, objects deleted";
                self.open(Part::CleanUp, record.at, title.into());
            }
            _ => self.last().lines.extend(lines),
        }
    }

    /// The sections of all records taken.
    pub(crate) fn end(mut self) -> Vec<Section> {
        for client in &self.experiment.traffic {
            // Requests are listed by the times they were sent, not by when they became known.
            if let Some(known) = self.snapshot.client(&client.name) {
                self.share_out(&client.name, &outcome_changes(known));
            }
        }
        self.close_if_empty();
        for section in &mut self.sections {
            section.lines.sort_by_key(|line| line.at);
            section.lines = sum_up(&section.lines, section.zero);
        }
        self.sections
    }

    /// Adds the lines of one client to the sections of their times.
    fn share_out(&mut self, client: &str, changes: &[OutcomeChange]) {
        let place = |change: &OutcomeChange| {
            let begun = self.starts.partition_point(|start| *start <= change.at);
            begun.max(1) - 1
        };
        for changes in changes.chunk_by(|one, next| place(one) == place(next)) {
            let section = &mut self.sections[place(&changes[0])];
            let lines = outcome_changes::lines(client, changes, section.zero);
            section.lines.extend(lines);
        }
    }

    // Removes an empty section, such as "after the step" between two steps.
    fn close_if_empty(&mut self) {
        if self.sections.len() > 1 && self.last().lines.is_empty() {
            self.sections.pop();
            self.starts.pop();
        }
    }

    fn line(&mut self, line: Line) {
        self.last().lines.push(line);
    }

    fn last(&mut self) -> &mut Section {
        self.sections
            .last_mut()
            .expect("there must be a first section")
    }
}

fn title(number: usize, name: &str, step: Option<&Step>) -> String {
    let action = match step.map(|step| &step.action) {
        Some(Action::Flip(flips)) => flips.iter().map(flip).collect::<Vec<_>>().join(", "),
        Some(Action::Patch(patch)) => format!("{} is patched", patch.object.value),
        Some(Action::Delete(Delete { pod, pods })) => match pods.as_ref().map(|pods| pods.value) {
            None => format!("{} is deleted", pods_of(pod)),
            Some(1) => format!("1 Pod of {} is deleted", pod.value),
            Some(pods) => format!("{pods} Pods of {} are deleted", pod.value),
        },
        Some(Action::Wait(wait)) => format!("a wait of {} begins", duration::format(*wait)),
        None => "something unknown is done".into(),
    };
    format!("step {}, {name}: at 0 {action}", number + 1)
}

/// `pod/web-1`, or `every Pod of deploy/web`.
fn pods_of(subject: &ObjectRef) -> String {
    match subject.kind {
        ObjectKind::Pod => subject.to_string(),
        _ => format!("every Pod of {subject}"),
    }
}

fn flip(flip: &Flip) -> String {
    let whose = format!("{} in {}", flip.container.value, flip.pod.value);
    flip.aim.describe(whose)
}
