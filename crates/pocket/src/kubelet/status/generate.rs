//! Computes a Pod's status from the runtime's state at the last relist and the probes' verdicts.
//!
//! Rule: `pkg/kubelet/kubelet_pods.go`, `generateAPIPodStatus` and `convertToAPIContainerStatuses`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, Pod};
use rules::Moment;
use rules::container::{
    Exit, Instance, Life, RestartRules, Role, StartRefusal, State, ready, started,
};
use rules::pod::{ContainerView, Phase, phase};
use rules::probe::Verdict;
use rules::restart::is_due;

use super::{ContainerStatus, Status};
use crate::kubelet::container_history::History;
use crate::kubelet::spec;

/// The inputs of a status.
#[derive(Debug)]
pub(in crate::kubelet) struct Facts<'a> {
    pub(in crate::kubelet) pod: &'a Pod,
    pub(in crate::kubelet) stage: Stage,
    pub(in crate::kubelet) since: Moment,
    /// The Pod's address, as the last relist saw it.
    pub(in crate::kubelet) ip: Option<IpAddr>,
    /// The sandbox has been created.
    pub(in crate::kubelet) has_sandbox: bool,
    /// One per container of the Pod, in order.
    pub(in crate::kubelet) histories: &'a [History],
    /// The reason why a container's last start was refused, by container name.
    pub(in crate::kubelet) refusals: &'a BTreeMap<String, StartRefusal>,
    /// The status before this one.
    pub(in crate::kubelet) before: Option<&'a Status>,
}

/// The kubelet's stage with a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubelet) enum Stage {
    /// The Pod runs or is to run.
    Syncing,
    /// The Pod's containers are being stopped; none is started any more.
    Terminating,
    /// All containers have been stopped, and the sandbox with them.
    Stopped,
    /// As a relist after the end of all containers confirms.
    Terminated,
}

/// The verdicts of one container's probes, and which of its probe workers exist.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::kubelet) struct Probed {
    pub(in crate::kubelet) startup: Option<Verdict>,
    pub(in crate::kubelet) readiness: Option<Verdict>,
    pub(in crate::kubelet) startup_worker: bool,
    pub(in crate::kubelet) readiness_worker: bool,
}

impl Facts<'_> {
    /// The status at `now`. Calls `probed` once per container that has an instance.
    pub(in crate::kubelet) fn status(
        &self,
        now: Moment,
        probed: impl Fn(&str, &Instance) -> Probed,
    ) -> Status {
        let containers: Vec<_> = self
            .containers()
            .zip(self.histories)
            .map(|((role, container, restart), history)| {
                self.container(role, container, restart, history, &probed)
            })
            .collect();
        let views = containers.iter().map(|container| ContainerView {
            started_before: self.started_before(&container.name),
            ..container.view()
        });
        let views: Vec<_> = views.collect();
        let mut status = Status {
            phase: self.phase(&views),
            restarting: self.restarting(),
            generation: self.pod.metadata.generation,
            since: self.since,
            ip: self.ip,
            sandbox: self.has_sandbox && !self.is_over(),
            conditions: Vec::new(),
            gates: gates(self.pod),
            containers,
        };
        status.date(self.before, now);
        if self.stage == Stage::Terminated {
            status.end();
        }
        status
    }

    /// The Pod's phase. A terminal phase never changes again.
    fn phase(&self, views: &[ContainerView<'_>]) -> Phase {
        let before = self.before.map(|before| before.phase);
        let before = before.filter(|phase| phase.is_terminal());
        let main = self.containers().zip(self.histories);
        let mut main = main.filter(|((role, ..), _)| *role == Role::Main);
        let initialized = main.any(|(_, history)| history.newest.is_some());
        before.unwrap_or_else(|| phase(self.is_over(), initialized, views))
    }

    /// Whether all containers are being removed to be restarted; `None` if no rule may cause that.
    ///
    /// Rule: `pkg/kubelet/status/generate.go`, `GenerateAllContainersRestartingCondition`.
    fn restarting(&self) -> Option<bool> {
        let mut all = self.containers();
        let may_be = all.any(|(_, _, restart)| restart.may_restart_all());
        let has_instance = |history: &History| history.newest.is_some();
        may_be.then(|| self.is_restarting() && self.histories.iter().any(has_instance))
    }

    /// Whether all containers are being removed, or were so in the status before.
    ///
    /// Rule: `pkg/kubelet/container/helpers.go`, `ShouldAllContainersRestart`.
    fn is_restarting(&self) -> bool {
        let before = self.before.and_then(|before| before.restarting);
        let mut all = self.containers().zip(self.histories);
        before == Some(true)
            || all.any(|((_, _, restart), history)| {
                let exit = history.newest.as_ref().and_then(Instance::exit);
                exit.is_some_and(|exit| restart.restarts_all(exit.code))
            })
    }

    fn containers(&self) -> impl Iterator<Item = (Role, &Container, RestartRules)> {
        let spec = self.pod.spec.iter();
        spec.flat_map(|pod| {
            let all = spec::containers(pod);
            all.map(move |(role, container)| (role, container, spec::restart(pod, container)))
        })
    }

    fn container(
        &self,
        role: Role,
        container: &Container,
        restart: RestartRules,
        history: &History,
        probed: impl Fn(&str, &Instance) -> Probed,
    ) -> ContainerStatus {
        let name = container.name.as_str();
        let image = container.image.as_ref().map_or("", String::as_str);
        let newest = history.newest.as_ref();
        let is_running = newest.is_some_and(Instance::is_running);
        let probed = newest.map_or_else(Probed::default, |newest| probed(name, newest));
        let started = started(
            is_running,
            probed.startup,
            self.started_before(name),
            probed.startup_worker,
        );
        let mut before = self.before.iter().flat_map(|before| &before.containers);
        let before = before.find(|it| it.name == name);
        if newest.is_none()
            && let Some(before) = before
            && self.is_restarting()
            && !matches!(before.state, State::Waiting(_))
        {
            return removed(before);
        }
        let state = self.state(role, &restart, name, newest);
        let waits = matches!(state, State::Waiting(_));
        // A container that waits for its restart shows its exit as the last state; one whose state
        // is the exit shows the exit before.
        let last = if waits {
            history.ended()
        } else {
            history.dead.as_ref()
        };
        let ready = match role {
            Role::Init => matches!(&state, State::Terminated(exit) if exit.code == 0),
            Role::Sidecar | Role::Main => ready(started, probed.readiness, probed.readiness_worker),
        };
        ContainerStatus {
            name: name.to_owned(),
            role,
            image: newest.map_or(image, |newest| &newest.image).to_owned(),
            last: last
                .and_then(|it| Some((it.id.clone(), it.exit()?.clone())))
                // What was removed is known from the status alone.
                .or_else(|| before?.last.clone()),
            id: newest.map(|newest| newest.id.clone()),
            ready,
            started,
            restarts: match newest {
                Some(newest) => newest.restarts,
                None => before.map_or(0, |before| before.restarts),
            },
            restart,
            state,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Stopped | Stage::Terminated)
    }

    fn has_init(&self) -> bool {
        let mut all = self.pod.spec.iter().flat_map(spec::containers);
        all.any(|(role, _)| role != Role::Main)
    }

    fn started_before(&self, name: &str) -> bool {
        let mut before = self.before.iter().flat_map(|before| &before.containers);
        before.any(|container| container.name == name && container.started)
    }

    /// The container's state. A refused container is `Waiting` only if it is due to be started. An
    /// init container or sidecar that exited with 0 is shown as terminated, even if it is a sidecar
    /// that will be started again.
    fn state(
        &self,
        role: Role,
        restart: &RestartRules,
        name: &str,
        newest: Option<&Instance>,
    ) -> State {
        let well = newest
            .and_then(Instance::exit)
            .is_some_and(|exit| exit.code == 0);
        let due = self.stage == Stage::Syncing
            && is_due(restart, newest)
            && (role == Role::Main || !well);
        if let Some(refusal) = self.refusals.get(name).filter(|_| due) {
            return State::Waiting(refusal.clone());
        }
        match newest.map(|newest| &newest.life) {
            None => State::Waiting(StartRefusal::creating(self.has_init())),
            Some(Life::Running { since }) => State::Running { since: *since },
            Some(Life::Exited(exit)) => State::Terminated(exit.clone()),
        }
    }
}

/// The status of a container that was just removed because all containers are restarted.
///
/// Rule: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`.
fn removed(before: &ContainerStatus) -> ContainerStatus {
    // A terminated one keeps what its status said.
    let was_terminated = matches!(before.state, State::Terminated(_));
    let id = before.id.clone();
    ContainerStatus {
        state: State::Waiting(StartRefusal::removed()),
        last: id.clone().map(|id| (id, Exit::removed())),
        id: id.filter(|_| was_terminated),
        ready: before.ready && was_terminated && before.role == Role::Init,
        started: false,
        restarts: before.restarts + 1,
        ..before.clone()
    }
}

/// The Pod's readiness gates, each with the status of the condition it names.
pub(in crate::kubelet) fn gates(pod: &Pod) -> Vec<(String, Option<String>)> {
    let spec = pod.spec.iter().flat_map(|spec| &spec.readiness_gates);
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    let conditions: Vec<_> = conditions.flatten().collect();
    let status = |kind: &str| {
        let mut named = conditions
            .iter()
            .filter(|condition| condition.type_ == kind);
        named.next().map(|condition| condition.status.clone())
    };
    spec.flatten()
        .map(|gate| (gate.condition_type.clone(), status(&gate.condition_type)))
        .collect()
}
