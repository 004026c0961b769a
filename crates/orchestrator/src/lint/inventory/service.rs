//! A Service, the Pods that it selects, and the containers that its ports lead to.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort},
    apimachinery::pkg::util::intstr::IntOrString,
};
use rules::{
    endpoints::{self, ContainerPort, TargetPort},
    selector::{Labels, Selector},
};

use super::container::ContainerFacts;
use super::workload::WorkloadFacts;
use crate::{
    input::{load::Manifest, problem::Problem},
    stand_in::{self, share_namespace},
};

/// A Service.
#[derive(Debug)]
pub(in crate::lint) struct ServiceFacts<'a> {
    pub(in crate::lint) manifest: &'a Manifest,
    /// The labels of its Pods; empty if something else makes its endpoints.
    pub(in crate::lint) selector: Labels,
    pub(in crate::lint) ports: Vec<endpoints::ServicePort>,
    /// `publishNotReadyAddresses`.
    pub(in crate::lint) publishes_unready: bool,
    /// Whether it has no cluster IP.
    pub(in crate::lint) is_headless: bool,
    /// The workloads whose Pods it selects.
    pub(in crate::lint) backends: Vec<Backend>,
    /// Workloads of other namespaces whose Pods have the labels that it selects.
    pub(in crate::lint) elsewhere: Vec<usize>,
}

/// A workload whose Pods a Service selects.
#[derive(Debug)]
pub(in crate::lint) struct Backend {
    /// The workload's place in the inventory.
    pub(in crate::lint) workload: usize,
    /// What each of the Service's ports leads to, as far as it leads anywhere.
    pub(in crate::lint) targets: Vec<Target>,
}

/// What a Service's port leads to in a Pod.
#[derive(Debug)]
pub(in crate::lint) struct Target {
    /// The port's place in the Service.
    pub(in crate::lint) port: usize,
    /// The port of the Pod.
    pub(in crate::lint) number: u16,
    pub(in crate::lint) is_tcp: bool,
    /// The container that listens there, as far as the manifest tells.
    pub(in crate::lint) owner: Option<usize>,
}

impl<'a> ServiceFacts<'a> {
    /// Parses the manifest of a Service.
    pub(super) fn read(manifest: &'a Manifest) -> Result<Self, Problem> {
        let service: Service = manifest.typed()?;
        let spec = service.spec.unwrap_or_default();
        let has_endpoints = spec.type_.as_deref() != Some("ExternalName");
        let selector = spec.selector.filter(|_| has_endpoints);
        Ok(Self {
            manifest,
            selector: selector.unwrap_or_default(),
            ports: spec
                .ports
                .unwrap_or_default()
                .into_iter()
                .map(port)
                .collect(),
            publishes_unready: spec.publish_not_ready_addresses == Some(true),
            is_headless: spec.cluster_ip.as_deref() == Some("None"),
            backends: Vec::new(),
            elsewhere: Vec::new(),
        })
    }

    /// Its name.
    pub(in crate::lint) fn name(&self) -> &str {
        self.manifest.name()
    }

    /// The namespace that its manifest names.
    pub(in crate::lint) fn namespace(&self) -> Option<&str> {
        stand_in::namespace(self.manifest)
    }

    /// Finds the workloads that it selects. Pods that end by themselves, such as those of a test,
    /// often have the same labels and are not meant.
    pub(super) fn resolve(&mut self, labelled: &Labelled<'_, '_>) {
        if self.selector.is_empty() {
            return;
        }
        let selector = Selector::equal(&self.selector);
        let selected = labelled
            .candidates(&self.selector)
            .into_iter()
            .filter(|workload| workload.stays() && selector.matches(&workload.labels));
        let (own, elsewhere): (Vec<_>, Vec<_>) =
            selected.partition(|workload| share_namespace(self.manifest, workload.manifest));
        self.elsewhere = elsewhere.iter().map(|workload| workload.at).collect();
        self.backends = own
            .into_iter()
            .map(|workload| Backend {
                workload: workload.at,
                targets: targets(&self.ports, &workload.containers),
            })
            .collect();
    }
}

/// Workloads by each label of their Pods, so that not every Service looks at every workload.
pub(super) struct Labelled<'w, 'a> {
    workloads: &'w [WorkloadFacts<'a>],
    by_label: BTreeMap<(&'w str, &'w str), Vec<usize>>,
}

impl<'w, 'a> Labelled<'w, 'a> {
    pub(super) fn new(workloads: &'w [WorkloadFacts<'a>]) -> Self {
        let mut by_label: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for workload in workloads {
            for (key, value) in &workload.labels {
                let label = (key.as_str(), value.as_str());
                by_label.entry(label).or_default().push(workload.at);
            }
        }
        Self {
            workloads,
            by_label,
        }
    }

    /// The workloads with the rarest of these labels.
    fn candidates(&self, labels: &Labels) -> Vec<&'w WorkloadFacts<'a>> {
        let of_label = labels.iter().map(|(key, value)| {
            let found = self.by_label.get(&(key.as_str(), value.as_str()));
            found.map_or(&[][..], Vec::as_slice)
        });
        let rarest = of_label.min_by_key(|found| found.len()).unwrap_or_default();
        let of_rarest = rarest.iter().map(|at| &self.workloads[*at]);
        of_rarest.collect()
    }
}

fn port(port: ServicePort) -> endpoints::ServicePort {
    let number = |number: i32| TargetPort::Number(u16::try_from(number).unwrap_or_default());
    let target = match port.target_port {
        Some(IntOrString::String(name)) if !name.is_empty() => TargetPort::Name(name),
        Some(IntOrString::Int(given)) if given != 0 => number(given),
        // Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Service`.
        _ => number(port.port),
    };
    endpoints::ServicePort {
        name: port.name.unwrap_or_default(),
        protocol: protocol(port.protocol),
        target,
        app_protocol: port.app_protocol,
    }
}

fn protocol(given: Option<String>) -> String {
    given
        .filter(|given| !given.is_empty())
        .unwrap_or_else(|| "TCP".to_owned())
}

fn targets(ports: &[endpoints::ServicePort], containers: &[ContainerFacts]) -> Vec<Target> {
    let declared: Vec<ContainerPort> = containers.iter().flat_map(declared).collect();
    let resolved = ports.iter().enumerate().filter_map(|(at, port)| {
        let number = port.resolve(&declared)?;
        Some(Target {
            port: at,
            number,
            is_tcp: port.protocol == "TCP",
            owner: owner(number, &port.protocol, containers),
        })
    });
    resolved.collect()
}

fn declared(container: &ContainerFacts) -> impl Iterator<Item = ContainerPort> {
    let ports = container.spec.ports.iter().flatten();
    ports.filter_map(|port| {
        Some(ContainerPort {
            name: port.name.clone().unwrap_or_default(),
            protocol: protocol(port.protocol.clone()),
            number: u16::try_from(port.container_port).ok()?,
        })
    })
}

/// The container that listens on a port: the one that declares it, else the one whose probe asks
/// it, else the only one.
fn owner(number: u16, protocol: &str, containers: &[ContainerFacts]) -> Option<usize> {
    let declares = |container: &&ContainerFacts| {
        declared(container).any(|port| port.number == number && port.protocol == protocol)
    };
    let asks = |container: &&ContainerFacts| {
        let mut probes = container.probes.iter();
        probes.any(|probe| probe.own_port() == Some(number))
    };
    let found = containers.iter().find(declares);
    let found = found.or_else(|| containers.iter().find(asks));
    let only = || containers.first().filter(|_| containers.len() == 1);
    found.or_else(only).map(|container| container.at)
}
