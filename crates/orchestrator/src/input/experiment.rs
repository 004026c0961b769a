//! An experiment as it is meant: a workload, a steady state, and steps that act and state what must happen.
//!
//! These types cannot say anything invalid that one file alone can show. They are made by [`crate::input::load`] from the
//! written form and know nothing of YAML, except where in the file a word stood.

mod behaviour;
mod condition;
mod flip_target;
pub(crate) mod label;
mod object_ref;
mod operator;
mod outcome;
mod probe;
mod rate;
mod span;
pub mod time;
pub(crate) mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use behaviour::words;
pub use behaviour::{BESIDE, Behaviour, RouteEffect, To};
pub use condition::{
    Addresses, Condition, ConditionStatus, ContainerPhase, ContainerThat, DeploymentThat,
    EndpointsReady, EndpointsThat, PodReady, PodThat, Restarts, TrafficThat,
};
pub use flip_target::FlipTarget;
pub use object_ref::{InvalidObjectRef, ObjectKind, ObjectRef};
pub use operator::Operator;
pub use outcome::RequestOutcome;
pub use probe::{InvalidProbe, Probe};
pub use rate::{InvalidRate, Rate};
pub use span::{Span, Spanned};

use crate::input::kubernetes_yaml::Node;
use crate::printable::one_line;

/// What one `kind: Experiment` document says.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// `metadata.name`, a DNS label.
    pub name: Spanned<String>,
    /// A sentence or two for people.
    pub description: Option<String>,
    /// What is applied before anything else.
    pub workload: Workload,
    /// Clients that send requests from before the steady state to the end.
    pub traffic: Vec<TrafficClient>,
    /// What must hold before the first step.
    pub steady_state: SteadyState,
    /// At least one, run one after another.
    pub steps: Vec<Step>,
    /// The file it was read from.
    pub source: Source,
}

/// A file's place and text; messages quote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub path: PathBuf,
    /// All of it, also where the file holds several documents.
    pub text: Arc<str>,
}

impl Source {
    /// Where the workload's relative paths start.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A place as messages name it: `FILE:LINE:COLUMN`.
    pub fn place(&self, at: Span) -> String {
        let (line, column) = self.position(at);
        let path = self.path.to_string_lossy();
        format!("{}:{line}:{column}", one_line(&path))
    }

    /// Line and column from 1, the column in characters.
    pub fn position(&self, at: Span) -> (usize, usize) {
        let start = at.start.min(self.text.len());
        let before = &self.text[..self.text.floor_char_boundary(start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// Where the workload's manifests come from.
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
    /// Where its first file, directory or object is named.
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
    /// The Service it talks to, by its cluster IP.
    pub service: Spanned<String>,
    /// A port of that Service.
    pub port: Spanned<u16>,
    /// The path asked for; `/` where nothing is said.
    pub path: String,
    /// Requests a second.
    pub rate: Rate,
    /// Whether each request has a connection of its own.
    pub connections: Connections,
    /// When a request without an answer counts as `timeout`; 1 s where nothing is said.
    pub timeout: Duration,
}

/// How a traffic client uses connections.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// A new connection for every request: each one is routed anew.
    #[default]
    Fresh,
    /// One connection as long as it lasts: it survives an endpoint's removal.
    Keepalive,
}

/// What must hold, all at once, before the first step.
#[derive(Debug, Clone)]
pub struct SteadyState {
    /// How long to wait for it; 60 s where nothing is said.
    pub within: Duration,
    /// How long it must last; 0 where nothing is said.
    pub hold: Duration,
    /// At least one claim.
    pub require: Vec<Condition>,
}

/// One action and what must come of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// A few words, unique in the experiment.
    pub name: Spanned<String>,
    /// What is done.
    pub action: Action,
    /// What is expected, at least one with an end.
    pub expect: Vec<Expectation>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Lays behaviours over what some probes get; all at once. At least one.
    Flip(Vec<Flip>),
    /// Changes an object of the workload.
    Patch(Patch),
}

/// Something done to one container of every Pod bound to `pod`: to what a probe of it gets, or to its process.
#[derive(Debug, Clone)]
pub struct Flip {
    /// Which Pods.
    pub pod: Spanned<ObjectRef>,
    /// Which container of them.
    pub container: Spanned<String>,
    /// The probe or the process, and what that gets; where the first of these words stands.
    pub aim: Spanned<FlipTarget>,
    /// Where stands what it gets.
    pub to: Span,
    /// Whether it may touch another probe too.
    pub shared: bool,
}

/// A strategic merge patch of one object of the workload.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Which object.
    pub object: Spanned<ObjectRef>,
    /// The patch, an object.
    pub merge: serde_json::Value,
}

/// A claim under one temporal operator.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Unique in the experiment; a DNS label.
    pub id: Spanned<String>,
    /// About what, and what of it.
    pub claim: Condition,
    /// When it must hold.
    pub operator: Operator,
}
