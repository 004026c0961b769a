//! A controller's event recorder: records Events about any object the controller handles.
//!
//! It keeps a [`Recorder`] for each existing object, so that repeats are counted instead of
//! recorded anew.

use std::collections::BTreeMap;

use crate::events::{Recorder, Severity};
use crate::kinds::Object;
use crate::registry::Registry;

pub(crate) struct EventRecorder {
    registry: Registry,
    component: &'static str,
    random: fastrand::Rng,
    /// By the UID of the object that the Events are about.
    recorders: BTreeMap<String, Recorder>,
    /// The number of recorders at which those of objects that are gone are dropped.
    full: usize,
}

/// The number of recorders below which none is dropped.
const FEW: usize = 64;

impl EventRecorder {
    pub(crate) fn new(registry: Registry, component: &'static str, random: fastrand::Rng) -> Self {
        Self {
            registry,
            component,
            random,
            recorders: BTreeMap::new(),
            full: FEW,
        }
    }

    pub(crate) fn record<K: Object>(&mut self, about: &K, reason: &str, message: &str) {
        self.recorder(about)
            .record(Severity::Normal, reason, message);
    }

    pub(crate) fn warn<K: Object>(&mut self, about: &K, reason: &str, message: &str) {
        self.recorder(about)
            .record(Severity::Warning, reason, message);
    }

    fn recorder<K: Object>(&mut self, about: &K) -> &Recorder {
        let uid = about.metadata().uid.clone().unwrap_or_default();
        // Only when their number has doubled: searching for those that are gone costs a read each.
        if self.recorders.len() >= self.full && !self.recorders.contains_key(&uid) {
            self.recorders
                .retain(|_, recorder| recorder.object_exists());
            self.full = FEW.max(2 * self.recorders.len());
        }
        self.recorders.entry(uid).or_insert_with(|| {
            let (registry, random) = (self.registry.clone(), self.random.fork());
            Recorder::new(registry, self.component, about, random)
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Event, Pod};
    use serde_json::json;

    use super::*;
    use crate::registry::tests::{from, registry};

    fn pod(registry: &Registry, name: &str) -> Pod {
        let containers = json!([{"name": "a", "image": "i"}]);
        let metadata = json!({"name": name, "namespace": "default"});
        let pod: Pod = from(json!({"metadata": metadata, "spec": {"containers": containers}}));
        registry.create(&pod).unwrap()
    }

    #[test]
    fn repeats_are_counted_as_long_as_the_object_is_there() {
        let registry = registry();
        let mut recorder = EventRecorder::new(registry.clone(), "x", fastrand::Rng::with_seed(1));
        let web = pod(&registry, "web");
        for _ in 0..3 {
            recorder.warn(&web, "FailedCreate", "no");
        }
        let [event] = registry.list::<Event>(None).try_into().unwrap();
        assert_eq!(event.count, Some(3));
        registry.delete::<Pod>("default", "web", Some(0)).unwrap();
        for number in 0..FEW {
            let pod = pod(&registry, &format!("web-{number}"));
            recorder.record(&pod, "Created", "yes");
        }
        assert_eq!(recorder.recorders.len(), FEW, "what is gone is forgotten");
    }
}
