//! The Endpoints of Services, which programs older than EndpointSlices read: one object a Service
//! with a selector, made from its slices.
//!
//! Rule: `pkg/controller/endpoint/endpoints_controller.go`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service,
};
use k8s_openapi::api::discovery::v1::{self as discovery, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::endpoint_slice::{CHANGED, HEADLESS, service_of};
use super::informer::{Informer, Key, key};
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::kinds::{name, namespace};
use crate::registry::Registry;

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";

struct Controller {
    registry: Registry,
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
    endpoints: Informer<Endpoints>,
    queue: Queue,
}

/// Runs forever.
pub(crate) async fn run(registry: Registry) {
    let controller = Controller {
        services: Informer::new(&registry),
        slices: Informer::new(&registry),
        endpoints: Informer::new(&registry),
        registry,
        queue: Queue::default(),
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let queue = &mut self.queue;
        self.services.catch_up(|service| queue.add(key(service)));
        self.slices
            .catch_up(|slice| queue.extend(service_of(slice)));
        self.endpoints
            .catch_up(|endpoints| queue.add(key(endpoints)));
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.services.changed() => {}
            () = self.slices.changed() => {}
            () = self.endpoints.changed() => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let present = self.endpoints.get(key);
        let service = self
            .services
            .get(key)
            .filter(|service| has_selector(service));
        let Some(service) = service else {
            // Those of a client are left to it.
            if present.is_some_and(is_managed) {
                ignore_refusal(self.registry.delete::<Endpoints>(&key.0, &key.1, None));
            }
            return;
        };
        let slices = self.slices.within(namespace(service));
        let slices: Vec<&EndpointSlice> = slices
            .filter(|slice| service_of(slice).as_ref() == Some(key))
            .collect();
        let wanted = endpoints(service, &slices);
        if present.is_none() {
            return ignore_refusal(self.registry.create(&wanted));
        }
        let change = |present: &mut Endpoints| {
            present.metadata.labels = wanted.metadata.labels;
            present.metadata.annotations = wanted.metadata.annotations;
            present.subsets = wanted.subsets;
        };
        ignore_refusal(self.registry.edit(&key.0, &key.1, change));
    }
}

fn has_selector(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let selector = spec.and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| !selector.is_empty())
}

fn is_managed(endpoints: &Endpoints) -> bool {
    let labels = endpoints.metadata.labels.iter().flatten();
    let mut labels = labels.filter(|(label, _)| *label == MANAGED_BY);
    labels.any(|(_, manager)| manager == MANAGER)
}

fn endpoints(service: &Service, slices: &[&EndpointSlice]) -> Endpoints {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    let times = slices.iter().flat_map(|slice| &slice.metadata.annotations);
    let latest = times.filter_map(|it| it.get(CHANGED)).max();
    let changed = latest.map(|time| BTreeMap::from([(CHANGED.to_owned(), time.clone())]));
    let subsets = subsets(slices);
    Endpoints {
        metadata: ObjectMeta {
            name: Some(name(service).to_owned()),
            namespace: Some(namespace(service).to_owned()),
            labels: Some(labels),
            annotations: changed,
            ..ObjectMeta::default()
        },
        subsets: (!subsets.is_empty()).then_some(subsets),
    }
}

/// Addresses by their text, and whether each is ready.
type Addresses<'a> = BTreeMap<&'a str, (bool, &'a discovery::Endpoint)>;

/// Ports with the same addresses share a subset.
///
/// Rule: `pkg/api/v1/endpoints/util.go`, `RepackSubsets`.
fn subsets(slices: &[&EndpointSlice]) -> Vec<EndpointSubset> {
    let mut of_ports: BTreeMap<PortKey, Addresses<'_>> = BTreeMap::new();
    for slice in slices {
        for port in port_keys(slice) {
            let addresses = of_ports.entry(port).or_default();
            addresses.extend(slice.endpoints.iter().flatten().filter_map(address));
        }
    }
    of_ports.retain(|_, addresses| !addresses.is_empty());
    let mut left: Vec<_> = of_ports.into_iter().collect();
    let mut subsets = Vec::new();
    while let Some((_, addresses)) = left.first().cloned() {
        let has_same = |(_, other): &mut (PortKey, Addresses<'_>)| is_same(other, &addresses);
        let same: Vec<_> = left.extract_if(.., has_same).collect();
        let ports: Vec<EndpointPort> = same.iter().filter_map(|(port, _)| port.shown()).collect();
        let list = |is_ready: bool| {
            let addresses = addresses
                .iter()
                .filter(|(_, (ready, _))| *ready == is_ready);
            let addresses: Vec<_> = addresses.map(|(ip, (_, it))| shown(ip, it)).collect();
            (!addresses.is_empty()).then_some(addresses)
        };
        subsets.push(EndpointSubset {
            addresses: list(true),
            not_ready_addresses: list(false),
            ports: (!ports.is_empty()).then_some(ports),
        });
    }
    subsets
}

/// A port of a subset; `None` of a Service without ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PortKey(Option<(String, i32, String, Option<String>)>);

impl PortKey {
    fn shown(&self) -> Option<EndpointPort> {
        let (name, port, protocol, app_protocol) = self.0.clone()?;
        Some(EndpointPort {
            name: Some(name).filter(|name| !name.is_empty()),
            port,
            protocol: Some(protocol),
            app_protocol,
        })
    }
}

fn port_keys(slice: &EndpointSlice) -> BTreeSet<PortKey> {
    let ports = slice.ports.iter().flatten();
    let ports: BTreeSet<_> = ports
        .filter_map(|port| {
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            let number = port.port?;
            let (name, protocol) = (text(&port.name), text(&port.protocol));
            Some(PortKey(Some((
                name,
                number,
                protocol,
                port.app_protocol.clone(),
            ))))
        })
        .collect();
    if ports.is_empty() {
        BTreeSet::from([PortKey(None)])
    } else {
        ports
    }
}

/// The address of an endpoint; `None` if its Pod is being deleted and takes no connections.
fn address(endpoint: &discovery::Endpoint) -> Option<(&str, (bool, &discovery::Endpoint))> {
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    let is_ready = conditions.ready.unwrap_or(true);
    if conditions.terminating == Some(true) && !is_ready {
        return None;
    }
    let address = endpoint.addresses.first()?;
    Some((address, (is_ready, endpoint)))
}

fn is_same(one: &Addresses<'_>, other: &Addresses<'_>) -> bool {
    let ready = |addresses: &Addresses<'_>| {
        let addresses = addresses.iter();
        let addresses = addresses.map(|(ip, (is_ready, _))| ((*ip).to_owned(), *is_ready));
        addresses.collect::<Vec<_>>()
    };
    ready(one) == ready(other)
}

fn shown(ip: &str, endpoint: &discovery::Endpoint) -> EndpointAddress {
    EndpointAddress {
        ip: ip.to_owned(),
        hostname: endpoint.hostname.clone(),
        node_name: endpoint.node_name.clone(),
        target_ref: endpoint.target_ref.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slice(ports: &serde_json::Value, endpoints: &serde_json::Value) -> EndpointSlice {
        let slice = json!({"addressType": "IPv4", "ports": ports, "endpoints": endpoints});
        serde_json::from_value(slice).unwrap()
    }

    fn endpoint(ip: &str, ready: bool, terminating: bool) -> serde_json::Value {
        json!({"addresses": [ip], "conditions": {"ready": ready, "terminating": terminating}})
    }

    #[test]
    fn ports_with_the_same_addresses_share_a_subset() {
        let (a, b) = (
            endpoint("10.0.0.10", true, false),
            endpoint("10.0.0.9", true, false),
        );
        let http = json!({"name": "http", "port": 80, "protocol": "TCP"});
        let admin = json!({"name": "admin", "port": 81, "protocol": "TCP"});
        let two = slice(&json!([http, admin]), &json!([a]));
        let one = slice(&json!([http]), &json!([b]));
        let found = serde_json::to_value(subsets(&[&two, &one])).unwrap();
        let first = json!({"addresses": [{"ip": "10.0.0.10"}], "ports": [admin]});
        let both = json!([{"ip": "10.0.0.10"}, {"ip": "10.0.0.9"}]);
        assert_eq!(found, json!([first, {"addresses": both, "ports": [http]}]));
        let alike = slice(&json!([http, admin]), &json!([b]));
        assert_eq!(subsets(&[&two, &alike]).len(), 1);
    }

    #[test]
    fn what_is_not_ready_is_listed_apart_and_what_is_ending_is_not() {
        let endpoints = json!([
            endpoint("10.0.0.1", false, false),
            endpoint("10.0.0.2", false, true),
        ]);
        let slice = slice(&json!([]), &endpoints);
        let found = serde_json::to_value(subsets(&[&slice])).unwrap();
        assert_eq!(found, json!([{"notReadyAddresses": [{"ip": "10.0.0.1"}]}]));
    }
}
