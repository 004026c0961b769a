//! Slow starts: how long they may take, and what is blind meanwhile.

use std::time::Duration;

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::Inventory;
use crate::lint::rule::Rule;
use crate::lint::words::{range, seconds};

/// PL15
pub(super) const LONGER_THAN_DEADLINE: Rule = Rule {
    id: "PL15",
    severity: Severity::Warning,
    title: "A start may take longer than the rollout's deadline",
    check: longer_than_deadline,
};

/// PL41
pub(super) const BLIND: Rule = Rule {
    id: "PL41",
    severity: Severity::Warning,
    title: "A long initial delay where a startup probe belongs",
    check: blind,
};

/// A delay from this length on is long.
const LONG: Duration = Duration::from_mins(1);

fn longer_than_deadline<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let probe = container.probe(ProbeKind::Startup);
        let Some((probe, deadline)) = probe.zip(workload.progress_deadline) else {
            continue;
        };
        let budget = probe.spec.startup_budget(Duration::ZERO).within;
        if budget <= deadline {
            continue;
        }
        let (budget, limit) = (seconds(budget), seconds(deadline));
        let message = format!(
            "`{}` may take {budget} to start (initialDelaySeconds + failureThreshold · \
             periodSeconds), but the Deployment reports ProgressDeadlineExceeded after {limit} \
             without progress: a rollout that would succeed counts as failed. Set \
             progressDeadlineSeconds above {budget}, or grant less.",
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn blind<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let spec = &probe.spec;
        let decides = probe.handler.is_some();
        if !decides || spec.initial_delay < LONG || container.probe(ProbeKind::Startup).is_some() {
            continue;
        }
        let delay = seconds(spec.initial_delay);
        let name = container.name();
        let (severity, message) = if spec.kind == ProbeKind::Liveness {
            let budget = spec.startup_budget(Duration::ZERO);
            // The last attempt may come a period before the budget ends.
            let failures = budget.within.as_secs().div_ceil(10) + 1;
            let budget = range(budget);
            let message = format!(
                "For {delay} after each start nothing notices that `{name}` hangs, and a start \
                 that takes longer than {budget} is killed all the same. Use a startupProbe \
                 (periodSeconds 10, failureThreshold {failures}) and no initial delay: it ends \
                 when the program has started."
            );
            (Severity::Warning, message)
        } else {
            let first = range(spec.first_success_window(Duration::ZERO));
            let message = format!(
                "`{name}` gets no requests before {first} after each start, however soon it is \
                 ready, and each step of a rollout waits as long. Use no initial delay: a \
                 readiness probe that fails until the program is ready costs nothing."
            );
            (Severity::Info, message)
        };
        drafts.push(
            Draft::of_container(workload, container, message)
                .rated(severity)
                .at_probe(probe),
        );
    }
    drafts
}
