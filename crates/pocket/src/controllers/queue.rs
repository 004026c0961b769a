//! A controller's work queue: keys of objects to sync now, in order, or at a later moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rules::Moment;

use super::informer::Key;
use crate::clock::Clock;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// First in, first out: in order of name, one busy object could block the others.
    now: VecDeque<Key>,
    waiting: BTreeSet<Key>,
    later: BTreeMap<Key, Moment>,
    /// Failed syncs in a row, by key.
    failures: BTreeMap<Key, u32>,
}

/// The wait after the first failure, and the longest one.
///
/// Rule: `staging/src/k8s.io/client-go/util/workqueue/default_rate_limiters.go`,
/// `DefaultTypedControllerRateLimiter`.
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LONGEST_RETRY: Duration = Duration::from_secs(1000);

impl Queue {
    pub(crate) fn add(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.now.push_back(key);
        }
    }

    /// Adds `key` to be due `wait` after `now`, unless it is due before.
    pub(crate) fn add_within(&mut self, key: Key, now: Moment, wait: Duration) {
        if wait.is_zero() {
            return self.add(key);
        }
        let due = self.later.entry(key).or_insert(now + wait);
        *due = (*due).min(now + wait);
    }

    /// Sets when `key` is due if it is not added before; `None` removes that moment.
    pub(crate) fn add_at(&mut self, key: Key, moment: Option<Moment>) {
        match moment {
            Some(moment) => self.later.insert(key, moment),
            None => self.later.remove(&key),
        };
    }

    /// Queues a key whose sync has failed, after a wait that doubles with each failure.
    pub(crate) fn retry(&mut self, key: Key, now: Moment) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(*failures));
        *failures += 1;
        self.add_within(key, now, wait.min(LONGEST_RETRY));
    }

    /// The key's next failure is its first one again.
    pub(crate) fn forget_failures(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// Removes and returns the next key that is due.
    pub(crate) fn pop(&mut self, now: Moment) -> Option<Key> {
        let due = self.later.iter().find(|(_, moment)| **moment <= now);
        // What has changed comes before what is only due.
        let key = match self.now.pop_front() {
            Some(key) => key,
            None => due.map(|(key, _)| key.clone())?,
        };
        self.waiting.remove(&key);
        // One sync serves both reasons.
        self.later.remove(&key);
        Some(key)
    }

    /// Waits until the earliest delayed key is due; forever if there is none.
    pub(crate) async fn due(&self, clock: &Clock) {
        match self.later.values().min() {
            Some(moment) => clock.until(*moment).await,
            None => std::future::pending().await,
        }
    }
}

impl Extend<Key> for Queue {
    fn extend<T: IntoIterator<Item = Key>>(&mut self, keys: T) {
        for key in keys {
            self.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        ("n".to_owned(), name.to_owned())
    }

    #[test]
    fn keys_come_once_and_in_order() {
        let mut queue = Queue::default();
        for name in ["b", "a", "b"] {
            queue.add(key(name));
        }
        let taken = [(); 3].map(|()| queue.pop(Moment::ZERO));
        assert_eq!(taken, [Some(key("b")), Some(key("a")), None]);
        queue.add(key("b"));
        assert_eq!(queue.pop(Moment::ZERO), Some(key("b")));
    }

    #[test]
    fn later_ones_come_when_they_are_due() {
        let mut queue = Queue::default();
        queue.add_at(key("a"), Some(Moment::from_secs(2)));
        assert_eq!(queue.pop(Moment::from_secs(1)), None);
        assert_eq!(queue.pop(Moment::from_secs(2)), Some(key("a")));
        assert_eq!(queue.pop(Moment::from_secs(2)), None);
    }

    #[test]
    fn retries_take_twice_as_long_each_time() {
        let mut queue = Queue::default();
        let mut now = Moment::ZERO;
        let mut wait = |queue: &mut Queue, millis| {
            queue.retry(key("a"), now);
            let due = now + Duration::from_millis(millis);
            let before = now + Duration::from_millis(millis - 1);
            now = due;
            [queue.pop(before), queue.pop(due)]
        };
        for millis in [5, 10, 20, 40] {
            assert_eq!(wait(&mut queue, millis), [None, Some(key("a"))]);
        }
        queue.forget_failures(&key("a"));
        assert_eq!(wait(&mut queue, 5), [None, Some(key("a"))]);
        for _ in 0..40 {
            queue.retry(key("b"), Moment::ZERO);
            queue.later.clear();
        }
        queue.retry(key("b"), Moment::ZERO);
        assert_eq!(queue.pop(Moment::from_secs(999)), None);
        assert_eq!(queue.pop(Moment::from_secs(1000)), Some(key("b")));
    }

    #[test]
    fn a_key_that_waits_already_is_not_put_off() {
        let mut queue = Queue::default();
        let add = |queue: &mut Queue, now, wait| {
            let now = Moment::from_millis(now);
            queue.add_within(key("a"), now, Duration::from_millis(wait));
        };
        add(&mut queue, 0, 20);
        add(&mut queue, 10, 20);
        assert_eq!(queue.pop(Moment::from_millis(19)), None);
        assert_eq!(queue.pop(Moment::from_millis(20)), Some(key("a")));
        add(&mut queue, 30, 0);
        assert_eq!(queue.pop(Moment::from_millis(30)), Some(key("a")));
    }

    #[test]
    fn a_taken_key_is_no_longer_due_later() {
        let mut queue = Queue::default();
        queue.add_at(key("a"), Some(Moment::from_secs(2)));
        queue.add(key("a"));
        assert_eq!(queue.pop(Moment::ZERO), Some(key("a")));
        assert_eq!(queue.pop(Moment::from_secs(9)), None);
    }
}
