//! Admission of Services: defaults and checks. The registry allocates their cluster IPs.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Service`, and
//! `pkg/apis/core/validation/validation.go`, `ValidateService`. Pocket serves cluster IPs and
//! headless Services.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Admit, Names, fields, names};
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
        let (Some(spec), Some(before)) = (&mut self.spec, &before.spec) else {
            return;
        };
        if spec.cluster_ip.as_deref().unwrap_or_default().is_empty() {
            spec.cluster_ip.clone_from(&before.cluster_ip);
            spec.cluster_ips.clone_from(&before.cluster_ips);
        }
    }

    fn complete(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fields::text(&mut spec.type_, "ClusterIP");
        fields::text(&mut spec.session_affinity, "None");
        fields::text(&mut spec.internal_traffic_policy, "Cluster");
        fields::text(&mut spec.ip_family_policy, "SingleStack");
        spec.ip_families
            .get_or_insert_with(|| vec!["IPv4".to_owned()]);
        spec.ports.iter_mut().flatten().for_each(complete_port);
    }

    fn check(&self, faults: &mut FieldErrors) {
        let Some(spec) = &self.spec else {
            return faults.required("spec", "");
        };
        check_possible(spec, faults);
        let ports = spec.ports.as_deref().unwrap_or_default();
        if ports.is_empty() && spec.cluster_ip.as_deref() != Some("None") {
            faults.required("spec.ports", "");
        }
        names::check_labels(spec.selector.as_ref(), "spec.selector", faults);
        check_ports(ports, faults);
    }

    fn check_change(&self, before: &Self, faults: &mut FieldErrors) {
        let address = |service: &Self| {
            service
                .spec
                .as_ref()
                .and_then(|spec| spec.cluster_ip.clone())
        };
        let (now, before) = (address(self), address(before));
        if now != before {
            let now: Vec<String> = now.into_iter().collect();
            faults.invalid("spec.clusterIPs[0]", now, "may not change once set");
        }
    }
}

fn complete_port(port: &mut ServicePort) {
    fields::text(&mut port.protocol, "TCP");
    let unset = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if unset {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}

fn check_possible(spec: &ServiceSpec, faults: &mut FieldErrors) {
    match spec.type_.as_deref() {
        Some(kind @ ("NodePort" | "LoadBalancer" | "ExternalName")) => {
            let why = "pocket has no node ports, load balancers or external names";
            faults.invalid("spec.type", kind, why);
        }
        _ => fields::check_word(spec.type_.as_ref(), &["ClusterIP"], "spec.type", faults),
    }
    let affinity = spec.session_affinity.as_ref();
    if affinity.is_some_and(|affinity| affinity == "ClientIP") {
        let why = "pocket does not keep clients at one endpoint";
        faults.invalid("spec.sessionAffinity", "ClientIP", why);
    } else {
        fields::check_word(affinity, &["None"], "spec.sessionAffinity", faults);
    }
    if spec
        .ip_families
        .iter()
        .flatten()
        .any(|family| family != "IPv4")
    {
        faults.invalid(
            "spec.ipFamilies",
            spec.ip_families.clone(),
            "pocket has IPv4 Services only",
        );
    }
}

fn check_ports(ports: &[ServicePort], faults: &mut FieldErrors) {
    let (mut named, mut numbered) = (BTreeSet::new(), BTreeSet::new());
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = port.name.as_deref().unwrap_or_default();
        check_name(name, ports.len(), &format!("{path}.name"), faults);
        if !name.is_empty() && !named.insert(name) {
            faults.duplicate(format!("{path}.name"), name);
        }
        fields::check_port(port.port, &format!("{path}.port"), faults);
        let protocols = ["SCTP", "TCP", "UDP"];
        fields::check_word(
            port.protocol.as_ref(),
            &protocols,
            &format!("{path}.protocol"),
            faults,
        );
        if let Some(target) = &port.target_port {
            fields::check_port_or_name(target, &format!("{path}.targetPort"), faults);
        }
        if !numbered.insert((&port.protocol, port.port)) {
            // Upstream prints its internal type with only these two fields set.
            let protocol = port.protocol.as_deref().unwrap_or_default();
            let shown = format!(
                r#"{{"Name":"","Protocol":"{protocol}","AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                port.port
            );
            faults.duplicate_shown(path, &shown);
        }
    }
}

/// A port name is optional only if the Service has a single port.
fn check_name(name: &str, ports: usize, path: &str, faults: &mut FieldErrors) {
    if name.is_empty() && ports > 1 {
        faults.required(path, "");
    } else if !name.is_empty()
        && let Some(why) = Names::Label.refuse(name)
    {
        faults.invalid(path, name, &why);
    }
}
