//! Services behind which there is only one Pod.

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{ContainerFacts, Inventory, PodCount, ServiceFacts};
use crate::lint::rule::Rule;
use crate::lint::words::{range, services};

/// PL22
pub(super) const SINGLE_POD: Rule = Rule {
    id: "PL22",
    severity: Severity::Error,
    title: "A readiness probe of the only Pod behind a Service",
    check: single_pod,
};

fn single_pod<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Readiness) else {
            continue;
        };
        if workload.pods == PodCount::Fixed(0) {
            continue;
        }
        let gated = inventory.gated(workload).into_iter();
        let alone = gated.filter(|service| has_one_pod(service, inventory));
        let names: Vec<&str> = alone.map(ServiceFacts::name).collect();
        if names.is_empty() {
            continue;
        }
        let (names, window) = (services(&names), range(probe.failure()));
        let (name, asked) = (container.name(), workload.asked_sibling(container, probe));
        let probe_text = match asked {
            None => "its readiness probe".to_owned(),
            Some(_) => format!("the readiness probe of `{name}`, which asks its port,"),
        };
        let message = format!(
            "There is one Pod behind {names}: {window} after `{}` fails, {probe_text} takes the \
             last endpoint away, and every request fails until it recovers. Run two \
             replicas or more, or accept the outage.",
            asked.map_or(name, ContainerFacts::name)
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

/// Whether all workloads that a Service selects have one Pod together.
fn has_one_pod(service: &ServiceFacts<'_>, inventory: &Inventory<'_>) -> bool {
    let pods = service.backends.iter();
    let mut pods = pods.map(|backend| inventory.workloads[backend.workload].pods);
    let sum = pods.try_fold(0_u32, |sum, pods| match pods {
        PodCount::Fixed(count) => Some(sum.saturating_add(count)),
        PodCount::EveryNode | PodCount::Ending => None,
    });
    sum == Some(1)
}
