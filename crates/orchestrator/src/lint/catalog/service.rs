//! Services that lead nowhere, or to Pods that are not ready.

use rules::endpoints::TargetPort;

use crate::lint::draft::{Draft, Subject};
use crate::lint::finding::Severity;
use crate::lint::inventory::{Inventory, ServiceFacts, WorkloadFacts};
use crate::lint::rule::Rule;
use crate::lint::words::list;

/// PL05
pub(super) const PUBLISHES_UNREADY: Rule = Rule {
    id: "PL05",
    severity: Severity::Warning,
    title: "A Service sends to Pods that are not ready",
    check: publishes_unready,
};

/// PL43
pub(super) const SELECTS_NOTHING: Rule = Rule {
    id: "PL43",
    severity: Severity::Warning,
    title: "A Service selects no Pod of the input",
    check: selects_nothing,
};

/// PL44
pub(super) const LEADS_NOWHERE: Rule = Rule {
    id: "PL44",
    severity: Severity::Error,
    title: "A Service's target port is a name that no Pod has",
    check: leads_nowhere,
};

fn publishes_unready<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let publishing = inventory.services.iter();
    publishing
        .filter(|service| service.publishes_unready)
        .map(|service| {
            let (severity, change) = if governs(service, &inventory.workloads) {
                let change = "That is how members of a StatefulSet find each other before they \
                              are ready; let clients use another Service.";
                (Severity::Info, change)
            } else {
                let change = "Remove publishNotReadyAddresses, unless its clients look for Pods \
                              that are not ready.";
                (Severity::Warning, change)
            };
            let message = format!(
                "Service {} publishes the addresses of Pods that are not ready: no readiness \
                 probe keeps requests away, neither at the start nor after a failure. {change}",
                service.name()
            );
            Draft::new(Subject::Service(service), message)
                .rated(severity)
                .at("spec.publishNotReadyAddresses")
        })
        .collect()
}

/// Whether a Service is the one by which a StatefulSet's Pods have names.
fn governs(service: &ServiceFacts<'_>, workloads: &[WorkloadFacts<'_>]) -> bool {
    service.is_headless
        && workloads.iter().any(|workload| {
            workload.governing_service.as_deref() == Some(service.name())
                && workload.namespace() == service.namespace()
        })
}

fn selects_nothing<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for service in &inventory.services {
        let mut workloads = inventory.workloads.iter();
        // Without any workload beside it, the Service is for Pods of another file.
        let has_workloads = !service.elsewhere.is_empty()
            || workloads.any(|each| each.stays() && each.namespace() == service.namespace());
        if service.selector.is_empty() || !service.backends.is_empty() || !has_workloads {
            continue;
        }
        let elsewhere: Vec<String> = service
            .elsewhere
            .iter()
            .map(|at| place(&inventory.workloads[*at]))
            .collect();
        let (who, change) = if elsewhere.is_empty() {
            (
                "which no Pod template of the input has".to_owned(),
                "Compare the selector with the labels of the Pod template; ignore this if the Pods \
                 come from elsewhere.",
            )
        } else {
            (
                format!(
                    "which only Pods of other namespaces have ({})",
                    list(&elsewhere)
                ),
                "A Service selects Pods of its own namespace alone: put both into one.",
            )
        };
        let labels = service.selector.iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let message = format!(
            "Service {} selects {}, {who}: it has no endpoint, and {}. {change}",
            service.name(),
            labels.join(","),
            without_endpoint(service)
        );
        let draft = Draft::new(Subject::Service(service), message);
        drafts.push(draft.at("spec.selector"));
    }
    drafts
}

/// A workload of another namespace: `Deployment web of shop`.
fn place(workload: &WorkloadFacts<'_>) -> String {
    let (kind, name) = (workload.manifest.kind(), workload.manifest.name());
    match workload.namespace() {
        None => format!("{kind} {name}"),
        Some(namespace) => format!("{kind} {name} of {namespace}"),
    }
}

/// What clients of a Service see that has no endpoint.
fn without_endpoint(service: &ServiceFacts<'_>) -> &'static str {
    if service.is_headless {
        "its name resolves to nothing"
    } else {
        "every request fails"
    }
}

fn leads_nowhere<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for service in &inventory.services {
        for (at, port) in service.ports.iter().enumerate() {
            let TargetPort::Name(target) = &port.target else {
                continue;
            };
            let mut backends = service.backends.iter();
            let leads = |targets: &[crate::lint::inventory::Target]| {
                targets.iter().any(|target| target.port == at)
            };
            if service.backends.is_empty() || backends.any(|backend| leads(&backend.targets)) {
                continue;
            }
            let selected = service.backends.iter().map(|backend| backend.workload);
            let containers = selected.flat_map(|at| &inventory.workloads[at].containers);
            let names = containers.flat_map(|each| each.ports().filter_map(|(_, name)| name));
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            let has = if names.is_empty() {
                "no port of theirs has a name".to_owned()
            } else {
                format!("they have {}", list(&names))
            };
            let effect = if service.is_headless {
                "Its name leads to the Pods all the same, as it is headless, but SRV records and \
                 programs that read its endpoints find no such port"
            } else {
                "The port has no endpoint, and every request fails"
            };
            let message = format!(
                "Service {} sends to the port named `{target}`, which none of its Pods declares \
                 for {}; {has}. {effect}. Correct the name, or give the number.",
                service.name(),
                port.protocol
            );
            let draft = Draft::new(Subject::Service(service), message);
            drafts.push(draft.at(&format!("spec.ports[{at}].targetPort")));
        }
    }
    drafts
}
