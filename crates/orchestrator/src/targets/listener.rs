//! Who answers behind a Service's port: the container of a Pod that opens it, and its protocol.

use k8s_openapi::{
    api::core::v1::{Container, Pod, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use probe_target::model::port_spec::Protocol;

use super::{containers, flip_plan::selects, listed_ports, opener, probe_spec::port_number};

/// Who answers behind a port of a Service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener<'p> {
    /// The container.
    pub(crate) container: &'p Container,
    /// Its port.
    pub(crate) port: u16,
    /// What it speaks there.
    pub(crate) protocol: Protocol,
}

/// Who answers behind a port of a Service. `None` if no container lists the port that it leads to.
pub(crate) fn listener<'p>(service: &Service, port: u16, pods: &'p [Pod]) -> Option<Listener<'p>> {
    let mut ports = service.spec.as_ref()?.ports.iter().flatten();
    let port = ports.find(|each| each.port == i32::from(port))?;
    let target = port.target_port.clone();
    let target = target.unwrap_or(IntOrString::Int(port.port));
    let mut selected = pods.iter().filter(|pod| selects(service, pod));
    selected.find_map(|pod| {
        let mut containers = containers(pod);
        let number = containers.find_map(|each| port_number(each, &target))?;
        let opener = opener(pod, number, "")?;
        let mut listed = listed_ports(opener).into_iter();
        let (_, protocol) = listed.find(|(listed, _)| *listed == number)?;
        Some(Listener {
            container: opener,
            port: number,
            protocol,
        })
    })
}
