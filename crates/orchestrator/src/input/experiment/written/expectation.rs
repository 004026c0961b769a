//! Claims and operators as written in the file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de::Error};

use super::scalar::visit_scalar;
use super::{AnyOf, Later, Number, OneOrMany, Range, Scalar, json_schema};
use crate::input::experiment::{ContainerPhase, RequestOutcome, Spanned, Which};

/// A claim under exactly one of `eventually`, `always`, `never` and `observe`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json_schema::exactly_one(&["eventually", "always", "never", "observe"])))]
#[schemars(extend("anyOf" = json_schema::that_or_event()))]
pub(crate) struct Expectation {
    /// A DNS label, unique in the experiment.
    #[schemars(with = "json_schema::Label")]
    pub(crate) id: Spanned<Scalar>,
    /// Pods: `NAME` or `KIND/NAME`, bound to UIDs at steady state.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) pod: Option<Spanned<Scalar>>,
    /// Only the Pods that the step flips, or only the others; all if absent.
    #[schemars(with = "Option<Which>")]
    pub(crate) which: Option<Spanned<Scalar>>,
    /// One container of these Pods.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) container: Option<Spanned<Scalar>>,
    /// Services, all at once.
    #[schemars(with = "Option<Vec<json_schema::Name>>")]
    pub(crate) endpoints: Option<Spanned<Vec<Spanned<Scalar>>>>,
    /// A Deployment.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) deployment: Option<Spanned<Scalar>>,
    /// A StatefulSet.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) statefulset: Option<Spanned<Scalar>>,
    /// A DaemonSet.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) daemonset: Option<Spanned<Scalar>>,
    /// Traffic clients, all at once.
    #[schemars(with = "Option<Vec<json_schema::Label>>")]
    pub(crate) traffic: Option<Spanned<Vec<Spanned<Scalar>>>>,
    /// An Event that is seen; without `that`.
    pub(crate) event: Option<Spanned<Event>>,
    /// The conditions that must hold at the same time.
    pub(crate) that: Option<Spanned<That>>,
    /// The condition becomes true in time.
    pub(crate) eventually: Option<Spanned<Becoming>>,
    /// The condition is true all the time.
    pub(crate) always: Option<Spanned<Lasting>>,
    /// The condition is false all the time.
    pub(crate) never: Option<Spanned<Lasting>>,
    /// The condition is reported and does not affect the verdict.
    pub(crate) observe: Option<Spanned<Lasting>>,
}

/// A claim: a subject and its conditions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Claim {
    /// Pods: `NAME` or `KIND/NAME`.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) pod: Option<Spanned<Scalar>>,
    /// In a measure: only the Pods that the first step flips, or only the others; all if absent.
    #[schemars(with = "Option<Which>")]
    pub(crate) which: Option<Spanned<Scalar>>,
    /// One container of these Pods.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) container: Option<Spanned<Scalar>>,
    /// Services, all at once.
    #[schemars(with = "Option<Vec<json_schema::Name>>")]
    pub(crate) endpoints: Option<Spanned<Vec<Spanned<Scalar>>>>,
    /// A Deployment.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) deployment: Option<Spanned<Scalar>>,
    /// A StatefulSet.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) statefulset: Option<Spanned<Scalar>>,
    /// A DaemonSet.
    #[schemars(with = "Option<json_schema::ObjectRef>")]
    pub(crate) daemonset: Option<Spanned<Scalar>>,
    /// Traffic clients, all at once.
    #[schemars(with = "Option<Vec<json_schema::Label>>")]
    pub(crate) traffic: Option<Spanned<Vec<Spanned<Scalar>>>>,
    #[schemars(skip)]
    pub(crate) event: Option<Spanned<Event>>,
    /// The conditions that must hold at the same time.
    pub(crate) that: Spanned<That>,
}

/// An Event by its reason and the object that it is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Event {
    /// The reason, such as `Unhealthy`.
    #[schemars(with = "String")]
    pub(crate) reason: Spanned<Scalar>,
    /// The object, or one from which it grew: `KIND/NAME`.
    #[schemars(with = "json_schema::ObjectRef")]
    pub(crate) of: Spanned<Scalar>,
}

/// Conditions; the subject decides which of them apply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct That {
    /// Pod: `1/2` or its condition. Container: true or false. Endpoints: true (all and at least
    /// one), false (none), `n/m` or a range of numbers. Deployment: a number.
    #[schemars(with = "Option<json_schema::Ready>")]
    pub(crate) ready: Option<Spanned<Number>>,
    /// Container: its `started`.
    #[schemars(with = "Option<bool>")]
    pub(crate) started: Option<Spanned<Scalar>>,
    /// Pod (the sum) and container: in all, or `{delta: N}` since the step began.
    pub(crate) restarts: Option<Spanned<RestartsClaim>>,
    /// Container: its state.
    #[schemars(with = "Option<ContainerPhase>")]
    pub(crate) state: Option<Spanned<Scalar>>,
    /// Container: the reason in its state, such as `CrashLoopBackOff`.
    #[schemars(with = "Option<String>")]
    pub(crate) reason: Option<Spanned<Scalar>>,
    /// Pod: the same as when the step began.
    #[schemars(with = "Option<json_schema::Unchanged>")]
    pub(crate) uid: Option<Spanned<Scalar>>,
    /// Pod: the same as when the step began.
    #[schemars(with = "Option<json_schema::Unchanged>")]
    pub(crate) ip: Option<Spanned<Scalar>>,
    /// Pod: status of conditions by type.
    #[schemars(with = "Option<BTreeMap<String, json_schema::ConditionStatus>>")]
    pub(crate) conditions: Option<Spanned<BTreeMap<String, Spanned<Scalar>>>>,
    /// Endpoints: the same addresses as when the step began, or so many.
    #[schemars(with = "Option<json_schema::Addresses>")]
    pub(crate) addresses: Option<Spanned<Number>>,
    /// DaemonSet: the nodes that should run it.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) desired: Option<Spanned<Number>>,
    /// StatefulSet: its Pods of the former template. DaemonSet: the nodes that run it and should.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) current: Option<Spanned<Number>>,
    /// DaemonSet: the nodes that should run it and have no available Pod.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) unavailable: Option<Spanned<Number>>,
    /// DaemonSet: the nodes that run it and should not.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) misscheduled: Option<Spanned<Number>>,
    /// Deployment, StatefulSet: all its Pods.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) replicas: Option<Spanned<Number>>,
    /// Its Pods of the latest template.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) updated: Option<Spanned<Number>>,
    /// Its available Pods.
    #[schemars(with = "Option<json_schema::Number>")]
    pub(crate) available: Option<Spanned<Number>>,
    /// Deployment: the reason of its condition `Progressing`.
    #[schemars(with = "Option<String>")]
    pub(crate) progressing: Option<Spanned<Scalar>>,
    /// Traffic: what every request comes to; of several, any will do.
    #[schemars(with = "Option<OneOrMany<RequestOutcome>>")]
    pub(crate) outcome: Option<Spanned<AnyOf>>,
    /// Traffic: how many requests of each client may fail, a number or a share of all. `outcome`
    /// says which requests do not fail; `ok` if absent.
    pub(crate) failed: Option<Spanned<FailedBudget>>,
    /// Traffic: how long a run of failed requests of each client may last, from the sending of its
    /// first to that of the next request that did not fail.
    pub(crate) longest_failure: Option<Spanned<DurationBudget>>,
    #[schemars(skip)]
    pub(crate) count: Option<Spanned<Later>>,
}

/// How many requests may fail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FailedBudget {
    /// A number, or a share of all requests such as `1%`.
    #[schemars(with = "json_schema::FailureLimit")]
    pub(crate) at_most: Spanned<Scalar>,
}

/// How long something may last.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DurationBudget {
    /// A duration.
    #[schemars(with = "json_schema::Duration")]
    pub(crate) at_most: Spanned<Scalar>,
}

/// Becomes true at some time from `notBefore` to `within` and stays true for `hold`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Becoming {
    /// True any earlier is a failure; 0s if absent. `predicted` is what the probe's closed formula
    /// says.
    #[schemars(with = "Option<json_schema::Bound>")]
    pub(crate) not_before: Option<Spanned<Scalar>>,
    /// The latest time to become true, or `predicted`.
    #[schemars(with = "json_schema::Bound")]
    pub(crate) within: Spanned<Scalar>,
    /// How long it must stay true, which may end after `within`; 0s if absent.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) hold: Option<Spanned<Scalar>>,
    /// The `id` of an `eventually` of this step: time begins when that became true.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) after: Option<Spanned<Scalar>>,
}

/// To the step's end, or for a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Lasting {
    /// To the step's end if absent.
    #[serde(rename = "for")]
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) lasts: Option<Spanned<Scalar>>,
    /// The `id` of an `eventually` of this step: time begins when that became true.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) after: Option<Spanned<Scalar>>,
}

/// A number, `{delta: N}`, or a range of numbers.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "RestartsSaid")]
pub(crate) enum RestartsClaim {
    /// In all.
    Total(#[schemars(with = "json_schema::Number")] Number),
    /// Since the step began.
    Delta(Delta),
}

/// A difference.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Delta {
    /// Since the step began.
    #[schemars(with = "json_schema::Number")]
    pub(crate) delta: Spanned<Number>,
}

/// The fields of both mappings that may stand for restarts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RestartsFields {
    delta: Option<Spanned<Number>>,
    at_least: Option<Spanned<Scalar>>,
    at_most: Option<Spanned<Scalar>>,
}

// By hand and not `untagged`: serde buffers untagged values, which loses their spans.
impl<'de> Deserialize<'de> for RestartsClaim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RestartsVisitor;

        impl<'de> Visitor<'de> for RestartsVisitor {
            type Value = RestartsClaim;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a mapping")
            }

            visit_scalar! {
                |number| RestartsClaim::Total(Number::Scalar(number)) =>
                visit_u64(u64), visit_i64(i64)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RestartsClaim, A::Error> {
                let fields = RestartsFields::deserialize(MapAccessDeserializer::new(map))?;
                let RestartsFields {
                    delta,
                    at_least,
                    at_most,
                } = fields;
                match delta {
                    Some(delta) if at_least.is_none() && at_most.is_none() => {
                        Ok(RestartsClaim::Delta(Delta { delta }))
                    }
                    Some(_) => Err(A::Error::custom(
                        "a range stands beside `delta`; expected it inside, such as \
                         `{ delta: { atLeast: 1 } }`",
                    )),
                    None => Ok(RestartsClaim::Total(Number::Range(Box::new(Range {
                        at_least,
                        at_most,
                    })))),
                }
            }
        }

        deserializer.deserialize_any(RestartsVisitor)
    }
}
