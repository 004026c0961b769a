//! The present state of every watched object, read off a growing timeline.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::timeline::{Change, Timeline, What};

/// Objects by kind and name.
#[derive(Debug, Default)]
pub struct Latest {
    objects: BTreeMap<(String, String), Value>,
    read: usize,
}

impl Latest {
    /// Takes in what was recorded since the last call, and says which objects came or changed.
    pub fn catch_up<'a>(&mut self, timeline: &'a Timeline) -> Vec<&'a Value> {
        let fresh = &timeline.records()[self.read..];
        self.read = timeline.records().len();
        let mut changed = Vec::new();
        for record in fresh {
            let What::Watch { change, object } = &record.what else {
                continue;
            };
            let key = (text(&object["kind"]), text(&object["metadata"]["name"]));
            if *change == Change::Deleted {
                self.objects.remove(&key);
            } else {
                self.objects.insert(key, object.clone());
                changed.push(object);
            }
        }
        changed
    }

    /// One object.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind.to_owned(), name.to_owned()))
    }

    /// All objects of a kind, as their type.
    pub fn all<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        let of_kind = self.objects.iter().filter(|((each, _), _)| each == kind);
        of_kind
            .filter_map(|(_, object)| serde_json::from_value(object.clone()).ok())
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
