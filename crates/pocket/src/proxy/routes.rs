//! Computes the routes of Services from their EndpointSlices. Only TCP is supported.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};
use rules::endpoints::{Conditions, backends};

use crate::controllers::{Key, key, service_of};

/// Backends by Service address.
pub(super) type Routes = BTreeMap<SocketAddr, Vec<SocketAddr>>;

/// The backends of every port of every Service with a cluster IP.
pub(super) fn of<'a>(
    services: impl Iterator<Item = &'a Service>,
    slices: impl Iterator<Item = &'a EndpointSlice>,
) -> Routes {
    let mut by_service = BTreeMap::<Key, Vec<&EndpointSlice>>::new();
    for slice in slices {
        if let Some(service) = service_of(slice) {
            by_service.entry(service).or_default().push(slice);
        }
    }
    let routes = services.flat_map(|service| {
        let slices = by_service.get(&key(service)).cloned().unwrap_or_default();
        ports(service).map(move |(address, port)| (address, backends(endpoints(&slices, port))))
    });
    routes.collect()
}

/// A Service's ports, each with its socket address.
pub(super) fn ports(service: &Service) -> impl Iterator<Item = (SocketAddr, &ServicePort)> {
    let spec = service.spec.as_ref();
    let ip = spec.and_then(|spec| spec.cluster_ip.as_ref()?.parse::<IpAddr>().ok());
    let ports = spec
        .and_then(|spec| spec.ports.as_ref())
        .into_iter()
        .flatten();
    ports
        .filter(|port| is_tcp(port.protocol.as_ref()))
        .filter_map(move |port| Some((SocketAddr::new(ip?, port.port.try_into().ok()?), port)))
}

/// The endpoints of a Service port; slices refer to it by name.
fn endpoints(slices: &[&EndpointSlice], port: &ServicePort) -> Vec<(SocketAddr, Conditions)> {
    let mut found = Vec::new();
    for slice in slices {
        let Some(number) = number(slice, port) else {
            continue;
        };
        for endpoint in slice.endpoints.iter().flatten() {
            let address = address(endpoint).map(|ip| SocketAddr::new(ip, number));
            found.extend(address.map(|address| (address, conditions(endpoint))));
        }
    }
    found
}

fn number(slice: &EndpointSlice, port: &ServicePort) -> Option<u16> {
    let name = port.name.clone().unwrap_or_default();
    let mut ports = slice
        .ports
        .iter()
        .flatten()
        .filter(|found| is_tcp(found.protocol.as_ref()));
    ports
        .find(|found| found.name.clone().unwrap_or_default() == name)?
        .port?
        .try_into()
        .ok()
}

/// The endpoint's IP address.
fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    // The first one only: `pkg/proxy/endpointslicecache.go`, `addEndpoints`.
    endpoint.addresses.first()?.parse().ok()
}

/// Rule: `pkg/proxy/endpointslicecache.go`; an absent condition counts in the endpoint's favour.
fn conditions(endpoint: &Endpoint) -> Conditions {
    let EndpointConditions {
        ready,
        serving,
        terminating,
    } = endpoint.conditions.clone().unwrap_or_default();
    Conditions {
        ready: ready.unwrap_or(true),
        serving: serving.unwrap_or(true),
        terminating: terminating.unwrap_or(false),
    }
}

fn is_tcp(protocol: Option<&String>) -> bool {
    protocol.is_none_or(|protocol| protocol == "TCP")
}
