//! Observes a namespace with two watches: the last status of each Pod, and all its events.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::{
    sync::watch::{Receiver, Sender},
    task::JoinSet,
};

/// Observed Pods, keyed by name.
pub(crate) type Seen = BTreeMap<String, PodSeen>;

/// The last observed state of one Pod, and its events.
#[derive(Debug, Default)]
pub(crate) struct PodSeen {
    pub(crate) pod: Pod,
    /// The events about its container with their UIDs, in the order of their first appearance.
    events: Vec<(String, Said)>,
}

/// The present state of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) reason: String,
    pub(crate) message: String,
    /// The event's `count`.
    pub(crate) count: i32,
}

/// Watches a namespace until the tasks are dropped.
pub(crate) fn watch(client: &Client, namespace: &str) -> (Receiver<Seen>, JoinSet<()>) {
    let seen = Sender::new(Seen::new());
    let receiver = seen.subscribe();
    let mut tasks = JoinSet::new();
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = watcher(pods, watcher::Config::default()).default_backoff();
    let known = seen.clone();
    tasks.spawn(pods.applied_objects().for_each(move |pod| {
        if let Ok(pod) = pod {
            known.send_modify(|seen| take_pod(seen, pod));
        }
        std::future::ready(())
    }));
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let events = watcher(events, watcher::Config::default()).default_backoff();
    tasks.spawn(events.applied_objects().for_each(move |event| {
        if let Ok(event) = event {
            seen.send_modify(|seen| take_event(seen, event));
        }
        std::future::ready(())
    }));
    (receiver, tasks)
}

fn take_pod(seen: &mut Seen, pod: Pod) {
    let name = pod.metadata.name.clone().unwrap();
    seen.entry(name).or_default().pod = pod;
}

fn take_event(seen: &mut Seen, event: Event) {
    let about = event.involved_object;
    if about.field_path.is_none() {
        return;
    }
    let said = Said {
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: event.count.unwrap_or(1),
    };
    let uid = event.metadata.uid.unwrap();
    let events = &mut seen.entry(about.name.unwrap()).or_default().events;
    match events.iter_mut().find(|(known, _)| *known == uid) {
        Some((_, known)) => *known = said,
        None => events.push((uid, said)),
    }
}

impl PodSeen {
    /// The status of its container; `None` before there is one.
    pub(crate) fn container(&self) -> Option<&ContainerStatus> {
        let statuses = self.pod.status.as_ref()?.container_statuses.as_ref()?;
        statuses.first()
    }

    /// The events about its container, the earliest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Said> {
        self.events.iter().map(|(_, said)| said)
    }
}
