//! Detects flips that no request of their probe reached.
//!
//! A flip is missed if its probe was due for longer than max(period, timeout) + 1 s and sent no
//! request for the flipped path. Such a flip has no effect, so its step proves nothing. The check
//! is pure and uses only the timeline. Recordings that lack the time at which a flip came into
//! force are not checked.

mod containers;
mod followed;
mod probe_spec;
mod spans;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::timeline::view::View;
use crate::timeline::{FlipRecord, Micros, Record, Target, What};
use containers::Containers;
pub(super) use followed::Reached;
use followed::{Followed, canonical};
use probe_spec::{ProbeSpec, probe_specs};
use spans::Span;

/// The flips of all steps so far, and the container states that decide whether their probes are
/// due.
#[derive(Debug, Default)]
pub(super) struct Reach {
    containers: Containers,
    /// Keyed by the Pod's UID, then by container and probe. A Pod's probes never change.
    probes: BTreeMap<String, BTreeMap<(String, String), ProbeSpec>>,
    flips: Vec<Followed>,
    closures: Vec<Closure>,
    step: usize,
}

/// A flip of a whole port or process. While it may be in force, requests may fail before their path
/// is read.
#[derive(Debug)]
struct Closure {
    flip: FlipRecord,
    span: Span,
}

impl Reach {
    /// Takes one record, which `view` has already taken.
    pub(super) fn take(&mut self, record: &Record, view: &View) {
        let at = record.at;
        match &record.what {
            What::Watch { object, .. } => self.take_object(object, view, at),
            What::StepStart { step, .. } => self.step = *step,
            What::Flip(flip) => self.take_flip(flip, at),
            What::Healed { target } => self.end(at, |flip| is_same_container(&flip.target, target)),
            What::Reverting => self.end(at, |_| true),
            What::Hit(hit) => {
                let flips = self.flips.iter_mut();
                flips.for_each(|flip| flip.take_hit(hit));
            }
            What::Journal(read) => {
                let flips = self.flips.iter_mut();
                flips.for_each(|flip| flip.take_journal(read));
            }
            _ => {}
        }
    }

    fn take_object(&mut self, object: &Value, view: &View, at: Micros) {
        let uid = match object["kind"].as_str() {
            Some("Pod") => {
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
                if !self.probes.contains_key(uid) {
                    self.probes.insert(uid.to_owned(), probe_specs(object));
                }
                if let Some(pod) = view.pod(uid) {
                    self.containers.take_pod(pod, at);
                }
                uid
            }
            Some("Event") if object["reason"] == "Killing" => self.containers.take_killing(object),
            _ => return,
        };
        let of_pod = self
            .flips
            .iter_mut()
            .filter(|flip| flip.target().uid == uid);
        for flip in of_pod {
            let container = self.containers.get(uid, &flip.target().container);
            flip.take_container(container, at);
        }
    }

    fn take_flip(&mut self, flip: &FlipRecord, at: Micros) {
        // A later flip of the same probe or the same path replaces the earlier one.
        self.end(flip.sent, |earlier| {
            is_same_container(&earlier.target, &flip.target)
                && (replaces(flip, earlier) || is_same_route(flip, earlier))
        });
        if closes(flip) {
            self.closures.push(Closure {
                flip: flip.clone(),
                span: Span::open(flip.sent),
            });
        }
        let key = (flip.target.container.clone(), flip.probe.clone());
        let probe = self
            .probes
            .get(&flip.target.uid)
            .and_then(|probes| probes.get(&key));
        let container = self
            .containers
            .get(&flip.target.uid, &flip.target.container);
        if let Some(probe) = probe
            && let Some(followed) = Followed::new(self.step, flip, at, probe, container)
        {
            self.flips.push(followed);
        }
    }

    fn end(&mut self, at: Micros, ends: impl Fn(&FlipRecord) -> bool) {
        for flip in &mut self.flips {
            if ends(flip.record()) {
                flip.end(at);
            }
        }
        for closure in &mut self.closures {
            if ends(&closure.flip) {
                closure.span.close(at);
            }
        }
    }

    /// Whether each flip of a step was reached, given that everything up to `now` has been
    /// recorded.
    pub(super) fn of_step(&self, step: usize, view: &View, now: Micros) -> Vec<Reached> {
        let gaps: Vec<Span> = ["Pod", "Event"]
            .iter()
            .flat_map(|kind| view.gaps(kind))
            .map(|gap| Span::between(gap.from, gap.to))
            .collect();
        let flips = self.flips.iter().filter(|flip| flip.step() == step);
        let judged = flips.map(|flip| {
            let closures = self.closures.iter().filter(|closure| {
                is_same_container(&closure.flip.target, flip.target())
                    && closure
                        .flip
                        .port
                        .is_none_or(|port| Some(port) == flip.record().port)
            });
            let hidden: Vec<Span> = closures
                .map(|closure| closure.span)
                .chain(gaps.iter().copied())
                .collect();
            flip.reached(&hidden, now)
        });
        judged.collect()
    }
}

fn is_same_container(one: &Target, other: &Target) -> bool {
    (&one.uid, &one.container) == (&other.uid, &other.container)
}

/// Whether two flips are of the same probe, or of the same process fault.
fn replaces(later: &FlipRecord, earlier: &FlipRecord) -> bool {
    later.probe == earlier.probe && (later.probe != PROCESS || later.to == earlier.to)
}

fn is_same_route(later: &FlipRecord, earlier: &FlipRecord) -> bool {
    match (&later.path, &earlier.path) {
        (Some(one), Some(other)) => {
            later.port == earlier.port && canonical(one) == canonical(other)
        }
        _ => false,
    }
}

/// Value of [`FlipRecord::probe`] in a flip of the process.
const PROCESS: &str = "process";

/// Whether this flip may make requests fail before their path is read.
fn closes(flip: &FlipRecord) -> bool {
    let harmless = matches!(flip.to.as_str(), "sigterm" | "memory");
    flip.path.is_none() && !(flip.probe == PROCESS && harmless)
}
