//! The rows of `probeflip status`: each probe's flips, its container's status and its Services.
//!
//! Pure: converts Kubernetes objects and the targets' states into table rows.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
};
use probe_target::model::{
    answer, behaviour::Behaviour, duration, moment::Moment, route_path::RoutePath,
};

use crate::targets::{
    flip_plan::selects,
    opener,
    probe_spec::{Asks, ProbeSpec, probes_of},
    statuses,
};

/// One probe of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The Pod.
    pub(crate) pod: String,
    /// The container.
    pub(crate) container: String,
    /// The probe's purpose and what it requests: `readiness http 8081/readyz`.
    pub(crate) probe: String,
    /// `base`, or the flip with its remaining bounds and whether it is leased.
    pub(crate) set: String,
    /// The container status that the kubelet reports.
    pub(crate) seen: String,
    /// The readiness of the Pod's endpoint in each Service that selects it.
    pub(crate) services: String,
}

/// The column headings.
pub(crate) const HEADS: [&str; 6] = ["POD", "CONTAINER", "PROBE", "SET", "SEEN", "SERVICES"];

impl Row {
    /// The cells in the order of [`HEADS`].
    pub(crate) fn cells(self) -> [String; 6] {
        [
            self.pod,
            self.container,
            self.probe,
            self.set,
            self.seen,
            self.services,
        ]
    }
}

/// The rows of one container of a Pod. `states` are those of the Pod's targets that can be reached,
/// by their containers.
pub(crate) fn rows(
    pod: &Pod,
    container: &str,
    states: &BTreeMap<String, answer::State>,
    services: &[Service],
    slices: &[EndpointSlice],
) -> Vec<Row> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let probes = probes_of(pod)
        .into_iter()
        .filter(|probed| probed.container == container);
    let row = |probed: ProbeSpec| Row {
        pod: name.clone(),
        container: container.to_owned(),
        probe: format!("{} {}", probed.probe, probed.asks),
        set: set(pod, &probed, states),
        seen: seen(pod, container),
        services: services_of(pod, services, slices),
    };
    probes.map(row).collect()
}

/// The flip that this probe meets, and the faults of its container's process.
fn set(pod: &Pod, probed: &ProbeSpec, states: &BTreeMap<String, answer::State>) -> String {
    let (own, asks) = (&probed.container, &probed.asks);
    let opener = asks.port().and_then(|port| opener(pod, port, own));
    let opener = opener.map_or(own, |opener| &opener.name);
    let Some((state, asked_state)) = states.get(own).zip(states.get(opener)) else {
        return "unreachable".to_owned();
    };
    let faults = state.process.iter().filter_map(|(name, fault)| {
        let flip = fault.flip.as_ref()?;
        let name = format!("process {name}");
        Some(describe(&name, flip, flip.set.leased, state.uptime))
    });
    let set = [asked(asked_state, asks)].into_iter().chain(faults);
    set.collect::<Vec<_>>().join("; ")
}

/// The flip that this probe meets. A flip of the port hides flips of its routes.
fn asked(state: &answer::State, asks: &Asks) -> String {
    if matches!(asks, Asks::Foreign(_)) {
        return "does not ask this target".to_owned();
    }
    let Some(port) = asks.port().and_then(|port| state.ports.get(&port)) else {
        return "not listened on".to_owned();
    };
    if let Some(flip) = &port.flip {
        return describe(flip.set.state.name(), flip, flip.set.leased, state.uptime);
    }
    let flip = match asks {
        Asks::Http { path, .. } => flip_of(port, path),
        Asks::Grpc { service, .. } => flip_of(port, &RoutePath::exact(format!("/{service}"))),
        Asks::Tcp { .. } | Asks::Foreign(_) => None,
    };
    match flip {
        Some(flip) => describe(&flip.set.word(), flip, flip.set.leased, state.uptime),
        None => "base".to_owned(),
    }
}

/// The flip that takes precedence for this path: that of the exact route, else of the longest
/// wildcard.
fn flip_of<'a>(port: &'a answer::Port, path: &RoutePath) -> Option<&'a answer::InForce<Behaviour>> {
    let flips = port.routes.iter().filter_map(|(text, route)| {
        let flip = route.flip.as_ref()?;
        let route: RoutePath = text.parse().ok()?;
        let precedence = (!route.is_wildcard(), text.len());
        route.covers(path).then_some((precedence, flip))
    });
    let first = flips.max_by_key(|(precedence, _)| *precedence);
    first.map(|(_, flip)| flip)
}

fn describe<B>(word: &str, flip: &answer::InForce<B>, leased: bool, now: Moment) -> String {
    let mut parts = vec![word.to_owned()];
    let until = |moment: Moment| {
        let left = moment.as_micros().saturating_sub(now.as_micros());
        // Rounded up to whole seconds, so that a flip that is still in force never shows `0s`.
        duration::format(std::time::Duration::from_secs(left.div_ceil(1_000_000)))
    };
    if let Some(opens) = flip.opens {
        parts.push(format!("begins in {}", until(opens)));
    } else if let Some(end) = flip.until {
        parts.push(format!("{} left", until(end)));
    }
    if let Some(left) = flip.left {
        parts.push(format!("{left} requests left"));
    }
    if leased {
        parts.push("leased".to_owned());
    }
    parts.join(", ")
}

fn seen(pod: &Pod, container: &str) -> String {
    let Some(status) = statuses(pod).find(|status| status.name == container) else {
        return "nothing yet".to_owned();
    };
    let ready = if status.ready { "ready" } else { "not ready" };
    let started = match status.started {
        Some(true) => "started",
        Some(false) | None => "not started",
    };
    format!("{ready}, {started}, {} restarts", status.restart_count)
}

/// Each Service that selects the Pod, and whether the Pod's endpoint is ready.
fn services_of(pod: &Pod, services: &[Service], slices: &[EndpointSlice]) -> String {
    let selecting = services.iter().filter(|service| selects(service, pod));
    let parts = selecting.map(|service| {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let word = match endpoint_ready(name, pod, slices) {
            Some(true) => "ready",
            Some(false) => "not ready",
            None => "no endpoint",
        };
        format!("{name} {word}")
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

fn endpoint_ready(service: &str, pod: &Pod, slices: &[EndpointSlice]) -> Option<bool> {
    let of_service = |slice: &&EndpointSlice| {
        let labels = slice.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get("kubernetes.io/service-name"))
            .map(String::as_str)
            == Some(service)
    };
    let endpoints = slices
        .iter()
        .filter(of_service)
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let of_pod = endpoints
        .filter(|endpoint| {
            let target = endpoint.target_ref.as_ref();
            // An absent UID must not equal another absent one.
            target.is_some_and(|target| target.uid.is_some() && target.uid == pod.metadata.uid)
        })
        .map(|endpoint| {
            endpoint
                .conditions
                .as_ref()
                .and_then(|each| each.ready)
                .unwrap_or(true)
        });
    // A dual-stack Service lists the Pod in a slice of each family.
    of_pod.reduce(|one, other| one || other)
}

#[cfg(test)]
mod tests;
