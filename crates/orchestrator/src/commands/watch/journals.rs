//! The journals of all targets and traffic clients that run: followed from a container's start to
//! its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;

use crate::{
    input::experiment::{ContainerPhase, Rate},
    report::lanes::Lanes,
    targets::{
        Address, TrafficSender, control_pool::ControlPool, journal::Journals, targets_of,
        traffic_of,
    },
    timeline::{Change, Record, WatchedObject, What, recorder::Recorder, snapshot::Snapshot},
};

/// The targets and traffic clients whose journals are followed.
pub(super) struct RunningTargets {
    controls: ControlPool,
    recorder: Recorder,
    journals: Journals,
    /// By the UIDs of their Pods.
    running: BTreeMap<String, BTreeSet<Running>>,
}

/// A container that runs and has a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Running {
    address: Address,
    /// The rate and timeout of a traffic client.
    sends: Option<(Rate, Duration)>,
}

impl RunningTargets {
    pub(super) fn new(controls: ControlPool, recorder: Recorder) -> Self {
        Self {
            controls,
            recorder,
            journals: Journals::default(),
            running: BTreeMap::new(),
        }
    }

    /// Takes a record that the lanes have taken.
    pub(super) fn take(&mut self, record: &Record, lanes: &mut Lanes) {
        let What::Watch { change, object } = &record.what else {
            return;
        };
        if object.kind() != "Pod" {
            return;
        }
        let running = match change {
            Change::Added | Change::Modified => running(object, lanes.snapshot()),
            Change::Deleted => BTreeSet::new(),
        };
        let known = self.running.remove(object.uid()).unwrap_or_default();
        for gone in known.difference(&running) {
            self.journals.leave(&gone.address);
            self.controls.forget(&gone.address);
        }
        for new in running.difference(&known) {
            self.follow(new, lanes);
        }
        if !running.is_empty() {
            self.running.insert(object.uid().to_owned(), running);
        }
    }

    fn follow(&mut self, new: &Running, lanes: &mut Lanes) {
        let control = self.controls.control(&new.address);
        let recorder = self.recorder.clone();
        match new.sends {
            Some((rate, timeout)) => {
                lanes.follow_client(&new.address.container, rate, timeout);
                self.journals.follow_client(control, recorder);
            }
            None => self.journals.watch_target(control, recorder),
        }
    }
}

/// The targets and traffic clients of a Pod whose containers run.
fn running(pod: &WatchedObject, snapshot: &Snapshot) -> BTreeSet<Running> {
    let facts = snapshot.pod(pod.uid());
    let runs = |running: &Running| {
        let container = &running.address.container;
        let container = facts.and_then(|pod| pod.containers.get(container));
        container.and_then(|container| container.phase) == Some(ContainerPhase::Running)
    };
    let pod: Option<Pod> = pod.parsed();
    let targets = pod.iter().flat_map(targets_of).flatten();
    let targets = targets.map(|address| Running {
        address,
        sends: None,
    });
    let senders = pod.iter().flat_map(traffic_of);
    let senders = senders.map(|sender| {
        let TrafficSender {
            address,
            rate,
            timeout,
        } = sender;
        Running {
            address,
            sends: Some((rate, timeout)),
        }
    });
    targets.chain(senders).filter(runs).collect()
}
