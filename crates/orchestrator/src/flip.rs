//! One flip at one container: looked up, planned, leased, sent, acknowledged.
//!
//! What it does there is planned in `flip_plan`; when it is undone is the caller's business.

use std::{num::NonZeroU32, time::Duration};

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::{
    bound::Bounds,
    opening::{Opening, PortState},
    wire,
};

use crate::{
    control::{Control, ControlError},
    exit::{Ends, Exit},
    experiment::{Behaviour, Probe},
    flip_plan::{self, Act, Plan, Refusal, Wish},
    switchboard::Switchboard,
    targets::{self, NotATarget},
};

/// What is asked for, of every Pod it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The container whose probe is meant.
    pub container: String,
    /// Which probe of it.
    pub probe: Probe,
    /// What the probe gets.
    pub to: Behaviour,
    /// When it ends by itself.
    pub lasts: Option<Duration>,
    /// After how many requests it ends by itself.
    pub count: Option<NonZeroU32>,
    /// How long each answer is held back.
    pub delay: Option<Duration>,
    /// Whether other probes may be touched too.
    pub shared: bool,
    /// Whether it ends with our lease.
    pub leased: bool,
}

/// A flip that only has to be sent.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Where it goes.
    pub control: Control,
    /// The process it is meant for.
    pub instance: String,
    /// What is done there.
    pub plan: Plan,
    /// What was asked for.
    pub order: Order,
}

/// Why a flip was not made.
#[derive(Debug, thiserror::Error)]
pub enum FlipError {
    /// The container is no target.
    #[error(transparent)]
    NotATarget(#[from] NotATarget),
    /// It cannot be done to that probe.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The target does not listen where the probe asks.
    #[error(
        "the target in `{container}` of pod `{pod}` does not listen on port {port}, which its {probe} probe asks; it listens on {there}"
    )]
    NotListed {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// The port it asks.
        port: u16,
        /// The ports there are.
        there: String,
    },
    /// A delay means nothing to a port.
    #[error("`{0}` acts on connections, which have no answer to delay")]
    Delay(Behaviour),
    /// Connections that are never accepted cannot be counted.
    #[error("`{0}` refuses connections, which cannot be counted; bound it by time")]
    Count(Behaviour),
    /// The target could not be talked to.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Ends for FlipError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotATarget(_) | Self::NotListed { .. } | Self::Delay(_) | Self::Count(_) => {
                Exit::Usage
            }
            Self::Refused(refusal) => refusal.exit(),
            Self::Control(error) => error.exit(),
        }
    }
}

/// What a Pod and the Services of its namespace say about an order, before anybody is asked.
pub fn plan(pod: &Pod, services: &[Service], order: &Order) -> Result<Plan, FlipError> {
    let wish = Wish {
        container: &order.container,
        probe: order.probe,
        to: order.to,
        shared: order.shared,
    };
    let plan = flip_plan::plan(pod, services, wish)?;
    match &plan.act {
        Act::Port(_) if order.delay.is_some() => Err(FlipError::Delay(order.to)),
        Act::Port(state) if order.count.is_some() && *state != PortState::Reset => {
            Err(FlipError::Count(order.to))
        }
        _ => Ok(plan),
    }
}

impl Ready {
    /// Finds the target and what to send it. `state` must have been asked just now by the caller's means.
    pub async fn prepare<F>(
        switchboard: &Switchboard,
        pod: &Pod,
        services: &[Service],
        order: &Order,
        state: impl FnOnce(Control) -> F,
    ) -> Result<Self, FlipError>
    where
        F: Future<Output = Result<wire::State, ControlError>>,
    {
        let address = targets::target(pod, &order.container)?;
        let plan = plan(pod, services, order)?;
        let control = switchboard.control(&address);
        let state = state(control.clone()).await?;
        if !state.ports.contains_key(&plan.port) {
            let ports: Vec<_> = state.ports.keys().map(u16::to_string).collect();
            return Err(FlipError::NotListed {
                pod: address.pod,
                container: address.container,
                probe: order.probe,
                port: plan.port,
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
    pub async fn send(&self) -> Result<wire::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            order,
        } = self;
        let bounds = Bounds {
            length: order.lasts,
            count: order.count.map(|count| u64::from(count.get())),
            ..Bounds::default()
        };
        match &plan.act {
            Act::Route { path, gets } => {
                let mut behaviour = gets.clone();
                behaviour.delay = order.delay.unwrap_or_default();
                behaviour.bounds = bounds;
                behaviour.leased = order.leased;
                control
                    .put_route(instance, plan.port, path, &behaviour)
                    .await
            }
            Act::Port(state) => {
                let opening = Opening {
                    bounds,
                    leased: order.leased,
                    ..Opening::new(*state)
                };
                control.put_port(instance, plan.port, &opening).await
            }
        }
    }

    /// Takes it away again.
    pub async fn withdraw(&self) -> Result<wire::Ack, ControlError> {
        let Self {
            control,
            instance,
            plan,
            ..
        } = self;
        match &plan.act {
            Act::Route { path, .. } => control.delete_route(instance, plan.port, path).await,
            Act::Port(_) => control.delete_port(instance, plan.port).await,
        }
    }
}
