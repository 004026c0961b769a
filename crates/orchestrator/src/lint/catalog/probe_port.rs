//! Ports of probes: whose they are, and whether they exist.

use std::collections::BTreeMap;

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::Inventory;
use crate::lint::rule::Rule;
use crate::lint::words::{list, range, restart, services};

/// PL03
pub(super) const OTHERS_PORT: Rule = Rule {
    id: "PL03",
    severity: Severity::Error,
    title: "A probe asks a port of another container",
    check: others_port,
};

/// PL04
pub(super) const UNSERVED_PORT: Rule = Rule {
    id: "PL04",
    severity: Severity::Info,
    title: "A readiness probe asks a port that no Service sends to",
    check: unserved_port,
};

/// PL47
pub(super) const SAME_PORT: Rule = Rule {
    id: "PL47",
    severity: Severity::Warning,
    title: "Two containers of a Pod declare one port",
    check: same_port,
};

/// PL36
pub(super) const NO_SUCH_NAME: Rule = Rule {
    id: "PL36",
    severity: Severity::Error,
    title: "A probe asks a port name that its container does not have",
    check: no_such_name,
};

fn others_port<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let asked = probe
            .own_port()
            .zip(workload.asked_sibling(container, probe));
        let Some((port, sibling)) = asked else {
            continue;
        };
        // Sidecars start one after the other, each when the one before has started.
        let waits_for_it = container.is_sidecar
            && probe.spec.kind == ProbeKind::Startup
            && (!sibling.is_sidecar || sibling.at > container.at);
        let is_restarted_too = sibling.probe(ProbeKind::Liveness).is_some();
        let (name, sibling) = (container.name(), sibling.name());
        let window = match probe.spec.kind {
            ProbeKind::Liveness => restart(container, probe),
            ProbeKind::Readiness | ProbeKind::Startup => range(probe.failure()),
        };
        let effect = match probe.spec.kind {
            ProbeKind::Liveness if is_restarted_too => {
                format!("`{name}` is restarted {window} later, whether `{sibling}` is or not")
            }
            ProbeKind::Liveness => format!("`{name}` is restarted {window} later, and it is not"),
            ProbeKind::Readiness => format!("`{name}` counts as not ready {window} later"),
            ProbeKind::Startup => format!("`{name}` does not count as started, and is restarted"),
        };
        let fails = if waits_for_it {
            format!(
                "`{sibling}` starts only when the sidecar `{name}` has started, and that only when \
                 `{sibling}` listens: the Pod never starts"
            )
        } else {
            format!("when `{sibling}` fails, {effect}")
        };
        let severity = if waits_for_it {
            Severity::Error
        } else {
            Severity::Warning
        };
        let kind = probe.word();
        let message = format!(
            "The {kind} probe of `{name}` asks port {port}, which `{sibling}` declares: {fails}. Ask \
             a port of `{name}`, or give the probe to `{sibling}`."
        );
        let draft = Draft::of_container(workload, container, message).rated(severity);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn same_port<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let before = &workload.containers[..container.at];
        let declared = container.ports().map(|(port, _)| port);
        let first = |port| before.iter().find(|other| other.declares(port));
        let taken = declared.filter_map(|port| Some((port, first(port)?)));
        // A port may be declared twice by one container.
        let taken: BTreeMap<u16, &str> = taken.map(|(port, other)| (port, other.name())).collect();
        for (port, other) in taken {
            let name = container.name();
            let message = format!(
                "`{other}` and `{name}` both declare port {port}, and the containers of a Pod share \
                 their ports: the second to listen fails, and probes of both are answered by the \
                 first. Give each a port of its own."
            );
            drafts.push(Draft::of_container(workload, container, message));
        }
    }
    drafts
}

fn unserved_port<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Readiness) else {
            continue;
        };
        let Some(asked) = probe.port() else {
            continue;
        };
        let backends = inventory.selecting(workload);
        let mut names = Vec::new();
        let mut ports = Vec::new();
        for (service, backend) in backends {
            for target in &backend.targets {
                if target.is_tcp && target.owner == Some(container.at) {
                    names.push(service.name());
                    ports.push(target.number);
                }
            }
        }
        if ports.is_empty() || ports.contains(&asked) {
            continue;
        }
        names.dedup();
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let (ports, names) = (list(&ports), services(&names));
        let message = format!(
            "The readiness probe asks port {asked}, but the requests of {names} go to port {ports}: \
             the Pod may be Ready while nothing answers there. Ask that port, unless the answer on \
             {asked} depends on it."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn no_such_name<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let Some(port) = probe.port_name().filter(|_| probe.handler.is_none()) else {
            continue;
        };
        // What remains without a result: `ProbeKind::initial_verdict`.
        let effect = match probe.spec.kind {
            ProbeKind::Liveness => "it never restarts anything",
            ProbeKind::Readiness => "the Pod is never Ready",
            ProbeKind::Startup => "the container never counts as started, and is not restarted",
        };
        let names = container.ports().filter_map(|(_, name)| name);
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let has = if names.is_empty() {
            "none of its ports has a name".to_owned()
        } else {
            format!("it has {}", list(&names))
        };
        let (kind, name) = (probe.word(), container.name());
        let message = format!(
            "The {kind} probe asks port `{port}`, which `{name}` does not declare; {has}. Every \
             attempt is an error, which counts neither as success nor as failure: {effect}. Name \
             the container's port `{port}`, or ask it by its number."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}
