//! The state that kube-proxy tracks of Services and EndpointSlices; other changes cause no update.
//!
//! Of a Service it tracks the ports. Of a slice it tracks everything, so that even a changed label
//! or annotation of a slice uses up the pace.
//!
//! Rule: `pkg/proxy/servicechangetracker.go` and `pkg/proxy/endpointslicecache.go`,
//! `esDataChanged`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::routes;
use crate::controllers::{Key, key, service_of};

/// The tracked state; kube-proxy does nothing if it is equal to the last one.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tracked {
    /// The Services' ports by name.
    services: BTreeMap<Key, Vec<(SocketAddr, Option<String>)>>,
    /// The versions of slices that belong to a Service.
    slices: BTreeMap<Key, Option<String>>,
}

/// The tracked state of these Services and slices.
pub(super) fn of<'a>(
    services: impl Iterator<Item = &'a Service>,
    slices: impl Iterator<Item = &'a EndpointSlice>,
) -> Tracked {
    let service = |service: &Service| {
        let ports = routes::ports(service).map(|(address, port)| (address, port.name.clone()));
        (key(service), ports.collect())
    };
    let slices = slices.filter(|slice| service_of(slice).is_some());
    // The version stands for the whole content.
    let slice = |slice: &EndpointSlice| (key(slice), slice.metadata.resource_version.clone());
    Tracked {
        services: services.map(service).collect(),
        slices: slices.map(slice).collect(),
    }
}
