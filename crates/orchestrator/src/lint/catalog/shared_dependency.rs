//! Probes that ask what all Pods share: when it fails, all of them fail.

use rules::probe::ProbeKind;

use crate::lint::dependency;
use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::Inventory;
use crate::lint::rule::Rule;
use crate::lint::words::{range, restart, services};

/// PL23
pub(super) const READINESS: Rule = Rule {
    id: "PL23",
    severity: Severity::Warning,
    title: "The readiness of all Pods depends on one other thing",
    check: readiness,
};

/// PL24
pub(super) const LIVENESS: Rule = Rule {
    id: "PL24",
    severity: Severity::Warning,
    title: "Liveness depends on something else",
    check: liveness,
};

fn readiness<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let probe = container.probe(ProbeKind::Readiness);
        let asked = probe.and_then(|probe| Some((probe, dependency::of_probe(container, probe)?)));
        let Some((probe, dependency)) = asked else {
            continue;
        };
        let gated = inventory.gated_names(workload);
        let outage = if gated.is_empty() {
            "no Pod is Ready any more".to_owned()
        } else {
            format!("they leave {} together", services(&gated))
        };
        let (pods, window) = (workload.all_pods(), range(probe.failure()));
        let message = format!(
            "The readiness of {pods} depends on {dependency}: {window} after that fails, {outage}, \
             whatever they could still answer. Let readiness ask the container alone, and answer \
             requests that need {dependency} with an error."
        );
        let severity = inventory.if_served(workload, Severity::Warning);
        drafts.push(
            Draft::of_container(workload, container, message)
                .rated(severity)
                .at_probe(probe),
        );
    }
    drafts
}

fn liveness<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let probe = container.probe(ProbeKind::Liveness);
        let asked = probe.and_then(|probe| Some((probe, dependency::of_probe(container, probe)?)));
        let Some((probe, dependency)) = asked else {
            continue;
        };
        let (name, pods, window) = (
            container.name(),
            workload.all_pods(),
            restart(container, probe),
        );
        let message = format!(
            "The liveness of `{name}` depends on {dependency}: {window} after that fails, `{name}` \
             is restarted in {pods}, again and again, which repairs nothing and delays the \
             recovery. Let liveness ask only whether the process itself works."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}
