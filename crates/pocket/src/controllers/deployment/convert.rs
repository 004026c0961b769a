//! Converts Deployments and ReplicaSets between API objects and the rules' form.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::Moment;
use rules::rollout::progress::{Condition, ConditionStatus, Status};
use rules::rollout::{self, Amount, Set, Size, Strategy};

use crate::clock::{Clock, seconds};
use crate::controllers::counts;
use crate::controllers::replica_set::REPLICA_FAILURE;
use crate::kinds::name;

/// The annotation of a ReplicaSet with the size that its Deployment had when it was scaled.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The annotation with that size plus the surge.
pub(super) const MOST: &str = "deployment.kubernetes.io/max-replicas";

const PROGRESSING: &str = "Progressing";
const AVAILABLE: &str = "Available";

/// A deadline of this many seconds means no deadline.
// Rule: `pkg/controller/deployment/util/deployment_util.go`, `HasProgressDeadline`.
const NO_DEADLINE: i32 = i32::MAX;

pub(super) fn rules(deployment: &Deployment) -> rollout::Deployment {
    let spec = &deployment.spec;
    let deadline = spec
        .progress_deadline_seconds
        .filter(|seconds| *seconds != NO_DEADLINE);
    let present = deployment.status.as_ref().and_then(|it| it.replicas);
    rollout::Deployment {
        name: name(deployment).to_owned(),
        replicas: counts::from_api(spec.replicas),
        present: counts::from_api(present),
        strategy: strategy(deployment),
        paused: spec.paused == Some(true),
        deadline: deadline.map(seconds),
    }
}

fn strategy(deployment: &Deployment) -> Strategy {
    let Some(strategy) = &deployment.spec.strategy else {
        return Strategy::DEFAULT;
    };
    if strategy.type_.as_deref() == Some("Recreate") {
        return Strategy::Recreate;
    }
    let bounds = strategy.rolling_update.clone().unwrap_or_default();
    let quarter = Amount::Percent(25);
    Strategy::RollingUpdate {
        surge: bounds.max_surge.as_ref().map_or(quarter, counts::amount),
        unavailable: bounds
            .max_unavailable
            .as_ref()
            .map_or(quarter, counts::amount),
    }
}

pub(super) fn set(set: &ReplicaSet, clock: &Clock) -> Set {
    let status = set.status.clone().unwrap_or_default();
    let created = set.metadata.creation_timestamp.as_ref();
    Set {
        name: name(set).to_owned(),
        created: moment(created, clock),
        wanted: counts::from_api(set.spec.replicas),
        sized_for: sized_for(set),
        replicas: counts::from_api(Some(status.replicas)),
        ready: counts::from_api(status.ready_replicas),
        available: counts::from_api(status.available_replicas),
        terminating: counts::from_api(status.terminating_replicas),
        failure: failure(&status, clock),
    }
}

/// Rule: `pkg/controller/deployment/util/deployment_util.go`, `ReplicaSetToDeploymentCondition`.
fn failure(status: &ReplicaSetStatus, clock: &Clock) -> Option<Condition> {
    let mut conditions = status.conditions.iter().flatten();
    let found = conditions.find(|found| found.type_.as_deref() == Some(REPLICA_FAILURE))?;
    let changed = moment(found.last_transition_time.as_ref(), clock);
    Some(Condition {
        status: condition_status(found.status.as_deref()),
        reason: found.reason.clone().unwrap_or_default(),
        message: found.message.clone().unwrap_or_default(),
        updated: changed,
        changed,
    })
}

fn sized_for(set: &ReplicaSet) -> Option<Size> {
    let annotations = set.metadata.annotations.as_ref()?;
    let read = |key: &str| annotations.get(key)?.parse().ok();
    Some(Size {
        desired: read(DESIRED)?,
        most: read(MOST).unwrap_or(0),
    })
}

/// The status as last published.
pub(super) fn status(deployment: &Deployment, clock: &Clock) -> Status {
    let status = deployment.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let condition = |kind: &str| {
        let found = conditions
            .iter()
            .find(|found| found.type_.as_deref() == Some(kind));
        found.map(|found| self::condition(found, clock))
    };
    Status {
        replicas: counts::from_api(status.replicas),
        updated: counts::from_api(status.updated_replicas),
        ready: counts::from_api(status.ready_replicas),
        available: counts::from_api(status.available_replicas),
        unavailable: counts::from_api(status.unavailable_replicas),
        terminating: counts::from_api(status.terminating_replicas),
        availability: condition(AVAILABLE),
        progressing: condition(PROGRESSING),
        failure: condition(REPLICA_FAILURE),
    }
}

/// Writes the counts; zeros are left out, as in Kubernetes.
pub(super) fn publish(numbers: &Status, deployment: &mut Deployment) {
    let status = deployment.status.get_or_insert_default();
    status.replicas = counts::unless_zero(numbers.replicas);
    status.updated_replicas = counts::unless_zero(numbers.updated);
    status.ready_replicas = counts::unless_zero(numbers.ready);
    status.available_replicas = counts::unless_zero(numbers.available);
    status.unavailable_replicas = counts::unless_zero(numbers.unavailable);
    // Published even if it is zero, unlike the others.
    status.terminating_replicas = Some(counts::to_api(numbers.terminating));
}

/// Writes the three conditions; others are kept.
pub(super) fn publish_conditions(status: &Status, clock: &Clock, deployment: &mut Deployment) {
    let conditions = deployment
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    let conditions_by_kind = [
        (AVAILABLE, &status.availability),
        (PROGRESSING, &status.progressing),
        (REPLICA_FAILURE, &status.failure),
    ];
    let other = |kind: &str| conditions_by_kind.iter().all(|(known, _)| *known != kind);
    conditions.retain(|found| found.type_.as_deref().is_some_and(other));
    for (kind, condition) in conditions_by_kind {
        conditions.extend(
            condition
                .as_ref()
                .map(|condition| to_api(kind, condition, clock)),
        );
    }
}

fn condition(condition: &DeploymentCondition, clock: &Clock) -> Condition {
    let moment = |time: &Option<Time>| self::moment(time.as_ref(), clock);
    Condition {
        status: condition_status(condition.status.as_deref()),
        reason: condition.reason.clone().unwrap_or_default(),
        message: condition.message.clone().unwrap_or_default(),
        updated: moment(&condition.last_update_time),
        changed: moment(&condition.last_transition_time),
    }
}

fn moment(time: Option<&Time>, clock: &Clock) -> Moment {
    time.map_or(Moment::ZERO, |time| clock.moment_of(time))
}

fn condition_status(text: Option<&str>) -> ConditionStatus {
    match text {
        Some("True") => ConditionStatus::True,
        Some("False") => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

fn to_api(kind: &str, condition: &Condition, clock: &Clock) -> DeploymentCondition {
    DeploymentCondition {
        type_: Some(kind.to_owned()),
        status: Some(format!("{:?}", condition.status)),
        reason: Some(condition.reason.clone()),
        message: Some(condition.message.clone()),
        last_update_time: Some(clock.time_of(condition.updated)),
        last_transition_time: Some(clock.time_of(condition.changed)),
    }
}
