//! Conditions: a subject (Pod, container, endpoints, Deployment, traffic) and its required state.

use std::collections::BTreeMap;

use super::{Budget, NumberRange, ObjectKind, ObjectRef, RequestOutcome, Spanned, WorkloadRef};

/// A condition on one kind of subject. All of its parts must be true at the same time.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Holds for every Pod that `pod` and `which` select.
    Pod {
        /// The Pods.
        pod: Spanned<ObjectRef>,
        /// Which of them.
        which: Spanned<Which>,
        /// The state required of each Pod.
        that: PodThat,
    },
    /// Holds for one container of every Pod that `pod` and `which` select.
    Container {
        /// The Pods.
        pod: Spanned<ObjectRef>,
        /// Which of them.
        which: Spanned<Which>,
        /// The container's name.
        container: Spanned<String>,
        /// The required state.
        that: ContainerThat,
    },
    /// Holds for the endpoints of each of these Services.
    Endpoints {
        /// The Services, at least one.
        services: Vec<Spanned<String>>,
        /// The state required of each Service's endpoints.
        that: EndpointsThat,
    },
    /// Holds for a Deployment, StatefulSet or DaemonSet; false until `observedGeneration` reaches
    /// `generation`.
    Controller {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: Spanned<String>,
        /// The required state.
        that: ControllerThat,
    },
    /// Holds at the moments at which such an Event is seen: a new one, or one more time.
    Event {
        /// The Event's reason, such as `Unhealthy`.
        reason: String,
        /// The object that the Event is about, or from which the Event's object grew.
        of: Spanned<WorkloadRef>,
    },
    /// Holds for the requests of each of these traffic clients.
    Traffic {
        /// The clients' names, at least one.
        clients: Vec<Spanned<String>>,
        /// The allowed outcomes.
        that: TrafficThat,
    },
}

/// The Pods of a subject that a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// All of them.
    #[default]
    #[serde(skip)]
    All,
    /// Those that the step flips or deletes.
    Flipped,
    /// Those that the step neither flips nor deletes.
    Others,
}

/// The state required of a Pod. Absent fields are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodThat {
    /// The number of ready containers, or the condition `Ready`.
    pub ready: Option<PodReady>,
    /// The sum of its containers' restarts.
    pub restarts: Option<Restarts>,
    /// Whether the UID must be the same as when the step began.
    pub same_uid: bool,
    /// Whether the address must be the same as when the step began.
    pub same_ip: bool,
    /// The status of Pod conditions, by type.
    pub conditions: BTreeMap<String, ConditionStatus>,
}

/// A Pod's readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodReady {
    /// Ready containers and all containers, counted as `kubectl get pod` does.
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

/// The number of container restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarts {
    /// Restarts in all.
    Total(NumberRange),
    /// Restarts since the step began.
    Delta(NumberRange),
}

/// The state required of a container. Absent fields are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerThat {
    /// `ready` of its container status.
    pub ready: Option<bool>,
    /// `started` of its container status.
    pub started: Option<bool>,
    /// Its number of restarts.
    pub restarts: Option<Restarts>,
    /// Its state.
    pub state: Option<ContainerPhase>,
    /// The reason in its state, such as `CrashLoopBackOff`.
    pub reason: Option<String>,
}

/// The three states of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerPhase {
    /// Not running yet, or not yet again.
    Waiting,
    /// Running.
    Running,
    /// Ended.
    Terminated,
}

/// The state required of a Service's endpoints. Absent fields are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointsThat {
    /// The number of ready endpoints.
    pub ready: Option<EndpointsReady>,
    /// The endpoints' addresses.
    pub addresses: Option<Addresses>,
}

/// The number of a Service's endpoints that must be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointsReady {
    /// All endpoints, and at least one.
    All,
    /// No endpoint.
    None,
    /// So many ready endpoints, whatever their total.
    Number(NumberRange),
    /// Exact numbers of ready endpoints and of all endpoints.
    Count {
        /// Endpoints that are ready.
        ready: u32,
        /// Endpoints listed.
        of: u32,
    },
}

/// The addresses required of a Service's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// The same set as when the step began.
    Unchanged,
    /// The number of addresses.
    Count(NumberRange),
}

/// The state required of a controller. A number that Kubernetes omits is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControllerThat {
    /// The numbers of its status by their names, in the order of the kind's table.
    pub counts: Vec<(&'static str, NumberRange)>,
    /// The reason of condition `Progressing`.
    pub progressing: Option<String>,
}

/// The outcomes required of the requests in the operator's time window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficThat {
    /// The allowed outcomes, at least one.
    pub outcomes: Vec<RequestOutcome>,
    /// How many requests may have another outcome; without a budget, none.
    pub budget: Option<Budget>,
}

impl TrafficThat {
    /// Minimum number of requests of each client; nothing is concluded from fewer.
    pub const MIN_REQUESTS: u64 = 10;

    /// Whether a request with this outcome counts as failed: under a budget, if the outcome is not
    /// allowed; else, if it is not `ok`.
    pub fn is_failure(&self, outcome: RequestOutcome) -> bool {
        match self.budget {
            Some(_) => !self.allows(outcome),
            None => outcome != RequestOutcome::Ok,
        }
    }

    /// Whether this outcome is allowed.
    pub fn allows(&self, outcome: RequestOutcome) -> bool {
        self.outcomes.contains(&outcome)
    }
}
