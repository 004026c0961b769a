//! The action of a step as it was recorded, and whether it is the experiment's.

use std::collections::BTreeSet;

use crate::input::experiment::{Action, Flip, FlipTarget};
use crate::timeline::{FlipRecord, Patched, What};

/// What a step did, as far as the timeline tells.
#[derive(Debug, Default)]
pub(super) struct RecordedAction {
    /// Each flip in words: `b readiness gets 404`.
    flips: BTreeSet<String>,
    patched: Option<Patched>,
    /// Whether it flips or deletes Pods; older recordings do not say so.
    has_pods: bool,
}

impl RecordedAction {
    /// Takes a record of the step.
    pub(super) fn take(&mut self, what: &What) {
        match what {
            What::StepStart { pods, .. } => self.has_pods = !pods.is_empty(),
            What::Flip(flip) => {
                let FlipRecord { probe, to, .. } = &**flip;
                self.flips.insert(in_words(flip.container(), probe, to));
            }
            What::Acknowledged { patched, .. } if patched.is_some() => {
                self.patched.clone_from(patched);
            }
            _ => {}
        }
    }

    /// What was done instead of the experiment's action, if that is certain. A file may have
    /// changed since its timeline was recorded.
    pub(super) fn other_than(&self, action: &Action) -> Option<String> {
        let planned: BTreeSet<String> = match action {
            Action::Flip(flips) => flips.iter().map(planned).collect(),
            Action::Patch(_) | Action::Delete(_) | Action::Wait(_) => BTreeSet::new(),
        };
        let flip = self.flips.difference(&planned).next().cloned();
        let patched = self.patched.as_ref().filter(|patched| match action {
            Action::Patch(patch) => !patch.object.value.is(&patched.kind, &patched.name),
            _ => true,
        });
        let patched = patched.map(|it| format!("{} {} is patched", it.kind, it.name));
        let is_deletion = self.has_pods
            && self.flips.is_empty()
            && matches!(action, Action::Patch(_) | Action::Wait(_));
        let deleted = is_deletion.then(|| "Pods are deleted".to_owned());
        let other = flip.or(patched).or(deleted)?;
        Some(format!(
            "the recording has another action than the file: {other}"
        ))
    }
}

fn planned(flip: &Flip) -> String {
    let probe = match &flip.aim.value {
        FlipTarget::Probe { probe, .. } => probe.to_string(),
        FlipTarget::Process(_) => FlipRecord::PROCESS.to_owned(),
    };
    in_words(&flip.container, &probe, &flip.aim.to_string())
}

fn in_words(container: &str, probe: &str, to: &str) -> String {
    format!("{container} {probe} gets {to}")
}
