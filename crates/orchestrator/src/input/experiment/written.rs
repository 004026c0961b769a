//! An experiment as written in its file, and the source of its JSON Schema.
//!
//! Values are kept unparsed, with their spans. [`crate::input::load`] resolves them, so that one
//! run reports every problem. The doc comments here are the schema's descriptions.

mod any_of;
mod expectation;
mod json_schema;
mod measure;
mod number;
mod one_or_many;
mod scalar;
mod tree;

use std::fmt;
use std::sync::LazyLock;

use probe_target::model::field::{FIELDS, Field, Part};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

pub(crate) use any_of::AnyOf;
pub(crate) use expectation::{
    Becoming, Claim, Event, Expectation, FailedBudget, Lasting, RestartsClaim, That,
};
pub(crate) use measure::{Mark, MarkEvent, Measure};
pub(crate) use number::{Number, Range};
pub(crate) use one_or_many::OneOrMany;
pub(crate) use scalar::{Kubernetes, Later, Scalar};
pub(crate) use tree::Tree;

use super::Spanned;

/// An experiment: a workload, a steady state, and steps of one action and its expectations each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "version and kind are read before, to distinguish experiments from manifests"
)]
pub(crate) struct Experiment {
    /// `probeflip.dev/v1alpha1`
    #[schemars(with = "json_schema::ApiVersion")]
    pub(crate) api_version: Spanned<Scalar>,
    /// `Experiment`
    #[schemars(with = "json_schema::Kind")]
    pub(crate) kind: Spanned<Scalar>,
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
}

/// The experiment's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    /// A DNS label: lower-case letters, digits and `-`, at most 63.
    #[schemars(with = "json_schema::Label")]
    pub(crate) name: Spanned<Scalar>,
}

/// The contents of the experiment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Spec {
    /// A free-text description.
    pub(crate) description: Option<String>,
    pub(crate) workload: Spanned<Workload>,
    /// Clients that send requests to Services, from before the steady state to the end.
    #[serde(default)]
    pub(crate) traffic: Vec<TrafficClient>,
    pub(crate) steady_state: SteadyState,
    /// At least one step; they run one after another.
    pub(crate) steps: Spanned<Vec<Spanned<Step>>>,
    /// Times between two marks of the run.
    pub(crate) measure: Option<Spanned<Vec<Spanned<Measure>>>>,
}

/// The objects to apply first: exactly one of `files`, `kustomize` and `objects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json_schema::exactly_one(&["files", "kustomize", "objects"])))]
pub(crate) struct Workload {
    /// Manifest files, relative to this file. It may list this file itself, for objects beside
    /// the experiment.
    pub(crate) files: Option<Spanned<Vec<Spanned<String>>>>,
    /// A directory for `kubectl kustomize`, relative to this file.
    pub(crate) kustomize: Option<Spanned<String>>,
    /// Manifests in this file.
    #[schemars(with = "Option<Vec<Value>>")]
    pub(crate) objects: Option<Spanned<Vec<Kubernetes>>>,
    /// Replaces every container by a probe target, as `probeflip stand-in` does.
    #[serde(default)]
    pub(crate) stand_in: bool,
}

/// A client that sends requests to a Service at an even rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrafficClient {
    /// A DNS label, unique in the experiment.
    #[schemars(with = "json_schema::Label")]
    pub(crate) name: Spanned<Scalar>,
    /// The Service, which must have a cluster IP.
    #[schemars(with = "json_schema::Name")]
    pub(crate) service: Spanned<Scalar>,
    /// A port of the Service.
    #[schemars(with = "json_schema::Port")]
    pub(crate) port: Spanned<Scalar>,
    /// The request path; `/` if absent.
    #[schemars(with = "Option<json_schema::Path>")]
    pub(crate) path: Option<Spanned<Scalar>>,
    /// Requests per second.
    #[schemars(with = "json_schema::Rate")]
    pub(crate) rate: Spanned<Scalar>,
    /// Whether requests share a connection; `fresh` if absent.
    #[schemars(with = "Option<super::Connections>")]
    pub(crate) connections: Option<Spanned<Scalar>>,
    /// The time after which an unanswered request counts as `timeout`; 1s if absent.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) timeout: Option<Spanned<Scalar>>,
}

/// The conditions that must hold at the same time before the first step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SteadyState {
    /// How long to wait for the steady state; 60s if absent.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) within: Option<Spanned<Scalar>>,
    /// How long the conditions must hold without interruption; 0s if absent.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) hold: Option<Spanned<Scalar>>,
    /// At least one condition.
    pub(crate) require: Spanned<Vec<Spanned<Claim>>>,
}

/// One action and its expectations, which only a step that waits may lack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json_schema::actions()))]
pub(crate) struct Step {
    /// A free-text name, unique in the experiment.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<Scalar>,
    /// Flips probes or processes; a list flips all at the same time.
    pub(crate) flip: Option<Spanned<OneOrMany<Flip>>>,
    /// Changes an object of the workload.
    pub(crate) patch: Option<Spanned<Patch>>,
    /// When flips are made within the period of their probe, in repeated runs; `spread` if absent.
    #[schemars(with = "Option<super::Phase>")]
    pub(crate) phase: Option<Spanned<Scalar>>,
    /// Deletes Pods.
    pub(crate) delete: Option<Spanned<Delete>>,
    /// Does nothing for so long. The step lasts at least until then.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) wait: Option<Spanned<Scalar>>,
    /// At least one expectation with an end of its own (`eventually`, or `for`), unless the step
    /// waits.
    pub(crate) expect: Option<Spanned<Vec<Spanned<Expectation>>>>,
}

/// A flip of one probe or of the process. It lasts until its bound, a later flip of the same
/// target, or the end of the run.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, transform = json_schema::beside)]
#[schemars(extend("oneOf" = json_schema::probe_or_process()))]
pub(crate) struct Flip {
    /// The Pods: `NAME` or `KIND/NAME`.
    #[schemars(with = "json_schema::ObjectRef")]
    pub(crate) pod: Spanned<Scalar>,
    /// How many of the Pods are flipped, the first by name; all if absent.
    #[schemars(with = "Option<json_schema::Count>")]
    pub(crate) pods: Option<Spanned<Scalar>>,
    /// The container's name.
    #[schemars(with = "json_schema::Label")]
    pub(crate) container: Spanned<Scalar>,
    /// The container's probe; requires `to`.
    #[schemars(with = "Option<super::Probe>")]
    pub(crate) probe: Option<Spanned<Scalar>>,
    /// What the probe meets: a word, a status, or an object of the control API.
    #[schemars(with = "Option<json_schema::Behaviour>")]
    pub(crate) to: Option<Spanned<Tree>>,
    /// A fault of the container's process instead of a probe: a name, or an object of the control
    /// API.
    #[schemars(with = "Option<json_schema::Process>")]
    pub(crate) process: Option<Spanned<Tree>>,
    /// The fields beside `to` or `process`.
    #[schemars(skip)]
    pub(crate) beside: Vec<(&'static Field, Spanned<Scalar>)>,
    /// Whether the flip may affect other probes.
    #[schemars(default)]
    pub(crate) shared: bool,
}

// By hand, as the fields beside `to` are those of probe-target's table.
impl<'de> Deserialize<'de> for Flip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlipVisitor;

        impl<'de> Visitor<'de> for FlipVisitor {
            type Value = Flip;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flip, A::Error> {
                let (mut pod, mut pods, mut container, mut shared) = (None, None, None, false);
                let (mut probe, mut to, mut process) = (None, None, None);
                let mut beside = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "pod" => pod = Some(map.next_value()?),
                        "pods" => pods = map.next_value()?,
                        "container" => container = Some(map.next_value()?),
                        "probe" => probe = map.next_value()?,
                        "to" => to = map.next_value()?,
                        "process" => process = map.next_value()?,
                        "shared" => shared = map.next_value()?,
                        name => match Field::beside(name) {
                            Some(field) => {
                                // A key without a value counts as absent, as for the other optional
                                // fields.
                                let value = map.next_value::<Option<_>>()?;
                                beside.extend(value.map(|value| (field, value)));
                            }
                            None => return Err(A::Error::unknown_field(name, flip_fields())),
                        },
                    }
                }
                Ok(Flip {
                    pod: pod.ok_or_else(|| A::Error::missing_field("pod"))?,
                    pods,
                    container: container.ok_or_else(|| A::Error::missing_field("container"))?,
                    probe,
                    to,
                    process,
                    beside,
                    shared,
                })
            }
        }

        deserializer.deserialize_map(FlipVisitor)
    }
}

/// The names of a flip's fields.
fn flip_fields() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let beside = FIELDS.iter().filter(|field| field.part == Part::Beside);
        let own = ["pod", "pods", "container", "probe", "to", "process"];
        let names = own.into_iter().chain(beside.map(|field| field.name));
        names.chain(["shared"]).collect()
    });
    &NAMES
}

/// Pods to delete, with their grace period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Delete {
    /// The Pods: `NAME` or `KIND/NAME`.
    #[schemars(with = "json_schema::ObjectRef")]
    pub(crate) pod: Spanned<Scalar>,
    /// How many of the Pods are deleted, the first by name; all if absent.
    #[schemars(with = "Option<json_schema::Count>")]
    pub(crate) pods: Option<Spanned<Scalar>>,
}

/// A strategic merge patch, or a JSON merge patch of a custom resource.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Patch {
    /// An object of the workload, of any kind: `KIND/NAME`.
    #[schemars(with = "json_schema::ObjectRef")]
    pub(crate) object: Spanned<Scalar>,
    /// The patch.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub(crate) merge: Spanned<Kubernetes>,
}
