//! `View`: the present state of cluster objects and traffic, folded from a timeline's records.
//!
//! It is updated record by record and holds only observed facts; [`crate::judge`] compares them
//! with expectations.

mod clock;
mod deployment;
mod endpoints;
mod generations;
mod owner;
mod pod;
mod traffic;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use deployment::DeploymentFacts;
pub(crate) use endpoints::EndpointFacts;
pub(crate) use generations::Outdated;
pub(crate) use pod::{ContainerFacts, PodFacts};
pub(crate) use traffic::{Client, Sent};

use crate::input::experiment::{ObjectKind, ObjectRef, TrafficClient};
use crate::timeline::{BoundPod, Change, Gap, Micros, Record, What};
use endpoints::Slice;
use generations::Generations;
use owner::Owner;

/// The present state of the cluster and its traffic.
#[derive(Debug, Default)]
pub(crate) struct View {
    pods: BTreeMap<String, PodFacts>,
    replica_sets: BTreeMap<String, Option<Owner>>,
    slices: BTreeMap<String, Slice>,
    deployments: BTreeMap<String, DeploymentFacts>,
    bound: BTreeMap<String, Vec<BoundPod>>,
    clients: BTreeMap<String, Client>,
    gaps: Vec<WatchGap>,
    generations: Generations,
}

/// A period in which changes to objects of one kind may have been missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchGap {
    pub(crate) kind: String,
    pub(crate) from: Micros,
    /// [`Micros::MAX`] while the watch is down.
    pub(crate) to: Micros,
}

impl View {
    /// An empty view that knows only the traffic clients.
    pub(crate) fn new(traffic: &[TrafficClient]) -> Self {
        let clients = traffic
            .iter()
            .map(|client| (client.name.value.clone(), Client::new(client)))
            .collect();
        Self {
            clients,
            ..Self::default()
        }
    }

    /// Takes one record. Returns the kind of objects that may have changed, if any.
    pub(crate) fn take<'r>(&mut self, record: &'r Record) -> Option<&'r str> {
        match &record.what {
            What::Watch { change, object } => {
                return self.take_object(*change, object, record.at);
            }
            What::Bound { subject, pods } => {
                self.bound.insert(subject.clone(), pods.clone());
            }
            What::Sending { .. } => self.generations.sending(record.at),
            What::Acknowledged { patched, .. } => {
                if let Some(patched) = patched {
                    self.generations.patched(patched, record.at);
                }
            }
            What::Down(gap) => self.gap(gap, Micros::MAX),
            What::Gap(gap) => {
                self.unbroken(&gap.kind);
                self.gap(gap, record.at);
            }
            What::Unbroken { kind } => self.unbroken(kind),
            What::State(call) => {
                if let Some(client) = self.clients.get_mut(&call.target.container) {
                    client.take_state(call, record.at);
                }
            }
            What::Traffic(sample) => {
                if let Some(client) = self.clients.get_mut(&sample.client) {
                    client.take_sample(sample);
                }
            }
            What::Journal(read) => {
                if let Some(client) = self.clients.get_mut(&read.target.container) {
                    client.take_journal(read);
                }
            }
            What::Reverting => self
                .clients
                .values_mut()
                .for_each(|client| client.end(record.at)),
            What::Applied
            | What::Steady
            | What::StepStart { .. }
            | What::StepEnd { .. }
            | What::Flip(_)
            | What::Healed { .. }
            | What::Hit(_)
            | What::End => {}
        }
        None
    }

    fn gap(&mut self, Gap { kind, since }: &Gap, to: Micros) {
        self.gaps.push(WatchGap {
            kind: kind.clone(),
            from: *since,
            to,
        });
    }

    /// Removes the open gap of a kind: the watch works again.
    fn unbroken(&mut self, kind: &str) {
        self.gaps
            .retain(|gap| gap.kind != kind || gap.to != Micros::MAX);
    }

    fn take_object<'r>(
        &mut self,
        change: Change,
        object: &'r Value,
        at: Micros,
    ) -> Option<&'r str> {
        let kind = object["kind"].as_str()?;
        let name = object["metadata"]["name"].as_str()?;
        self.generations.seen(kind, name, object, at);
        let gone = change == Change::Deleted;
        match kind {
            "Pod" => {
                let facts = PodFacts::read(object, gone);
                // Deleted Pods are kept, as conditions refer to Pods by UID.
                self.pods.insert(facts.uid.clone(), facts);
            }
            "ReplicaSet" => set(&mut self.replica_sets, name, gone, || Owner::of(object)),
            "EndpointSlice" => set(&mut self.slices, name, gone, || Slice::read(object)),
            "Deployment" => set(&mut self.deployments, name, gone, || {
                DeploymentFacts::read(object)
            }),
            _ => return None,
        }
        Some(kind)
    }

    /// The Pods a subject is bound to, `Err` for one that was never observed. Before it is bound,
    /// the Pods that belong to it and are not being deleted.
    pub(crate) fn pods(&self, subject: &ObjectRef) -> Vec<Result<&PodFacts, &BoundPod>> {
        match self.bound.get(&subject.to_string()) {
            Some(bound) => bound
                .iter()
                .map(|pod| self.pods.get(&pod.uid).ok_or(pod))
                .collect(),
            None => self.belonging(subject).map(Ok).collect(),
        }
    }

    fn belonging(&self, subject: &ObjectRef) -> impl Iterator<Item = &PodFacts> {
        let alive = self.pods.values().filter(|pod| !pod.gone && !pod.deleting);
        let mut pods: Vec<&PodFacts> = alive.filter(|pod| self.belongs(pod, subject)).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods.into_iter()
    }

    fn belongs(&self, pod: &PodFacts, subject: &ObjectRef) -> bool {
        let owned = |owner: &Option<Owner>, kind: &str, name: &str| {
            owner
                .as_ref()
                .is_some_and(|owner| owner.kind == kind && owner.name == name)
        };
        match subject.kind {
            ObjectKind::Pod => pod.name == subject.name,
            ObjectKind::ReplicaSet => owned(&pod.owner, "ReplicaSet", &subject.name),
            ObjectKind::Deployment => pod
                .owner
                .as_ref()
                .filter(|owner| owner.kind == "ReplicaSet")
                .and_then(|owner| self.replica_sets.get(&owner.name))
                .is_some_and(|set| owned(set, "Deployment", &subject.name)),
            ObjectKind::Service => false,
        }
    }

    /// The endpoints of a Service from all its slices.
    pub(crate) fn endpoints(&self, service: &str) -> EndpointFacts {
        EndpointFacts::collect(
            self.slices
                .values()
                .filter(|slice| slice.service == service),
        )
    }

    /// The Pod with this UID, even if it was deleted.
    pub(crate) fn pod(&self, uid: &str) -> Option<&PodFacts> {
        self.pods.get(uid)
    }

    pub(crate) fn deployment(&self, name: &str) -> Option<&DeploymentFacts> {
        self.deployments.get(name)
    }

    pub(crate) fn client(&self, name: &str) -> Option<&Client> {
        self.clients.get(name)
    }

    /// The periods in which a patched object's status is of a generation before the patch.
    pub(crate) fn outdated(&self, kind: ObjectKind, name: &str) -> impl Iterator<Item = &Outdated> {
        self.generations.outdated(kind.name(), name)
    }

    /// The periods in which changes to objects of a kind may have been missed.
    pub(crate) fn gaps<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a WatchGap> {
        self.gaps.iter().filter(move |gap| gap.kind == kind)
    }

    /// A counter that grows whenever a record changes what is known about traffic.
    pub(crate) fn traffic_revision(&self) -> u64 {
        self.clients.values().map(Client::revision).sum()
    }
}

fn set<T>(known: &mut BTreeMap<String, T>, name: &str, gone: bool, read: impl FnOnce() -> T) {
    if gone {
        known.remove(name);
    } else {
        known.insert(name.to_owned(), read());
    }
}
