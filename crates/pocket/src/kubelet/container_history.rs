//! The runtime's record of one container: its newest instance, and the dead one before it.

use rules::Moment;
use rules::container::{Cause, Exit, Instance, Life};

/// The instances of one container.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) newest: Option<Instance>,
    pub(super) dead: Option<Instance>,
    /// The number of instances that were removed.
    removed: u32,
}

impl History {
    /// Adds a new instance.
    pub(super) fn push(&mut self, instance: Instance) {
        self.dead = self.newest.replace(instance).or(self.dead.take());
    }

    /// Marks the newest instance as exited.
    pub(super) fn end(&mut self, exit: Exit) {
        if let Some(newest) = &mut self.newest {
            newest.life = Life::Exited(exit);
        }
    }

    /// The restart count of the next instance.
    pub(super) fn restarts(&self) -> u32 {
        let newest = self.newest.as_ref();
        newest.map_or(self.removed, |newest| newest.restarts + 1)
    }

    /// Forgets all instances, but not how many there were.
    ///
    /// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`, which counts the
    /// logs of a container without instances.
    pub(super) fn remove(&mut self) {
        *self = Self {
            removed: self.restarts(),
            ..Self::default()
        };
    }

    /// The newest instance that has exited.
    pub(super) fn ended(&self) -> Option<&Instance> {
        let newest = self.newest.as_ref().filter(|newest| !newest.is_running());
        newest.or(self.dead.as_ref())
    }

    /// The history as a relist at `moment` saw it: an instance that exited later still counts as
    /// running, if it ever ran.
    pub(super) fn seen_at(&self, moment: Moment) -> Self {
        let mut seen = self.clone();
        if let Some(newest) = &mut seen.newest
            && let Life::Exited(exit) = &newest.life
            && exit.finished > moment
            && exit.cause != Cause::Unstarted
        {
            newest.life = Life::Running {
                since: exit.started,
            };
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use rules::container::ContainerId;

    use super::*;

    fn running(restarts: u32) -> Instance {
        Instance {
            id: ContainerId::new(&restarts.to_string()),
            restarts,
            image: String::new(),
            life: Life::Running {
                since: Moment::ZERO,
            },
        }
    }

    fn exit(seconds: u64) -> Exit {
        Exit {
            code: 1,
            started: Moment::ZERO,
            finished: Moment::from_secs(seconds),
            cause: Cause::Process,
            message: None,
        }
    }

    #[test]
    fn one_dead_instance_is_kept() {
        let mut history = History::default();
        for restarts in 0..3 {
            assert_eq!(history.restarts(), restarts);
            history.push(running(restarts));
            history.end(exit(1));
        }
        assert_eq!(history.dead.unwrap().restarts, 1);
        assert_eq!(history.newest.unwrap().restarts, 2);
    }

    #[test]
    fn removed_instances_count() {
        let mut history = History::default();
        history.push(running(0));
        history.remove();
        assert!(history.newest.is_none());
        assert_eq!(history.restarts(), 1);
    }

    #[test]
    fn an_end_is_not_seen_before_the_next_look() {
        let mut history = History::default();
        history.push(running(0));
        history.end(exit(5));
        let ended = |seconds| {
            history
                .seen_at(Moment::from_secs(seconds))
                .ended()
                .is_some()
        };
        assert_eq!([ended(4), ended(5)], [false, true]);
    }
}
