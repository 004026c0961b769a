//! Acknowledged flips, and when each was replaced or taken away.

use probe_target::model::route_path::RoutePath;

use crate::timeline::{FlipRecord, Micros, Target};

/// The flips of all steps so far.
#[derive(Debug, Default)]
pub(super) struct Flips {
    all: Vec<FlipFacts>,
    /// Index of the step that started last.
    pub(super) step: usize,
}

/// A flip that a target acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct FlipFacts {
    pub(crate) record: FlipRecord,
    /// Index of the step that made it.
    pub(crate) step: usize,
    pub(crate) acknowledged: Micros,
    /// When it was replaced, healed or reverted; [`Micros::MAX`] until then. It may have ended
    /// earlier by its own bounds or with its process.
    pub(crate) withdrawn: Micros,
}

impl Flips {
    pub(super) fn all(&self) -> &[FlipFacts] {
        &self.all
    }

    /// Takes a flip. A later flip of the same probe or the same path replaces the earlier one, from
    /// the time at which the later one was sent.
    pub(super) fn take(&mut self, flip: &FlipRecord, at: Micros) {
        self.withdraw(flip.sent, |earlier| {
            is_same_container(&earlier.target, &flip.target)
                && (is_same_probe(flip, earlier) || is_same_route(flip, earlier))
        });
        self.all.push(FlipFacts {
            record: flip.clone(),
            step: self.step,
            acknowledged: at,
            withdrawn: Micros::MAX,
        });
    }

    pub(super) fn healed(&mut self, target: &Target, at: Micros) {
        self.withdraw(at, |flip| is_same_container(&flip.target, target));
    }

    /// Forgets the flips that were withdrawn before this time.
    pub(super) fn forget(&mut self, before: Micros) {
        self.all.retain(|flip| flip.withdrawn >= before);
    }

    pub(super) fn reverting(&mut self, at: Micros) {
        self.withdraw(at, |_| true);
    }

    fn withdraw(&mut self, at: Micros, which: impl Fn(&FlipRecord) -> bool) {
        for flip in self.all.iter_mut().filter(|flip| which(&flip.record)) {
            flip.withdrawn = flip.withdrawn.min(at);
        }
    }
}

impl FlipFacts {
    /// Whether requests to a port of this target may fail before their path is read: the flip is of
    /// that port, or of the process.
    pub(crate) fn may_close(&self, target: &Target, port: Option<u16>) -> bool {
        let FlipRecord { probe, to, .. } = &self.record;
        let harmless = probe == FlipRecord::PROCESS && matches!(to.as_str(), "sigterm" | "memory");
        self.record.path.is_none()
            && !harmless
            && is_same_container(&self.record.target, target)
            && (self.record.port.is_none() || self.record.port == port)
    }
}

fn is_same_container(one: &Target, other: &Target) -> bool {
    (&one.uid, &one.container) == (&other.uid, &other.container)
}

/// Whether two flips are of the same probe, or of the same process fault.
fn is_same_probe(later: &FlipRecord, earlier: &FlipRecord) -> bool {
    (later.container(), &later.probe) == (earlier.container(), &earlier.probe)
        && (later.probe != FlipRecord::PROCESS || later.to == earlier.to)
}

fn is_same_route(later: &FlipRecord, earlier: &FlipRecord) -> bool {
    match (&later.path, &earlier.path) {
        (Some(one), Some(other)) => {
            later.port == earlier.port && canonical(one) == canonical(other)
        }
        _ => false,
    }
}

/// The spelling of a path in the journal: one path has several percent-encodings.
pub(crate) fn canonical(path: &str) -> String {
    let route = path.parse::<RoutePath>();
    route.map_or_else(|_| path.to_owned(), |route| route.to_string())
}
