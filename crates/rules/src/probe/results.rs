//! The verdicts of all probes of a Pod, by kind and container instance.
//!
//! Rule: `pkg/kubelet/prober/results/results_manager.go`. It sends no notifications: the caller of
//! [`Results::apply`] passes changes on.

use std::collections::BTreeMap;

use super::spec::{ProbeKind, Verdict};
use super::worker::Effect;
use crate::container_id::ContainerId;

/// Verdicts by probe kind and instance. An instance that was never probed has no entry.
#[derive(Clone, Debug, Default)]
pub struct Results(BTreeMap<(ProbeKind, ContainerId), Verdict>);

impl Results {
    /// The verdict of one probe, if there is one.
    pub fn get(&self, kind: ProbeKind, container: &ContainerId) -> Option<Verdict> {
        self.0.get(&(kind, container.clone())).copied()
    }

    /// Applies an effect of a probe of this kind. Returns whether the node must react.
    ///
    /// A first entry counts as a change too, so the initial verdict of a new container makes its
    /// Pod sync once more. A removed entry does not.
    pub fn apply(&mut self, kind: ProbeKind, effect: Effect) -> bool {
        match effect {
            Effect::Store(container, verdict) => {
                self.0.insert((kind, container), verdict) != Some(verdict)
            }
            Effect::Forget(container) => {
                self.0.remove(&(kind, container));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_and_first_entries_are_news() {
        let id = ContainerId::new("a");
        let mut results = Results::default();
        let mut check =
            |effect, news| assert_eq!(results.apply(ProbeKind::Readiness, effect), news);
        check(Effect::Store(id.clone(), Verdict::Failure), true);
        check(Effect::Store(id.clone(), Verdict::Failure), false);
        check(Effect::Store(id.clone(), Verdict::Success), true);
        check(Effect::Forget(id.clone()), false);
        check(Effect::Store(id.clone(), Verdict::Success), true);
        assert_eq!(results.get(ProbeKind::Liveness, &id), None);
        assert_eq!(
            results.get(ProbeKind::Readiness, &id),
            Some(Verdict::Success)
        );
    }
}
