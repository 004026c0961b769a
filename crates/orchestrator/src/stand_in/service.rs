//! Services of stand-ins: cluster IPs and headless ones, with TCP ports alone.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec, Service, ServicePort, ServiceSpec},
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use super::container::{differs, is_given};
use super::metadata;
use super::notes::{Notes, Topic};
use super::ports::{is_tcp, is_tcp_name};
use crate::{input::load::Manifest, targets::flip_plan::selects};

/// What Services need to know of a Pod template.
#[derive(Debug)]
pub(super) struct Selected {
    pod: Pod,
    /// The named TCP ports; of several with one name, the first.
    names: BTreeMap<String, u16>,
    /// The names that merged ports have lost.
    lost: BTreeMap<String, u16>,
    /// The names of the containers.
    pub(super) containers: Vec<String>,
}

impl Selected {
    /// A template with these labels, without containers.
    pub(super) fn new(labels: BTreeMap<String, String>) -> Self {
        let metadata = ObjectMeta {
            labels: Some(labels),
            ..ObjectMeta::default()
        };
        Self {
            pod: Pod {
                metadata,
                ..Pod::default()
            },
            names: BTreeMap::new(),
            lost: BTreeMap::new(),
            containers: Vec::new(),
        }
    }

    /// Adds a container. Regular containers come before sidecars, as in Kubernetes' own search.
    // Rule: `pkg/api/v1/pod/util.go`, `FindPort`.
    pub(super) fn add(&mut self, container: &Container, lost: BTreeMap<String, u16>) {
        self.containers.push(container.name.clone());
        self.lost.extend(lost);
        for port in container.ports.iter().flatten().filter(|port| is_tcp(port)) {
            let number = u16::try_from(port.container_port).ok();
            if let Some((name, number)) = port.name.clone().zip(number) {
                self.names.entry(name).or_insert(number);
            }
        }
    }

    /// The template of a stand-in; `None` for an object without one.
    pub(super) fn of_stand_in(manifest: &Manifest) -> Option<Self> {
        let object = &manifest.object;
        let template = match manifest.kind() {
            "Pod" => object,
            "Service" => return None,
            _ => object.pointer("/spec/template")?,
        };
        let labels = template.pointer("/metadata/labels").cloned();
        let labels = serde_json::from_value(labels.unwrap_or_default()).unwrap_or_default();
        let mut selected = Self::new(labels);
        let spec: PodSpec = serde_json::from_value(template.get("spec")?.clone()).ok()?;
        let sidecars = spec.init_containers.iter().flatten();
        for container in spec.containers.iter().chain(sidecars) {
            selected.add(container, BTreeMap::new());
        }
        Some(selected)
    }

    /// Whether a Service selects its Pods.
    pub(super) fn is_selected_by(&self, service: &Service) -> bool {
        selects(service, &self.pod)
    }
}

/// Converts a Service; `None` if it is left out, which is noted.
pub(super) fn convert_service(
    service: Service,
    namespace: Option<String>,
    templates: &[Selected],
    place: &str,
    notes: &mut Notes,
) -> Option<Service> {
    let selecting = templates.iter();
    let selected: Vec<&Selected> = selecting
        .filter(|template| template.is_selected_by(&service))
        .collect();
    let Service {
        metadata,
        spec,
        status: _,
    } = service;
    let spec = reduced(spec.unwrap_or_default(), &selected, place, notes)?;
    notes.add_if(selected.is_empty(), Topic::SelectsNothing, place);
    let mut metadata = metadata::reduce(metadata, namespace, place, notes);
    metadata::mark(&mut metadata);
    Some(Service {
        metadata,
        spec: Some(spec),
        status: None,
    })
}

/// What is kept of a Service's specification; `None` if the Service is left out.
fn reduced(
    spec: ServiceSpec,
    selected: &[&Selected],
    place: &str,
    notes: &mut Notes,
) -> Option<ServiceSpec> {
    let ServiceSpec {
        cluster_ip,
        external_ips,
        external_name: _,
        internal_traffic_policy,
        ip_families,
        ip_family_policy,
        ports,
        publish_not_ready_addresses,
        selector,
        session_affinity,
        session_affinity_config: _,
        traffic_distribution,
        type_,
        // These belong to other types, or are assigned by the API server.
        allocate_load_balancer_node_ports: _,
        cluster_ips: _,
        external_traffic_policy: _,
        health_check_node_port: _,
        load_balancer_class: _,
        load_balancer_ip: _,
        load_balancer_source_ranges: _,
    } = spec;
    if type_.as_deref() == Some("ExternalName") {
        notes.add(Topic::UdpOnly, place);
        return None;
    }
    let had_ports = is_given(ports.as_ref());
    let ports = kept_ports(ports.unwrap_or_default(), selected, place, notes);
    if had_ports && ports.is_empty() {
        notes.add(Topic::UdpOnly, place);
        return None;
    }
    let changes_type = differs(type_.as_deref(), "ClusterIP");
    notes.add_if(changes_type, Topic::ServiceType, place);
    for (field, is_there) in [
        (
            "sessionAffinity",
            differs(session_affinity.as_deref(), "None"),
        ),
        ("trafficDistribution", traffic_distribution.is_some()),
    ] {
        notes.add_if(is_there, Topic::ServiceFields, &format!("{place} {field}"));
    }
    let families = ip_families.unwrap_or_default();
    for (field, is_there) in [
        ("externalIPs", is_given(external_ips.as_ref())),
        (
            "ipFamilyPolicy",
            differs(ip_family_policy.as_deref(), "SingleStack"),
        ),
        ("ipFamilies", families.iter().any(|family| family != "IPv4")),
    ] {
        notes.add_if(is_there, Topic::Fields, &format!("{place} {field}"));
    }
    Some(ServiceSpec {
        cluster_ip: cluster_ip.filter(|ip| ip == "None"),
        internal_traffic_policy,
        ports: (!ports.is_empty()).then_some(ports),
        publish_not_ready_addresses,
        selector,
        type_: Some("ClusterIP".to_owned()),
        ..ServiceSpec::default()
    })
}

/// The TCP ports of a Service.
fn kept_ports(
    ports: Vec<ServicePort>,
    selected: &[&Selected],
    place: &str,
    notes: &mut Notes,
) -> Vec<ServicePort> {
    let mut kept: Vec<ServicePort> = Vec::new();
    for port in ports {
        let ServicePort {
            app_protocol,
            name,
            node_port: _,
            port,
            protocol,
            target_port,
        } = port;
        let place = format!("{place} {port}");
        if !is_tcp_name(protocol.as_deref()) {
            notes.add(Topic::Udp, place);
            continue;
        }
        kept.push(ServicePort {
            app_protocol,
            name,
            node_port: None,
            port,
            protocol,
            target_port: target_port.map(|target| resolved(target, selected, &place, notes)),
        });
    }
    kept
}

/// A target as it is, or the number of a name that merged ports have lost.
fn resolved(
    target: IntOrString,
    selected: &[&Selected],
    place: &str,
    notes: &mut Notes,
) -> IntOrString {
    let IntOrString::String(name) = &target else {
        return target;
    };
    let is_number = name.parse::<u16>().is_ok();
    if is_number
        || selected
            .iter()
            .any(|template| template.names.contains_key(name))
    {
        return target;
    }
    let mut lost = selected
        .iter()
        .filter_map(|template| template.lost.get(name));
    if let Some(number) = lost.next() {
        return IntOrString::Int(i32::from(*number));
    }
    notes.add_if(!selected.is_empty(), Topic::Unresolved, place);
    target
}
