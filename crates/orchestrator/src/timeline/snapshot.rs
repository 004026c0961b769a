//! `Snapshot`: the present state of every watched object, updated from a growing timeline.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::timeline::{Change, Record, Timeline, What};

/// Watched objects, keyed by kind and name.
#[derive(Debug, Default)]
pub struct Snapshot {
    objects: BTreeMap<(String, String), Value>,
    read: usize,
}

impl Snapshot {
    /// Takes the records added since the last call, and returns the objects that were added or
    /// changed.
    pub fn catch_up<'a>(&mut self, timeline: &'a Timeline) -> Vec<&'a Value> {
        let fresh = &timeline.records()[self.read..];
        self.read = timeline.records().len();
        fresh
            .iter()
            .filter_map(|record| self.take(record))
            .collect()
    }

    /// The state before the clean-up began, and all observed versions of objects until then, in the
    /// order of the timeline.
    pub fn before_undoing(timeline: &Timeline) -> (Self, Vec<&Value>) {
        let mut latest = Self::default();
        let before = timeline.records().iter();
        let before = before.take_while(|record| record.what != What::Reverting);
        let seen = before.filter_map(|record| latest.take(record)).collect();
        (latest, seen)
    }

    fn take<'a>(&mut self, record: &'a Record) -> Option<&'a Value> {
        let What::Watch { change, object } = &record.what else {
            return None;
        };
        let key = (text(&object["kind"]), text(&object["metadata"]["name"]));
        if *change == Change::Deleted {
            self.objects.remove(&key);
            return None;
        }
        self.objects.insert(key, object.clone());
        Some(object)
    }

    /// The object of this kind and name.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind.to_owned(), name.to_owned()))
    }

    /// Whether an object, or an event's involved object, has one of these UIDs or descends from
    /// such an object through owner references.
    pub fn grew_from(&self, object: &Value, roots: &BTreeSet<String>) -> bool {
        let about = match object["kind"].as_str() {
            Some("Event") => &object["involvedObject"],
            _ => &object["metadata"],
        };
        let mut uids = vec![text(&about["uid"])];
        while let Some(uid) = uids.pop() {
            if roots.contains(&uid) {
                return true;
            }
            let known = self.objects.values();
            let owners = known
                .filter(|object| object["metadata"]["uid"] == *uid)
                .filter_map(|object| object["metadata"]["ownerReferences"].as_array())
                .flatten();
            uids.extend(owners.map(|owner| text(&owner["uid"])));
        }
        false
    }

    /// All objects, by kind and name.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.objects.values()
    }

    /// All objects of a kind, deserialized as `T`. Objects that are no `T` are skipped.
    pub fn all<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        let of_kind = self.objects().filter(|object| object["kind"] == kind);
        of_kind
            .filter_map(|object| serde_json::from_value(object.clone()).ok())
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, owner: &str) -> Value {
        json!({ "kind": kind, "metadata": { "name": name, "uid": name, "ownerReferences": [{ "uid": owner }] } })
    }

    #[test]
    fn what_grew_from_an_object_is_known_by_its_owners() {
        let mut latest = Snapshot::default();
        for grown in [
            object("ReplicaSet", "web-1", "web"),
            object("Pod", "web-1-a", "web-1"),
        ] {
            let key = (text(&grown["kind"]), text(&grown["metadata"]["name"]));
            latest.objects.insert(key, grown);
        }
        let check = |object: &Value, ours: bool| {
            let made = BTreeSet::from(["web".to_owned()]);
            assert_eq!(latest.grew_from(object, &made), ours, "{object}");
        };
        let event = |about: &str| json!({ "kind": "Event", "involvedObject": { "uid": about } });
        check(&object("Deployment", "web", "none"), true);
        check(latest.get("Pod", "web-1-a").unwrap(), true);
        check(&event("web-1-a"), true);
        check(&object("Pod", "other-1-a", "other-1"), false);
        check(&event("other-1-a"), false);
    }
}
