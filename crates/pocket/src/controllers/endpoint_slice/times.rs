//! Computes the time of the change that an EndpointSlice reflects, for its trigger-time annotation.
//!
//! Rule: `staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::controllers::informer::{Key, key};
use crate::kinds::name;

/// The times seen at the last sync, by Service.
#[derive(Debug, Default)]
pub(super) struct Times(BTreeMap<Key, Seen>);

#[derive(Debug)]
struct Seen {
    service: Option<Time>,
    /// By Pod name.
    pods: BTreeMap<String, Time>,
}

impl Times {
    /// The earliest change since the last sync of this Service, if it has a time. At the first sync
    /// of a Service it is the Service's creation.
    ///
    /// Rule: `ComputeEndpointLastChangeTriggerTime`.
    pub(super) fn changed<'a>(
        &mut self,
        service: &Service,
        pods: impl Iterator<Item = &'a Pod>,
    ) -> Option<Time> {
        let pods = pods.filter_map(|pod| Some((name(pod).to_owned(), ready_changed(pod)?)));
        let seen = Seen {
            service: service.metadata.creation_timestamp.clone(),
            pods: pods.collect(),
        };
        let now = seen.service.clone();
        let Some(before) = self.0.get(&key(service)) else {
            self.0.insert(key(service), seen);
            return now;
        };
        let later = |(name, time): &(&String, &Time)| before.pods.get(*name) < Some(*time);
        let pods = seen.pods.iter().filter(later).map(|(_, time)| time);
        let created = seen
            .service
            .iter()
            .filter(|_| seen.service > before.service);
        let first = pods.chain(created).min().cloned();
        self.0.insert(key(service), seen);
        first
    }

    /// Drops a Service that is gone.
    pub(super) fn forget(&mut self, service: &Key) {
        self.0.remove(service);
    }
}

/// When the Pod's `Ready` condition last changed.
fn ready_changed(pod: &Pod) -> Option<Time> {
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready")?;
    ready.last_transition_time.clone()
}
