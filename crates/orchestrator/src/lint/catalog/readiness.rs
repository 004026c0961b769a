//! What a Pod waits for to become Ready, for the first time or again.

use std::time::Duration;

use rules::probe::ProbeKind;

use crate::lint::draft::{Draft, Subject};
use crate::lint::finding::Severity;
use crate::lint::inventory::Inventory;
use crate::lint::rule::Rule;
use crate::lint::words::{range, seconds};

/// PL06
pub(super) const UNKNOWN_GATE: Rule = Rule {
    id: "PL06",
    severity: Severity::Error,
    title: "A readiness gate that no known controller sets",
    check: unknown_gate,
};

/// PL17
pub(super) const SLOW_RECOVERY: Rule = Rule {
    id: "PL17",
    severity: Severity::Warning,
    title: "A recovered container waits long for several successes",
    check: slow_recovery,
};

/// The beginnings of conditions that controllers set: the AWS Load Balancer Controller, its
/// predecessor, and GKE's network endpoint groups.
const KNOWN_GATES: [&str; 3] = [
    "target-health.elbv2.k8s.aws",
    "target-health.alb.ingress.k8s.aws",
    "cloud.google.com/load-balancer-neg-ready",
];

/// A recovery from this length on is long.
const SLOW: Duration = Duration::from_secs(30);

fn unknown_gate<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for workload in &inventory.workloads {
        let gates = workload.spec.readiness_gates.iter().flatten();
        for (at, gate) in gates.enumerate() {
            let condition = &gate.condition_type;
            if KNOWN_GATES.iter().any(|known| condition.starts_with(known)) {
                continue;
            }
            let message = format!(
                "lint knows no controller that sets the condition `{condition}` of this readiness \
                 gate: until something sets it in each Pod's status, no Pod is Ready, and Services \
                 send them nothing. Make sure that its controller runs, or remove the gate."
            );
            let draft = Draft::new(Subject::Workload(workload), message);
            drafts.push(draft.at(&workload.spec_path(&format!("readinessGates[{at}]"))));
        }
    }
    drafts
}

fn slow_recovery<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Readiness) else {
            continue;
        };
        let (successes, period) = (probe.spec.success.count(), probe.spec.period);
        if successes < 2 || period * successes < SLOW {
            continue;
        }
        let window = range(probe.spec.recovery_window(Duration::ZERO));
        let period = seconds(period);
        let message = format!(
            "After a failure, `{}` stays out of its Services for {window} more once it works \
             again: successThreshold {successes} at a period of {period}. Ask more often, or let \
             one success be enough.",
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}
