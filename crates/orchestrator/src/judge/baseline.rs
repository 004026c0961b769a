//! A claim's subject as it was when its step began. It is remembered, never judged.

use std::collections::BTreeMap;

use crate::input::experiment::{Condition, ObjectRef};
use crate::timeline::view::{PodFacts, View};

/// What `unchanged` and `delta` compare with: the subject when the step began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Baseline {
    /// By UID.
    pods: BTreeMap<String, PodThen>,
    /// By Service.
    addresses: BTreeMap<String, Vec<String>>,
}

/// One Pod when the step began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodThen {
    /// Of the container, if the claim is about one; else of all.
    pub(super) restarts: i64,
    pub(super) ip: Option<String>,
}

impl Baseline {
    /// The subject as it is now.
    pub(super) fn of(claim: &Condition, view: &View) -> Self {
        match claim {
            Condition::Pod { pod, .. } => Self::of_pods(view, pod, PodFacts::restarts),
            Condition::Container { pod, container, .. } => Self::of_pods(view, pod, |facts| {
                let container = facts.containers.get(&container.value);
                container.map_or(0, |container| container.restarts)
            }),
            Condition::Endpoints { services, .. } => {
                let each = services.iter().map(|service| {
                    let addresses = view.endpoints(service).addresses();
                    (service.value.clone(), addresses)
                });
                Self {
                    addresses: each.collect(),
                    ..Self::default()
                }
            }
            Condition::Deployment { .. } | Condition::Traffic { .. } => Self::default(),
        }
    }

    fn of_pods(view: &View, pods: &ObjectRef, restarts: impl Fn(&PodFacts) -> i64) -> Self {
        let each = view.pods(pods).into_iter().flatten().map(|facts| {
            let then = PodThen {
                restarts: restarts(facts),
                ip: facts.ip.clone(),
            };
            (facts.uid.clone(), then)
        });
        Self {
            pods: each.collect(),
            ..Self::default()
        }
    }

    /// A Pod, if it was there.
    pub(super) fn pod(&self, uid: &str) -> Option<&PodThen> {
        self.pods.get(uid)
    }

    /// A Service's addresses, in order.
    pub(super) fn addresses(&self, service: &str) -> Option<&[String]> {
        self.addresses.get(service).map(Vec::as_slice)
    }
}
