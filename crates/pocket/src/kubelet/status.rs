//! A Pod's status as the kubelet keeps it, and its conversion to the API's `PodStatus`.
//!
//! [`generate`] computes it from the runtime and the probes. `StatusManager` keeps and sends it.

pub(super) mod generate;

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use rules::Moment;
use rules::container::{Cause, ContainerId, Exit, RestartRules, Role, StartRefusal, State};
use rules::pod::conditions::{Condition, Gate};
use rules::pod::{ContainerView, Phase, PodView, conditions};
use rules::probe::{Life, Seen, View};

use crate::clock::Clock;

/// A Pod's status, as the kubelet reports it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) phase: Phase,
    /// The generation of the specification that this status reflects.
    pub(super) generation: Option<i64>,
    /// When the kubelet first saw the Pod.
    pub(super) since: Moment,
    pub(super) ip: Option<IpAddr>,
    /// The sandbox exists, so containers can be started in it.
    pub(super) sandbox: bool,
    /// Whether all containers are being removed to be restarted, if a rule may cause that.
    pub(super) restarting: Option<bool>,
    pub(super) containers: Vec<ContainerStatus>,
    pub(super) conditions: Vec<Dated>,
    /// Readiness gates, each with the status of its condition.
    pub(super) gates: Vec<(String, Option<String>)>,
}

/// A condition and when its status last changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dated {
    pub(super) condition: Condition,
    pub(super) since: Moment,
}

/// A container's status.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ContainerStatus {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) image: String,
    pub(super) state: State,
    /// The instance before the newest, and how it ended.
    pub(super) last: Option<(ContainerId, Exit)>,
    /// The newest instance, running or not.
    pub(super) id: Option<ContainerId>,
    pub(super) ready: bool,
    pub(super) started: bool,
    pub(super) restarts: u32,
    /// When it is started again.
    pub(super) restart: RestartRules,
}

impl Status {
    /// Computes the conditions. A condition whose status is the same in `before` keeps its date.
    pub(super) fn date(&mut self, before: Option<&Self>, now: Moment) {
        let views: Vec<ContainerView<'_>> =
            self.containers.iter().map(ContainerStatus::view).collect();
        let gates = self.gates.iter().map(|(kind, status)| Gate {
            kind,
            status: status.as_deref(),
        });
        let gates: Vec<Gate<'_>> = gates.collect();
        let before_all = before.iter().flat_map(|before| &before.conditions);
        let mut before_all = before_all.map(|dated| &dated.condition);
        let pod = PodView {
            phase: self.phase,
            sandbox: self.sandbox,
            was_initialized: before_all.any(|it| it.kind == "Initialized" && it.status),
            restarting: self.restarting,
        };
        let conditions = conditions(pod, &views, &gates);
        let date = |condition: Condition| Dated {
            // Published times are cut to seconds, so changes within a second have equal dates.
            since: since(before, &condition).unwrap_or(now.whole_second()),
            condition,
        };
        self.conditions = conditions.into_iter().map(date).collect();
    }

    /// Makes the status final once nothing of the Pod runs: containers without an observed end
    /// become terminated, and a Pod that was never started has failed. The conditions stay as they
    /// are.
    ///
    /// Rule: `pkg/kubelet/status/status_manager.go`, `TerminatePod`.
    pub(super) fn end(&mut self) {
        let views: Vec<_> = self.containers.iter().map(ContainerStatus::view).collect();
        let lost = rules::pod::unobserved_ends(&views);
        for (container, _) in self
            .containers
            .iter_mut()
            .zip(lost)
            .filter(|(_, lost)| *lost)
        {
            container.state = State::Terminated(Exit::unknown());
        }
        if !self.phase.is_terminal() {
            self.phase = Phase::Failed;
        }
    }

    /// The status of the `Ready` condition, and its message if it has one.
    pub(super) fn ready(&self) -> Option<(bool, &str)> {
        let mut all = self.conditions.iter().map(|dated| &dated.condition);
        let ready = all.find(|condition| condition.kind == "Ready")?;
        let message = ready.why.as_ref().map_or("", |why| &why.message);
        Some((ready.status, message))
    }

    /// The named container as its probes see it.
    pub(super) fn view(&self, name: &str) -> View {
        let container = self.containers.iter().find(|it| it.name == name);
        View {
            over: self.phase.is_terminal(),
            container: container.and_then(ContainerStatus::seen),
        }
    }

    /// Writes this status into the API's and keeps the conditions of other writers. A terminal
    /// phase is written only once the Pod has `stopped`: until then one of its containers might
    /// still run.
    pub(super) fn write(
        &self,
        status: &mut core::PodStatus,
        stopped: bool,
        clock: &Clock,
        node: IpAddr,
    ) {
        let ip = self.ip.map(|ip| ip.to_string());
        let host = node.to_string();
        if stopped || !self.phase.is_terminal() {
            status.phase = Some(self.phase.name().to_owned());
        }
        status.observed_generation = self.generation;
        status.start_time = Some(clock.time_of(self.since));
        status.pod_ips = ip.clone().map(|ip| vec![core::PodIP { ip }]);
        status.pod_ip = ip;
        status.host_ips = Some(vec![core::HostIP { ip: host.clone() }]);
        status.host_ip = Some(host);
        let (main, init): (Vec<_>, Vec<_>) =
            self.containers.iter().partition(|it| it.role == Role::Main);
        let mut main: Vec<_> = main.iter().map(|it| it.write(clock)).collect();
        // Rule: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`: sorted by name, not
        // in the specification's order.
        main.sort_by(|one, other| one.name.cmp(&other.name));
        status.container_statuses = Some(main);
        let init: Vec<_> = init.iter().map(|it| it.write(clock)).collect();
        status.init_container_statuses = Some(init).filter(|init| !init.is_empty());
        let foreign = status.conditions.take().unwrap_or_default();
        let own = self
            .conditions
            .iter()
            .map(|it| it.write(self.generation, clock));
        let is_foreign = |condition: &core::PodCondition| {
            let mut own = self.conditions.iter();
            own.all(|it| it.condition.kind != condition.type_)
        };
        status.conditions = Some(own.chain(foreign.into_iter().filter(is_foreign)).collect());
    }
}

fn since(before: Option<&Status>, condition: &Condition) -> Option<Moment> {
    let mut before = before?.conditions.iter();
    let same = |it: &&Dated| {
        it.condition.kind == condition.kind && it.condition.status == condition.status
    };
    before.find(same).map(|it| it.since)
}

impl Dated {
    fn write(&self, generation: Option<i64>, clock: &Clock) -> core::PodCondition {
        let why = self.condition.why.as_ref();
        let message = why.map(|why| why.message.clone());
        core::PodCondition {
            type_: self.condition.kind.to_owned(),
            status: if self.condition.status {
                "True"
            } else {
                "False"
            }
            .to_owned(),
            reason: why.map(|why| why.reason.to_owned()),
            message: message.filter(|message| !message.is_empty()),
            last_transition_time: Some(clock.time_of(self.since)),
            observed_generation: generation,
            last_probe_time: None,
        }
    }
}

impl ContainerStatus {
    fn view(&self) -> ContainerView<'_> {
        ContainerView {
            name: &self.name,
            role: self.role,
            state: &self.state,
            ended_before: self.last.is_some(),
            restarts: match (&self.state, &self.last) {
                (State::Terminated(exit), _) | (State::Waiting(_), Some((_, exit))) => {
                    exit.cause == Cause::Removed || self.restart.restarts(exit.code)
                }
                _ => false,
            },
            started: self.started,
            // `generate` knows the status before, which the phase alone depends on.
            started_before: self.started,
            ready: self.ready,
        }
    }

    fn seen(&self) -> Option<Seen> {
        let life = match &self.state {
            State::Waiting(_) => Life::Waiting,
            State::Running { since } => Life::Running {
                since: since.whole_second(),
            },
            State::Terminated(exit) => Life::Terminated {
                restarts: self.restart.restarts(exit.code),
            },
        };
        Some(Seen {
            id: self.id.clone()?,
            life,
            started: self.started,
        })
    }

    fn write(&self, clock: &Clock) -> core::ContainerStatus {
        let last = self.last.as_ref();
        let last = last.map(|(id, exit)| core::ContainerState {
            terminated: Some(terminated(exit, Some(id), clock)),
            ..core::ContainerState::default()
        });
        core::ContainerStatus {
            name: self.name.clone(),
            image: self.image.clone(),
            // There is no registry that could give it a digest.
            image_id: self
                .id
                .as_ref()
                .map_or_else(String::new, |_| self.image.clone()),
            container_id: self.id.as_ref().map(ContainerId::to_string),
            ready: self.ready,
            started: Some(self.started),
            restart_count: i32::try_from(self.restarts).unwrap_or(i32::MAX),
            state: Some(state(&self.state, self.id.as_ref(), clock)),
            last_state: Some(last.unwrap_or_default()),
            ..core::ContainerStatus::default()
        }
    }
}

fn state(state: &State, id: Option<&ContainerId>, clock: &Clock) -> core::ContainerState {
    let mut written = core::ContainerState::default();
    match state {
        State::Waiting(refusal) => written.waiting = Some(waiting(refusal)),
        State::Running { since } => {
            let started_at = Some(clock.time_of(*since));
            written.running = Some(core::ContainerStateRunning { started_at });
        }
        State::Terminated(exit) => written.terminated = Some(terminated(exit, id, clock)),
    }
    written
}

fn waiting(refusal: &StartRefusal) -> core::ContainerStateWaiting {
    core::ContainerStateWaiting {
        reason: Some(refusal.reason.clone()),
        message: refusal.message.clone(),
    }
}

fn terminated(
    exit: &Exit,
    id: Option<&ContainerId>,
    clock: &Clock,
) -> core::ContainerStateTerminated {
    let is_invented = matches!(exit.cause, Cause::Removed | Cause::Unknown);
    let id = id.filter(|_| !is_invented);
    core::ContainerStateTerminated {
        container_id: id.map(ContainerId::to_string),
        exit_code: exit.code,
        reason: Some(exit.reason().to_owned()),
        message: exit.message.clone(),
        // A container that never ran has the Unix epoch as its start.
        started_at: match exit.cause {
            Cause::Removed | Cause::Unknown => None,
            Cause::Unstarted => Some(Time(Timestamp::UNIX_EPOCH)),
            Cause::Process | Cause::OutOfMemory => Some(clock.time_of(exit.started)),
        },
        finished_at: Some(clock.time_of(exit.finished)).filter(|_| !is_invented),
        signal: None,
    }
}
