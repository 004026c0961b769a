//! Readiness belongs to the Pod, not to a container: who decides about whose requests.

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{Backend, ContainerFacts, Inventory, Target, WorkloadFacts};
use crate::lint::rule::Rule;
use crate::lint::words::{list, range, restart, services};

/// PL01
pub(super) const OTHERS_READINESS: Rule = Rule {
    id: "PL01",
    severity: Severity::Warning,
    title: "A readiness probe decides about Services of other containers",
    check: others_readiness,
};

/// PL02
pub(super) const UNREADY_SIBLING: Rule = Rule {
    id: "PL02",
    severity: Severity::Error,
    title: "A container behind a Service has no readiness probe while its sibling has",
    check: unready_sibling,
};

/// PL40
pub(super) const NO_READINESS: Rule = Rule {
    id: "PL40",
    severity: Severity::Warning,
    title: "No container of a Pod behind a Service has a readiness probe",
    check: no_readiness,
};

fn others_readiness<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Readiness) else {
            continue;
        };
        let selecting = inventory.selecting(workload);
        let others: Vec<&str> = selecting
            .filter(|(service, backend)| {
                !service.publishes_unready && leads_to_others(backend, container)
            })
            .map(|(service, _)| service.name())
            .collect();
        if others.is_empty() {
            continue;
        }
        let (name, others, window) = (container.name(), services(&others), range(probe.failure()));
        let message = format!(
            "The readiness of `{name}` also decides about {others}, whose ports lead to other \
             containers, as a Pod is Ready as a whole: {window} after `{name}` fails, the Pod \
             leaves {others} too, although the container there works. If that is not meant, run \
             the containers in Pods of their own, or let this probe fail only when the whole Pod \
             should get no requests."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

/// Whether all ports of a Service lead to containers other than this one.
fn leads_to_others(backend: &Backend, container: &ContainerFacts) -> bool {
    // Of two containers that declare one port, either may be the one that listens: PL47.
    let is_others = |target: &Target| {
        target.owner.is_some_and(|owner| owner != container.at)
            && !container.declares(target.number)
    };
    !backend.targets.is_empty() && backend.targets.iter().all(is_others)
}

fn unready_sibling<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let siblings = workload.containers.iter();
        let ready: Vec<String> = siblings
            .filter(|sibling| sibling.has_readiness())
            .map(|sibling| format!("`{}`", sibling.name()))
            .collect();
        if container.has_readiness() || ready.is_empty() {
            continue;
        }
        let Some((names, port)) = served(inventory, workload, container) else {
            continue;
        };
        let (name, siblings) = (container.name(), list(&ready));
        let says = if ready.len() == 1 { "says" } else { "say" };
        let message = format!(
            "`{name}` gets the requests of {names} and has no readiness probe; the Pod is Ready as \
             soon as {siblings} {says} so: requests come before `{name}` listens, and they go on when \
             it fails. Add a readinessProbe that asks port {port}."
        );
        drafts.push(Draft::of_container(workload, container, message));
    }
    drafts
}

fn no_readiness<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        if workload
            .containers
            .iter()
            .any(ContainerFacts::has_readiness)
        {
            continue;
        }
        let Some((names, port)) = served(inventory, workload, container) else {
            continue;
        };
        let begins = if container.probe(ProbeKind::Startup).is_some() {
            "once its startup probe has passed"
        } else {
            "as soon as its process runs, whether it listens or not, and rollouts do not wait for \
             it either"
        };
        let ends = match container.probe(ProbeKind::Liveness) {
            Some(probe) => {
                let window = restart(container, probe);
                format!(
                    "When it fails, requests go on: liveness restarts it {window} later, and they \
                     fail until it listens again"
                )
            }
            None => "When it fails, requests go on, and nothing ends that".to_owned(),
        };
        // Without any probe, the manifest is a sketch more often than a mistake.
        let severity = if container.probes.is_empty() {
            Severity::Info
        } else {
            Severity::Warning
        };
        let message = format!(
            "`{}` gets the requests of {names} {begins}. {ends}. Add a readinessProbe that asks \
             port {port}.",
            container.name()
        );
        drafts.push(Draft::of_container(workload, container, message).rated(severity));
    }
    drafts
}

/// The Services that send to a container, in words, and one of the ports they send to.
fn served(
    inventory: &Inventory<'_>,
    workload: &WorkloadFacts<'_>,
    container: &ContainerFacts,
) -> Option<(String, u16)> {
    let serving = inventory.serving(workload, container);
    let (_, target) = serving.first()?;
    let names: Vec<&str> = serving.iter().map(|(service, _)| service.name()).collect();
    Some((services(&names), target.number))
}
