//! What kube-proxy remembers of Services and slices. A change of anything else makes it do nothing, and so costs no pace.
//!
//! Of a Service that is its ports; of a slice it is all of it, so that a label or an annotation of a slice costs the pace.
//!
//! Rule: `pkg/proxy/servicechangetracker.go` and `pkg/proxy/endpointslicecache.go`, `esDataChanged`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::routes;
use crate::controllers::{Key, key, service_of};

/// What is remembered; equal ones are one to kube-proxy.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tracked {
    /// The Services' ports by name.
    services: BTreeMap<Key, Vec<(SocketAddr, Option<String>)>>,
    /// The versions of slices that belong to a Service.
    slices: BTreeMap<Key, Option<String>>,
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
    let slices = slices.filter(|slice| service_of(slice).is_some());
    let slice = |slice: &EndpointSlice| (key(slice), slice.metadata.resource_version.clone());
    Tracked {
        services: services.map(service).collect(),
        slices: slices.map(slice).collect(),
    }
}
