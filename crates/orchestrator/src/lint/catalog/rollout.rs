//! Rollouts: what they take away, and what they do not wait for.

use std::time::Duration;

use rules::{
    probe::{ProbeKind, Window},
    rollout::{Amount, Strategy},
};

use crate::lint::draft::{Draft, Subject};
use crate::lint::finding::Severity;
use crate::lint::inventory::{ContainerFacts, Inventory, PodCount, Rollout, WorkloadFacts};
use crate::lint::rule::Rule;
use crate::lint::words::{range, seconds, services};

/// PL16
pub(super) const SHORT_MIN_READY: Rule = Rule {
    id: "PL16",
    severity: Severity::Warning,
    title: "minReadySeconds is shorter than readiness takes to notice a failure",
    check: short_min_ready,
};

/// PL42
pub(super) const ALL_AT_ONCE: Rule = Rule {
    id: "PL42",
    severity: Severity::Warning,
    title: "A rollout takes all Pods away at once",
    check: all_at_once,
};

fn short_min_ready<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Readiness) else {
            continue;
        };
        let (min_ready, needed) = (workload.min_ready, probe.failure_time());
        if min_ready.is_zero() || min_ready >= needed || workload.rollout == Rollout::Manual {
            continue;
        }
        let (window, needed) = (range(probe.failure()), seconds(needed));
        let message = format!(
            "A new Pod counts as available after {}, but the readiness probe of `{}` takes {window} \
             to notice a failure: a release that breaks soon after its start replaces further old \
             Pods. Set minReadySeconds to {needed} or more.",
            seconds(min_ready),
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn all_at_once<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for workload in &inventory.workloads {
        let Some((what, change, path)) = nothing_left(workload) else {
            continue;
        };
        let gated = inventory.gated_names(workload);
        let outage = if gated.is_empty() {
            String::new()
        } else {
            let until = ready_again(workload);
            format!(" There is no endpoint behind {}{until}.", services(&gated))
        };
        let is_meant = workload.rollout == Rollout::Deployment(Strategy::Recreate)
            && has_claim(workload)
            || matches!(workload.rollout, Rollout::StatefulSet { .. });
        let severity = if is_meant {
            Severity::Info
        } else {
            inventory.if_served(workload, Severity::Warning)
        };
        let message = format!("{what}.{outage} {change}");
        drafts.push(
            Draft::new(Subject::Workload(workload), message)
                .rated(severity)
                .at(path),
        );
    }
    drafts
}

/// What a rollout does that leaves no Pod available, what to change, and the field at fault.
fn nothing_left(workload: &WorkloadFacts<'_>) -> Option<(String, String, &'static str)> {
    let pods = workload.all_pods();
    let count = match workload.pods {
        PodCount::Fixed(0) | PodCount::Ending => return None,
        PodCount::Fixed(count) => count,
        PodCount::EveryNode => 0,
    };
    match workload.rollout {
        Rollout::Deployment(Strategy::Recreate) => {
            let what = format!("A rollout deletes {pods} before it creates the first new one");
            let change = if has_claim(workload) {
                "That is right if the volume cannot be mounted twice."
            } else {
                "Use RollingUpdate with maxUnavailable 0, unless two versions must not run side \
                 by side."
            };
            Some((what, change.to_owned(), "spec.strategy"))
        }
        Rollout::Deployment(strategy) if strategy.least_available(count) == 0 => {
            let what = format!("A rollout may delete {pods} before a new one is available");
            let change = "Set maxUnavailable 0 and maxSurge 1, so that a new Pod comes first.";
            Some((what, change.to_owned(), "spec.strategy"))
        }
        Rollout::StatefulSet { partition: 0 } if count == 1 => {
            let what = "A rollout deletes the only Pod before it creates the new one".to_owned();
            let change = "A StatefulSet cannot do otherwise; more replicas would share the work.";
            Some((what, change.to_owned(), ""))
        }
        Rollout::DaemonSet {
            unavailable: Amount::Percent(100..),
        } => {
            let what = format!("A rollout deletes {pods} at the same time");
            let change = "Set maxUnavailable 1, or a small percentage.";
            Some((what, change.to_owned(), "spec.updateStrategy"))
        }
        _ => None,
    }
}

/// When a new Pod is Ready at best, as far as its slowest container says so.
fn ready_again(workload: &WorkloadFacts<'_>) -> String {
    let windows = workload.containers.iter().filter_map(first_ready);
    let slowest = windows.max_by_key(|window| window.within);
    slowest.map_or_else(
        || " until a new container runs".to_owned(),
        |window| {
            let window = range(window);
            format!(" until a new container is ready, {window} after its start at best")
        },
    )
}

/// When a container whose first attempts pass is ready, from its start.
fn first_ready(container: &ContainerFacts) -> Option<Window> {
    let readiness = container.probe(ProbeKind::Readiness)?;
    let ready = readiness.spec.first_success_window(Duration::ZERO);
    let Some(startup) = container.probe(ProbeKind::Startup) else {
        return Some(ready);
    };
    // The success of a startup probe triggers the readiness probe: pkg/kubelet/prober/worker.go.
    let started = startup.spec.first_success_window(Duration::ZERO);
    Some(Window {
        after: started.after.max(ready.after),
        within: ready.within.max(started.within + Duration::from_secs(1)),
    })
}

/// Whether it has a volume that may be mounted by one Pod, or on one node, only.
fn has_claim(workload: &WorkloadFacts<'_>) -> bool {
    let mut volumes = workload.spec.volumes.iter().flatten();
    volumes.any(|volume| volume.persistent_volume_claim.is_some())
}
