//! When a Pod is synced next: on news, when the runtime's state was looked at, or because it is time.
//!
//! A sync never begins on a state older than the end of the one before. The node looks at its containers once a second,
//! and straight after a sync that changed something.
//!
//! Rule: `pkg/kubelet/pod_workers.go`, `pkg/kubelet/pleg/generic.go`, `pkg/kubelet/container/cache.go`.

use std::time::Duration;

use rules::Moment;

/// Distance of two looks at all containers.
const RELIST: Duration = Duration::from_secs(1);
/// Until the look that a sync has asked for is over.
const ON_DEMAND: Duration = Duration::from_millis(5);

/// The moments that matter to one Pod.
#[derive(Clone, Debug)]
pub(super) struct SyncQueue {
    /// Looks happen at this moment and every second after.
    phase: Moment,
    /// The look asked for last.
    asked: Option<Moment>,
    /// When the last sync ended.
    synced: Option<Moment>,
    /// A change of the containers shows up then.
    change: Option<Moment>,
    /// A sync is due then in any case.
    resync: Moment,
}

impl SyncQueue {
    /// For a Pod that has just been seen, on a node whose looks have this phase. A sync is due.
    pub(super) fn new(phase: Moment, now: Moment) -> Self {
        Self {
            phase,
            asked: None,
            synced: None,
            change: None,
            resync: now,
        }
    }

    /// When the next sync is due, unless there is news before.
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

    /// The look whose findings a sync that begins now uses.
    pub(super) fn looked(&self, now: Moment) -> Moment {
        let asked = self.asked.filter(|asked| *asked <= now);
        let grid = self.look_before(now);
        asked.map_or(grid, |asked| asked.max(grid))
    }

    /// A container has ended; the next look finds out, unless one that was asked for does anyway.
    pub(super) fn notice(&mut self, ended: Moment) {
        if self.asked.is_some_and(|asked| ended <= asked) {
            return;
        }
        let seen = self.look_after(ended);
        self.change = Some(self.change.map_or(seen, |change| change.min(seen)));
    }

    /// A sync begins: what has shown up by now is dealt with.
    pub(super) fn begin(&mut self, now: Moment) {
        self.change = self.change.filter(|change| *change > now);
    }

    /// A sync is over; `wait` is the time to the next one if nothing happens.
    pub(super) fn end(&mut self, now: Moment, changed: bool, wait: Duration) {
        self.synced = Some(now);
        // Retries are looked up once a second as well.
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
