//! A controller's work queue: keys of objects to sync now, in order, or at a later moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rules::Moment;

use super::informer::Key;
use crate::clock::Clock;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// First in, first out: in order of name, one busy object could block the others.
    now: VecDeque<Key>,
    waiting: BTreeSet<Key>,
    later: BTreeMap<Key, Moment>,
}

impl Queue {
    pub(crate) fn add(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.now.push_back(key);
        }
    }

    /// Sets when `key` is due if it is not added before; `None` removes that moment.
    pub(crate) fn add_at(&mut self, key: Key, moment: Option<Moment>) {
        match moment {
            Some(moment) => self.later.insert(key, moment),
            None => self.later.remove(&key),
        };
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
    fn a_taken_key_is_no_longer_due_later() {
        let mut queue = Queue::default();
        queue.add_at(key("a"), Some(Moment::from_secs(2)));
        queue.add(key("a"));
        assert_eq!(queue.pop(Moment::ZERO), Some(key("a")));
        assert_eq!(queue.pop(Moment::from_secs(9)), None);
    }
}
