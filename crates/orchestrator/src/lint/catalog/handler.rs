//! What probes ask, and what the answer proves.

use rules::probe::ProbeKind;

use crate::lint::draft::Draft;
use crate::lint::finding::Severity;
use crate::lint::inventory::{ContainerFacts, Handler, Inventory, WorkloadFacts, is_own_host};
use crate::lint::rule::Rule;
use crate::stand_in::protocol_of_name;

/// PL32
pub(super) const OTHER_HOST: Rule = Rule {
    id: "PL32",
    severity: Severity::Warning,
    title: "A probe asks another host than its Pod",
    check: other_host,
};

/// PL33
pub(super) const UNVERIFIED: Rule = Rule {
    id: "PL33",
    severity: Severity::Info,
    title: "An HTTPS probe accepts every certificate",
    check: unverified,
};

/// PL46
pub(super) const CONNECTS_ONLY: Rule = Rule {
    id: "PL46",
    severity: Severity::Warning,
    title: "Liveness only connects to an HTTP port",
    check: connects_only,
};

fn other_host<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let host = probe.handler.as_ref().and_then(|handler| handler.host());
        // On the node's network, loopback is where the container listens.
        let Some(host) = host.filter(|host| !(is_own_host(host) && workload.is_on_host())) else {
            continue;
        };
        let whose = if is_own_host(host) {
            "the node itself, as a kubelet asks from there"
        } else {
            "something else than this Pod"
        };
        let kind = probe.word();
        let message = format!(
            "The {kind} probe asks {host}, which is {whose}: its answer says nothing about \
             `{}`. Leave out `host`; the Pod's address is the default. For a virtual host, set the \
             header Host in httpHeaders.",
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn unverified<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container, probe) in inventory.probes() {
        let Some(Handler::Http {
            is_secured: true, ..
        }) = probe.handler
        else {
            continue;
        };
        let kind = probe.word();
        // pkg/probe/http/http.go: `InsecureSkipVerify`.
        let message = format!(
            "The {kind} probe of `{}` asks over HTTPS, and a kubelet accepts every certificate: it \
             passes with one that has expired or has the wrong name, which clients refuse. Watch \
             certificates by other means.",
            container.name()
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

fn connects_only<'a>(inventory: &'a Inventory<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (workload, container) in inventory.containers() {
        let Some(probe) = container.probe(ProbeKind::Liveness) else {
            continue;
        };
        let Some(Handler::Tcp { host: None, port }) = probe.handler else {
            continue;
        };
        let Some(reason) = speaks_http(inventory, workload, container, port) else {
            continue;
        };
        let name = container.name();
        let message = format!(
            "The liveness probe only connects to port {port}, which speaks HTTP ({reason}): the \
             kernel accepts connections for a process that hangs, so `{name}` is never restarted \
             for it. Use httpGet with a path that `{name}` answers by itself."
        );
        let draft = Draft::of_container(workload, container, message);
        drafts.push(draft.at_probe(probe));
    }
    drafts
}

/// Why a port is known to speak HTTP.
fn speaks_http(
    inventory: &Inventory<'_>,
    workload: &WorkloadFacts<'_>,
    container: &ContainerFacts,
    port: u16,
) -> Option<String> {
    use probe_target::model::port_spec::Protocol;
    let is_http = |name: &str| {
        let protocol = protocol_of_name(name);
        matches!(protocol, Some(Protocol::Http | Protocol::Https))
    };
    for probe in &container.probes {
        if let Some(Handler::Http { port: asked, .. }) = &probe.handler
            && *asked == port
        {
            return Some(format!("the {} probe asks it by httpGet", probe.word()));
        }
    }
    for (service, backend) in inventory.selecting(workload) {
        let mut targets = backend.targets.iter();
        let target = targets.find(|target| target.is_tcp && target.number == port);
        let protocol = target.and_then(|target| service.ports[target.port].app_protocol.as_deref());
        if let Some(protocol) = protocol.filter(|protocol| is_http(protocol)) {
            return Some(format!(
                "appProtocol {protocol} of Service {}",
                service.name()
            ));
        }
    }
    let mut own = container.ports().filter(|(number, _)| *number == port);
    let name = own.find_map(|(_, name)| name)?;
    is_http(name).then(|| format!("its name is `{name}`"))
}
