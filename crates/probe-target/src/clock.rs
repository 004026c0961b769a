//! Tokio's clock as moments since the process started. Nothing else here reads a clock.

use tokio::time::{Instant, sleep};

use crate::model::moment::{Moment, micros};

/// The clock of one process; a copy tells the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Time since the start.
    pub(crate) fn now(self) -> Moment {
        Moment::from_micros(micros(self.start.elapsed()))
    }

    /// Waits until `moment` has come: not a microsecond less, up to two milliseconds more.
    pub(crate) async fn until(self, moment: Moment) {
        let left = micros(moment - self.now());
        // Whole milliseconds, as the timer has no finer ones.
        sleep(std::time::Duration::from_millis(left.div_ceil(1000))).await;
    }
}
