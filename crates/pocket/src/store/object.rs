//! An object as the store keeps it: JSON text, written once a change.
//!
//! Answers and watches send the text as it is. A tree of values would take ten times the memory,
//! and every reader of a type would build one of its own.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kinds::{Object, metadata_text, name, namespace};

/// A stored object. It never changes: a change makes another one.
pub(crate) struct StoredObject {
    namespace: Box<str>,
    name: Box<str>,
    text: Box<str>,
    typed: Mutex<Typed>,
}

/// What is in memory of an object as its type.
enum Typed {
    /// What its readers share, if one has asked, until the object is changed.
    Current(Option<Arc<dyn Any + Send + Sync>>),
    /// The object was changed. Each reader parses one for itself.
    Outdated,
}

impl StoredObject {
    pub(crate) fn new(object: &Value) -> Self {
        let metadata = |field| metadata_text(object, field).into();
        Self {
            namespace: metadata("namespace"),
            name: metadata("name"),
            text: object.to_string().into(),
            typed: Mutex::new(Typed::Current(None)),
        }
    }

    /// An object that was written as its type, which its readers share.
    pub(crate) fn of_type<K: Object>(object: Arc<K>) -> Self {
        let text = serde_json::to_string(&*object).expect("a Kubernetes type must serialize");
        debug_assert_eq!(
            serde_json::from_str::<K>(&text).ok().as_ref(),
            Some(&*object),
            "the text must mean what was written"
        );
        Self {
            namespace: namespace(&*object).into(),
            name: name(&*object).into(),
            text: text.into(),
            typed: Mutex::new(Typed::Current(Some(object))),
        }
    }

    /// Forgets the type, as the object was changed or removed. The history keeps only the text.
    pub(crate) fn outdate(&self) {
        *self.known() = Typed::Outdated;
    }

    /// Its namespace; empty if it has none.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its name; empty if it has none yet.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its metadata, without parsing the rest.
    pub(crate) fn metadata(&self) -> Value {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            metadata: Value,
        }
        serde_json::from_str(&self.text).map_or(Value::Null, |Head { metadata }| metadata)
    }

    /// The object as JSON.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The object as a tree.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.text).expect("text that was written from JSON must be JSON")
    }

    /// The object as its type. All who ask for it before it is changed share one.
    ///
    /// # Panics
    /// If it does not have the shape of its kind, as every stored object must.
    pub(crate) fn typed<K: DeserializeOwned + Send + Sync + 'static>(&self) -> Arc<K> {
        let mut known = self.known();
        if let Some(shared) = known.get() {
            return shared;
        }
        let parsed = Arc::new(self.parse());
        if let Typed::Current(shared) = &mut *known {
            let parsed: Arc<K> = Arc::clone(&parsed);
            *shared = Some(parsed);
        }
        parsed
    }

    /// As [`StoredObject::typed`], for a reader that does not keep it.
    pub(crate) fn to_typed<K: Clone + DeserializeOwned + Send + Sync + 'static>(&self) -> K {
        let shared = self.known().get::<K>();
        shared.map_or_else(|| self.parse(), Arc::unwrap_or_clone)
    }

    fn parse<K: DeserializeOwned>(&self) -> K {
        let parsed = serde_json::from_str(&self.text);
        parsed.expect("a stored object must have the shape of its kind")
    }

    fn known(&self) -> MutexGuard<'_, Typed> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Typed {
    fn get<K: Send + Sync + 'static>(&self) -> Option<Arc<K>> {
        match self {
            Self::Current(Some(shared)) => Arc::clone(shared).downcast().ok(),
            Self::Current(None) | Self::Outdated => None,
        }
    }
}

impl fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::Pod;

    use super::*;
    use serde_json::json;

    #[test]
    fn readers_of_a_type_share_it_until_the_object_is_changed() {
        type Numbers = BTreeMap<String, u8>;
        let object = StoredObject::new(&json!({"a": 1}));
        let (one, two) = (object.typed::<Numbers>(), object.typed::<Numbers>());
        assert!(Arc::ptr_eq(&one, &two));
        object.outdate();
        let three = object.typed::<Numbers>();
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&three)), (2, 1));
        assert_eq!((three["a"], object.to_typed::<Numbers>()["a"]), (1, 1));
        assert_eq!(object.typed::<Value>()["a"], 1);
        assert_eq!(object.text(), r#"{"a":1}"#);
    }

    #[test]
    fn an_object_written_as_its_type_is_not_parsed() {
        let metadata = json!({"name": "a", "namespace": "n"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        let pod: Arc<Pod> = Arc::new(serde_json::from_value(pod).unwrap());
        let object = StoredObject::of_type(Arc::clone(&pod));
        assert!(Arc::ptr_eq(&object.typed(), &pod));
        assert_eq!((object.namespace(), object.name()), ("n", "a"));
        assert_eq!(object.value()["kind"], "Pod");
        object.outdate();
        assert_eq!(object.typed::<Pod>(), pod);
    }

    #[test]
    fn metadata_is_read_by_itself() {
        let metadata = json!({"name": "a", "namespace": "n", "uid": "u"});
        let object = StoredObject::new(&json!({"metadata": metadata, "spec": {"metadata": 1}}));
        assert_eq!(object.metadata(), metadata);
        assert_eq!((object.namespace(), object.name()), ("n", "a"));
        assert_eq!(StoredObject::new(&json!({})).metadata(), Value::Null);
    }
}
