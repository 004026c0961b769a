//! Periods, timeouts and thresholds: how soon a probe decides, and what it costs.

use std::time::Duration;

use rules::probe::ProbeKind;

use crate::lint::draft::{Draft, Subject};
use crate::lint::finding::Severity;
use crate::lint::inventory::{Handler, Inventory, PodCount, ProbeFacts, WorkloadFacts};
use crate::lint::rule::Rule;
use crate::lint::words::{range, restart, seconds};

/// PL11
pub(super) const LONG_TIMEOUT: Rule = Rule {
    id: "PL11",
    severity: Severity::Warning,
    title: "A probe's timeout is no shorter than its period",
    check: long_timeout,
};

/// PL12
pub(super) const QUICK_KILL: Rule = Rule {
    id: "PL12",
    severity: Severity::Warning,
    title: "A short pause restarts the container",
    check: quick_kill,
};

/// PL13
pub(super) const LOAD: Rule = Rule {
    id: "PL13",
    severity: Severity::Info,
    title: "Probes every second, in many Pods",
    check: load,
};

/// PL34
pub(super) const COMMANDS: Rule = Rule {
    id: "PL34",
    severity: Severity::Info,
    title: "A command runs every few seconds",
    check: commands,
};

/// Pauses of a healthy process stay below this: garbage collection, a throttled CPU.
const PAUSE: Duration = Duration::from_secs(5);

/// A command that runs no less often than this costs something.
const OFTEN: Duration = Duration::from_secs(5);

/// Attempts a second, of all Pods of a workload together, from which on they are worth a word.
const MANY: u32 = 10;

fn long_timeout<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let spec = &probe.spec;
        // The default timeout of a second at a period of a second is the best there is.
        if spec.timeout < spec.period || !probe.has_timeout() || probe.handler.is_none() {
            continue;
        }
        let (timeout, period) = (seconds(spec.timeout), seconds(spec.period));
        let (hangs, fails) = (
            range(spec.failure_window(spec.timeout)),
            range(probe.failure()),
        );
        let kind = probe.word();
        // A timeout is whole seconds.
        let change = if spec.period == Duration::from_secs(1) {
            "Set periodSeconds to 2 or more, and timeoutSeconds below it".to_owned()
        } else {
            format!("Set timeoutSeconds below {}", spec.period.as_secs())
        };
        let message = format!(
            "An attempt of the {kind} probe may take {timeout} at a period of {period}: when \
             `{}` hangs, attempts follow each other without a pause, and the probe fails after \
             {hangs}; an error would take {fails}. {change}.",
            container.name()
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

fn quick_kill<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Liveness) else {
            continue;
        };
        let (failures, period) = (probe.failures(), probe.spec.period);
        if failures > 1 && probe.failure_time() >= PAUSE {
            continue;
        }
        let needed = PAUSE.as_secs().div_ceil(period.as_secs()).max(3);
        let attempts = match failures {
            1 => "One failed attempt restarts".to_owned(),
            count => format!("{count} failed attempts in a row restart"),
        };
        let (name, window, period) = (container.name(), restart(container, probe), seconds(period));
        let message = format!(
            "{attempts} `{name}`, {window} after it begins to fail: a pause for garbage \
             collection or a throttled CPU is enough. Set failureThreshold {needed} or more at a \
             period of {period}."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn load<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for workload in &inventory.workloads {
        let each = per_second(workload);
        let (pods, is_much) = match workload.pods {
            PodCount::Fixed(pods) => (pods, each > 0 && each.saturating_mul(pods) >= MANY),
            PodCount::EveryNode | PodCount::Ending => continue,
        };
        if !is_much {
            continue;
        }
        let message = format!(
            "The probes of {} make {} requests a second ({pods} × {each}, each at a period of \
             1 s), all day. A period of 5 s costs a fifth and notices a failure at most 4 s later \
             for each failure that it waits for.",
            workload.all_pods(),
            each.saturating_mul(pods)
        );
        drafts.push(Draft::new(Subject::Workload(workload), message));
    }
    drafts
}

/// The probes of one Pod that run every second for good.
fn per_second(workload: &WorkloadFacts<'_>) -> u32 {
    let probes = workload.containers.iter().flat_map(|each| &each.probes);
    let is_quick = |probe: &&ProbeFacts| {
        probe.spec.kind != ProbeKind::Startup && probe.spec.period == Duration::from_secs(1)
    };
    u32::try_from(probes.filter(is_quick).count()).unwrap_or(u32::MAX)
}

fn commands<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let is_command = matches!(probe.handler, Some(Handler::Exec(_)));
        let ends_soon = probe.spec.kind == ProbeKind::Startup;
        if !is_command || ends_soon || probe.spec.period > OFTEN {
            continue;
        }
        let (kind, period) = (probe.word(), seconds(probe.spec.period));
        let daily = 86_400 / probe.spec.period.as_secs();
        let message = format!(
            "The {kind} probe starts a process in `{}` every {period}, {daily} times a day in each \
             Pod. Its CPU counts against the container's limit, and a command that does not reap \
             its children leaves zombies. Ask by httpGet, grpc or tcpSocket if the program can be \
             asked so, or less often.",
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}
