//! Containers that do not live like others: sidecars, and those of Jobs.

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{Inventory, PodCount};
use crate::lint::rule::Rule;
use crate::lint::words::{range, restart};

/// PL37
pub(super) const SIDECAR: Rule = Rule {
    id: "PL37",
    severity: Severity::Info,
    title: "What the probes of a sidecar decide",
    check: sidecar,
};

/// PL38
pub(super) const JOB: Rule = Rule {
    id: "PL38",
    severity: Severity::Warning,
    title: "Liveness in a Job",
    check: job,
};

fn sidecar<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        if !container.is_sidecar {
            continue;
        }
        let start = if container.probe(ProbeKind::Startup).is_some() {
            "the containers after it wait for its startup probe"
        } else {
            "the containers after it start as soon as its process runs, as it has no startup probe"
        };
        let hang = match container.probe(ProbeKind::Liveness) {
            Some(probe) => format!(
                "liveness restarts it alone, {} after it fails",
                restart(container, probe)
            ),
            None => "nothing notices that it hangs, as it has no liveness probe".to_owned(),
        };
        let readiness = match container.probe(ProbeKind::Readiness) {
            Some(probe) => format!(
                "its readiness takes the whole Pod out of Services, {} after it fails",
                range(probe.failure())
            ),
            None => "the Pod is Ready whatever it does".to_owned(),
        };
        let message = format!(
            "The sidecar `{}` has the probes of a regular container: {start}; {hang}; {readiness}.",
            container.name()
        );
        drafts.push(Draft::of_container(workload, container, message));
    }
    drafts
}

fn job<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let probe = container.probe(ProbeKind::Liveness);
        let is_of_job = workload.pods == PodCount::Ending && !container.is_sidecar;
        let Some(probe) = probe.filter(|_| is_of_job) else {
            continue;
        };
        let then = if workload.spec.restart_policy.as_deref() == Some("OnFailure") {
            "starts again from the beginning"
        } else {
            "fails with its Pod"
        };
        let message = format!(
            "A Job ends by itself. {} after its probe begins to fail, as it is busy or hangs, `{}` \
             is killed and {then}, and each time counts against backoffLimit. Use activeDeadlineSeconds for a \
             Job that hangs, and remove the liveness probe.",
            range(probe.failure()),
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}
