//! A time limit set for every request and rarely reached, with one timer that is rarely reset.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The time limit of data ports for silence between requests, for a request's headers, for its
/// body, and for each write of a response.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A time limit for one operation after another.
#[derive(Debug)]
pub(crate) struct Limit {
    length: Duration,
    /// The timer. Created when an operation first has to wait; it may still be set to the deadline
    /// of an earlier operation.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Limit {
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            length,
            timer: None,
        }
    }

    /// The result of `work`, or `None` if it takes longer than the limit.
    pub(crate) async fn over<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.reached() => None,
        }
    }

    /// Starts at its first poll, and so not at all if the work completes at once. The timer is kept
    /// between operations, as registering one costs more than most operations take.
    async fn reached(&mut self) {
        let end = Instant::now() + self.length;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            timer.as_mut().await;
            if end <= Instant::now() {
                return;
            }
            // It was set for an earlier operation.
            timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_thing_has_the_whole_time() {
        let mut limit = Limit::new(Duration::from_secs(5));
        let start = Instant::now();
        for _ in 0..3 {
            let work = sleep(Duration::from_secs(4));
            assert_eq!(limit.over(work).await, Some(()));
        }
        assert_eq!(limit.over(sleep(Duration::from_secs(6))).await, None);
        assert_eq!(start.elapsed().as_secs(), 3 * 4 + 5);
    }
}
