//! The baseline of a condition: restarts, IPs and Service addresses when the step began.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::experiment::{Condition, ObjectRef, Which};
use crate::timeline::snapshot::{PodFacts, Snapshot};

/// The subject's state when the step began, for comparison with `unchanged` and `delta`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Baseline {
    /// Pods, keyed by UID.
    pods: BTreeMap<String, PodThen>,
    /// Addresses in order, keyed by Service.
    addresses: BTreeMap<String, Vec<String>>,
    /// UIDs of the Pods that the step flips or deletes.
    flipped: BTreeSet<String>,
}

/// A Pod's state when the step began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodThen {
    /// Restarts of the container, if the condition names one; else of all containers.
    pub(super) restarts: i64,
    pub(super) ip: Option<String>,
}

impl Baseline {
    /// The subject's present state.
    pub(super) fn of(condition: &Condition, snapshot: &Snapshot) -> Self {
        match condition {
            Condition::Pod { pod, .. } => Self::of_pods(snapshot, pod, PodFacts::restarts),
            Condition::Container { pod, container, .. } => Self::of_pods(snapshot, pod, |facts| {
                let container = facts.containers.get(&container.value);
                container.map_or(0, |container| container.restarts)
            }),
            Condition::Endpoints { services, .. } => {
                let each = services.iter().map(|service| {
                    let addresses = snapshot.endpoints(service).addresses();
                    (service.value.clone(), addresses)
                });
                Self {
                    addresses: each.collect(),
                    ..Self::default()
                }
            }
            Condition::Controller { .. } | Condition::Traffic { .. } | Condition::Event { .. } => {
                Self::default()
            }
        }
    }

    fn of_pods(snapshot: &Snapshot, pods: &ObjectRef, restarts: impl Fn(&PodFacts) -> i64) -> Self {
        let each = snapshot.pods(pods).into_iter().flatten().map(|facts| {
            let then = PodThen {
                restarts: restarts(facts),
                ip: facts.ip.clone(),
            };
            (facts.uid.clone(), then)
        });
        Self {
            pods: each.collect(),
            flipped: snapshot.flipped().clone(),
            ..Self::default()
        }
    }

    /// Whether the condition is about the Pod with this UID.
    pub(super) fn selects(&self, uid: &str, which: Which) -> bool {
        match which {
            Which::All => true,
            Which::Flipped => self.flipped.contains(uid),
            Which::Others => !self.flipped.contains(uid),
        }
    }

    /// The state of the Pod with this UID, if it existed.
    pub(super) fn pod(&self, uid: &str) -> Option<&PodThen> {
        self.pods.get(uid)
    }

    /// The addresses of a Service, in order.
    pub(super) fn addresses(&self, service: &str) -> Option<&[String]> {
        self.addresses.get(service).map(Vec::as_slice)
    }
}
