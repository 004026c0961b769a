//! An object as the store keeps it: JSON text, written once a change.
//!
//! Answers and watches send the text as it is. A tree of values would take ten times the memory,
//! and every reader of a type would build one of its own.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kinds::metadata_text;

/// A stored object. It never changes: a change makes another one.
pub(crate) struct StoredObject {
    namespace: Box<str>,
    name: Box<str>,
    text: Box<str>,
    /// What [`StoredObject::typed`] returned last, as long as someone uses it.
    typed: Mutex<Option<Weak<dyn Any + Send + Sync>>>,
}

impl StoredObject {
    pub(crate) fn new(object: &Value) -> Self {
        let metadata = |field| metadata_text(object, field).into();
        Self {
            namespace: metadata("namespace"),
            name: metadata("name"),
            text: object.to_string().into(),
            typed: Mutex::new(None),
        }
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

    /// The object as its type. All who ask for it at the same time share one.
    ///
    /// # Panics
    /// If it does not have the shape of its kind, as every stored object must.
    pub(crate) fn typed<K: DeserializeOwned + Send + Sync + 'static>(&self) -> Arc<K> {
        let mut known = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = known.as_ref().and_then(Weak::upgrade);
        if let Some(shared) = shared.and_then(|shared| shared.downcast().ok()) {
            return shared;
        }
        let parsed = serde_json::from_str::<K>(&self.text);
        let parsed = Arc::new(parsed.expect("a stored object must have the shape of its kind"));
        let weak: Weak<K> = Arc::downgrade(&parsed);
        *known = Some(weak);
        parsed
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

    use super::*;
    use serde_json::json;

    #[test]
    fn readers_of_a_type_share_it_while_one_of_them_keeps_it() {
        type Numbers = BTreeMap<String, u8>;
        let object = StoredObject::new(&json!({"a": 1}));
        let (one, two) = (object.typed::<Numbers>(), object.typed::<Numbers>());
        assert!(Arc::ptr_eq(&one, &two));
        drop((one, two));
        assert_eq!(object.typed::<Numbers>()["a"], 1);
        assert_eq!(object.typed::<Value>()["a"], 1);
        assert_eq!(object.text(), r#"{"a":1}"#);
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
