//! Rows of Services, EndpointSlices and Endpoints.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    self as core, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};

use super::metadata::named;
use super::{Column, Printer, cell};

pub(super) static SERVICE: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Type"),
        Column::text("Cluster-IP"),
        Column::text("External-IP"),
        Column::text("Port(s)"),
        Column::text("Age"),
        Column::wide("Selector"),
    ],
    |object, now| {
        let service: Service = object.to_typed();
        let spec = service.spec.clone().unwrap_or_default();
        let internal = spec.cluster_ips.iter().flatten().next();
        let between = [
            spec.type_.clone().unwrap_or_default().into(),
            internal.map_or(cell::NONE, String::as_str).into(),
            external_address(&service, &spec).into(),
            ports(spec.ports.as_deref().unwrap_or_default()).into(),
        ];
        let mut cells = named(&service.metadata, now, &between);
        cells.push(cell::labels(spec.selector.as_ref()).into());
        cells
    },
);

pub(super) static ENDPOINT_SLICE: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("AddressType"),
        Column::text("Ports"),
        Column::text("Endpoints"),
        Column::text("Age"),
    ],
    |object, now| {
        let slice: EndpointSlice = object.to_typed();
        let ports: Vec<String> = slice.ports.iter().flatten().map(endpoint_port).collect();
        let endpoints = slice.endpoints.iter().flatten();
        let addresses: Vec<String> = endpoints.flat_map(|it| it.addresses.clone()).collect();
        let shown = |items: &[String]| match items {
            [] => "<unset>".to_owned(),
            items => cell::first_three(items),
        };
        let between = [
            slice.address_type.clone().into(),
            shown(&ports).into(),
            shown(&addresses).into(),
        ];
        named(&slice.metadata, now, &between)
    },
);

pub(super) static ENDPOINTS: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Endpoints"),
        Column::text("Age"),
    ],
    |object, now| {
        let endpoints: Endpoints = object.to_typed();
        let subsets = endpoints.subsets.unwrap_or_default();
        let shown = if subsets.is_empty() {
            cell::NONE.to_owned()
        } else {
            let addresses: Vec<String> = subsets.iter().flat_map(ready_addresses).collect();
            cell::first_three(&addresses)
        };
        named(&endpoints.metadata, now, &[shown.into()])
    },
);

/// The ready addresses of a subset, with each of its ports.
fn ready_addresses(subset: &EndpointSubset) -> Vec<String> {
    let ports = subset.ports.as_deref().unwrap_or_default();
    let ips = || {
        subset
            .addresses
            .iter()
            .flatten()
            .map(|address| address.ip.clone())
    };
    if ports.is_empty() {
        return ips().collect();
    }
    let with_port = |port: &core::EndpointPort| {
        let port = port.port;
        ips().map(move |ip| format!("{ip}:{port}"))
    };
    ports.iter().flat_map(with_port).collect()
}

fn external_address(service: &Service, spec: &ServiceSpec) -> String {
    let listed = spec.external_ips.iter().flatten().cloned();
    match spec.type_.as_deref() {
        Some("ClusterIP" | "NodePort") => {
            let listed: Vec<String> = listed.collect();
            cell::or_none(Some(&listed.join(",")))
        }
        Some("LoadBalancer") => {
            let all: Vec<String> = load_balancer(service).into_iter().chain(listed).collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        Some("ExternalName") => spec.external_name.clone().unwrap_or_default(),
        _ => cell::UNKNOWN.to_owned(),
    }
}

/// The addresses that a load balancer has been given, in order.
fn load_balancer(service: &Service) -> BTreeSet<String> {
    let status = service.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let points = balancer
        .and_then(|it| it.ingress.as_ref())
        .into_iter()
        .flatten();
    points
        .filter_map(|point| point.ip.clone().or_else(|| point.hostname.clone()))
        .collect()
}

fn ports(ports: &[ServicePort]) -> String {
    let port = |port: &ServicePort| {
        let protocol = port.protocol.as_deref().unwrap_or_default();
        match port.node_port.filter(|node_port| *node_port > 0) {
            Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
            None => format!("{}/{protocol}", port.port),
        }
    };
    let ports: Vec<String> = ports.iter().map(port).collect();
    cell::or_none(Some(&ports.join(",")))
}

fn endpoint_port(port: &EndpointPort) -> String {
    let number = port.port.map(|number| number.to_string());
    number
        .or_else(|| port.name.clone())
        .unwrap_or_else(|| "*".to_owned())
}
