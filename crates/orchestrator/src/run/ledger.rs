//! `Ledger`: what a run has done and must undo, written down before it is done.

use crate::{input::manifests::Manifest, targets::control::Control};

/// The actions to undo, in the order they were done.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Undo>);

/// An action to undo.
#[derive(Debug)]
pub(super) enum Undo {
    /// The namespace was created.
    Namespace,
    /// An object was created.
    Object(Manifest),
    /// A target was flipped.
    Flips {
        /// The target.
        control: Control,
    },
}

impl Ledger {
    /// Adds an action. A target is entered only once.
    pub(super) fn push(&mut self, undo: Undo) {
        let known = match &undo {
            Undo::Flips { control } => self
                .flips()
                .any(|flipped| flipped.address() == control.address()),
            Undo::Namespace | Undo::Object(_) => false,
        };
        if !known {
            self.0.push(undo);
        }
    }

    pub(super) fn flips(&self) -> impl Iterator<Item = &Control> {
        self.0.iter().filter_map(|undo| match undo {
            Undo::Flips { control } => Some(control),
            Undo::Namespace | Undo::Object(_) => None,
        })
    }

    /// Removes a target, as it was healed.
    pub(super) fn healed(&mut self, control: &Control) {
        let it = |other: &Control| other.address() == control.address();
        self.0
            .retain(|undo| !matches!(undo, Undo::Flips { control } if it(control)));
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Manifest> {
        self.0.iter().filter_map(|undo| match undo {
            Undo::Object(manifest) => Some(manifest),
            Undo::Namespace | Undo::Flips { .. } => None,
        })
    }

    /// Removes the namespace and the objects, as they were deleted.
    pub(super) fn deleted(&mut self) {
        self.0.retain(|undo| matches!(undo, Undo::Flips { .. }));
    }

    /// Whether there is nothing to undo.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the last entry, as its action was not done.
    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn has_namespace(&self) -> bool {
        self.0.iter().any(|undo| matches!(undo, Undo::Namespace))
    }

    pub(super) fn has_created(&self) -> bool {
        self.has_namespace() || self.objects().next().is_some()
    }
}
