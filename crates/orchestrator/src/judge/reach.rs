//! Detects flips that no request of their probe reached.
//!
//! A flip is missed if its probe was due for longer than max(period, timeout) + 1 s and sent no
//! request for the flipped path. Such a flip has no effect, so its step proves nothing. The check
//! is pure and uses only the timeline. Recordings that lack the time at which a flip came into
//! force are not checked.

mod followed;
mod probe_settings;
mod spans;

use std::collections::BTreeMap;

use crate::timeline::snapshot::Snapshot;
use crate::timeline::{Micros, Record, What};
use followed::Followed;
pub(super) use followed::Reached;
use spans::Span;

/// The flips of all steps so far, by the UID of their Pod.
#[derive(Debug, Default)]
pub(super) struct Reach {
    by_pod: BTreeMap<String, PodFlips>,
}

/// The flips of one Pod.
#[derive(Debug, Default)]
struct PodFlips {
    /// Indexes in [`Snapshot::flips`].
    all: Vec<usize>,
    /// Those that can be missed.
    followed: Vec<Followed>,
}

impl Reach {
    /// Takes one record, which `snapshot` has already taken.
    pub(super) fn take(&mut self, record: &Record, snapshot: &Snapshot) {
        match &record.what {
            What::Watch { object, .. } if matches!(object.kind(), "Pod" | "Event") => {
                let of_pod = self.of_pod(object.uid());
                of_pod.for_each(|flip| flip.take_pod(snapshot, record.at));
            }
            What::Flip(flip) => {
                let number = snapshot.flips().len() - 1;
                let of_pod = self.by_pod.entry(flip.target.uid.clone()).or_default();
                of_pod.all.push(number);
                of_pod.followed.extend(Followed::new(number, snapshot));
            }
            What::Hit(hit) => self
                .of_pod(&hit.target.uid)
                .for_each(|flip| flip.take_hit(hit)),
            What::Journal(read) => {
                let of_pod = self.of_pod(&read.target.uid);
                of_pod.for_each(|flip| flip.take_journal(read));
            }
            _ => {}
        }
    }

    fn of_pod(&mut self, uid: &str) -> impl Iterator<Item = &mut Followed> {
        let of_pod = self.by_pod.get_mut(uid).into_iter();
        of_pod.flat_map(|of_pod| &mut of_pod.followed)
    }

    /// Whether each flip of a step was reached, given that everything up to `now` has been
    /// recorded.
    pub(super) fn of_step(&self, step: usize, snapshot: &Snapshot, now: Micros) -> Vec<Reached> {
        let gaps: Vec<Span> = ["Pod", "Event"]
            .iter()
            .flat_map(|kind| snapshot.gaps(kind))
            .map(|gap| Span::between(gap.from, gap.to))
            .collect();
        let flips = self.by_pod.values().flat_map(|of_pod| {
            let followed = of_pod.followed.iter();
            followed.map(move |flip| (flip, of_pod.all.as_slice()))
        });
        let flips = flips.filter(|(flip, _)| flip.step() == step);
        let mut flips: Vec<(&Followed, &[usize])> = flips.collect();
        flips.sort_by_key(|(flip, _)| flip.number());
        let judged = flips.into_iter().map(|(flip, of_pod)| {
            // While a flip of the whole port or process may be in force, requests may fail before
            // their path is read.
            let closed = of_pod
                .iter()
                .map(|number| &snapshot.flips()[*number])
                .filter(|other| other.may_close(flip.target(), flip.port()))
                .map(|other| Span::between(other.record.sent, other.withdrawn));
            let hidden: Vec<Span> = closed.chain(gaps.iter().copied()).collect();
            flip.reached(snapshot.flips(), &hidden, now)
        });
        judged.collect()
    }
}
