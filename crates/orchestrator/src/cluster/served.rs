//! The embedded cluster on a port, for other programs.

use std::{io, net::SocketAddr};

use k8s_openapi::jiff::Timestamp;
use pocket::{
    Pocket, Subnets,
    net::{Loopback, NoLoopback},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Latencies, builder};
use crate::{
    exit::{Exit, HasExitCode},
    random::Random,
};

/// An embedded cluster in real time whose API other programs reach.
#[derive(Debug)]
pub(crate) struct ServedCluster {
    /// The address of its API.
    pub(crate) address: SocketAddr,
    /// Where other programs reach its Pods and Services, or why they cannot.
    pub(crate) ranges: Result<Ranges, NoLoopback>,
    /// What is open at another port than its own.
    pub(crate) notes: UnboundedReceiver<String>,
    /// The cluster, which ends when this value is dropped.
    _pocket: Pocket,
}

/// The addresses of Pods and of Services.
#[derive(Debug)]
pub(crate) struct Ranges {
    pub(crate) pods: String,
    pub(crate) services: String,
}

impl Ranges {
    fn of(subnets: Subnets) -> Self {
        Self {
            pods: subnets.of_pods(),
            services: subnets.of_services(),
        }
    }
}

/// The port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port} of 127.0.0.1")]
pub(crate) struct ListenError {
    port: u16,
    #[source]
    source: io::Error,
}

impl HasExitCode for ListenError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl ServedCluster {
    /// Starts a cluster on a port of 127.0.0.1; port 0 is a free one. Must be called inside a
    /// runtime.
    pub(crate) fn start(
        port: u16,
        latencies: Latencies,
        random: &mut Random,
    ) -> Result<Self, ListenError> {
        let (sender, notes) = unbounded_channel();
        let builder = builder(Timestamp::now(), latencies, random.seed()).system_objects();
        // An error means that the receiver is gone, and the cluster with it.
        let loopback = Loopback::claim(move |note| drop(sender.send(note)));
        let (builder, ranges) = match loopback {
            Ok(loopback) => {
                let ranges = Ranges::of(loopback.subnets());
                (builder.loopback(loopback), Ok(ranges))
            }
            Err(why) => (builder, Err(why)),
        };
        let pocket = builder.start();
        let listening = pocket.listen(port);
        Ok(Self {
            address: listening.map_err(|source| ListenError { port, source })?,
            ranges,
            notes,
            _pocket: pocket,
        })
    }
}
