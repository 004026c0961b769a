//! The state that all Pods of the node share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rules::Moment;

use super::addresses::Addresses;
use super::status_manager::StatusManager;
use super::sync_queue::Relists;
use crate::clock::Clock;
use crate::image::{Images, Logs, Running};
use crate::latencies::{Chance, Work};
use crate::net::{Host, Network};
use crate::registry::Registry;

/// The node, as the tasks of its Pods share it.
pub(super) struct Node {
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    pub(super) network: Network,
    pub(super) images: Images,
    pub(super) logs: Logs,
    pub(super) running: Running,
    pub(super) statuses: StatusManager,
    /// When the node relists its containers.
    pub(super) relists: Relists,
    addresses: Mutex<Addresses>,
}

impl Node {
    pub(super) fn new(
        registry: Registry,
        network: Network,
        images: Images,
        (logs, running): (Logs, Running),
        random: &mut fastrand::Rng,
        chance: &mut Chance,
    ) -> Self {
        let (clock, subnets) = (registry.clock().clone(), registry.subnets());
        // A kubelet starts at no particular part of a second.
        let first = Moment::from_millis(random.u64(..1000));
        Self {
            registry,
            network,
            images,
            logs,
            running,
            statuses: StatusManager::new(clock.clone()),
            relists: Relists::new(first, chance.time(Work::RelistAll)),
            addresses: Mutex::new(Addresses::new(subnets)),
            clock,
        }
    }

    /// The network as the node sees it.
    pub(super) fn host(&self) -> Host {
        Host::new(self.network.clone(), self.registry.subnets().node())
    }

    /// The addresses of the node's Pods.
    pub(super) fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns `wait` plus a random 0 to 50 % of it.
///
/// Rule: `pkg/kubelet/pod_workers.go`, `workerResyncIntervalJitterFactor`.
pub(super) fn jittered(wait: Duration, random: &mut fastrand::Rng) -> Duration {
    let whole = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(whole.saturating_add(random.u64(..=whole / 2)))
}

/// 64 random hexadecimal digits, the form of containerd's container IDs.
pub(super) fn hexadecimal(random: &mut fastrand::Rng) -> String {
    let parts = [(); 4].map(|()| random.u64(..));
    parts.map(|part| format!("{part:016x}")).concat()
}
