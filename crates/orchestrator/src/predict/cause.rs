//! What a severity comes from, as far as something can be changed about it.

use super::{
    answer::Answer,
    experiment::Effect,
    impact_severity::{ImpactSeverity, SeverityReason},
    question::{Lasting, Mode, Question},
};
use crate::input::experiment::ObjectKind;

/// What a severity comes from, the worst first: what happens unseen, then what happens at every
/// release, then what one failure does, then failures that all Pods share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// No probe notices that a process is frozen.
    Unnoticed,
    /// A frozen process is taken out of its Services and never restarted.
    NeverRestarted,
    /// A broken release takes the former Pods down.
    BrokenRelease,
    /// A healthy rollout loses requests.
    Rollout,
    /// There is only one Pod.
    LonePod,
    /// Readiness and liveness ask the same.
    SharedEndpoint,
    /// Frozen Pods are noticed late.
    Frozen,
    /// The readiness probe fails.
    Readiness,
    /// The liveness probe fails.
    Liveness,
    /// The process ends.
    Crash,
}

/// The cause of an answer's severity; none if it shows nothing that should be changed.
pub(super) fn cause(question: &Question<'_>, answer: &Answer) -> Option<Cause> {
    let is_outage = answer.severity == ImpactSeverity::Outage;
    let is_notice = |effect: &Effect| {
        matches!(
            effect,
            Effect::NotReady | Effect::Fewer(_) | Effect::Restarted(_)
        )
    };
    let is_restarted = answer
        .effects
        .iter()
        .any(|times| matches!(times.effect, Effect::Restarted(_)));
    let is_noticed = answer.effects.iter().any(|times| is_notice(&times.effect));
    if answer.severity <= ImpactSeverity::None {
        return None;
    }
    let is_of_pods = matches!(
        answer.reason,
        SeverityReason::FewerPods | SeverityReason::NoPod
    );
    let reference = &question.workload.reference;
    let is_lone = question.workload.replicas == 1 && reference.kind != ObjectKind::DaemonSet;
    let is_joint = question.probes.len() > 1;
    match question.mode {
        Mode::Frozen if !is_noticed => Some(Cause::Unnoticed),
        Mode::Startup => Some(Cause::BrokenRelease),
        // The strategy asks for it, and no Service selects the Pods.
        Mode::Rollout if is_of_pods => None,
        Mode::Rollout => Some(Cause::Rollout),
        Mode::Frozen if is_outage && !is_restarted => Some(Cause::NeverRestarted),
        // It lasts for as long as the probe fails, however many Pods there are.
        Mode::Readiness if is_outage && !is_joint => Some(Cause::Readiness),
        // What fails for good is mended by no setting.
        Mode::Crash | Mode::Liveness if question.lasting == Lasting::ForGood => None,
        _ if is_outage && is_lone && !is_joint => Some(Cause::LonePod),
        Mode::Readiness if is_joint && answer.severity >= ImpactSeverity::Restart => {
            Some(Cause::SharedEndpoint)
        }
        // One of several Pods that fails, is taken out and restarted is no mistake.
        _ if !is_outage => None,
        Mode::Readiness => Some(Cause::SharedEndpoint),
        Mode::Liveness => Some(Cause::Liveness),
        Mode::Crash => Some(Cause::Crash),
        Mode::Frozen => Some(Cause::Frozen),
    }
}
