//! One flip at one container: looked up, planned, leased, sent, acknowledged.
//!
//! What it does there is planned in `flip_plan`; when it is undone is the caller's business.

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
    },
};

/// What is asked for, of every Pod it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlipRequest {
    /// The container that is meant.
    pub container: String,
    /// A probe of it or its process, what that gets, and what ends that by itself.
    pub aim: FlipTarget,
    /// Whether other probes may be touched too.
    pub shared: bool,
    /// Whether it ends with our lease.
    pub leased: bool,
}

/// A flip that only has to be sent.
#[derive(Debug, Clone)]
pub struct PreparedFlip {
    /// Where it goes.
    pub control: Control,
    /// The process it is meant for.
    pub instance: String,
    /// What is done there.
    pub plan: FlipPlan,
    /// What was asked for.
    pub order: FlipRequest,
}

/// Why a flip was not made.
#[derive(Debug, thiserror::Error)]
pub enum FlipError {
    /// The container is no target.
    #[error(transparent)]
    NotATarget(#[from] NotATarget),
    /// It cannot be done to that probe.
    #[error(transparent)]
    Refused(#[from] FlipProblem),
    /// The target does not listen where the probe asks.
    #[error(
        "the target in `{container}` of pod `{pod}` does not listen on port {port}, which its {asked_by} probe asks; it listens on {there}"
    )]
    NotListed {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// The probe.
        asked_by: String,
        /// The port it asks.
        port: u16,
        /// The ports there are.
        there: String,
    },
    /// The target could not be talked to.
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
    /// Finds the target and what to send it. `state` must have been asked just now by the caller's means.
    pub async fn prepare<F>(
        switchboard: &ControlPool,
        pod: &Pod,
        services: &[Service],
        order: &FlipRequest,
        state: impl FnOnce(Control) -> F,
    ) -> Result<Self, FlipError>
    where
        F: Future<Output = Result<answer::State, ControlError>>,
    {
        let address = targets::target(pod, &order.container)?;
        let wish = WantedFlip {
            container: &order.container,
            aim: &order.aim,
            shared: order.shared,
        };
        let plan = flip_plan::plan(pod, services, wish)?;
        let control = switchboard.control(&address);
        let state = state(control.clone()).await?;
        if let Some(port) = plan.port.filter(|port| !state.ports.contains_key(port)) {
            let ports: Vec<_> = state.ports.keys().map(u16::to_string).collect();
            return Err(FlipError::NotListed {
                pod: address.pod,
                container: address.container,
                asked_by: order.aim.target(),
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
            order: order.clone(),
        })
    }

    /// Sends it; in force for every request that begins after the answer.
    pub async fn send(&self) -> Result<answer::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            order,
        } = self;
        let (leased, port) = (order.leased, plan.port.unwrap_or_default());
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

    /// Takes it away again.
    pub async fn withdraw(&self) -> Result<answer::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            ..
        } = self;
        let port = plan.port.unwrap_or_default();
        match (&plan.act, plan.act.route()) {
            (FlipAction::Process(fault), _) => control.unafflict(instance, fault.name()).await,
            (_, Some(route)) => control.delete_route(instance, port, route).await,
            (_, None) => control.delete_port(instance, port).await,
        }
    }
}
