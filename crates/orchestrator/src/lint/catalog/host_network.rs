//! Pods on the node's network, where ports are shared.

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{Inventory, WorkloadFacts};
use crate::lint::rule::Rule;
use crate::lint::words::list;

/// PL39
pub(super) const COLLISION: Rule = Rule {
    id: "PL39",
    severity: Severity::Warning,
    title: "Two workloads on the node's network use the port of a probe",
    check: collision,
};

fn collision<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let Some(port) = probe.own_port().filter(|_| workload.is_on_host()) else {
            continue;
        };
        let others = inventory.workloads.iter();
        let others: Vec<String> = others
            .filter(|other| other.at != workload.at && other.is_on_host() && uses(other, port))
            .map(|other| format!("{} {}", other.manifest.kind(), other.manifest.name()))
            .collect();
        if others.is_empty() {
            continue;
        }
        let kind = probe.word();
        let message = format!(
            "The {kind} probe asks port {port} of the node, which {} uses too: on a node that runs \
             both, one of them cannot listen, and the probe may be answered by the other one. Give \
             each a port of its own, or keep them on different nodes.",
            list(&others)
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

/// Whether a container of a workload declares a port or is probed there.
fn uses(workload: &WorkloadFacts<'_>, port: u16) -> bool {
    workload.containers.iter().any(|container| {
        let mut probes = container.probes.iter();
        container.declares(port) || probes.any(|probe| probe.own_port() == Some(port))
    })
}
