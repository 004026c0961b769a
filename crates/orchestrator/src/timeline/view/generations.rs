//! When the status of a patched object is of a generation before the patch.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::timeline::{Micros, Patched};

/// Which generations statuses are of, and which they should be.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    /// `status.observedGeneration` as last seen, by kind and name.
    observed: BTreeMap<(String, String), i64>,
    /// When the present step's action was sent.
    sent: Micros,
    outdated: Vec<Outdated>,
}

/// A time in which a status says nothing of its object as it was patched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outdated {
    kind: String,
    name: String,
    generation: i64,
    /// The patch was sent.
    pub(crate) from: Micros,
    /// A status of the patched generation was seen; the end of time as long as none was.
    pub(crate) to: Micros,
}

impl Generations {
    /// The action of a step is about to be sent.
    pub(crate) fn sending(&mut self, at: Micros) {
        self.sent = at;
    }

    /// The API has answered to a patch. An object whose status names no generation has nothing to wait for: a Service has
    /// no status of its kind, nor has an EndpointSlice a word for the Service's generation that it was made from.
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

    /// An object was seen.
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

    /// The times of one object.
    pub(crate) fn outdated(&self, kind: &str, name: &str) -> impl Iterator<Item = &Outdated> {
        self.outdated.iter().filter(move |outdated| {
            (outdated.kind.as_str(), outdated.name.as_str()) == (kind, name)
        })
    }
}
