//! The chain of effects of a step's flips: a Pod not ready, an endpoint lost, requests lost, and
//! recovery.

use std::collections::BTreeMap;
use std::iter;

use super::outage::Outage;
use crate::input::experiment::RequestOutcome;
use crate::timeline::snapshot::{Client, PodFacts, Snapshot, service_of};
use crate::timeline::{Change, Micros, Record, What};

/// When each effect of a step's flips was first seen. An effect that was not seen is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// A flipped Pod was not ready any more.
    pub(crate) not_ready: Option<Micros>,
    /// A Service had fewer ready endpoints.
    pub(crate) endpoint: Option<Micros>,
    /// The first request after a successful one that failed.
    pub(crate) first_lost: Option<Micros>,
    /// The last request that failed; none if requests still fail when the run ends.
    pub(crate) last_lost: Option<Micros>,
    /// The first request that succeeded after it.
    pub(crate) recovery: Option<Micros>,
}

impl Chain {
    /// The effects with their names, in the order in which they follow one another.
    pub(crate) fn links(&self) -> [(&'static str, Option<Micros>); 5] {
        [
            ("NotReady", self.not_ready),
            ("endpoint", self.endpoint),
            ("first lost", self.first_lost),
            ("last lost", self.last_lost),
            ("recovery", self.recovery),
        ]
    }

    fn is_empty(&self) -> bool {
        self.links().iter().all(|(_, at)| at.is_none())
    }
}

/// The changes of objects that chains are made of.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// When a Pod became not ready or was deleted, with its UID.
    not_ready: Vec<(Micros, String)>,
    /// When a Service had fewer ready endpoints than before.
    endpoints: Vec<Micros>,
    /// Whether each Pod is ready, by UID.
    pods: BTreeMap<String, bool>,
    /// Number of ready endpoints of each Service.
    services: BTreeMap<String, u32>,
}

impl Effects {
    /// Takes a record that the snapshot has just taken.
    pub(super) fn take(&mut self, record: &Record, snapshot: &Snapshot) {
        let What::Watch { change, object } = &record.what else {
            return;
        };
        if object.kind() == "Pod" {
            let uid = object.uid();
            let is_ready =
                *change != Change::Deleted && snapshot.pod(uid).is_some_and(PodFacts::is_ready);
            let was_ready = self.pods.insert(uid.to_owned(), is_ready);
            if was_ready == Some(true) && !is_ready {
                self.not_ready.push((record.at, uid.to_owned()));
            }
        } else if object.kind() == "EndpointSlice" {
            let metadata = object.field("metadata");
            let service = service_of(&metadata).unwrap_or_default();
            let (ready, _) = snapshot.endpoints(service).ready_count();
            let before = self.services.insert(service.to_owned(), ready);
            if before.is_some_and(|before| ready < before) {
                self.endpoints.push(record.at);
            }
        }
    }

    /// The chain of each of the first `steps` steps; none for a step that made no flip or whose
    /// flips had no effect.
    ///
    /// The first effects are looked for in the step itself, the end of the failures until the next
    /// step that has a chain of its own: what fails in one step mostly recovers in the next.
    pub(super) fn chains(&self, steps: usize, snapshot: &Snapshot) -> Vec<Option<Chain>> {
        let mut chains = vec![None; steps];
        let mut end = snapshot.reverting.unwrap_or(Micros::MAX);
        let mut next = end;
        for step in (0..steps).rev() {
            let times = snapshot.step_times(step);
            let Some(sent) = times.sent else { continue };
            let chain = self.chain(step, (sent, next), end, snapshot);
            next = sent;
            if let Some(chain) = chain {
                end = sent;
                chains[step] = Some(chain);
            }
        }
        chains
    }

    fn chain(
        &self,
        step: usize,
        (from, to): (Micros, Micros),
        end: Micros,
        snapshot: &Snapshot,
    ) -> Option<Chain> {
        let flips = snapshot.flips().iter().filter(|flip| flip.step == step);
        let flipped: Vec<&str> = flips.map(|flip| flip.record.target.uid.as_str()).collect();
        if flipped.is_empty() {
            return None;
        }
        let within = |at: &Micros| (from..to).contains(at);
        let mut not_ready = self.not_ready.iter();
        let not_ready = not_ready.find(|(at, uid)| within(at) && flipped.contains(&uid.as_str()));
        let outages: Vec<Outage> = snapshot
            .clients()
            .filter_map(|client| outage(client, from, to, end))
            .collect();
        // If one client still fails, the outage has not ended.
        let all = |time: fn(&Outage) -> Option<i64>| -> Option<Micros> {
            let times: Option<Vec<i64>> = outages.iter().map(time).collect();
            times?.into_iter().max().map(Micros::from_signed)
        };
        let first_lost = outages.iter().map(|outage| outage.first).min();
        let chain = Chain {
            not_ready: not_ready.map(|(at, _)| *at),
            endpoint: self.endpoints.iter().copied().find(|at| within(at)),
            first_lost: first_lost.map(Micros::from_signed),
            last_lost: all(|outage| outage.last),
            recovery: all(|outage| outage.recovery),
        };
        (!chain.is_empty()).then_some(chain)
    }
}

/// The outage of a client that began in [`from`, `to`) after a request that succeeded, as far as it
/// is seen before `end`.
fn outage(client: &Client, from: Micros, to: Micros, end: Micros) -> Option<Outage> {
    let known = client.frontier()?;
    let mut requests = client.between(i64::MIN, known.min(end.signed()));
    let mut was_ok = false;
    let first = requests.find(|sent| {
        let fails = sent.outcome != RequestOutcome::Ok;
        let begins = fails && was_ok && (from..to).contains(&Micros::from_signed(sent.at));
        was_ok = !fails;
        begins
    })?;
    Outage::of(iter::once(first).chain(requests))
}
