//! A resolved experiment: a workload, a steady state, and steps with an action and expectations.
//!
//! [`crate::input::load`] creates these types from the written form and rejects everything that is
//! invalid by the file alone. They are independent of YAML except for source spans.

mod budget;
mod condition;
mod flip_target;
pub(crate) mod label;
mod measure;
mod number_range;
mod object_ref;
mod outcome;
mod probe;
mod rate;
mod temporal_operator;
mod workload_ref;
pub(crate) mod written;

use std::time::Duration;

pub use budget::{Budget, FailureLimit, InvalidShare, Share};
pub use condition::{
    Addresses, Condition, ConditionStatus, ContainerPhase, ContainerThat, ControllerThat,
    EndpointsReady, EndpointsThat, PodReady, PodThat, Restarts, TrafficThat, Which,
};
pub use flip_target::FlipTarget;
pub use measure::{Mark, Measure};
pub use number_range::NumberRange;
pub use object_ref::{InvalidObjectRef, ObjectKind, ObjectRef};
pub use outcome::RequestOutcome;
pub use probe::{InvalidProbe, Probe};
pub use rate::{InvalidRate, Rate};
pub use temporal_operator::{Bound, Operator};
pub use workload_ref::{InvalidWorkloadRef, WorkloadRef};

use crate::input::kubernetes_yaml::Node;
pub use crate::input::source::{Source, Span, Spanned};

/// One `kind: Experiment` document, resolved.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// `metadata.name`, a DNS label.
    pub name: Spanned<String>,
    /// A free-text description.
    pub description: Option<String>,
    /// The objects to apply before anything else.
    pub workload: Workload,
    /// Whether every container of the workload is replaced by a probe target.
    pub stand_in: bool,
    /// Clients that send requests from before the steady state to the end of the run.
    pub traffic: Vec<TrafficClient>,
    /// The conditions that must hold before the first step.
    pub steady_state: SteadyState,
    /// At least one step; they run one after another.
    pub steps: Vec<Step>,
    /// Times between marks of the run.
    pub measures: Vec<Measure>,
    /// The file it was read from.
    pub source: Source,
}

impl Experiment {
    /// Whether an expectation has `predicted` in place of a time.
    pub(crate) fn has_predicted_bounds(&self) -> bool {
        let mut expectations = self.steps.iter().flat_map(|step| &step.expect);
        expectations.any(|expectation| !expectation.operator.predicted().is_empty())
    }
}

/// The source of the workload's manifests.
#[derive(Debug, Clone)]
pub enum Workload {
    /// Manifest files, relative to the experiment's file.
    Files(Vec<Spanned<String>>),
    /// A directory for `kubectl kustomize`, relative to the experiment's file.
    Kustomize(Spanned<String>),
    /// Manifests written in the experiment itself.
    Objects(Vec<Node>),
}

impl Workload {
    /// The span of its first file name, directory or object.
    pub fn span(&self) -> Span {
        let first = match self {
            Self::Files(names) => names.first().map(|name| name.span),
            Self::Kustomize(name) => Some(name.span),
            Self::Objects(objects) => objects.first().map(Node::span),
        };
        first.unwrap_or_default()
    }
}

/// One client that sends requests to a Service at an even rate.
#[derive(Debug, Clone)]
pub struct TrafficClient {
    /// A DNS label; also the name of its container.
    pub name: Spanned<String>,
    /// The Service that receives the requests, at its cluster IP.
    pub service: Spanned<String>,
    /// A port of that Service.
    pub port: Spanned<u16>,
    /// The request path; `/` by default.
    pub path: String,
    /// Requests per second.
    pub rate: Rate,
    /// Whether requests share a connection.
    pub connections: Connections,
    /// The time after which an unanswered request counts as `timeout`; 1 s by default.
    pub timeout: Duration,
}

/// How a traffic client uses connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// A new connection for every request: each one is routed anew.
    #[default]
    Fresh,
    /// One connection as long as it lasts: it survives an endpoint's removal.
    Keepalive,
}

/// When flips are made within the period of their probe, in repeated runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// At a random moment of the period.
    #[default]
    Spread,
    /// Right after the step before or the steady state, as in a single run.
    Fixed,
}

/// The conditions that must hold at the same time before the first step.
#[derive(Debug, Clone)]
pub struct SteadyState {
    /// How long to wait for the steady state; 60 s by default.
    pub within: Duration,
    /// How long the conditions must hold without interruption; 0 by default.
    pub hold: Duration,
    /// At least one condition.
    pub require: Vec<Condition>,
}

/// One action and its expectations.
#[derive(Debug, Clone)]
pub struct Step {
    /// A free-text name, unique in the experiment.
    pub name: Spanned<String>,
    /// The action.
    pub action: Action,
    /// Whether `--repeat` spreads the action's phase.
    pub phase: Phase,
    /// The expectations. At least one has an end, so that the step ends, unless the step waits.
    pub expect: Vec<Expectation>,
}

/// The action of a step.
#[derive(Debug, Clone)]
pub enum Action {
    /// Flips probes or processes, all at the same time. At least one flip.
    Flip(Vec<Flip>),
    /// Changes an object of the workload.
    Patch(Patch),
    /// Deletes Pods.
    Delete(Delete),
    /// Does nothing for so long.
    Wait(Duration),
}

/// A flip of one container in the Pods that `pod` selects: of a probe's responses or of the
/// process.
#[derive(Debug, Clone)]
pub struct Flip {
    /// The Pods to flip.
    pub pod: Spanned<ObjectRef>,
    /// How many of them are flipped, the first by name; all by default.
    pub pods: Option<Spanned<u32>>,
    /// The container's name.
    pub container: Spanned<String>,
    /// The probe or the process with its behaviour; the span is that of `probe` or `process`.
    pub aim: Spanned<FlipTarget>,
    /// The span of the behaviour.
    pub to: Span,
    /// Whether the flip may affect other probes too.
    pub shared: bool,
}

/// A strategic merge patch of one object of the workload; a JSON merge patch of a custom resource.
#[derive(Debug, Clone)]
pub struct Patch {
    /// The object to patch.
    pub object: Spanned<WorkloadRef>,
    /// The patch, a JSON object.
    pub merge: serde_json::Value,
}

/// A deletion of Pods, with their grace period.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The Pods.
    pub pod: Spanned<ObjectRef>,
    /// How many of them are deleted, the first by name; all by default.
    pub pods: Option<Spanned<u32>>,
}

/// A condition under one temporal operator.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// A DNS label, unique in the experiment.
    pub id: Spanned<String>,
    /// The condition.
    pub claim: Condition,
    /// When the condition must hold.
    pub operator: Operator,
    /// The `eventually` of the same step after which the time of this expectation begins: when it
    /// became true. The step's action by default.
    pub after: Option<Spanned<String>>,
}
