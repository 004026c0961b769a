//! `Snapshot`: the present state of a timeline, folded from its records one by one.
//!
//! This is the only such fold: judge, report and run read a snapshot and keep no state of objects,
//! flips or traffic of their own. It holds only observed facts; the judge compares them with
//! expectations.

mod clock;
mod controller;
mod endpoints;
mod flip;
mod generations;
mod owner;
mod pod;
mod step_times;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

pub(crate) use controller::ControllerFacts;
pub(crate) use endpoints::{EndpointFacts, service_of};
pub(crate) use flip::{FlipFacts, canonical};
pub(crate) use generations::Outdated;
pub(crate) use pod::{ContainerFacts, PodFacts};
pub(crate) use step_times::StepTimes;
pub(crate) use traffic::{Client, Sent};

use crate::input::experiment::{ObjectKind, ObjectRef, Rate, TrafficClient, WorkloadRef};
use crate::timeline::{
    BoundPod, Change, Gap, Micros, Record, SharedTexts, StateCall, Timeline, WatchedObject, What,
};
use clock::Offset;
use endpoints::Slice;
use flip::Flips;
use generations::Generations;
use owner::Owner;

/// The state of cluster, flips and traffic after the records taken so far.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// Number of records taken.
    taken: usize,
    /// Existing objects by kind and name.
    objects: BTreeMap<String, BTreeMap<String, WatchedObject>>,
    /// The UIDs of the owners of existing objects, by UID.
    owners: BTreeMap<String, Vec<String>>,
    /// The owners that control existing ReplicaSets, by the ReplicaSet's name.
    replica_set_owners: BTreeMap<String, Owner>,
    /// Existing controllers by kind and name.
    controllers: BTreeMap<(ObjectKind, String), ControllerFacts>,
    /// Existing EndpointSlices by name.
    slices: BTreeMap<String, Slice>,
    /// Pods by UID. Deleted Pods are kept, as conditions refer to Pods by UID.
    pods: BTreeMap<String, PodFacts>,
    /// When Pods were deleted, and their UIDs.
    deleted: Vec<(Micros, String)>,
    bound: BTreeMap<String, Vec<BoundPod>>,
    clients: BTreeMap<String, Client>,
    /// The clock of each process that answered a `state` call, by the process's instance.
    clocks: BTreeMap<String, Offset>,
    gaps: Vec<WatchGap>,
    generations: Generations,
    flips: Flips,
    /// When the workload had been applied.
    pub(crate) applied: Option<Micros>,
    /// When the steady state was reached.
    pub(crate) steady: Option<Micros>,
    /// When the clean-up began.
    pub(crate) reverting: Option<Micros>,
    /// Whether a signal ended the run before that.
    pub(crate) interrupted: bool,
    /// UIDs of the Pods that the step which started last flips or deletes.
    flipped: BTreeSet<String>,
    steps: BTreeMap<usize, StepTimes>,
}

/// A period in which changes to objects of one kind may have been missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchGap {
    pub(crate) kind: String,
    pub(crate) from: Micros,
    /// [`Micros::MAX`] while the watch is down.
    pub(crate) to: Micros,
}

impl Snapshot {
    /// The state before the first record. Only requests of these traffic clients will be kept.
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

    /// The state after these records.
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut snapshot = Self::default();
        for record in records {
            snapshot.take(record);
        }
        snapshot
    }

    /// The state in which these objects exist.
    pub(crate) fn of_objects(objects: impl Iterator<Item = Value>) -> Self {
        let mut snapshot = Self::default();
        let mut shared = SharedTexts::default();
        for object in objects {
            let object = WatchedObject::new(object, &mut shared);
            snapshot.take_object(Change::Added, &object, Micros::ZERO);
        }
        snapshot
    }

    /// Takes the records added since the last call, and returns them. The timeline must be the same
    /// one each time.
    pub(crate) fn catch_up<'t>(&mut self, timeline: &'t Timeline) -> &'t [Record] {
        let fresh = self.untaken(timeline);
        for record in fresh {
            self.take(record);
        }
        fresh
    }

    /// The records of the timeline that have not been taken yet.
    pub(crate) fn untaken<'t>(&self, timeline: &'t Timeline) -> &'t [Record] {
        timeline.since(self.taken)
    }

    /// Takes one record. Returns the change of an object, if it is one.
    pub(crate) fn take<'r>(&mut self, record: &'r Record) -> Option<(Change, &'r WatchedObject)> {
        self.taken += 1;
        let at = record.at;
        match &record.what {
            What::Watch { change, object } => return self.take_object(*change, object, at),
            What::Bound { subject, pods } => {
                self.bound.insert(subject.clone(), pods.clone());
            }
            What::Applied => self.applied = Some(at),
            What::Steady => self.steady = Some(at),
            What::StepStart { step, pods, .. } => {
                self.flips.step = *step;
                self.flipped = pods.iter().map(|pod| pod.uid.clone()).collect();
                let started = Some(at);
                let times = StepTimes {
                    started,
                    ..StepTimes::default()
                };
                self.steps.insert(*step, times);
            }
            What::Sending { step } => {
                self.generations.sending(at);
                self.note(*step, |times| times.sent = times.sent.or(Some(at)));
            }
            What::Acknowledged { step, patched } => {
                if let Some(patched) = patched {
                    self.generations.patched(patched, at);
                }
                self.note(*step, |times| times.acknowledged = Some(at));
            }
            What::StepEnd { step } => self.note(*step, |times| times.ended = Some(at)),
            What::Flip(flip) => self.flips.take(flip, at),
            What::Healed { target } => self.flips.healed(target, at),
            What::Down(gap) => self.gap(gap, Micros::MAX),
            What::Gap(gap) => {
                self.unbroken(&gap.kind);
                self.gap(gap, at);
            }
            What::Unbroken { kind } => self.unbroken(kind),
            What::State(call) => self.take_state(call, at),
            What::Traffic(sample) => {
                self.client_of(&sample.client, |client| client.take_sample(sample));
            }
            What::Journal(read) => {
                self.client_of(&read.target.container, |client| client.take_journal(read));
            }
            What::Interrupted => self.interrupted = true,
            What::Reverting => {
                self.reverting = Some(at);
                self.flips.reverting(at);
                self.clients.values_mut().for_each(|client| client.end(at));
            }
            What::Phase { .. } | What::Hit(_) | What::End => {}
        }
        None
    }

    /// Keeps the requests of a traffic client from now on, in place of those of an earlier client
    /// of this name.
    pub(crate) fn follow_client(&mut self, name: &str, rate: Rate, timeout: Duration) {
        let client = Client::sending(rate, timeout);
        self.clients.insert(name.to_owned(), client);
    }

    /// Forgets Pods, flips, requests and gaps of watches that were over before this time. No
    /// expectation may refer to them.
    pub(crate) fn forget(&mut self, before: Micros) {
        let over = self.deleted.partition_point(|(at, _)| *at < before);
        for (_, uid) in self.deleted.drain(..over) {
            self.pods.remove(&uid);
        }
        self.flips.forget(before);
        for client in self.clients.values_mut() {
            client.forget(before.signed());
        }
        self.gaps.retain(|gap| gap.to >= before);
    }

    fn take_state(&mut self, call: &StateCall, at: Micros) {
        let offset = Offset::of(call, at);
        let known = self
            .clocks
            .entry(call.target.instance.clone())
            .or_insert(offset);
        if offset.error < known.error {
            *known = offset;
        }
        self.client_of(&call.target.container, |client| client.take_state(call, at));
    }

    fn note(&mut self, step: usize, change: impl FnOnce(&mut StepTimes)) {
        if let Some(times) = self.steps.get_mut(&step) {
            change(times);
        }
    }

    fn client_of(&mut self, container: &str, take: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.get_mut(container) {
            take(client);
        }
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
        object: &'r WatchedObject,
        at: Micros,
    ) -> Option<(Change, &'r WatchedObject)> {
        let (kind, name) = (object.kind(), object.name());
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let deleted = change == Change::Deleted;
        let of_kind = self.objects.entry(kind.to_owned()).or_default();
        if deleted {
            of_kind.remove(name);
        } else {
            of_kind.insert(name.to_owned(), object.clone());
        }
        if kind == "Event" {
            if object.field("reason") == "Killing" {
                self.take_killing(&object.field("involvedObject"));
            }
            return Some((change, object));
        }
        let fields = ["metadata", "status", "endpoints", "spec"];
        // A Pod's containers are known from its first version on.
        let is_known = self.pods.contains_key(object.uid());
        let value = object.excerpt(&fields[..if is_known { 3 } else { 4 }]);
        self.generations.seen(kind, name, &value, at);
        self.take_owners(object.uid(), &value, deleted);
        match kind {
            "Pod" => {
                let before = self.pods.get(object.uid());
                let facts = PodFacts::read(&value, deleted, at, before);
                self.pods.insert(object.uid().to_owned(), facts);
                if deleted {
                    self.deleted.push((at, object.uid().to_owned()));
                }
            }
            "ReplicaSet" => {
                let owner = Owner::of(&value);
                keep(
                    &mut self.replica_set_owners,
                    name.to_owned(),
                    owner,
                    deleted,
                );
            }
            "EndpointSlice" => {
                let slice = Slice::read(&value);
                keep(&mut self.slices, name.to_owned(), slice, deleted);
            }
            kind => {
                if let Some(kind) = ObjectKind::controller(kind) {
                    let facts = Some(ControllerFacts::read(kind, &value));
                    keep(
                        &mut self.controllers,
                        (kind, name.to_owned()),
                        facts,
                        deleted,
                    );
                }
            }
        }
        Some((change, object))
    }

    fn take_owners(&mut self, uid: &str, object: &Value, deleted: bool) {
        let owners = object["metadata"]["ownerReferences"].as_array();
        let owners = owners.filter(|owners| !owners.is_empty()).map(|owners| {
            let uids = owners.iter().filter_map(|owner| owner["uid"].as_str());
            uids.map(str::to_owned).collect()
        });
        keep(&mut self.owners, uid.to_owned(), owners, deleted);
    }

    /// Takes the involved object of the kubelet's `Killing` event, which names the container in its
    /// field path: `spec.containers{b}`, `spec.initContainers{b}`.
    fn take_killing(&mut self, about: &Value) {
        let uid = about["uid"].as_str().unwrap_or_default();
        let path = about["fieldPath"].as_str().unwrap_or_default();
        let name = path
            .split_once('{')
            .map(|(_, name)| name.trim_end_matches('}'));
        if let Some(pod) = self.pods.get_mut(uid)
            && let Some(container) = name.and_then(|name| pod.containers.get_mut(name))
        {
            container.killed = true;
        }
    }

    /// The object of this kind and name.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<&WatchedObject> {
        self.objects.get(kind)?.get(name)
    }

    /// All existing objects, by kind and name.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &WatchedObject> {
        self.objects.values().flat_map(BTreeMap::values)
    }

    /// The existing objects of a kind, deserialized as `T`. Objects that are no `T` are skipped.
    pub(crate) fn all<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        self.of_kind(kind)
            .filter_map(WatchedObject::parsed)
            .collect()
    }

    /// The existing objects of a kind, by name.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &WatchedObject> {
        self.objects
            .get(kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// Whether an object, or an event's involved object, has one of these UIDs or descends from
    /// such an object through owner references.
    pub(crate) fn grew_from(&self, object: &WatchedObject, roots: &BTreeSet<String>) -> bool {
        let mut uids = vec![object.uid()];
        while let Some(uid) = uids.pop() {
            if roots.contains(uid) {
                return true;
            }
            uids.extend(
                self.owners
                    .get(uid)
                    .into_iter()
                    .flatten()
                    .map(String::as_str),
            );
        }
        false
    }

    /// The UIDs of the existing objects that a reference names.
    pub(crate) fn uids(&self, of: &WorkloadRef) -> BTreeSet<String> {
        let kinds = self.objects.iter().filter(|(kind, _)| of.is_kind(kind));
        let named = kinds.filter_map(|(_, objects)| objects.get(&of.name));
        named.map(|object| object.uid().to_owned()).collect()
    }

    /// The object of the Pod with this UID, unless it was deleted.
    pub(crate) fn pod_object(&self, uid: &str) -> Option<&WatchedObject> {
        let object = self.get("Pod", &self.pod(uid)?.name)?;
        (object.uid() == uid).then_some(object)
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

    /// The Pod with this UID, if it was observed and is one of a subject's [`Self::pods`].
    pub(crate) fn pod_of(&self, subject: &ObjectRef, uid: &str) -> Option<&PodFacts> {
        let facts = self.pods.get(uid)?;
        let is_of = match self.bound.get(&subject.to_string()) {
            Some(bound) => bound.iter().any(|pod| pod.uid == uid),
            None => !facts.is_leaving() && self.belongs(facts, subject),
        };
        is_of.then_some(facts)
    }

    fn belonging(&self, subject: &ObjectRef) -> impl Iterator<Item = &PodFacts> {
        let alive = self.pods.values().filter(|pod| !pod.is_leaving());
        let mut pods: Vec<&PodFacts> = alive.filter(|pod| self.belongs(pod, subject)).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods.into_iter()
    }

    fn belongs(&self, pod: &PodFacts, subject: &ObjectRef) -> bool {
        let owner = |kind: &str| pod.owner.as_ref().filter(|owner| owner.kind == kind);
        match subject.kind {
            ObjectKind::Pod => pod.name == subject.name,
            ObjectKind::ReplicaSet
            | ObjectKind::StatefulSet
            | ObjectKind::DaemonSet
            | ObjectKind::Job => {
                owner(subject.kind.name()).is_some_and(|owner| owner.name == subject.name)
            }
            ObjectKind::Deployment => owner("ReplicaSet")
                .and_then(|owner| self.replica_set_owners.get(&owner.name))
                .is_some_and(|owner| owner.kind == "Deployment" && owner.name == subject.name),
            ObjectKind::Service => false,
        }
    }

    /// The endpoints of a Service from all its slices.
    pub(crate) fn endpoints(&self, service: &str) -> EndpointFacts {
        EndpointFacts::merged(service, self.slices.values())
    }

    /// The Pod with this UID, even if it was deleted.
    pub(crate) fn pod(&self, uid: &str) -> Option<&PodFacts> {
        self.pods.get(uid)
    }

    pub(crate) fn controller(&self, kind: ObjectKind, name: &str) -> Option<&ControllerFacts> {
        self.controllers.get(&(kind, name.to_owned()))
    }

    /// A time of a process's clock on the timeline; none if the process answered no `state` call.
    pub(crate) fn time_of(&self, instance: &str, at: Micros) -> Option<Micros> {
        let offset = self.clocks.get(instance)?;
        Some(Micros::from_signed(offset.zero + at.signed()))
    }

    pub(crate) fn client(&self, name: &str) -> Option<&Client> {
        self.clients.get(name)
    }

    /// The UIDs of the Pods that the step which started last flips or deletes.
    pub(crate) fn flipped(&self) -> &BTreeSet<String> {
        &self.flipped
    }

    /// All traffic clients, by name.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.values()
    }

    /// All flips so far, in the order of their acknowledgements.
    pub(crate) fn flips(&self) -> &[FlipFacts] {
        self.flips.all()
    }

    /// The times of a step; all are none before it starts.
    pub(crate) fn step_times(&self, step: usize) -> StepTimes {
        self.steps.get(&step).copied().unwrap_or_default()
    }

    /// The periods in which a patched object's status is of a generation before the patch, as far
    /// as they are not over before the first of `times`, and begin at the second at the latest.
    pub(crate) fn outdated(
        &self,
        kind: ObjectKind,
        name: &str,
        times: (Micros, Micros),
    ) -> impl Iterator<Item = &Outdated> {
        self.generations.outdated(kind.name(), name, times)
    }

    /// The periods in which changes to objects of a kind may have been missed.
    pub(crate) fn gaps<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a WatchGap> {
        self.gaps.iter().filter(move |gap| gap.kind == kind)
    }

    /// Whether changes to objects of any kind may be missed now.
    pub(crate) fn is_broken(&self) -> bool {
        self.gaps.iter().any(|gap| gap.to == Micros::MAX)
    }

    /// A counter that grows whenever a record changes what is known about traffic.
    pub(crate) fn traffic_revision(&self) -> u64 {
        self.clients.values().map(Client::revision).sum()
    }
}

/// Keeps what was read of an object by its name, or removes it with the object.
fn keep<K: Ord, T>(known: &mut BTreeMap<K, T>, key: K, read: Option<T>, deleted: bool) {
    match read.filter(|_| !deleted) {
        Some(read) => known.insert(key, read),
        None => known.remove(&key),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, owner: &str) -> Value {
        json!({ "kind": kind, "metadata": { "name": name, "uid": name, "ownerReferences": [{ "uid": owner }] } })
    }

    #[test]
    fn what_grew_from_an_object_is_known_by_its_owners() {
        let grown = [
            object("ReplicaSet", "web-1", "web"),
            object("Pod", "web-1-a", "web-1"),
        ];
        let snapshot = Snapshot::of_objects(grown.into_iter());
        let check = |object: &Value, ours: bool| {
            let made = BTreeSet::from(["web".to_owned()]);
            let watched = WatchedObject::new(object.clone(), &mut SharedTexts::default());
            assert_eq!(snapshot.grew_from(&watched, &made), ours, "{object}");
        };
        let event = |about: &str| json!({ "kind": "Event", "involvedObject": { "uid": about } });
        check(&object("Deployment", "web", "none"), true);
        check(&snapshot.get("Pod", "web-1-a").unwrap().value(), true);
        check(&event("web-1-a"), true);
        check(&object("Pod", "other-1-a", "other-1"), false);
        check(&event("other-1-a"), false);
    }
}
