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
    /// In the order of their beginnings.
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

    /// The outdated periods of one object that are not over before `from`, and begin at `to` at the
    /// latest.
    pub(crate) fn outdated(
        &self,
        kind: &str,
        name: &str,
        (from, to): (Micros, Micros),
    ) -> impl Iterator<Item = &Outdated> {
        let begun = self
            .outdated
            .partition_point(|outdated| outdated.from <= to);
        self.outdated[..begun].iter().filter(move |outdated| {
            // The times first: of a long run's periods nearly all are over.
            outdated.to >= from && (outdated.kind.as_str(), outdated.name.as_str()) == (kind, name)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Patches an object at these times, each of which is observed at the time beside it.
    fn generations(times: &[(u64, u64)]) -> Generations {
        let mut generations = Generations::default();
        let observe = |generations: &mut Generations, generation: i64, at| {
            let object = json!({ "status": { "observedGeneration": generation } });
            generations.seen("Deployment", "web", &object, Micros(at));
        };
        observe(&mut generations, 1, 0);
        for (generation, (sent, seen)) in (2..).zip(times) {
            generations.sending(Micros(*sent));
            let patched = Patched {
                kind: "Deployment".to_owned(),
                name: "web".to_owned(),
                uid: String::new(),
                generation: Some(generation),
            };
            generations.patched(&patched, Micros(*sent));
            observe(&mut generations, generation, *seen);
        }
        generations
    }

    #[test]
    fn periods_are_found_by_their_times() {
        let generations = generations(&[(10, 15), (20, 25), (30, 35)]);
        let check = |name: &str, from, to, expected: &[u64]| {
            let found = generations.outdated("Deployment", name, (Micros(from), Micros(to)));
            let begun: Vec<u64> = found.map(|outdated| outdated.from.0).collect();
            assert_eq!(begun, expected, "{from} to {to}");
        };
        check("web", 0, u64::MAX, &[10, 20, 30]);
        check("web", 15, 30, &[10, 20, 30]);
        check("web", 16, 29, &[20]);
        check("web", 36, 40, &[]);
        check("api", 0, 40, &[]);
    }
}
