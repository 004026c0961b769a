//! The end of a container: what still reaches it, and how long it may take.

use std::time::Duration;

use rules::{
    container::{grace_after, kill_grace, stop_grace},
    probe::ProbeKind,
    proxy,
};

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{ContainerFacts, Inventory};
use crate::lint::rule::Rule;
use crate::lint::words::{range, seconds, services};
use crate::stand_in::{DEFAULT_GRACE, shell_sleep};

/// PL20
pub(super) const SHORT_PRE_STOP: Rule = Rule {
    id: "PL20",
    severity: Severity::Warning,
    title: "A container ends before its Services know",
    check: short_pre_stop,
};

/// PL21
pub(super) const LONG_KILL: Rule = Rule {
    id: "PL21",
    severity: Severity::Info,
    title: "A container that liveness kills may live on for long",
    check: long_kill,
};

/// PL45
pub(super) const LONG_PRE_STOP: Rule = Rule {
    id: "PL45",
    severity: Severity::Warning,
    title: "A preStop hook takes the whole grace period",
    check: long_pre_stop,
};

/// How long a Service may go on sending to a Pod whose deletion has begun: a sync of kube-proxy,
/// and as much for the endpoint and the rules.
pub(crate) const DRAIN: Duration = Duration::from_secs(2 * proxy::APART.as_secs());

/// A preStop hook that sleeps.
struct PreStopSleep {
    time: Duration,
    /// Whether it is a command that goes on after the sleep.
    goes_on: bool,
}

impl PreStopSleep {
    /// The sleep of a container's hook; none if it does not begin with one.
    fn of(container: &ContainerFacts) -> Option<Self> {
        let hook = container.pre_stop()?;
        if let Some(sleep) = &hook.sleep {
            return Some(Self {
                time: Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or_default()),
                goes_on: false,
            });
        }
        let command = hook.exec.as_ref()?.command.as_deref().unwrap_or_default();
        let sleep = shell_sleep::parse(command)?;
        Some(Self {
            time: Duration::from_secs(sleep.seconds.unwrap_or(u64::from(u32::MAX))),
            goes_on: !sleep.alone,
        })
    }
}

fn short_pre_stop<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let serving = inventory.serving(workload, container);
        if serving.is_empty() {
            continue;
        }
        let (severity, when) = match (container.pre_stop(), PreStopSleep::of(container)) {
            (None, _) => (Severity::Info, "at once".to_owned()),
            (Some(_), Some(sleep)) if sleep.time < DRAIN => {
                let when = format!("{} after the deletion begins", seconds(sleep.time));
                (Severity::Warning, when)
            }
            _ => continue,
        };
        let names: Vec<&str> = serving.iter().map(|(service, _)| service.name()).collect();
        let (names, drain) = (services(&names), seconds(DRAIN));
        let message = format!(
            "When a Pod is deleted, `{}` begins to end {when}, but may get new requests of {names} \
             for up to {drain} from the deletion on. Unless the program itself goes on serving for \
             that long, each rollout and scale-down loses some. Add a preStop sleep of {drain} or \
             more.",
            container.name()
        );
        let path = format!("{}.lifecycle.preStop", container.path);
        drafts.push(
            Draft::of_container(workload, container, message)
                .rated(severity)
                .at(&path),
        );
    }
    drafts
}

fn long_kill<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    // A shorter grace period than the default was chosen.
    let default = Duration::from_secs(DEFAULT_GRACE.into());
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Liveness) else {
            continue;
        };
        let grace = kill_grace(None, probe.spec.grace, Some(workload.grace()));
        let is_served = inventory.selecting(workload).next().is_some();
        if probe.spec.grace.is_some() || grace < default || !is_served {
            continue;
        }
        let window = range(probe.spec.failure_window(probe.spec.timeout));
        let message = format!(
            "If `{}` hangs and does not heed SIGTERM, it lives on for {} after liveness has \
             decided, {window} after the hang: the grace period is the Pod's. Set the probe's own \
             terminationGracePeriodSeconds, for example to 5.",
            container.name(),
            seconds(grace)
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn long_pre_stop<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let grace = workload.grace();
        let Some(sleep) = PreStopSleep::of(container).filter(|sleep| sleep.time >= grace) else {
            continue;
        };
        let (limit, time) = (seconds(grace), seconds(sleep.time));
        let left = seconds(stop_grace(grace_after(grace, grace)));
        let (severity, effect) = if sleep.goes_on {
            let effect = format!(
                "what the hook does after its sleep never happens, and the process is killed \
                 {left} after its SIGTERM"
            );
            (Severity::Warning, effect)
        } else {
            let effect = format!("the process is killed {left} after its SIGTERM");
            (Severity::Info, effect)
        };
        let message = format!(
            "The preStop hook of `{}` sleeps for {time} of a grace period of {limit}: {effect}. \
             Set terminationGracePeriodSeconds to the sleep and the time that the program needs to \
             end.",
            container.name()
        );
        let path = format!("{}.lifecycle.preStop", container.path);
        drafts.push(
            Draft::of_container(workload, container, message)
                .rated(severity)
                .at(&path),
        );
    }
    drafts
}
