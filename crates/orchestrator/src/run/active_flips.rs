//! The flips that a run has made and not yet replaced or withdrawn.

use std::collections::BTreeMap;

use crate::targets::{Address, flip::PreparedFlip};

/// The latest flip of each probe and process in this run. A later flip of the same probe or process
/// replaces the earlier one, even if it acts on another path or port.
#[derive(Debug, Default)]
pub(crate) struct ActiveFlips(BTreeMap<Flipped, PreparedFlip>);

/// A target, and the container and probe, or the process fault, whose flip it has.
type Flipped = (Address, String, String);

impl ActiveFlips {
    /// Adds a flip. Returns the earlier flip of the same probe if it must be withdrawn: it is still
    /// in force, on another route or port of the same process.
    pub(crate) fn replace(&mut self, flip: PreparedFlip) -> Option<PreparedFlip> {
        let address = flip.control.address().clone();
        let instance = flip.instance.clone();
        let container = flip.request.container.clone();
        let probe = (address.clone(), container, flip.request.aim.target());
        let earlier = self.0.insert(probe, flip)?;
        (earlier.instance == instance && !self.covers(&address, &earlier)).then_some(earlier)
    }

    /// Forgets the flips of a target: they have been removed there.
    pub(crate) fn forget(&mut self, address: &Address) {
        self.0.retain(|(of, ..), _| of != address);
    }

    /// The flips that are left.
    pub(crate) fn into_flips(self) -> impl Iterator<Item = PreparedFlip> {
        self.0.into_values()
    }

    /// Whether another flip of the same process has replaced an earlier flip on its route or port.
    fn covers(&self, address: &Address, earlier: &PreparedFlip) -> bool {
        let mut others = self.0.iter().filter(|((of, ..), _)| of == address);
        others.any(|(_, other)| {
            other.instance == earlier.instance && earlier.plan.is_where(&other.plan)
        })
    }
}
