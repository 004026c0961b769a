//! An experiment as it is written: the shape of the file, and the source of its JSON Schema.
//!
//! Words are kept as they stand, with their places; what they mean is found out in [`crate::input::load`], so that one run of it
//! can report everything that is wrong. The doc comments here are the schema's descriptions.

mod any_of;
mod expectation;
mod one_or_many;
mod scalar;
mod schema;
mod tree;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use any_of::AnyOf;
pub(crate) use expectation::{Becoming, Claim, Expectation, Lasting, RestartsSaid, That};
pub(crate) use one_or_many::OneOrMany;
pub(crate) use scalar::{Kubernetes, Later, Scalar};
pub(crate) use tree::Tree;

use super::Spanned;

/// An experiment: a workload, a steady state, and steps that each do something and say what must come of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "version and kind are looked at before, to tell experiments from manifests"
)]
pub(crate) struct Experiment {
    /// `probeflip.dev/v1alpha1`
    #[schemars(with = "schema::ApiVersion")]
    pub(crate) api_version: Spanned<Scalar>,
    /// `Experiment`
    #[schemars(with = "schema::Kind")]
    pub(crate) kind: Spanned<Scalar>,
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
}

/// What the experiment is called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    /// A DNS label: lower-case letters, digits and `-`, at most 63.
    #[schemars(with = "schema::Label")]
    pub(crate) name: Spanned<Scalar>,
}

/// What the experiment does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Spec {
    /// A sentence or two for people.
    pub(crate) description: Option<String>,
    pub(crate) workload: Spanned<Workload>,
    /// Clients that send requests to Services, from before the steady state to the end.
    #[serde(default)]
    pub(crate) traffic: Vec<TrafficClient>,
    pub(crate) steady_state: SteadyState,
    /// Run one after another, at least one.
    pub(crate) steps: Spanned<Vec<Spanned<Step>>>,
    #[schemars(skip)]
    pub(crate) measure: Option<Spanned<Later>>,
}

/// What is applied before anything else: exactly one of `files`, `kustomize` and `objects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = schema::exactly_one(&["files", "kustomize", "objects"])))]
pub(crate) struct Workload {
    /// Manifest files, relative to this file. Objects beside an experiment are its workload if it names its own file here.
    pub(crate) files: Option<Spanned<Vec<Spanned<String>>>>,
    /// A directory for `kubectl kustomize`, relative to this file.
    pub(crate) kustomize: Option<Spanned<String>>,
    /// Manifests, written here.
    #[schemars(with = "Option<Vec<Value>>")]
    pub(crate) objects: Option<Spanned<Vec<Kubernetes>>>,
}

/// A client that sends requests to a Service at an even rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrafficClient {
    /// A DNS label, unique in the experiment.
    #[schemars(with = "schema::Label")]
    pub(crate) name: Spanned<Scalar>,
    /// The Service, which must have a cluster IP.
    #[schemars(with = "schema::Name")]
    pub(crate) service: Spanned<Scalar>,
    /// A port of the Service.
    #[schemars(with = "schema::Port")]
    pub(crate) port: Spanned<Scalar>,
    /// The path asked for; `/` if absent.
    #[schemars(with = "Option<schema::Path>")]
    pub(crate) path: Option<Spanned<Scalar>>,
    /// Requests a second.
    #[schemars(with = "schema::Rate")]
    pub(crate) rate: Spanned<Scalar>,
    /// A connection for every request, or one kept; `fresh` if absent.
    #[schemars(with = "Option<super::Connections>")]
    pub(crate) connections: Option<Spanned<Scalar>>,
    /// When a request without an answer counts as `timeout`; 1s if absent.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) timeout: Option<Spanned<Scalar>>,
}

/// What must hold, all at once, before the first step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SteadyState {
    /// How long to wait for it; 60s if absent.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) within: Option<Spanned<Scalar>>,
    /// How long it must last; 0s if absent.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) hold: Option<Spanned<Scalar>>,
    /// At least one claim.
    pub(crate) require: Spanned<Vec<Spanned<Claim>>>,
}

/// One action, by `flip` or by `patch`, and what must come of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = schema::exactly_one(&["flip", "patch"])))]
pub(crate) struct Step {
    /// A few words, unique in the experiment.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<Scalar>,
    /// Lays a behaviour over what a probe gets; a list means all at once.
    pub(crate) flip: Option<Spanned<OneOrMany<Flip>>>,
    /// Changes an object of the workload.
    pub(crate) patch: Option<Spanned<Patch>>,
    /// What must come of it; at least one expectation with an end of its own (`eventually`, or `for`).
    pub(crate) expect: Spanned<Vec<Spanned<Expectation>>>,
}

/// A behaviour for one probe, or something done to the process, until its bound, a later flip of the same, or the end of the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = schema::probe_or_process()))]
pub(crate) struct Flip {
    /// Which Pods: `NAME` or `KIND/NAME`.
    #[schemars(with = "schema::ObjectRef")]
    pub(crate) pod: Spanned<Scalar>,
    /// Which container of them.
    #[schemars(with = "schema::Label")]
    pub(crate) container: Spanned<Scalar>,
    /// Which probe of it; then `to` says what it gets.
    #[schemars(with = "Option<super::Probe>")]
    pub(crate) probe: Option<Spanned<Scalar>>,
    /// What the probe gets: a word, or the control API's own object.
    #[schemars(with = "Option<schema::Behaviour>")]
    pub(crate) to: Option<Spanned<Tree>>,
    /// In place of a probe, what is done to the container's process: a word, or the control API's own object.
    #[schemars(with = "Option<schema::Process>")]
    pub(crate) process: Option<Spanned<Tree>>,
    /// Ends by itself after this time.
    #[serde(rename = "for")]
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) lasts: Option<Spanned<Scalar>>,
    /// Ends by itself after so many requests.
    #[schemars(with = "Option<std::num::NonZeroU64>")]
    pub(crate) count: Option<Spanned<Scalar>>,
    /// Begins so long after its acknowledgement; at once if absent.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) after: Option<Spanned<Scalar>>,
    /// Begins again so long after each beginning, when `for`, `count` or a `sequence` has ended it.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) every: Option<Spanned<Scalar>>,
    /// Only for this share of the requests, 0 to 1.
    #[schemars(with = "Option<schema::Share>")]
    pub(crate) probability: Option<Spanned<Scalar>>,
    /// Which of them: the same seed means the same ones.
    #[schemars(with = "Option<u64>")]
    pub(crate) seed: Option<Spanned<Scalar>>,
    /// Only for callers whose user agent begins so: `kube-probe/`.
    #[schemars(with = "Option<String>")]
    pub(crate) agent: Option<Spanned<Scalar>>,
    /// How long each answer is held back.
    #[schemars(with = "Option<schema::Duration>")]
    pub(crate) delay: Option<Spanned<Scalar>>,
    /// Whether it may touch another probe too.
    #[serde(default)]
    pub(crate) shared: bool,
}

impl Flip {
    /// What is said beside `to` or `process`, by its name in the control API.
    pub(crate) fn beside(&self) -> impl Iterator<Item = (&'static str, &Spanned<Scalar>)> {
        let said = [
            ("for", &self.lasts),
            ("count", &self.count),
            ("after", &self.after),
            ("every", &self.every),
            ("probability", &self.probability),
            ("seed", &self.seed),
            ("agent", &self.agent),
            ("delay", &self.delay),
        ];
        said.into_iter()
            .filter_map(|(name, said)| Some((name, said.as_ref()?)))
    }
}

/// A strategic merge patch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Patch {
    /// An object of the workload: `KIND/NAME`.
    #[schemars(with = "schema::ObjectRef")]
    pub(crate) object: Spanned<Scalar>,
    /// What is merged into it.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub(crate) merge: Spanned<Kubernetes>,
}
