//! Builds and starts a cluster, which ends when its handle is dropped.

mod initial_objects;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{self, Server};
use crate::clock::Clock;
use crate::controllers;
use crate::image::{Image, Images, Logs, Running};
use crate::kubelet::{self, Kubelet};
use crate::latencies::{Chance, Latencies};
use crate::net::{Host, Loopback, Network};
use crate::proxy;
use crate::registry::{self, Registry};
use crate::serve;
use crate::tasks::Tasks;

/// The default date of a cluster's start.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// A running cluster. Dropping it ends every container, connection and watch.
pub struct Pocket {
    server: Server,
    /// The connections to the API.
    connections: Tasks,
}

/// The settings of a cluster. Only images have no default.
pub struct Builder {
    seed: u64,
    epoch: Timestamp,
    images: Images,
    loopback: Option<Loopback>,
    system_objects: bool,
    latencies: Latencies,
    yaml: Option<api::YamlParser>,
}

impl Pocket {
    /// A cluster with seed 1, a fixed date, a network in memory, no images and no latencies.
    pub fn builder() -> Builder {
        Builder {
            seed: 1,
            epoch: EPOCH,
            images: Images::default(),
            loopback: None,
            system_objects: false,
            latencies: Latencies::None,
            yaml: None,
        }
    }

    /// The Kubernetes API, as a service to put behind a client or a listener.
    pub fn api(&self) -> Router {
        api::router(self.server.clone())
    }

    /// Serves the Kubernetes API on a port of 127.0.0.1, and returns its address; port 0 picks a
    /// free port. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub fn listen(&self, port: u16) -> io::Result<SocketAddr> {
        let listener = serve::listen(port)?;
        let address = listener.local_addr()?;
        let connections = self.connections.clone();
        let served = serve::sockets(listener, self.api(), connections);
        self.server.tasks.spawn(served);
        Ok(address)
    }

    /// Serves the API on the node's address in the cluster's network, for the Service `kubernetes`.
    fn serve_pods(&self) {
        let node = self.server.registry.subnets().node();
        let address = SocketAddr::new(node, initial_objects::API_PORT);
        let listener = Host::new(self.network(), node).listen(address);
        let listener = listener.expect("the node of a new cluster must have its ports free");
        let connections = self.connections.clone();
        let served = serve::network(listener, self.api(), connections);
        self.server.tasks.spawn(served);
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

    /// Addresses of this machine for the node, its Pods and its Services.
    #[must_use]
    pub fn loopback(self, loopback: Loopback) -> Self {
        let loopback = Some(loopback);
        Self { loopback, ..self }
    }

    /// Has the objects that every cluster has, as far as programs expect them: the Service
    /// `kubernetes`, the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt` in each
    /// namespace, the namespaces `kube-node-lease` and `kube-public`, and the node's Lease.
    #[must_use]
    pub fn system_objects(self) -> Self {
        Self {
            system_objects: true,
            ..self
        }
    }

    /// What chance decides, above all how long the components need for their work.
    #[must_use]
    pub fn latencies(self, latencies: Latencies) -> Self {
        Self { latencies, ..self }
    }

    /// Takes request bodies in YAML, which `parse` turns into JSON or a message.
    #[must_use]
    pub fn yaml(self, parse: fn(&str) -> Result<Value, String>) -> Self {
        let yaml = Some(parse as api::YamlParser);
        Self { yaml, ..self }
    }

    /// The image of containers whose image name ends in `name`, without registry, path, tag and
    /// digest.
    #[must_use]
    pub fn image(mut self, name: &str, image: Image) -> Self {
        self.images.insert(name, image);
        self
    }

    /// Starts the cluster. Must be called inside a Tokio runtime, whose clock becomes the
    /// cluster's.
    pub fn start(self) -> Pocket {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let clock = Clock::new(self.epoch);
        let subnets = self.loopback.as_ref().map(Loopback::subnets);
        let subnets = subnets.unwrap_or_default();
        let registry = Registry::with_subnets(clock, random.fork(), subnets);
        initial_objects::create(&registry);
        if self.system_objects {
            initial_objects::create_system(&registry);
        }
        // Each component draws from a generator of its own, so that one's draws do not change
        // another's.
        let [for_controllers, for_kubelet] = [(); 2].map(|()| random.fork());
        let mut chance = Chance::new(self.latencies, random);
        let server = Server {
            registry,
            network: Network::new(subnets),
            logs: Logs::default(),
            running: Running::default(),
            tasks: Tasks::default(),
            chance: Arc::new(Mutex::new(chance.fork())),
            yaml: self.yaml,
        };
        let Server {
            registry,
            network,
            logs,
            running,
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
            (logs.clone(), running.clone()),
            for_kubelet,
            chance,
        );
        tasks.spawn(kubelet.run());
        if let Some(loopback) = self.loopback {
            tasks.spawn(loopback.run(network.clone()));
        }
        if self.system_objects {
            tasks.spawn(controllers::namespace_objects::run(registry.clone()));
            tasks.spawn(controllers::endpoints::run(registry.clone()));
            tasks.spawn(kubelet::node_lease::renew(registry.clone()));
        }
        let pocket = Pocket {
            server,
            connections: Tasks::default(),
        };
        if self.system_objects {
            pocket.serve_pods();
        }
        pocket
    }
}

impl Drop for Pocket {
    fn drop(&mut self) {
        self.server.tasks.abort();
        self.connections.abort();
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

#[cfg(test)]
mod tests;
