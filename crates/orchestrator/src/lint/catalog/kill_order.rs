//! Liveness against readiness: which of them decides first, and whether they ask the same.

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{ContainerFacts, Inventory, ProbeFacts};
use crate::lint::rule::Rule;
use crate::lint::words::{range, restart, seconds, services};

/// PL10
pub(super) const KILLS_FIRST: Rule = Rule {
    id: "PL10",
    severity: Severity::Error,
    title: "Liveness restarts no later than readiness takes out of Services",
    check: kills_first,
};

/// PL30
pub(super) const SAME_HANDLER: Rule = Rule {
    id: "PL30",
    severity: Severity::Info,
    title: "Liveness and readiness ask the same",
    check: same_handler,
};

/// The liveness and readiness probe of a container, if they ask the same.
fn twins(container: &ContainerFacts) -> Option<(&ProbeFacts, &ProbeFacts)> {
    let liveness = container.probe(ProbeKind::Liveness)?;
    let readiness = container.probe(ProbeKind::Readiness)?;
    let same = liveness.handler.is_some() && liveness.handler == readiness.handler;
    same.then_some((liveness, readiness))
}

fn kills_first<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some((liveness, readiness)) = twins(container) else {
            continue;
        };
        let (killing, removing) = (liveness.failure_time(), readiness.failure_time());
        if killing > removing {
            continue;
        }
        let period = liveness.spec.period;
        // The first multiple of the period above the other time.
        let failures = removing.as_secs() / period.as_secs() + 1;
        let change = format!(
            "Let liveness take longer: failureThreshold {failures} or more at a period of {}.",
            seconds(period)
        );
        let gated = inventory.gated_names(workload);
        let who = if gated.is_empty() {
            "its Services".to_owned()
        } else {
            services(&gated)
        };
        let (kill, removal) = (restart(container, liveness), range(readiness.failure()));
        // The hook runs before the restart, while the container still serves.
        let killed = if container.pre_stop().is_some() {
            "stopped, beginning with its preStop hook,"
        } else {
            "restarted"
        };
        let (severity, what) = if killing < removing {
            let what = format!(
                "Liveness and readiness ask the same, and liveness is the first to decide: the \
                 container is restarted {kill} after it fails, readiness would take it out of \
                 {who} only after {removal}. Until then requests reach a container that is being \
                 restarted, and a failure that would pass costs a restart."
            );
            (inventory.if_served(workload, Severity::Error), what)
        } else {
            let what = format!(
                "Liveness and readiness ask the same and decide within the same {removal} after a \
                 failure: the container is {killed} as soon as it is taken out of {who}, and gets \
                 no time to recover."
            );
            (Severity::Info, what)
        };
        let message = format!("{what} {change}");
        let draft = Draft::of_container(workload, container, message).rated(severity);
        drafts.push(draft.at_probe(liveness));
    }
    drafts
}

fn same_handler<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some((liveness, readiness)) = twins(container) else {
            continue;
        };
        let Some(handler) = &liveness.handler else {
            continue;
        };
        let (kill, removal) = (restart(container, liveness), range(readiness.failure()));
        let message = format!(
            "Liveness and readiness ask the same ({handler}): whatever takes the Pod out of its \
             Services for long, {removal} after it begins, also restarts the container, {kill} \
             after. Let liveness ask only what a restart repairs."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(liveness));
    }
    drafts
}
