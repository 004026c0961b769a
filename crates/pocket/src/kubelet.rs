//! The kubelet: makes the Pods bound to its node run, probes them, and says how they are.
//!
//! One task per Pod does everything that concerns it, one thing after the other (`pod`); its probes run beside it. What
//! is to be done is decided in [`rules`]. Here it is waited for, acted upon and written down. Scheduling is not here: a Pod
//! without a node is nobody's.

mod pod;

mod history;
mod process;
mod runtime;
mod sync_queue;
mod termination_message;

mod prober;

mod attempt;
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
pub struct Kubelet {
    node: Arc<Node>,
    random: fastrand::Rng,
    pods: BTreeMap<Uid, watch::Sender<Order>>,
    tasks: JoinSet<()>,
}

/// What all Pods of the node share.
struct Node {
    registry: Registry,
    clock: Clock,
    network: Arc<dyn Network>,
    images: Images,
    board: StatusManager,
    addresses: Mutex<Addresses>,
    /// A moment at which the node looks at its containers; it does so every second.
    phase: Moment,
}

impl Kubelet {
    /// A kubelet that has been up for long: its probes begin without the delay of a fresh one.
    pub fn new(
        registry: Registry,
        network: Arc<dyn Network>,
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

    /// Runs for ever. Dropping the future ends every container.
    pub async fn run(mut self) {
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
        Host::new(Arc::clone(&self.network), node::ADDRESS)
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

/// `wait`, stretched by up to half at random.
///
/// Rule: `pkg/kubelet/pod_workers.go`, `workerResyncIntervalJitterFactor`.
fn jittered(wait: Duration, random: &mut fastrand::Rng) -> Duration {
    let whole = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(whole.saturating_add(random.u64(..=whole / 2)))
}

/// 64 digits, as containerd names what it runs.
fn hexadecimal(random: &mut fastrand::Rng) -> String {
    let words = [(); 4].map(|()| random.u64(..));
    words.map(|word| format!("{word:016x}")).concat()
}

#[cfg(test)]
mod tests;
