//! A Kubernetes object on the timeline, kept as JSON text. Objects share equal parts.
//!
//! A run with a thousand Pods keeps tens of thousands of versions. As text a version takes a tenth
//! of what a tree of values takes, and most of it is the same in all Pods of a workload.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// An object as it was observed, without `managedFields`. Clones share its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedObject(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    kind: Arc<str>,
    name: Box<str>,
    /// Of an Event, the UID of the object that it is about.
    uid: Box<str>,
    whole: Part,
}

/// JSON text, split where parts are likely to be equal.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(Arc<str>),
    List(Box<[Arc<str>]>),
    Fields(Box<[(Arc<str>, Self)]>),
}

/// Texts that objects share.
#[derive(Debug, Default)]
pub(crate) struct SharedTexts {
    texts: BTreeSet<Arc<str>>,
    /// Number of texts that were in use when the unused ones were last removed.
    used: usize,
}

/// Number of texts below which unused ones are kept.
const FEW_TEXTS: usize = 1024;

/// The fields of which no two versions are equal. Looking for an equal one would be in vain.
const UNSHARED: [&str; 2] = ["metadata", "status"];

impl WatchedObject {
    /// Takes an object. Parts that are in `shared` already are not stored again.
    pub(crate) fn new(mut object: Value, shared: &mut SharedTexts) -> Self {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().into();
        let kind = object["kind"].as_str().unwrap_or_default();
        let named = match kind {
            "Event" => &object["involvedObject"],
            _ => &object["metadata"],
        };
        Self(Arc::new(Inner {
            kind: shared.get(kind.to_owned()),
            name: text(&object["metadata"]["name"]),
            uid: text(&named["uid"]),
            whole: Part::of_object(&object, shared),
        }))
    }

    /// Its kind; empty if it has none.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its UID, or, of an Event, the UID of the object that it is about. Empty without a UID.
    pub fn uid(&self) -> &str {
        &self.0.uid
    }

    /// The whole object.
    pub fn value(&self) -> Value {
        parse(&self.text())
    }

    /// The object with only those of its fields that are among `names`. The rest is not parsed.
    pub(crate) fn excerpt(&self, names: &[&str]) -> Value {
        let Part::Fields(fields) = &self.0.whole else {
            return Value::Null;
        };
        let found = fields.iter().filter(|(name, _)| names.contains(&&**name));
        found
            .map(|(name, part)| (name.to_string(), parse(&part.text())))
            .collect()
    }

    /// A field of the object; null if it is absent.
    pub(crate) fn field(&self, name: &str) -> Value {
        let Part::Fields(fields) = &self.0.whole else {
            return Value::Null;
        };
        let found = fields.iter().find(|(field, _)| **field == *name);
        found.map_or(Value::Null, |(_, part)| parse(&part.text()))
    }

    /// The object as `T`; `None` if it is no `T`.
    pub(crate) fn parsed<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.text()).ok()
    }

    fn text(&self) -> Cow<'_, str> {
        self.0.whole.text()
    }
}

impl Part {
    fn of_object(object: &Value, shared: &mut SharedTexts) -> Self {
        let Value::Object(fields) = object else {
            return Self::Text(object.to_string().into());
        };
        let fields = fields.iter().map(|(name, value)| {
            let part = match value {
                _ if UNSHARED.contains(&name.as_str()) => Self::Text(value.to_string().into()),
                // Of an EndpointSlice's endpoints, one at a time changes.
                Value::Array(items) => Self::List(
                    items
                        .iter()
                        .map(|item| shared.get(item.to_string()))
                        .collect(),
                ),
                value => Self::Text(shared.get(value.to_string())),
            };
            (shared.get(name.clone()), part)
        });
        Self::Fields(fields.collect())
    }

    fn text(&self) -> Cow<'_, str> {
        if let Self::Text(text) = self {
            return Cow::Borrowed(text);
        }
        let mut text = String::new();
        self.write(&mut text);
        text.into()
    }

    fn write(&self, to: &mut String) {
        match self {
            Self::Text(text) => to.push_str(text),
            Self::List(items) => {
                to.push('[');
                for (number, item) in items.iter().enumerate() {
                    to.push_str(if number == 0 { "" } else { "," });
                    to.push_str(item);
                }
                to.push(']');
            }
            Self::Fields(fields) => {
                to.push('{');
                for (number, (name, part)) in fields.iter().enumerate() {
                    to.push_str(if number == 0 { "" } else { "," });
                    to.push_str(&Value::from(&**name).to_string());
                    to.push(':');
                    part.write(to);
                }
                to.push('}');
            }
        }
    }
}

impl SharedTexts {
    fn get(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.texts.get(text.as_str()) {
            return Arc::clone(known);
        }
        if self.texts.len() >= 2 * self.used.max(FEW_TEXTS) {
            self.texts.retain(|text| Arc::strong_count(text) > 1);
            self.used = self.texts.len();
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}

impl Serialize for WatchedObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WatchedObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        Ok(Self::new(object, &mut SharedTexts::default()))
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("text that was written from JSON must be JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(object: &Value) {
        let watched = WatchedObject::new(object.clone(), &mut SharedTexts::default());
        assert_eq!(watched.text(), object.to_string());
        assert_eq!(watched.value(), *object);
    }

    #[test]
    fn an_object_is_the_same_after_it_was_stored() {
        check(&json!({ "kind": "Pod", "metadata": { "name": "a" }, "spec": { "\"": "ü\n" } }));
        check(
            &json!({ "endpoints": [{ "addresses": ["10.0.0.1"] }, null, 3], "empty": [], "": {} }),
        );
        check(&json!({}));
        check(&json!(["no", "object"]));
        check(&json!(null));
    }

    #[test]
    fn equal_parts_are_stored_once() {
        let mut shared = SharedTexts::default();
        let mut pod = |name: &str| {
            let pod = json!({ "kind": "Pod", "metadata": { "name": name }, "spec": { "a": 1 } });
            WatchedObject::new(pod, &mut shared)
        };
        let (one, two) = (pod("a"), pod("b"));
        let spec = |object: &WatchedObject| match &object.0.whole {
            Part::Fields(fields) => match &fields[2].1 {
                Part::Text(text) => Arc::clone(text),
                part => panic!("{part:?}"),
            },
            part => panic!("{part:?}"),
        };
        assert!(Arc::ptr_eq(&spec(&one), &spec(&two)));
        assert_eq!((one.name(), two.name()), ("a", "b"));
    }

    #[test]
    fn texts_that_no_object_has_any_more_are_removed() {
        let mut shared = SharedTexts::default();
        let kept: Vec<Arc<str>> = (0..10).map(|it| shared.get(format!("kept {it}"))).collect();
        (0..10 * FEW_TEXTS).for_each(|it| drop(shared.get(format!("{it}"))));
        assert!(shared.texts.len() <= 2 * FEW_TEXTS);
        assert!(Arc::ptr_eq(&shared.get("kept 3".to_owned()), &kept[3]));
    }

    #[test]
    fn an_event_has_the_uid_of_what_it_is_about() {
        let event = json!({
            "kind": "Event", "metadata": { "name": "e", "uid": "1", "managedFields": [] },
            "involvedObject": { "uid": "2" },
        });
        let event = WatchedObject::new(event, &mut SharedTexts::default());
        assert_eq!((event.kind(), event.uid()), ("Event", "2"));
        assert_eq!(event.field("metadata"), json!({ "name": "e", "uid": "1" }));
        assert_eq!(event.field("absent"), Value::Null);
    }
}
