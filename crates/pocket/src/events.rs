//! Records Events: the messages of components about objects, as API objects.
//!
//! A recorder is for one object. [`rules::event_limits`] decides which Events are dropped and which
//! are repeats. An Event is lost if its namespace is being deleted, as on a node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::{Event, EventSeries, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rules::event_limits::{EventLimits, LimitedEvent, NewEvent};

use crate::kinds::Kind;
use crate::kinds::Object;
use crate::kinds::node;
use crate::registry::Registry;

/// Records the Events of one component about one object.
pub(crate) struct Recorder {
    registry: Registry,
    component: &'static str,
    host: Option<&'static str>,
    kind: &'static Kind,
    about: ObjectReference,
    history: Mutex<History>,
}

#[derive(Debug)]
struct History {
    limits: EventLimits,
    /// Names of the Events created so far.
    names: BTreeMap<[String; 4], String>,
    random: fastrand::Rng,
}

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// For information.
    Normal,
    /// Something may be wrong.
    Warning,
}

impl Recorder {
    /// A recorder for `component` about `object`. Event names are drawn from `random`.
    pub(crate) fn new<K: Object>(
        registry: Registry,
        component: &'static str,
        object: &K,
        random: fastrand::Rng,
    ) -> Self {
        let history = History {
            limits: EventLimits::default(),
            names: BTreeMap::new(),
            random,
        };
        Self {
            registry,
            component,
            host: None,
            kind: Kind::of::<K>(),
            about: reference(object),
            history: Mutex::new(history),
        }
    }

    /// The same recorder with this node as its Events' host.
    #[must_use]
    pub(crate) fn at(self, host: &'static str) -> Self {
        Self {
            host: Some(host),
            ..self
        }
    }

    /// Whether the object still exists.
    pub(crate) fn object_exists(&self) -> bool {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (text(&self.about.namespace), text(&self.about.name));
        let found = self.registry.get_stored(self.kind, &namespace, &name);
        found.is_some_and(|object| object.metadata()["uid"] == text(&self.about.uid))
    }

    /// Records an Event about the whole object.
    pub(crate) fn record(&self, severity: Severity, reason: &str, message: &str) {
        self.record_part("", severity, reason, message);
    }

    /// Records an Event about a part of the object, such as `spec.containers{a}`.
    pub(crate) fn record_part(&self, part: &str, severity: Severity, reason: &str, message: &str) {
        let event = NewEvent {
            severity: severity.name(),
            part,
            reason,
            message,
        };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.registry.clock().now();
        let Some(sent) = history.limits.apply(&event, now) else {
            return;
        };
        let names = history.names.get(&sent.key).cloned();
        // A client may have deleted the Event meanwhile: then the repeat makes a new one.
        if names.is_some_and(|name| self.count_repeat(&name, &sent)) {
            return;
        }
        let name = format!(
            "{}.{:016x}",
            self.about.name.as_deref().unwrap_or_default(),
            history.random.u64(..)
        );
        if self
            .registry
            .create(&self.new_event(&name, &event, &sent))
            .is_ok()
        {
            history.names.insert(sent.key, name);
        }
    }

    /// Counts a repeat on the existing Event; returns false if that is gone.
    fn count_repeat(&self, name: &str, sent: &LimitedEvent) -> bool {
        let namespace = self.about.namespace.as_deref().unwrap_or_default();
        let clock = self.registry.clock();
        let (now, now_exactly) = (clock.time(), clock.exact_time());
        let change = |event: &mut Event| {
            let count = i32::try_from(sent.count).ok();
            if event.event_time.is_some() {
                event.series = Some(EventSeries {
                    count,
                    last_observed_time: Some(now_exactly.clone()),
                });
                return;
            }
            event.count = count;
            event.last_timestamp = Some(now);
            event.message = Some(sent.message.clone());
        };
        self.registry.edit(namespace, name, change).is_ok()
    }

    fn new_event(&self, name: &str, event: &NewEvent<'_>, sent: &LimitedEvent) -> Event {
        let clock = self.registry.clock();
        let now = clock.time();
        let part = Some(event.part.to_owned()).filter(|part| !part.is_empty());
        let older = Event {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: self.about.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                field_path: part,
                ..self.about.clone()
            },
            type_: Some(event.severity.to_owned()),
            reason: Some(event.reason.to_owned()),
            message: Some(sent.message.clone()),
            count: i32::try_from(sent.count).ok(),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            source: Some(EventSource {
                component: Some(self.component.to_owned()),
                host: self.host.map(str::to_owned),
            }),
            reporting_component: Some(self.component.to_owned()),
            reporting_instance: self.host.map(str::to_owned),
            ..Event::default()
        };
        let Some(action) = action(self.component, event.reason) else {
            return older;
        };
        Event {
            count: None,
            first_timestamp: None,
            last_timestamp: None,
            source: Some(EventSource::default()),
            event_time: Some(clock.exact_time()),
            action: Some(action.to_owned()),
            reporting_instance: Some(format!("{}-{}", self.component, node::NAME)),
            ..older
        }
    }
}

impl Severity {
    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What a component that uses the API `events.k8s.io` was doing. Its Events have neither a count
/// nor a source. The others use the older API of `v1`.
///
/// Rule: `pkg/scheduler/schedule_one.go`.
fn action(component: &str, reason: &str) -> Option<&'static str> {
    match (component, reason) {
        ("default-scheduler", "Scheduled") => Some("Binding"),
        ("default-scheduler", _) => Some("Scheduling"),
        _ => None,
    }
}

fn reference<K: Object>(object: &K) -> ObjectReference {
    let metadata = object.metadata();
    ObjectReference {
        api_version: Some(K::API_VERSION.to_owned()),
        kind: Some(K::KIND.to_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::core::v1::{Namespace, Pod};

    use super::*;
    use crate::clock::Clock;

    fn registry() -> Registry {
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let registry = Registry::new(clock, fastrand::Rng::with_seed(1));
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("n".to_owned());
        registry.create(&namespace).unwrap();
        registry
    }

    #[tokio::test(start_paused = true)]
    async fn repeats_raise_the_count_of_one_event() {
        let registry = registry();
        let mut pod = Pod::default();
        pod.metadata.name = Some("web".to_owned());
        pod.metadata.namespace = Some("n".to_owned());
        let random = fastrand::Rng::with_seed(1);
        let recorder = Recorder::new(registry.clone(), "kubelet", &pod, random).at("pocket");
        for _ in 0..3 {
            recorder.record_part("spec.containers{a}", Severity::Warning, "Unhealthy", "bad");
        }
        recorder.record(Severity::Normal, "Scheduled", "good");

        let mut events = registry.list::<Event>(Some("n"));
        events.sort_by_key(|event| event.count);
        let told = |event: &Event| (event.reason.clone().unwrap(), event.count.unwrap());
        assert_eq!(
            events.iter().map(told).collect::<Vec<_>>(),
            [("Scheduled".to_owned(), 1), ("Unhealthy".to_owned(), 3)]
        );
        let path = events[1].involved_object.field_path.as_deref();
        assert_eq!(path, Some("spec.containers{a}"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_scheduler_s_events_are_of_the_newer_api() {
        let registry = registry();
        let mut pod = Pod::default();
        pod.metadata.name = Some("web".to_owned());
        pod.metadata.namespace = Some("n".to_owned());
        let random = fastrand::Rng::with_seed(1);
        let recorder = Recorder::new(registry.clone(), "default-scheduler", &pod, random);
        tokio::time::advance(Duration::from_millis(1_250)).await;
        for _ in 0..3 {
            recorder.record(Severity::Warning, "FailedScheduling", "no");
        }
        let events = registry.list::<Event>(Some("n"));
        let [event] = events.try_into().unwrap();
        assert_eq!(event.source, Some(EventSource::default()));
        assert_eq!((event.count, event.last_timestamp), (None, None));
        assert_eq!(event.action.as_deref(), Some("Scheduling"));
        let time = event.event_time.unwrap().0.to_string();
        assert_eq!(time, "2026-01-02T03:04:06.25Z");
        assert_eq!(event.series.unwrap().count, Some(3));
        let instance = event.reporting_instance.as_deref();
        assert_eq!(instance, Some("default-scheduler-pocket"));
    }
}
