//! Admission of Services: defaults and checks. The registry allocates their cluster IPs.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Service`, and
//! `pkg/apis/core/validation/validation.go`, `ValidateService`. Services of type `NodePort`
//! and `LoadBalancer` are served at their cluster IP only.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{
    LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::fields;
use super::names::{self, Names};
use super::pipeline::Admit;
use crate::api_status::FieldErrors;

impl Admit for Service {
    const NAME: Names = Names::Label;

    fn begin(&mut self) {
        let load_balancer = Some(LoadBalancerStatus::default());
        self.status = Some(ServiceStatus {
            load_balancer,
            ..ServiceStatus::default()
        });
    }

    fn inherit(&mut self, before: &Self) {
        // An update that leaves the address out keeps it: `pkg/registry/core/service/storage`,
        // `patchAllocatedValues`.
        if let (Some(spec), Some(before)) = (&mut self.spec, &before.spec)
            && spec.cluster_ip.as_deref().unwrap_or_default().is_empty()
        {
            spec.cluster_ip.clone_from(&before.cluster_ip);
            spec.cluster_ips.clone_from(&before.cluster_ips);
        }
    }

    fn complete(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fields::text(&mut spec.type_, "ClusterIP");
        fields::text(&mut spec.session_affinity, "None");
        fields::text(&mut spec.internal_traffic_policy, "Cluster");
        if is_external(spec) {
            fields::text(&mut spec.external_traffic_policy, "Cluster");
        }
        if spec.type_.as_deref() == Some("LoadBalancer") {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
        fields::text(&mut spec.ip_family_policy, "SingleStack");
        spec.ip_families
            .get_or_insert_with(|| vec!["IPv4".to_owned()]);
        spec.ports.iter_mut().flatten().for_each(complete_port);
    }

    fn check(&self, errors: &mut FieldErrors) {
        match &self.spec {
            Some(spec) => errors.within("spec", |errors| check(spec, errors)),
            None => errors.required("spec", ""),
        }
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let address = |service: &Self| service.spec.as_ref()?.cluster_ip.clone();
        let (now, before) = (address(self), address(before));
        if now != before {
            let now: Vec<String> = now.into_iter().collect();
            errors.invalid("spec.clusterIPs[0]", now, "may not change once set");
        }
    }
}

/// Whether the Service has an address outside the cluster.
///
/// Rule: `pkg/api/service/util.go`, `ExternallyAccessible`.
fn is_external(spec: &ServiceSpec) -> bool {
    is_of_external_type(spec) || spec.external_ips.iter().flatten().next().is_some()
}

fn is_of_external_type(spec: &ServiceSpec) -> bool {
    matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer"))
}

fn complete_port(port: &mut ServicePort) {
    fields::text(&mut port.protocol, "TCP");
    // Zero and an empty name are Go's zero values: the Service's own port.
    let unset = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if unset {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}

fn check(spec: &ServiceSpec, errors: &mut FieldErrors) {
    check_possible(spec, errors);
    let ports = spec.ports.as_deref().unwrap_or_default();
    // Clients of a headless Service find its Pods by name, so it needs no ports.
    let needs_none =
        spec.cluster_ip.as_deref() == Some("None") || spec.type_.as_deref() == Some("ExternalName");
    if ports.is_empty() && !needs_none {
        errors.required("ports", "");
    }
    check_address(spec, errors);
    check_external(spec, errors);
    // The policies differ with several nodes only.
    let policy = spec.internal_traffic_policy.as_ref();
    fields::check_choice(
        "internalTrafficPolicy",
        policy,
        &["Cluster", "Local"],
        errors,
    );
    names::check_labels("selector", spec.selector.as_ref(), errors);
    check_ports(ports, errors);
}

/// Refuses values that Kubernetes allows and pocket lacks: a Service that ignores them would answer
/// other clients than on a node.
fn check_possible(spec: &ServiceSpec, errors: &mut FieldErrors) {
    if spec.type_.as_deref() == Some("ExternalName") {
        errors.lacking(|errors| {
            errors.invalid("type", "ExternalName", "pocket has no external names");
        });
    } else {
        let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        fields::check_choice("type", spec.type_.as_ref(), &types, errors);
    }
    let affinity = spec.session_affinity.as_ref();
    if affinity.is_some_and(|affinity| affinity == "ClientIP") {
        let why = "pocket does not keep clients at one endpoint";
        errors.lacking(|errors| errors.invalid("sessionAffinity", "ClientIP", why));
    } else {
        let affinities = ["ClientIP", "None"];
        fields::check_choice("sessionAffinity", affinity, &affinities, errors);
    }
    let families = spec.ip_families.as_deref().unwrap_or_default();
    if families.iter().any(|family| family != "IPv4") {
        errors.lacking(|errors| {
            errors.invalid("ipFamilies", families, "pocket has IPv4 Services only");
        });
    }
    let mut seen = BTreeSet::new();
    errors.each("ipFamilies", families, |family, errors| {
        if !seen.insert(family) {
            errors.duplicate("", family.as_str());
        }
    });
}

/// Rule: `pkg/apis/core/validation/validation.go`, `ValidateServiceClusterIPsRelatedFields`.
fn check_address(spec: &ServiceSpec, errors: &mut FieldErrors) {
    let address = spec.cluster_ip.as_deref().unwrap_or_default();
    if !matches!(address, "" | "None") && address.parse::<IpAddr>().is_err() {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.invalid("clusterIPs[0]", address, why);
    }
}

fn check_external(spec: &ServiceSpec, errors: &mut FieldErrors) {
    let policy = spec.external_traffic_policy.as_ref();
    let kind = spec.type_.as_deref().unwrap_or_default();
    if is_external(spec) {
        let policies = ["Cluster", "Local"];
        fields::check_choice("externalTrafficPolicy", policy, &policies, errors);
        if is_of_external_type(spec) && spec.cluster_ip.as_deref() == Some("None") {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.invalid("clusterIPs[0]", "None", &why);
        }
    } else if let Some(policy) = policy {
        let why = "may only be set for externally-accessible services";
        errors.invalid("externalTrafficPolicy", policy.as_str(), why);
    }
    if is_of_external_type(spec) {
        return;
    }
    errors.each("ports", spec.ports.iter().flatten(), |port, errors| {
        if port.node_port.is_some_and(|port| port != 0) {
            errors.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
        }
    });
}

fn check_ports(ports: &[ServicePort], errors: &mut FieldErrors) {
    let (mut named, mut numbered) = (BTreeSet::new(), BTreeSet::new());
    errors.each("ports", ports, |port, errors| {
        let name = port.name.as_deref().unwrap_or_default();
        check_name(name, ports.len(), errors);
        if !name.is_empty() && !named.insert(name) {
            errors.duplicate("name", name);
        }
        fields::check_port("port", port.port, errors);
        fields::check_protocol(port.protocol.as_ref(), errors);
        if let Some(target) = &port.target_port {
            fields::check_port_or_name("targetPort", target, errors);
        }
        if !numbered.insert((&port.protocol, port.port)) {
            // Upstream prints its internal type with only these two fields set.
            let protocol = port.protocol.as_deref().unwrap_or_default();
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\
                 \"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port.port
            );
            errors.duplicate_shown("", &shown);
        }
    });
}

/// A port name is optional only if the Service has a single port.
fn check_name(name: &str, ports: usize, errors: &mut FieldErrors) {
    if name.is_empty() && ports > 1 {
        errors.required("name", "");
    } else if !name.is_empty() {
        names::refused("name", name, &Names::Label.refuse(name), errors);
    }
}
