//! Converts Services, Pods and EndpointSlices between API objects and the rules' form.

use k8s_openapi::api::core::v1::{ContainerPort, ObjectReference, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rules::endpoints::{self, Candidate, Conditions, Port, ServicePort, Slice, TargetPort};
use rules::selector::Labels;

use crate::controllers::informer::Key;
use crate::controllers::{owner, pod_view};
use crate::kinds::{name, namespace};
use crate::registry::Change;

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// The annotation of when a change of Pods or of the Service caused the content.
pub(crate) const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// The label on slices of headless Services.
pub(crate) const HEADLESS: &str = "service.kubernetes.io/headless";

/// The Service that a slice's label names, whichever client wrote the slice.
pub(crate) fn service_of(slice: &EndpointSlice) -> Option<Key> {
    let service = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some((namespace(slice).to_owned(), service.clone()))
}

pub(super) fn is_managed(slice: &EndpointSlice) -> bool {
    let labels = slice.metadata.labels.as_ref();
    let manager = labels.and_then(|labels| labels.get(MANAGED_BY));
    manager.is_some_and(|manager| manager == MANAGER) && slice.metadata.deletion_timestamp.is_none()
}

pub(super) fn service(service: &Service) -> endpoints::Service {
    let spec = service.spec.clone().unwrap_or_default();
    let ports = spec
        .ports
        .unwrap_or_default()
        .into_iter()
        .filter_map(|port| {
            Some(ServicePort {
                target: match port.target_port {
                    Some(IntOrString::String(name)) => TargetPort::Name(name),
                    Some(IntOrString::Int(number)) => TargetPort::Number(number.try_into().ok()?),
                    None => TargetPort::Number(port.port.try_into().ok()?),
                },
                name: port.name.unwrap_or_default(),
                protocol: protocol(port.protocol),
                app_protocol: port.app_protocol,
            })
        });
    endpoints::Service {
        selector: spec.selector.unwrap_or_default(),
        ports: ports.collect(),
        publish_not_ready: spec.publish_not_ready_addresses == Some(true),
    }
}

pub(super) fn candidate(pod: &Pod) -> Candidate {
    Candidate {
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        addressed: address(pod).is_some(),
        ended: pod_view::has_ended(pod),
        ready: pod_view::is_ready(pod),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        ports: ports(pod),
    }
}

/// Whether a change of a Pod queues its Services. The end of a Pod that was not ready does not: the
/// Pod stays in its slices until another change.
///
/// Rule: `staging/src/k8s.io/endpointslice/util/controller_utils.go`, `podEndpointsChanged`. It
/// compares deletion times by pointer, so every change of a Pod that is being deleted is one.
pub(super) fn concerns_slices(before: Option<&Pod>, change: &Change<Pod>) -> bool {
    let (Some(before), Change::Modified(now)) = (before, change) else {
        return true;
    };
    let deletion = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let ips = |pod: &Pod| Some((address(pod)?.clone(), pod.status.as_ref()?.pod_ips.clone()));
    let host = |pod: &Pod| {
        let spec = pod.spec.as_ref()?;
        Some((spec.hostname.clone(), spec.subdomain.clone()))
    };
    deletion(before)
        || deletion(now)
        || pod_view::is_ready(before) != pod_view::is_ready(now)
        || ips(before) != ips(now)
        || before.metadata.labels != now.metadata.labels
        || host(before) != host(now)
}

/// The container ports of main containers and sidecars. Other init containers do not count.
fn ports(pod: &Pod) -> Vec<endpoints::ContainerPort> {
    let Some(spec) = &pod.spec else {
        return Vec::new();
    };
    let declared = spec
        .containers
        .iter()
        .chain(pod_view::sidecars(spec))
        .flat_map(|container| &container.ports);
    declared.flatten().filter_map(port).collect()
}

fn port(port: &ContainerPort) -> Option<endpoints::ContainerPort> {
    Some(endpoints::ContainerPort {
        name: port.name.clone().unwrap_or_default(),
        protocol: protocol(port.protocol.clone()),
        number: port.container_port.try_into().ok()?,
    })
}

fn protocol(protocol: Option<String>) -> String {
    protocol.unwrap_or_else(|| "TCP".to_owned())
}

fn address(pod: &Pod) -> Option<&String> {
    pod.status.as_ref()?.pod_ip.as_ref()
}

/// The API object of a wanted slice, without a name. `changed` is the time of the change it
/// reflects.
pub(super) fn slice(
    service: &Service,
    slice: Slice<&Pod>,
    changed: Option<&Time>,
) -> EndpointSlice {
    let annotation = |time: &Time| [(CHANGED.to_owned(), time.0.to_string())].into();
    let endpoints = slice.endpoints.iter();
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", name(service))),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels(service)),
            annotations: changed.map(annotation),
            owner_references: Some(vec![owner::reference(service)]),
            ..ObjectMeta::default()
        },
        address_type: "IPv4".to_owned(),
        endpoints: Some(
            endpoints
                .map(|(pod, conditions)| endpoint(service, pod, *conditions))
                .collect(),
        ),
        ports: Some(slice.ports.into_iter().map(slice_port).collect()),
    }
}

/// The Service's own labels, and those that identify the slice's Service and manager.
///
/// Rule: `staging/src/k8s.io/endpointslice/utils.go`, `setEndpointSliceLabels`.
fn labels(service: &Service) -> Labels {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), name(service).to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    // A Service's own label of this name says nothing: the proxy would skip its slices.
    labels.remove(HEADLESS);
    let address = service
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref());
    if address == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels
}

fn endpoint(service: &Service, pod: &Pod, conditions: Conditions) -> Endpoint {
    let spec = pod.spec.as_ref();
    // Only then is the hostname part of a DNS name: `ShouldSetHostname`.
    let is_subdomain = spec.and_then(|spec| spec.subdomain.as_deref()) == Some(name(service));
    Endpoint {
        addresses: address(pod).into_iter().cloned().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(conditions.ready),
            serving: Some(conditions.serving),
            terminating: Some(conditions.terminating),
        }),
        hostname: spec
            .and_then(|spec| spec.hostname.clone())
            .filter(|_| is_subdomain),
        node_name: spec.and_then(|spec| spec.node_name.clone()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    }
}

fn slice_port(port: Port) -> EndpointPort {
    EndpointPort {
        name: Some(port.name),
        protocol: Some(port.protocol),
        port: Some(port.number.into()),
        app_protocol: port.app_protocol,
    }
}
