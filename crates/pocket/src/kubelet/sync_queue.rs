//! Decides when a Pod is synced next: on a change, after a relist of the runtime, or at its resync.
//!
//! A sync never starts from a runtime state older than the end of the sync before. The node relists
//! its containers once a second, and right after a sync that changed something.
//!
//! Rule: `pkg/kubelet/pod_workers.go`, `pkg/kubelet/pleg/generic.go`,
//! `pkg/kubelet/container/cache.go`.

use std::collections::BTreeSet;
use std::time::Duration;

use rules::Moment;

/// Time from the end of one relist of all containers to the next.
const RELIST: Duration = Duration::from_secs(1);

/// When the node relists its containers. A relist takes time, so the next is more than a second
/// later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relists {
    first: Moment,
    interval: Duration,
}

/// The next sync of one Pod, and the relists it depends on.
#[derive(Clone, Debug)]
pub(super) struct SyncQueue {
    relists: Relists,
    /// The end of the last relist on demand.
    on_demand: Option<Moment>,
    /// The end of the last sync.
    synced: Option<Moment>,
    /// When relists will see changes of the containers.
    changes: BTreeSet<Moment>,
    /// The next sync if nothing happens before.
    resync: Moment,
}

impl SyncQueue {
    /// The queue of a Pod that was just added. A sync is due at once.
    pub(super) fn new(relists: Relists, now: Moment) -> Self {
        Self {
            relists,
            on_demand: None,
            synced: None,
            changes: BTreeSet::new(),
            resync: now,
        }
    }

    /// The moment of the next sync, unless a change comes first.
    pub(super) fn due(&self) -> Moment {
        let change = self.changes.first();
        change.map_or(self.resync, |change| self.resync.min(*change))
    }

    /// The earliest moment at which the next sync may begin.
    pub(super) fn earliest(&self) -> Moment {
        let Some(synced) = self.synced else {
            return Moment::ZERO;
        };
        // A sync that changed nothing asked for no relist of its own, so the next one, whatever
        // causes it, waits for the regular relist.
        let on_demand = self.on_demand.filter(|on_demand| *on_demand > synced);
        on_demand.unwrap_or_else(|| self.relists.after(synced))
    }

    /// The moment of the relist whose state a sync at `now` uses.
    pub(super) fn relist_used_at(&self, now: Moment) -> Moment {
        let on_demand = self.on_demand.filter(|on_demand| *on_demand <= now);
        let regular = self.relists.before(now);
        on_demand.map_or(regular, |on_demand| on_demand.max(regular))
    }

    /// Records that a container has ended. The next regular relist will see it, unless a relist on
    /// demand does.
    pub(super) fn container_ended(&mut self, ended: Moment) {
        if self.on_demand.is_some_and(|on_demand| ended <= on_demand) {
            return;
        }
        self.changes.insert(self.relists.after(ended));
    }

    /// Starts a sync: changes seen by now are handled.
    pub(super) fn begin(&mut self, now: Moment) {
        self.changes.retain(|change| *change > now);
    }

    /// Ends a sync. One that changed something is followed by a relist of this duration; `wait` is
    /// the time to the next sync if nothing happens.
    pub(super) fn end(&mut self, now: Moment, relist: Option<Duration>, wait: Duration) {
        self.synced = Some(now);
        // The kubelet checks for due retries once a second.
        self.resync = self.relists.after(now + wait);
        // Rule: `PLEGOnDemandRelist`, on by default since 1.36.
        if let Some(relist) = relist {
            let on_demand = now + relist;
            self.on_demand = Some(on_demand);
            // It sees all that has happened before.
            self.changes = BTreeSet::from([on_demand]);
        }
    }
}

impl Relists {
    /// The first relist is at `first`, and each takes `duration`.
    pub(super) fn new(first: Moment, duration: Duration) -> Self {
        Self {
            first,
            interval: RELIST + duration,
        }
    }

    fn before(&self, now: Moment) -> Moment {
        let past = (now - self.first).as_micros() / self.interval.as_micros();
        self.first + self.interval * u32::try_from(past).unwrap_or(u32::MAX)
    }

    fn after(&self, moment: Moment) -> Moment {
        if moment < self.first {
            return self.first;
        }
        self.before(moment) + self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Moment {
        Moment::from_millis(milliseconds)
    }

    const MINUTE: Duration = Duration::from_mins(1);

    /// Relists at 0.3 s and every second after; the first sync is due at 10 s.
    fn sync_queue() -> SyncQueue {
        SyncQueue::new(Relists::new(at(300), Duration::ZERO), at(10_000))
    }

    #[test]
    fn the_first_sync_waits_for_nothing() {
        let sync_queue = sync_queue();
        assert_eq!(sync_queue.due(), at(10_000));
        assert_eq!(sync_queue.earliest(), Moment::ZERO);
        assert_eq!(sync_queue.relist_used_at(at(10_000)), at(9_300));
    }

    #[test]
    fn a_sync_that_changed_something_is_followed_by_another() {
        let mut sync_queue = sync_queue();
        sync_queue.end(at(10_020), Some(Duration::from_millis(5)), MINUTE);
        assert_eq!(
            (sync_queue.due(), sync_queue.earliest()),
            (at(10_025), at(10_025))
        );
        assert_eq!(sync_queue.relist_used_at(at(10_025)), at(10_025));
    }

    #[test]
    fn a_sync_that_changed_nothing_waits_for_a_regular_relist() {
        let mut sync_queue = sync_queue();
        sync_queue.end(at(10_020), None, MINUTE);
        assert_eq!(
            (sync_queue.due(), sync_queue.earliest()),
            (at(70_300), at(10_300))
        );
    }

    #[test]
    fn a_crash_is_noticed_at_the_next_look() {
        let mut sync_queue = sync_queue();
        sync_queue.end(at(10_020), None, MINUTE);
        sync_queue.container_ended(at(12_400));
        assert_eq!(sync_queue.due(), at(13_300));
        sync_queue.begin(at(13_300));
        assert_eq!(sync_queue.due(), at(70_300));
    }

    #[test]
    fn a_kill_is_noticed_by_the_look_that_its_sync_asked_for() {
        let mut sync_queue = sync_queue();
        sync_queue.end(at(10_020), Some(Duration::from_millis(5)), MINUTE);
        sync_queue.container_ended(at(10_010));
        sync_queue.begin(at(10_025));
        assert_eq!(sync_queue.due(), at(70_300));
    }

    #[test]
    fn an_end_after_the_look_of_a_late_sync_is_noticed_by_the_next() {
        let mut sync_queue = sync_queue();
        sync_queue.end(at(10_020), Some(Duration::from_millis(5)), MINUTE);
        sync_queue.container_ended(at(10_030));
        assert_eq!(sync_queue.due(), at(10_025));
        sync_queue.begin(at(10_040));
        assert_eq!(sync_queue.due(), at(10_300));
    }

    #[test]
    fn the_time_that_a_relist_takes_delays_the_next() {
        let relists = Relists::new(at(300), Duration::from_millis(10));
        assert_eq!(relists.after(at(0)), at(300));
        assert_eq!(relists.after(at(300)), at(1_310));
        assert_eq!(relists.before(at(100_289)), at(99_280));
        assert_eq!(relists.after(at(100_289)), at(100_290));
    }
}
