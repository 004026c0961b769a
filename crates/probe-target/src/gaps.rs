//! When each route was last asked, so that a record can say how long ago. It remembers a limited number of routes.

use std::collections::BTreeMap;

use crate::moment::{Moment, micros};

/// So that callers who invent paths do not fill the memory: the first so many a port are remembered.
const MOST: usize = 256;

/// When each route was last asked.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    ports: BTreeMap<u16, BTreeMap<String, Moment>>,
}

impl Gaps {
    /// Microseconds since the request before this one on the same route; notes this one.
    pub(crate) fn between(&mut self, now: Moment, port: u16, path: &str) -> Option<u64> {
        let routes = self.ports.entry(port).or_default();
        if let Some(last) = routes.get_mut(path) {
            let gap = micros(now - *last);
            *last = now;
            return Some(gap);
        }
        if routes.len() < MOST {
            routes.insert(path.to_owned(), now);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_between_two_requests_on_one_route() {
        let mut gaps = Gaps::default();
        let mut check = |at, port, path, expected| {
            let now = Moment::from_micros(at);
            assert_eq!(gaps.between(now, port, path), expected);
        };
        check(10, 80, "/a", None);
        check(20, 80, "/b", None);
        check(30, 81, "/a", None);
        check(45, 80, "/a", Some(35));
        check(46, 80, "/a", Some(1));
    }

    #[test]
    fn invented_paths_do_not_fill_the_memory() {
        let mut gaps = Gaps::default();
        for n in 0..2 * MOST {
            gaps.between(Moment::START, 80, &format!("/{n}"));
        }
        assert_eq!(gaps.ports[&80].len(), MOST);
        assert_eq!(gaps.between(Moment::from_micros(3), 80, "/0"), Some(3));
    }
}
