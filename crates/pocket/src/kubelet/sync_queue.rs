//! Decides when a Pod is synced next: on news, after a relist of the runtime, or at its resync.
//!
//! A sync never starts from a runtime state older than the end of the sync before. The node relists
//! its containers once a second, and right after a sync that changed something.
//!
//! Rule: `pkg/kubelet/pod_workers.go`, `pkg/kubelet/pleg/generic.go`,
//! `pkg/kubelet/container/cache.go`.

use std::time::Duration;

use rules::Moment;

/// Interval between two relists of all containers.
const RELIST: Duration = Duration::from_secs(1);
/// Duration of the relist that follows a sync with changes.
const ON_DEMAND: Duration = Duration::from_millis(5);

/// The next sync of one Pod, and the relists it depends on.
#[derive(Clone, Debug)]
pub(super) struct SyncQueue {
    /// Relists happen at this moment and every second after it.
    phase: Moment,
    /// The end of the last relist on demand.
    asked: Option<Moment>,
    /// The end of the last sync.
    synced: Option<Moment>,
    /// When a relist will see a change of the containers.
    change: Option<Moment>,
    /// The next sync if nothing happens before.
    resync: Moment,
}

impl SyncQueue {
    /// The queue of a Pod that was just added, on a node with relists of this phase. A sync is due
    /// at once.
    pub(super) fn new(phase: Moment, now: Moment) -> Self {
        Self {
            phase,
            asked: None,
            synced: None,
            change: None,
            resync: now,
        }
    }

    /// The moment of the next sync, unless news comes first.
    pub(super) fn due(&self) -> Moment {
        self.change
            .map_or(self.resync, |change| change.min(self.resync))
    }

    /// The earliest moment at which the next sync may begin.
    pub(super) fn fresh(&self) -> Moment {
        let Some(synced) = self.synced else {
            return Moment::ZERO;
        };
        let asked = self.asked.filter(|asked| *asked > synced);
        asked.unwrap_or_else(|| self.look_after(synced))
    }

    /// The moment of the relist whose state a sync at `now` uses.
    pub(super) fn looked(&self, now: Moment) -> Moment {
        let asked = self.asked.filter(|asked| *asked <= now);
        let grid = self.look_before(now);
        asked.map_or(grid, |asked| asked.max(grid))
    }

    /// Records that a container has ended. The next regular relist will see it, unless a relist on
    /// demand does.
    pub(super) fn notice(&mut self, ended: Moment) {
        if self.asked.is_some_and(|asked| ended <= asked) {
            return;
        }
        let seen = self.look_after(ended);
        self.change = Some(self.change.map_or(seen, |change| change.min(seen)));
    }

    /// Starts a sync: changes seen by now are handled.
    pub(super) fn begin(&mut self, now: Moment) {
        self.change = self.change.filter(|change| *change > now);
    }

    /// Ends a sync; `wait` is the time to the next one if nothing happens.
    pub(super) fn end(&mut self, now: Moment, changed: bool, wait: Duration) {
        self.synced = Some(now);
        // The kubelet checks for due retries once a second.
        self.resync = self.look_after(now + wait);
        if changed {
            self.asked = Some(now + ON_DEMAND);
            self.change = self.asked;
        }
    }

    fn look_before(&self, now: Moment) -> Moment {
        let since = now - self.phase;
        self.phase + Duration::from_secs(since.as_secs())
    }

    fn look_after(&self, moment: Moment) -> Moment {
        if moment < self.phase {
            return self.phase;
        }
        self.look_before(moment) + RELIST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Moment {
        Moment::from_millis(milliseconds)
    }

    const MINUTE: Duration = Duration::from_mins(1);

    /// Looks at 0.3 s and every second after; first sync at 10 s.
    fn agenda() -> SyncQueue {
        SyncQueue::new(at(300), at(10_000))
    }

    #[test]
    fn the_first_sync_waits_for_nothing() {
        let agenda = agenda();
        assert_eq!(agenda.due(), at(10_000));
        assert_eq!(agenda.fresh(), Moment::ZERO);
        assert_eq!(agenda.looked(at(10_000)), at(9_300));
    }

    #[test]
    fn a_sync_that_changed_something_is_followed_by_another() {
        let mut agenda = agenda();
        agenda.end(at(10_020), true, MINUTE);
        assert_eq!((agenda.due(), agenda.fresh()), (at(10_025), at(10_025)));
        assert_eq!(agenda.looked(at(10_025)), at(10_025));
    }

    #[test]
    fn one_that_changed_nothing_makes_the_next_wait_for_a_look() {
        let mut agenda = agenda();
        agenda.end(at(10_020), false, MINUTE);
        assert_eq!((agenda.due(), agenda.fresh()), (at(70_300), at(10_300)));
    }

    #[test]
    fn a_crash_is_noticed_at_the_next_look() {
        let mut agenda = agenda();
        agenda.end(at(10_020), false, MINUTE);
        agenda.notice(at(12_400));
        assert_eq!(agenda.due(), at(13_300));
        agenda.begin(at(13_300));
        assert_eq!(agenda.due(), at(70_300));
    }

    #[test]
    fn a_kill_is_noticed_by_the_look_that_its_sync_asked_for() {
        let mut agenda = agenda();
        agenda.end(at(10_020), true, MINUTE);
        agenda.notice(at(10_010));
        agenda.begin(at(10_025));
        assert_eq!(agenda.due(), at(70_300));
    }
}
