//! What kube-proxy remembers of Services and slices. A change of anything else about them makes it do nothing, and so costs no pace.
//!
//! Rule: `pkg/proxy/servicechangetracker.go` and `pkg/proxy/endpointslicecache.go`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};
use rules::endpoints::Conditions;

use super::routes;
use crate::controllers::{Key, key, service_of};

/// What is remembered; equal ones are one to kube-proxy.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tracked {
    /// The Services' ports by name.
    services: BTreeMap<Key, Vec<(SocketAddr, Option<String>)>>,
    /// Slices that belong to a Service.
    slices: BTreeMap<Key, Slice>,
}

#[derive(Debug, PartialEq)]
struct Slice {
    service: Key,
    ports: Vec<EndpointPort>,
    endpoints: Vec<(Option<IpAddr>, Conditions)>,
}

/// What is to be remembered of these.
pub(super) fn of<'a>(
    services: impl Iterator<Item = &'a Service>,
    slices: impl Iterator<Item = &'a EndpointSlice>,
) -> Tracked {
    let service = |service: &Service| {
        let ports = routes::ports(service).map(|(address, port)| (address, port.name.clone()));
        (key(service), ports.collect())
    };
    let slice = |slice: &EndpointSlice| {
        let endpoints = slice.endpoints.iter().flatten();
        let endpoints = endpoints.map(|it| (routes::address(it), routes::conditions(it)));
        let tracked = Slice {
            service: service_of(slice)?,
            ports: slice.ports.clone().unwrap_or_default(),
            endpoints: endpoints.collect(),
        };
        Some((key(slice), tracked))
    };
    Tracked {
        services: services.map(service).collect(),
        slices: slices.filter_map(slice).collect(),
    }
}
