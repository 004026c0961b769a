//! Executes a flip at one container: finds the target, plans the flip, sends and withdraws it.
//!
//! `flip_plan` plans the control call. The caller holds the lease and decides when to withdraw.

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::model::{
    answer, behaviour::Behaviour as Laid, port_spec::PortSpec, process_fault::ProcessFault,
};

use crate::{
    exit::{Exit, HasExitCode},
    input::experiment::FlipTarget,
    targets::{
        self, NotATarget,
        control::{Control, ControlError},
        control_pool::ControlPool,
        flip_plan::{self, FlipAction, FlipPlan, FlipProblem, WantedFlip},
        journal,
    },
    timeline::{FlipRecord, Micros},
};

/// A flip as requested, the same for all selected Pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlipRequest {
    /// The container to flip.
    pub(crate) container: String,
    /// The container's probe or process, with the behaviour and its bounds.
    pub(crate) aim: FlipTarget,
    /// Whether the flip may affect other probes.
    pub(crate) shared: bool,
    /// Whether the flip ends with the orchestrator's lease.
    pub(crate) leased: bool,
}

/// A planned flip, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct PreparedFlip {
    /// The control client of the target.
    pub(crate) control: Control,
    /// The process to flip.
    pub(crate) instance: String,
    /// The control call.
    pub(crate) plan: FlipPlan,
    /// The request that it was planned from.
    pub(crate) request: FlipRequest,
}

/// The reason why a flip was not prepared or sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlipError {
    /// The container is not a target.
    #[error(transparent)]
    NotATarget(#[from] NotATarget),
    /// The flip cannot be planned.
    #[error(transparent)]
    Refused(#[from] FlipProblem),
    /// The target does not listen on the port that the probe requests.
    #[error(
        "the target in `{container}` of pod `{pod}` does not listen on port {port}, which the \
         {asked_by} probe of `{asking}` asks; it listens on {there}"
    )]
    NotListed {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// The container whose probe it is.
        asking: String,
        /// The probe.
        asked_by: String,
        /// The port that the probe requests.
        port: u16,
        /// The ports that the target listens on.
        there: String,
    },
    /// The control call failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl HasExitCode for FlipError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotATarget(_) | Self::NotListed { .. } => Exit::Usage,
            Self::Refused(refusal) => refusal.exit(),
            Self::Control(error) => error.exit(),
        }
    }
}

impl PreparedFlip {
    /// Finds the target and plans the flip. `state` fetches the target's current state; callers
    /// differ in whether they record that call.
    pub(crate) async fn prepare<F>(
        switchboard: &ControlPool,
        pod: &Pod,
        services: &[Service],
        request: &FlipRequest,
        state: impl FnOnce(Control) -> F,
    ) -> Result<Self, FlipError>
    where
        F: Future<Output = Result<answer::State, ControlError>>,
    {
        // The container must be a target, even if another one gets the call.
        targets::target(pod, &request.container)?;
        let wish = WantedFlip {
            container: &request.container,
            aim: &request.aim,
            shared: request.shared,
        };
        // Before the call: a flip that cannot be planned needs none.
        let plan = flip_plan::plan(pod, services, wish)?;
        let address = targets::target(pod, &plan.container)?;
        let control = switchboard.control(&address);
        let state = state(control.clone()).await?;
        if let Some(port) = plan.port.filter(|port| !state.ports.contains_key(port)) {
            let ports: Vec<_> = state.ports.keys().map(u16::to_string).collect();
            return Err(FlipError::NotListed {
                pod: address.pod,
                container: address.container,
                asking: request.container.clone(),
                asked_by: request.aim.target(),
                port,
                there: if ports.is_empty() {
                    "none".to_owned()
                } else {
                    ports.join(", ")
                },
            });
        }
        Ok(Self {
            control,
            instance: state.instance,
            plan,
            request: request.clone(),
        })
    }

    /// Sends the flip. It is in force for every request that begins after the acknowledgement.
    pub(crate) async fn send(&self) -> Result<answer::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            request,
        } = self;
        // A process fault has no port, and its call uses none.
        let (leased, port) = (request.leased, plan.port.unwrap_or_default());
        match &plan.act {
            FlipAction::Route { path, gets } => {
                let behaviour = Laid {
                    leased,
                    ..(**gets).clone()
                };
                control.put_route(instance, port, path, &behaviour).await
            }
            FlipAction::Port(opening) => {
                let opening = PortSpec {
                    leased,
                    ..opening.clone()
                };
                control.put_port(instance, port, &opening).await
            }
            FlipAction::Process(fault) => {
                let fault = ProcessFault {
                    leased,
                    ..fault.clone()
                };
                control.afflict(instance, &fault).await
            }
        }
    }

    /// The record of this flip, which was sent at this time and then acknowledged.
    pub(crate) fn record(&self, sent: Micros, ack: &answer::Ack) -> FlipRecord {
        let Self {
            control,
            instance,
            plan,
            request,
        } = self;
        let bounds = plan.act.bounds();
        let (path, agent) = match &plan.act {
            FlipAction::Route { path, gets } => (Some(path.to_string()), gets.agent.clone()),
            FlipAction::Port(_) | FlipAction::Process(_) => (None, None),
        };
        let is_own = request.container == plan.container;
        FlipRecord {
            target: journal::named(control.address(), instance),
            container: (!is_own).then(|| request.container.clone()),
            probe: match &request.aim {
                FlipTarget::Probe { probe, .. } => probe.to_string(),
                FlipTarget::Process(_) => FlipRecord::PROCESS.to_owned(),
            },
            port: plan.port,
            path,
            to: request.aim.to_string(),
            sent,
            since: Some(journal::micros(ack.at)),
            leased: request.leased,
            agent,
            after: bounds.after.map(Micros::from),
            lasts: bounds.length.map(Micros::from),
            count: bounds.count,
        }
    }

    /// Removes the flip from the target.
    pub(crate) async fn withdraw(&self) -> Result<answer::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            ..
        } = self;
        let port = plan.port.unwrap_or_default();
        match (&plan.act, plan.act.route()) {
            (FlipAction::Process(fault), _) => control.unafflict(instance, fault.name()).await,
            // A state of the whole port on behalf of a route is removed by that route.
            (_, Some(route)) => control.delete_route(instance, port, route).await,
            (_, None) => control.delete_port(instance, port).await,
        }
    }
}
