//! Checks traffic clients: an image to send from, and a Service with a cluster IP and that port.

use k8s_openapi::api::core::v1::Service;

use super::Checker;
use super::manifest_index::{ManifestIndex, is_headless};
use crate::input::experiment::TrafficClient;
use crate::input::problem::{ProblemText, choices};
use crate::targets::{containers, is_target};

/// Reports every client that could not send requests.
pub(super) fn check(checker: &mut Checker<'_>, known: &ManifestIndex) {
    let experiment = checker.experiment;
    if let Some(first) = experiment.traffic.first()
        // The traffic Pod runs the image of a target.
        && !known
            .pods
            .values()
            .any(|pod| containers(pod).any(|container| is_target(pod, container)))
    {
        let fault = ProblemText::new("nothing in the workload can send traffic");
        checker.fault(
            first.name.span,
            fault.expected("a container whose image is named `probe-target`"),
        );
    }
    for client in &experiment.traffic {
        if let Some(service) = known.services.get(&client.service.value) {
            self::service(checker, client, service);
        } else {
            let names = known.services.keys().map(String::as_str);
            checker.unknown(client.service.span, "Service", &client.service, names);
        }
    }
}

fn service(checker: &mut Checker<'_>, client: &TrafficClient, service: &Service) {
    if is_headless(service) {
        let fault = ProblemText::new(format!(
            "Service `{}` has no cluster IP to send to",
            client.service.value
        ));
        checker.fault(
            client.service.span,
            fault.expected("a Service that is not headless"),
        );
        return;
    }
    let ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    let ports: Vec<i32> = ports.map(|port| port.port).collect();
    if !ports.contains(&i32::from(client.port.value)) {
        let names: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let fault = ProblemText::new(format!(
            "Service `{}` has no port {}",
            client.service.value, client.port.value
        ));
        checker.fault(client.port.span, fault.expected(choices(&names)));
    }
}
