//! Tracks in which periods a patched object's status is of a generation before the patch.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::timeline::{Micros, Patched};

/// Observed generations of objects, and the periods in which they were outdated.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    /// The last `status.observedGeneration`, keyed by kind and name.
    observed: BTreeMap<(String, String), i64>,
    /// When the current step's action was sent.
    sent: Micros,
    outdated: Vec<Outdated>,
}

/// A period in which an object's status is of a generation before a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outdated {
    kind: String,
    name: String,
    generation: i64,
    /// When the patch was sent.
    pub(crate) from: Micros,
    /// When a status of the patched generation was observed; [`Micros::MAX`] until then.
    pub(crate) to: Micros,
}

impl Generations {
    /// Records that a step's action is about to be sent.
    pub(crate) fn sending(&mut self, at: Micros) {
        self.sent = at;
    }

    /// Takes the API's response to a patch. Objects without `status.observedGeneration`, such as
    /// Services, are never outdated; nor does an EndpointSlice name the generation of its Service.
    pub(crate) fn patched(&mut self, patched: &Patched, at: Micros) {
        let key = (patched.kind.clone(), patched.name.clone());
        let (Some(generation), Some(observed)) = (patched.generation, self.observed.get(&key))
        else {
            return;
        };
        let (kind, name) = key;
        self.outdated.push(Outdated {
            to: if *observed < generation {
                Micros::MAX
            } else {
                at
            },
            from: self.sent,
            kind,
            name,
            generation,
        });
    }

    /// Takes an observed object.
    pub(crate) fn seen(&mut self, kind: &str, name: &str, object: &Value, at: Micros) {
        let Some(observed) = object["status"]["observedGeneration"].as_i64() else {
            return;
        };
        let key = (kind.to_owned(), name.to_owned());
        self.observed.insert(key, observed);
        let open = self.outdated.iter_mut().filter(|outdated| {
            outdated.to == Micros::MAX
                && (outdated.kind.as_str(), outdated.name.as_str()) == (kind, name)
        });
        for outdated in open.filter(|outdated| observed >= outdated.generation) {
            outdated.to = at;
        }
    }

    /// The outdated periods of one object.
    pub(crate) fn outdated(&self, kind: &str, name: &str) -> impl Iterator<Item = &Outdated> {
        self.outdated.iter().filter(move |outdated| {
            (outdated.kind.as_str(), outdated.name.as_str()) == (kind, name)
        })
    }
}
