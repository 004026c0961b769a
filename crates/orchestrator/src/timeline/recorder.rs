//! `Recorder`: a shared handle that timestamps records and appends them to a growing timeline.
//!
//! A record gets its time under the lock when it is appended, so records are in the order of their
//! times.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{sync::Notify, time::Instant};

use crate::timeline::{Header, Micros, Timeline, What};

/// A handle on a growing timeline. Clones append to the same timeline.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(Arc<Growing>);

#[derive(Debug)]
struct Growing {
    start: Instant,
    timeline: Mutex<Timeline>,
    grown: Notify,
}

impl Recorder {
    /// Starts a timeline; its time 0 is now.
    pub(crate) fn start(header: Header) -> Self {
        Self(Arc::new(Growing {
            start: Instant::now(),
            timeline: Mutex::new(Timeline::new(header)),
            grown: Notify::new(),
        }))
    }

    /// The present time on the timeline.
    pub(crate) fn now(&self) -> Micros {
        Micros::from(self.0.start.elapsed())
    }

    /// Waits until a time of this timeline, at most a millisecond longer.
    pub(crate) async fn until(&self, at: Micros) {
        match self.0.start.checked_add(at.into()) {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }

    /// Appends a record received now, and returns its time.
    pub(crate) fn record(&self, what: What) -> Micros {
        let mut timeline = self.lock();
        let at = self.now().max(timeline.last());
        timeline.push(at, what);
        self.0.grown.notify_one();
        at
    }

    /// Waits until a record has been appended since the last call. Only one task may call this.
    pub(crate) async fn grown(&self) {
        self.0.grown.notified().await;
    }

    /// The timeline. Later records are lost.
    pub(crate) fn finish(&self) -> Timeline {
        let mut timeline = self.lock();
        let rest = Timeline::new(timeline.header().clone());
        std::mem::replace(&mut timeline, rest)
    }

    /// Calls `look` with the present timeline, under its lock.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Timeline) -> T) -> T {
        look(&self.lock())
    }

    /// Calls `take` with the present timeline, under its lock. It may forget records.
    pub(crate) fn update(&self, take: impl FnOnce(&mut Timeline)) {
        take(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Timeline> {
        // A panic elsewhere leaves only complete records behind, so a poisoned lock is safe to use.
        self.0
            .timeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::timeline::{FORMAT, Place};

    fn header() -> Header {
        Header {
            timeline: FORMAT,
            experiment: "e".to_owned(),
            place: Place::Virtual,
            kubernetes: "v1.36.3".to_owned(),
            probeflip: "0.1.0".to_owned(),
            run: "r".to_owned(),
            namespace: "n".to_owned(),
            seed: None,
            started: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn records_carry_the_time_since_the_start() {
        let recorder = Recorder::start(header());
        recorder.until(Micros(2_000_000)).await;
        assert_eq!(recorder.record(What::Applied), Micros(2_000_000));
        tokio::time::advance(Duration::from_millis(1)).await;
        recorder.record(What::Steady);
        recorder.grown().await;
        let times = recorder.read(|timeline| {
            timeline
                .records()
                .iter()
                .map(|record| record.at.0)
                .collect::<Vec<_>>()
        });
        assert_eq!(times, [2_000_000, 2_001_000]);
    }
}
