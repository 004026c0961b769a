//! Builds and starts a cluster, which ends when its handle is dropped.

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{self, Server};
use crate::clock::Clock;
use crate::controllers;
use crate::image::{Image, Images};
use crate::kinds::node;
use crate::kubelet::Kubelet;
use crate::latencies::{Chance, Latencies};
use crate::net::Network;
use crate::proxy;
use crate::registry::{self, Registry};
use crate::tasks::Tasks;

/// The default date of a cluster's start.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);
/// The initial namespaces.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// A running cluster. Dropping it ends every container, connection and watch.
pub struct Pocket {
    server: Server,
}

/// The settings of a cluster. Only images have no default.
pub struct Builder {
    seed: u64,
    epoch: Timestamp,
    images: Images,
    network: Network,
    latencies: Latencies,
}

impl Pocket {
    /// A cluster with seed 1, a fixed date, a network in memory, no images and no latencies.
    pub fn builder() -> Builder {
        Builder {
            seed: 1,
            epoch: EPOCH,
            images: Images::default(),
            network: Network::default(),
            latencies: Latencies::None,
        }
    }

    /// The Kubernetes API, as a service to put behind a client or a listener.
    pub fn api(&self) -> Router {
        api::router(self.server.clone())
    }

    /// The network that Pods and Services are on.
    pub fn network(&self) -> Network {
        self.server.network.clone()
    }
}

impl Builder {
    /// The seed for UIDs, generated names, instances and probe phases.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The date at which the cluster starts.
    #[must_use]
    pub fn epoch(self, epoch: Timestamp) -> Self {
        Self { epoch, ..self }
    }

    /// What chance decides, above all how long the components need for their work.
    #[must_use]
    pub fn latencies(self, latencies: Latencies) -> Self {
        Self { latencies, ..self }
    }

    /// The program of containers whose image name ends in `name`, without registry, path, tag and
    /// digest.
    #[must_use]
    pub fn image(mut self, name: &str, image: impl Image) -> Self {
        self.images.insert(name, Arc::new(image));
        self
    }

    /// Starts the cluster. Must be called inside a Tokio runtime, whose clock becomes the
    /// cluster's.
    pub fn start(self) -> Pocket {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let registry = Registry::new(Clock::new(self.epoch), random.fork());
        create_initial_objects(&registry);
        // Each component draws from a generator of its own, so that one's draws do not change
        // another's.
        let [for_controllers, for_kubelet] = [(); 2].map(|()| random.fork());
        let mut chance = Chance::new(self.latencies, random);
        let server = Server {
            registry,
            network: self.network,
            tasks: Tasks::default(),
            chance: Arc::new(Mutex::new(chance.fork())),
        };
        let Server {
            registry,
            network,
            tasks,
            ..
        } = &server;
        if let Some(random) = chance.random() {
            network.choose_backends_by(random);
        }
        let controllers = controllers::run(registry.clone(), for_controllers, chance.fork());
        tasks.spawn(controllers);
        tasks.spawn(proxy::run(registry.clone(), network.clone(), chance.fork()));
        let kubelet = Kubelet::new(
            registry.clone(),
            network.clone(),
            self.images,
            for_kubelet,
            chance,
        );
        tasks.spawn(kubelet.run());
        Pocket { server }
    }
}

impl Drop for Pocket {
    fn drop(&mut self) {
        self.server.tasks.abort();
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("seed", &self.seed)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pocket").finish_non_exhaustive()
    }
}

/// The fields for which an API server refuses to create an object, each with its message. What
/// only pocket lacks is not among them. Empty for a kind that pocket does not serve, and for an
/// object that is not of its kind's type.
pub fn refused_fields(object: &Value) -> Vec<(String, String)> {
    registry::refused_fields(object)
}

/// Creates the initial namespaces and the node.
fn create_initial_objects(registry: &Registry) {
    for name in NAMESPACES {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        let namespace = Namespace {
            metadata,
            ..Namespace::default()
        };
        registry
            .create(&namespace)
            .expect("a new cluster must take its own namespaces");
    }
    let node = node::node(registry.clock().time());
    registry
        .create(&node)
        .expect("a new cluster must take its own node");
}

#[cfg(test)]
mod tests;
