//! What the conversion of a container needs to know of its Pod.

use std::net::IpAddr;

use super::notes::{Notes, Topic};
use super::settings::Settings;

/// What the conversion of a container needs to know of its Pod.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    /// The workload, for notes.
    pub(super) place: &'a str,
    /// `terminationGracePeriodSeconds`.
    pub(super) grace: i64,
    /// Whether the original shares the node's network.
    pub(super) host_network: bool,
    pub(super) notes: &'a mut Notes,
}

impl Context<'_> {
    /// Drops the host of a probe or hook, which asks the stand-in instead. Loopback is the Pod's
    /// own where the original shares the node's network.
    pub(super) fn drop_host(&mut self, host: &mut Option<String>, topic: Topic, place: &str) {
        let Some(host) = host.take().filter(|host| !host.is_empty()) else {
            return;
        };
        let address: Option<IpAddr> = host.parse().ok();
        let is_loopback = host == "localhost" || address.is_some_and(|ip| ip.is_loopback());
        if !(is_loopback && self.host_network) {
            self.notes.add(topic, format!("{place}, which asks {host}"));
        }
    }
}
