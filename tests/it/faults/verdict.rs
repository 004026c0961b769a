//! Derives the kubelet's verdict on a probe attempt from its actions instead of its messages.

use super::trial::{Effect, Outcome};

/// The kubelet's verdict on an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    Warning,
    Failure,
    Error,
    /// The container ended by itself; no attempt decided it.
    None,
}

impl Verdict {
    /// The verdicts on an attempt.
    pub(crate) const ALL: [Self; 4] = [Self::Success, Self::Warning, Self::Failure, Self::Error];

    /// The verdict that explains the outcomes of liveness, readiness and startup; `None` if no
    /// single one does.
    pub(crate) fn of(outcomes: &[Outcome; 3]) -> Option<Self> {
        let effects = outcomes.each_ref().map(|outcome| outcome.effect);
        let silent = outcomes.iter().all(|outcome| outcome.said.is_empty());
        let matching = Self::ALL.into_iter().filter(|it| it.effects() == effects);
        // A success and a warning differ only in the event.
        let mut matching = matching.filter(|it| silent == (*it == Self::Success));
        matching.next()
    }

    /// The effects of a verdict on liveness, readiness and startup.
    pub(crate) fn effects(self) -> [Effect; 3] {
        match self {
            Self::Success | Self::Warning => [Effect::GoesOn, Effect::Ready, Effect::Started],
            Self::Failure | Self::None => [Effect::Restarted, Effect::NotReady, Effect::Restarted],
            Self::Error => [Effect::GoesOn, Effect::AsBefore, Effect::NotStarted],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::None => "none",
        }
    }
}
