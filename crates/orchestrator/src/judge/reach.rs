//! Detects flips that no request of their probe reached.
//!
//! A flip is missed if its probe was due for longer than max(period, timeout) + 1 s and sent no
//! request for the flipped path. Such a flip has no effect, so its step proves nothing. The check
//! is pure and uses only the timeline. Recordings that lack the time at which a flip came into
//! force are not checked.

mod followed;
mod probe_settings;
mod spans;

use crate::timeline::snapshot::Snapshot;
use crate::timeline::{Micros, Record, What};
use followed::Followed;
pub(super) use followed::Reached;
use spans::Span;

/// The flips of all steps so far that can be missed.
#[derive(Debug, Default)]
pub(super) struct Reach(Vec<Followed>);

impl Reach {
    /// Takes one record, which `snapshot` has already taken.
    pub(super) fn take(&mut self, record: &Record, snapshot: &Snapshot) {
        let flips = &mut self.0;
        match &record.what {
            What::Watch { object, .. } => {
                let uid = match object["kind"].as_str() {
                    Some("Pod") => &object["metadata"]["uid"],
                    Some("Event") => &object["involvedObject"]["uid"],
                    _ => return,
                };
                let of_pod = flips.iter_mut().filter(|flip| *uid == *flip.target().uid);
                of_pod.for_each(|flip| flip.take_pod(snapshot, record.at));
            }
            What::Flip(_) => {
                let number = snapshot.flips().len() - 1;
                flips.extend(Followed::new(number, snapshot));
            }
            What::Hit(hit) => flips.iter_mut().for_each(|flip| flip.take_hit(hit)),
            What::Journal(read) => flips.iter_mut().for_each(|flip| flip.take_journal(read)),
            _ => {}
        }
    }

    /// Whether each flip of a step was reached, given that everything up to `now` has been
    /// recorded.
    pub(super) fn of_step(&self, step: usize, snapshot: &Snapshot, now: Micros) -> Vec<Reached> {
        let gaps: Vec<Span> = ["Pod", "Event"]
            .iter()
            .flat_map(|kind| snapshot.gaps(kind))
            .map(|gap| Span::between(gap.from, gap.to))
            .collect();
        let flips = self.0.iter().filter(|flip| flip.step() == step);
        let judged = flips.map(|flip| {
            // While a flip of the whole port or process may be in force, requests may fail before
            // their path is read.
            let closed = snapshot
                .flips()
                .iter()
                .filter(|other| other.may_close(flip.target(), flip.port()))
                .map(|other| Span::between(other.record.sent, other.withdrawn));
            let hidden: Vec<Span> = closed.chain(gaps.iter().copied()).collect();
            flip.reached(snapshot.flips(), &hidden, now)
        });
        judged.collect()
    }
}
