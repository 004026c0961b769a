//! The kubelet of the only node: runs the Pods bound to it, probes them and reports their status.
//!
//! One task per Pod (`pod`) does that Pod's work sequentially; its probes run in tasks of their
//! own. [`rules`] makes the decisions; this module waits for their moments, executes them and
//! writes the results. It ignores Pods without a node: binding them is the scheduler's work.

mod pod;

mod handler;
mod history;
mod process;
mod report;
mod runtime;
mod sync_queue;
mod termination_message;

mod prober;

mod dial;
mod exec;
mod grpc;
mod http;
mod tcp;
mod watched;

mod environment;
mod pull;
mod spec;

mod status;
mod status_manager;

mod addresses;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rules::Moment;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::image::Images;
use crate::kinds::node;
use crate::net::{Host, Network};
use crate::registry::{Change, Registry};
use addresses::Addresses;
use pod::{Order, PodLife};
use status_manager::{StatusManager, Uid};

/// The kubelet of the only node.
#[derive(Debug)]
pub(crate) struct Kubelet {
    node: Arc<Node>,
    random: fastrand::Rng,
    pods: BTreeMap<Uid, watch::Sender<Order>>,
    tasks: JoinSet<()>,
}

/// State shared by all Pods of the node.
struct Node {
    registry: Registry,
    clock: Clock,
    network: Network,
    images: Images,
    board: StatusManager,
    addresses: Mutex<Addresses>,
    /// Phase of the node's relist of its containers, which happens every second.
    phase: Moment,
}

impl Kubelet {
    /// A kubelet that has been up for a while: its probes skip the random start delay of a fresh
    /// one.
    pub(crate) fn new(
        registry: Registry,
        network: Network,
        images: Images,
        mut random: fastrand::Rng,
    ) -> Self {
        let clock = registry.clock().clone();
        let phase = Moment::from_millis(random.u64(..1000));
        let node = Node {
            registry,
            network,
            images,
            board: StatusManager::new(clock.clone()),
            addresses: Mutex::new(Addresses::new()),
            phase,
            clock,
        };
        Self {
            node: Arc::new(node),
            random,
            pods: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Runs forever. Dropping the future ends every container.
    pub(crate) async fn run(mut self) {
        let mut changes = self.node.registry.watch::<Pod>(None);
        let node = Arc::clone(&self.node);
        self.tasks
            .spawn(async move { node.board.send(&node.registry).await });
        loop {
            tokio::select! {
                biased;
                change = changes.next() => self.hear(change),
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    fn hear(&mut self, change: Change<Pod>) {
        let gone = matches!(change, Change::Deleted(_));
        let pod = change.into_object();
        let bound = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if bound != Some(node::NAME) {
            return;
        }
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let order = Order {
            pod: Arc::new(pod),
            gone,
        };
        match self.pods.get(&uid) {
            Some(orders) => drop(orders.send_replace(order)),
            None if gone => {}
            None => self.begin(uid.clone(), order),
        }
        if gone {
            self.pods.remove(&uid);
        }
    }

    fn begin(&mut self, uid: Uid, order: Order) {
        let (orders, received) = watch::channel(order);
        self.pods.insert(uid, orders);
        let life = PodLife::new(Arc::clone(&self.node), received, self.random.fork());
        self.tasks.spawn(life.live());
    }
}

impl Node {
    /// The network as the node sees it.
    fn host(&self) -> Host {
        Host::new(self.network.clone(), node::ADDRESS)
    }

    fn take_address(&self) -> Option<IpAddr> {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.take()
    }

    fn give_back(&self, address: IpAddr) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.give_back(address);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Node").finish_non_exhaustive()
    }
}

/// Returns `wait` plus a random 0 to 50 % of it.
///
/// Rule: `pkg/kubelet/pod_workers.go`, `workerResyncIntervalJitterFactor`.
fn jittered(wait: Duration, random: &mut fastrand::Rng) -> Duration {
    let whole = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(whole.saturating_add(random.u64(..=whole / 2)))
}

/// 64 random hexadecimal digits, the form of containerd's container IDs.
fn hexadecimal(random: &mut fastrand::Rng) -> String {
    let words = [(); 4].map(|()| random.u64(..));
    words.map(|word| format!("{word:016x}")).concat()
}

#[cfg(test)]
mod tests;
