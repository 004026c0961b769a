//! The kubelet of the only node: runs the Pods bound to it, probes them and reports their status.
//!
//! One task per Pod (`pod`) does that Pod's work sequentially; its probes run in tasks of their
//! own. [`rules`] makes the decisions; this module waits for their moments, executes them and
//! writes the results. It ignores Pods without a node: binding them is the scheduler's work.

mod pod;

mod container_history;
mod handler;
mod hook;
mod node;
pub(crate) mod node_lease;
mod process;
mod quote;
mod report;
mod runtime;
mod sync_queue;
mod termination_message;

mod prober;

mod dial;
mod exec;
mod grpc;
mod http;
mod recorded_stream;
mod tcp;

mod environment;
mod pull;
mod spec;

mod status;
mod status_manager;

mod addresses;
mod host_ports;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::image::{Images, Logs, Running};
use crate::kinds::node::NAME;
use crate::kinds::uid;
use crate::latencies::Chance;
use crate::net::Network;
use crate::registry::{Change, Registry};
use node::Node;
use pod::{PodUpdate, PodWorker};
use status_manager::Uid;

/// The kubelet of the only node.
pub(crate) struct Kubelet {
    node: Arc<Node>,
    random: fastrand::Rng,
    chance: Chance,
    pods: BTreeMap<Uid, watch::Sender<PodUpdate>>,
    tasks: JoinSet<()>,
}

impl Kubelet {
    /// A kubelet that has been up for a while: its probes skip the random start delay of a fresh
    /// one.
    pub(crate) fn new(
        registry: Registry,
        network: Network,
        images: Images,
        containers: (Logs, Running),
        mut random: fastrand::Rng,
        mut chance: Chance,
    ) -> Self {
        let node = Node::new(
            registry,
            network,
            images,
            containers,
            &mut random,
            &mut chance,
        );
        Self {
            node: Arc::new(node),
            random,
            chance,
            pods: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Runs forever. Dropping the future ends every container.
    pub(crate) async fn run(mut self) {
        let mut changes = self.node.registry.watch::<Pod>(None);
        let (node, latencies) = (Arc::clone(&self.node), self.chance.fork());
        self.tasks
            .spawn(async move { node.statuses.send(&node.registry, latencies).await });
        loop {
            tokio::select! {
                biased;
                change = changes.next() => self.receive(change),
                // Frees the tasks of Pods that are gone.
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    fn receive(&mut self, change: Change<Pod>) {
        let deleted = matches!(change, Change::Deleted(_));
        let pod = change.into_object();
        let bound = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if bound != Some(NAME) {
            return;
        }
        let uid = uid(pod.as_ref()).to_owned();
        let update = PodUpdate { pod, deleted };
        match self.pods.get(&uid) {
            Some(updates) => drop(updates.send_replace(update)),
            // Deleted before its first sync: nothing of it runs.
            None if deleted => {}
            None => self.start_worker(uid.clone(), update),
        }
        if deleted {
            self.pods.remove(&uid);
        }
    }

    fn start_worker(&mut self, uid: Uid, update: PodUpdate) {
        let (updates, received) = watch::channel(update);
        self.pods.insert(uid, updates);
        let worker = PodWorker::new(
            Arc::clone(&self.node),
            received,
            self.random.fork(),
            self.chance.fork(),
        );
        self.tasks.spawn(worker.run());
    }
}

#[cfg(test)]
mod tests;
