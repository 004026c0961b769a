//! A claim: a subject and what is said of it, without saying when.

use std::collections::BTreeMap;

use super::RequestOutcome;
use super::{ObjectRef, Spanned};

/// One condition on one kind of subject. Everything it says must be true at once.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Of every Pod bound to `pod`.
    Pod {
        /// Which Pods.
        pod: Spanned<ObjectRef>,
        /// What of them.
        that: PodThat,
    },
    /// Of one container of every Pod bound to `pod`.
    Container {
        /// Which Pods.
        pod: Spanned<ObjectRef>,
        /// Which container of them.
        container: Spanned<String>,
        /// What of it.
        that: ContainerThat,
    },
    /// Of each of these Services' endpoints.
    Endpoints {
        /// Services, at least one.
        services: Vec<Spanned<String>>,
        /// What of each.
        that: EndpointsThat,
    },
    /// Of a Deployment; false until `observedGeneration` reaches `generation`.
    Deployment {
        /// Its name.
        name: Spanned<String>,
        /// What of it.
        that: DeploymentThat,
    },
    /// Of what each of these traffic clients gets.
    Traffic {
        /// Names of clients, at least one.
        clients: Vec<Spanned<String>>,
        /// What they get.
        that: TrafficThat,
    },
}

/// What can be said of a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodThat {
    /// How many containers are ready, or whether the Pod is.
    pub ready: Option<PodReady>,
    /// Restarts of its containers, summed.
    pub restarts: Option<Restarts>,
    /// The UID is the one it had when the step began.
    pub same_uid: bool,
    /// The address is the one it had when the step began.
    pub same_ip: bool,
    /// Status of conditions, by type.
    pub conditions: BTreeMap<String, ConditionStatus>,
}

/// A Pod's readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodReady {
    /// As `kubectl get pod` counts: containers ready, of all.
    Count {
        /// Containers that are ready.
        ready: u32,
        /// All containers, restartable init containers included.
        of: u32,
    },
    /// The condition `Ready`.
    Condition(bool),
}

/// Status of a Pod condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// `True`
    True,
    /// `False`, or the condition is absent.
    False,
    /// `Unknown`
    Unknown,
}

/// How often containers were restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarts {
    /// In all.
    Total(i64),
    /// More than when the step began.
    Delta(i64),
}

/// What can be said of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerThat {
    /// Its `ready`.
    pub ready: Option<bool>,
    /// Its `started`.
    pub started: Option<bool>,
    /// Its restarts.
    pub restarts: Option<Restarts>,
    /// Its state.
    pub state: Option<ContainerPhase>,
    /// The reason in its state, such as `CrashLoopBackOff`.
    pub reason: Option<String>,
}

/// The three states of a container.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ContainerPhase {
    /// Not running yet, or not yet again.
    Waiting,
    /// Running.
    Running,
    /// Ended.
    Terminated,
}

/// What can be said of a Service's endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointsThat {
    /// How many are ready.
    pub ready: Option<EndpointsReady>,
    /// Their addresses.
    pub addresses: Option<Addresses>,
}

/// How many of a Service's endpoints are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointsReady {
    /// All, and at least one.
    All,
    /// None.
    None,
    /// So many of so many.
    Count {
        /// Endpoints that are ready.
        ready: u32,
        /// Endpoints listed.
        of: u32,
    },
}

/// What is said of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// The same set as when the step began.
    Unchanged,
    /// So many.
    Count(u32),
}

/// What can be said of a Deployment. A count Kubernetes leaves out is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentThat {
    /// `status.replicas`
    pub replicas: Option<i32>,
    /// `status.updatedReplicas`
    pub updated: Option<i32>,
    /// `status.readyReplicas`
    pub ready: Option<i32>,
    /// `status.availableReplicas`
    pub available: Option<i32>,
    /// The reason of condition `Progressing`.
    pub progressing: Option<String>,
}

/// What can be said of traffic: of every request in the time the operator looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficThat {
    /// What each request came to: one of these. At least one.
    pub outcomes: Vec<RequestOutcome>,
}

impl TrafficThat {
    /// Whether a request with that outcome is as it should be.
    pub fn allows(&self, outcome: RequestOutcome) -> bool {
        self.outcomes.contains(&outcome)
    }
}
