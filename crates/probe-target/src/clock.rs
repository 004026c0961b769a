//! Tokio's clock as moments since the process started, the only clock of this crate.

use tokio::time::{Instant, sleep};

use crate::model::moment::{Moment, micros};

/// The clock of one process. Copies share its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The time since the start.
    pub(crate) fn now(self) -> Moment {
        Moment::from_micros(micros(self.start.elapsed()))
    }

    /// Waits until `moment`: never less, and up to two milliseconds more.
    pub(crate) async fn until(self, moment: Moment) {
        let left = micros(moment - self.now());
        // Rounded up to whole milliseconds, the resolution of Tokio's timer.
        sleep(std::time::Duration::from_millis(left.div_ceil(1000))).await;
    }

    /// Waits until `moment`; never returns for `None`.
    pub(crate) async fn until_some(self, moment: Option<Moment>) {
        match moment {
            Some(moment) => self.until(moment).await,
            None => std::future::pending().await,
        }
    }
}
