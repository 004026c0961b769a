//! The timeline in words, a section for the start and one for each step.

use std::fmt;

use super::changes::{Teller, was};
use super::line::Line;
use crate::experiment::{Action, Experiment, Step};
use crate::timeline::{Micros, Outcome, Timeline, What};
use crate::view::{Client, View};

/// So many changes of one client are told; one that flickers would hide the rest.
const TOLD: usize = 40;

/// A part of the timeline with a time 0 of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// Where its times count from.
    pub zero: Micros,
    /// In the order of their times.
    pub lines: Vec<Line>,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        let width = self
            .lines
            .iter()
            .map(|line| line.object.chars().count())
            .max()
            .unwrap_or(0);
        for line in &self.lines {
            write!(f, "\n{}", line.told_from(self.zero, width))?;
        }
        Ok(())
    }
}

/// All sections of a timeline.
pub fn sections(experiment: &Experiment, timeline: &Timeline) -> Vec<Section> {
    let mut sections = vec![Section {
        title: start(experiment),
        zero: Micros::ZERO,
        lines: Vec::new(),
    }];
    let mut starts = vec![Micros::ZERO];
    for record in timeline.records() {
        let last = sections.last_mut().expect("there must be a first section");
        match &record.what {
            What::Applied | What::Acknowledged { .. } => last.zero = record.at,
            What::StepStart { step, name } => {
                let title = title(*step, name, experiment.steps.get(*step));
                sections.push(Section {
                    title,
                    zero: record.at,
                    lines: Vec::new(),
                });
                starts.push(record.at);
            }
            _ => {}
        }
    }
    for line in lines(experiment, timeline) {
        let place = starts.partition_point(|start| *start <= line.at);
        sections[place.max(1) - 1].lines.push(line);
    }
    sections
}

fn start(experiment: &Experiment) -> String {
    format!(
        "{}: from the workload's application to the steady state",
        experiment.name.value
    )
}

fn title(number: usize, name: &str, step: Option<&Step>) -> String {
    let action = match step.map(|step| &step.action) {
        Some(Action::Flip(flips)) => flips
            .iter()
            .map(|flip| {
                format!(
                    "{} container {} {} gets {}",
                    flip.pod.value, flip.container.value, flip.probe.value, flip.to.value
                )
            })
            .collect::<Vec<_>>()
            .join(", "),
        Some(Action::Patch(patch)) => format!("{} patched", patch.object.value),
        None => "unknown".into(),
    };
    format!("step {}, {name}: {action} at 0", number + 1)
}

// Steps and requests are told by the times they happened, which is not when they became known.
fn lines(experiment: &Experiment, timeline: &Timeline) -> Vec<Line> {
    let mut teller = Teller::default();
    let mut view = View::new(&experiment.traffic);
    let mut lines = Vec::new();
    for record in timeline.records() {
        view.take(record);
        match &record.what {
            What::Traffic(_) => {}
            What::Steady => lines.push(Line::new(record.at, "steady state", "reached")),
            What::StepEnd { .. } => lines.push(Line::new(record.at, "step", "decided")),
            _ => lines.extend(teller.tell(record)),
        }
    }
    for client in &experiment.traffic {
        lines.extend(
            view.client(&client.name)
                .into_iter()
                .flat_map(|known| requests(&client.name, known)),
        );
    }
    lines.sort_by_key(|line| line.at);
    lines
}

fn requests(name: &str, client: &Client) -> Vec<Line> {
    let object = format!("traffic {name}");
    let mut lines: Vec<Line> = Vec::new();
    let mut before: Option<String> = None;
    for sent in client.between(i64::MIN / 4, i64::MAX / 4) {
        let outcome = match (sent.outcome, sent.status) {
            (Outcome::Status, Some(status)) => format!("status {status}"),
            (outcome, _) => outcome.to_string(),
        };
        if before.as_ref() == Some(&outcome) {
            continue;
        }
        let change = before
            .as_ref()
            .map_or(outcome.clone(), |before| was(&outcome, before));
        before = Some(outcome);
        if lines.len() == TOLD {
            break;
        }
        lines.push(Line::new(
            Micros(u64::try_from(sent.at).unwrap_or_default()),
            &object,
            change,
        ));
    }
    lines
}
