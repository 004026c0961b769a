//! Deletes Events an hour after their last write.
//!
//! Rule: `cmd/kube-apiserver/app/options/options.go`, `--event-ttl`. An API server leaves it to
//! etcd's leases.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use rules::Moment;

use super::reconcile::ignore_refusal;
use crate::kinds::Kind;
use crate::registry::{Deletion, Registry, UntypedWatch};
use crate::store::{StoredObject, Verb};

/// How long an Event exists after its last write.
const LIFETIME: Duration = Duration::from_hours(1);

/// A version of an Event, which is deleted unless it is written again.
struct Expiring {
    at: Moment,
    namespace: String,
    name: String,
    version: String,
}

pub(super) async fn run(registry: Registry) {
    let mut events = UntypedWatch::new(registry.clone(), Kind::of::<Event>(), None);
    // In the order of their ends, as all live equally long.
    let mut expiring: VecDeque<Expiring> = VecDeque::new();
    loop {
        let now = registry.clock().now();
        while let Some((verb, event)) = events.try_next() {
            if verb != Verb::Deleted {
                expiring.push_back(Expiring::of(&event, now + LIFETIME));
            }
        }
        while let Some(expired) = expiring.pop_front_if(|expiring| expiring.at <= now) {
            delete(&registry, expired);
        }
        let next = async {
            match expiring.front() {
                Some(expiring) => registry.clock().until(expiring.at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = events.written() => {}
            () = next => {}
        }
    }
}

impl Expiring {
    fn of(event: &StoredObject, at: Moment) -> Self {
        let metadata = event.metadata();
        Self {
            at,
            namespace: event.namespace().to_owned(),
            name: event.name().to_owned(),
            version: metadata["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Deletes the Event, unless it has been written since: its new version expires later.
fn delete(registry: &Registry, expired: Expiring) {
    let deletion = Deletion {
        version: Some(expired.version),
        ..Deletion::default()
    };
    let (namespace, name) = (&expired.namespace, &expired.name);
    ignore_refusal(registry.delete_value(Kind::of::<Event>(), namespace, name, &deletion));
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::registry::tests::{from, registry};

    #[tokio::test(start_paused = true)]
    async fn an_event_lives_an_hour_after_its_last_write() {
        let registry = registry();
        let task = tokio::spawn(run(registry.clone()));
        for name in ["once", "twice"] {
            let event: Event = from(json!({
                "metadata": {"name": name, "namespace": "default"},
                "involvedObject": {"kind": "Pod", "namespace": "default"},
            }));
            registry.create(&event).unwrap();
        }
        let left = async |minutes: u64| {
            advance(Duration::from_mins(minutes)).await;
            sleep(Duration::from_millis(1)).await;
            let events = registry.list::<Event>(None).into_iter();
            events
                .filter_map(|event| event.metadata.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(left(0).await, ["once", "twice"]);
        assert_eq!(left(59).await, ["once", "twice"]);
        let again = |event: &mut Event| event.count = Some(2);
        registry.edit("default", "twice", again).unwrap();
        assert_eq!(left(0).await, ["once", "twice"]);
        assert_eq!(left(2).await, ["twice"]);
        assert_eq!(left(56).await, ["twice"]);
        assert!(left(3).await.is_empty());
        task.abort();
    }
}
