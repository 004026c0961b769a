//! A controller's voice: Events about whatever object it deals with.

use crate::events::{Recorder, Severity};
use crate::registry::{Object, Registry};

#[derive(Debug)]
pub(crate) struct Voice {
    registry: Registry,
    component: &'static str,
    random: fastrand::Rng,
}

impl Voice {
    pub(crate) fn new(registry: Registry, component: &'static str, random: fastrand::Rng) -> Self {
        Self {
            registry,
            component,
            random,
        }
    }

    pub(crate) fn say<K: Object>(&mut self, about: &K, reason: &str, message: &str) {
        self.recorder(about).say(Severity::Normal, reason, message);
    }

    pub(crate) fn warn<K: Object>(&mut self, about: &K, reason: &str, message: &str) {
        self.recorder(about).say(Severity::Warning, reason, message);
    }

    fn recorder<K: Object>(&mut self, about: &K) -> Recorder {
        Recorder::new(
            self.registry.clone(),
            self.component,
            about,
            self.random.fork(),
        )
    }
}
