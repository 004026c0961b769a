//! Request counters per port and route: counts, outcomes, periods, and how long clients waited.
//! The journal keeps single requests for a while; these counters keep sums, for a limited number of
//! routes.

use std::collections::BTreeMap;

use crate::model::answer::{self, Connections, Ended, Hits, Record, Side};
use crate::model::moment::{Moment, micros};

/// Counts the first 256 paths of a port separately, so that invented paths do not fill the memory.
const MOST_ROUTES: usize = 256;

/// The number of gaps whose median is the period.
const GAPS: usize = 15;

/// The request counters of a target.
#[derive(Debug, Default)]
pub(crate) struct RequestStats {
    // Boxed: a map has room for eleven values at once.
    ports: BTreeMap<u16, Box<Port>>,
}

#[derive(Debug, Default)]
struct Port {
    connections: Connections,
    /// When all connections were last ended.
    cut: Option<Moment>,
    /// Connections of which no request is read.
    unread: Option<Route>,
    routes: BTreeMap<String, Box<Route>>,
    /// All paths beyond [`MOST_ROUTES`].
    others: Option<Route>,
}

#[derive(Debug, Default)]
struct Route {
    hits: Hits,
    /// The last gaps; unused entries are 0.
    gaps: [u64; GAPS],
    /// The index of the gap that is overwritten next.
    next: usize,
}

impl RequestStats {
    /// Counts an accepted connection.
    pub(crate) fn accepted(&mut self, port: u16) {
        self.ports.entry(port).or_default().connections.accepted += 1;
    }

    /// Sets the number of open connections.
    pub(crate) fn set_open(&mut self, port: u16, open: usize) {
        self.ports.entry(port).or_default().connections.open = open as u64;
    }

    /// Notes that all connections of a port are ended.
    pub(crate) fn set_cut(&mut self, now: Moment, port: u16) {
        self.ports.entry(port).or_default().cut = Some(now);
    }

    /// Whether the port's connections were ended after the record's request had begun.
    pub(crate) fn was_cut(&self, record: &Record) -> bool {
        let port = self.ports.get(&record.port);
        let cut = port.and_then(|port| port.cut);
        cut.is_some_and(|cut| record.at <= cut)
    }

    /// Counts a request, or a connection of which none is read. Returns the microseconds since the
    /// one before it on the same route began.
    pub(crate) fn begin(&mut self, now: Moment, port: u16, path: Option<&str>) -> Option<u64> {
        let (route, alone) = self.ports.entry(port).or_default().route(path);
        let gap = route.begin(now);
        gap.filter(|_| alone)
    }

    /// Counts the end of a request.
    pub(crate) fn end(&mut self, record: &Record) {
        let port = self.ports.entry(record.port).or_default();
        port.route(record.path.as_deref()).0.end(record);
    }

    /// Adds the counters to the ports that `state` shows.
    pub(crate) fn show(&self, ports: &mut BTreeMap<u16, answer::Port>) {
        for (number, port) in ports {
            if let Some(known) = self.ports.get(number) {
                known.show(port);
            }
        }
    }
}

impl Port {
    /// The counters for a path, and whether they are of that path alone.
    fn route(&mut self, path: Option<&str>) -> (&mut Route, bool) {
        let Some(path) = path else {
            return (self.unread.get_or_insert_default(), true);
        };
        if !self.routes.contains_key(path) {
            if self.routes.len() == MOST_ROUTES {
                return (self.others.get_or_insert_default(), false);
            }
            self.routes.insert(path.to_owned(), Box::default());
        }
        let route = self.routes.get_mut(path);
        (route.expect("it must have been inserted"), true)
    }

    fn show(&self, port: &mut answer::Port) {
        port.connections = self.connections;
        let routes = self.routes.iter();
        port.hits
            .extend(routes.map(|(path, route)| (path.clone(), route.shown())));
        port.others = self.others.as_ref().map(|others| Hits {
            period: None,
            ..others.shown()
        });
        port.unread = self.unread.as_ref().map(Route::shown);
    }
}

impl Route {
    fn begin(&mut self, now: Moment) -> Option<u64> {
        let begun = self.hits.begun;
        let gap = (begun > 0).then(|| micros(now - self.hits.last));
        if let Some(gap) = gap {
            self.gaps[self.next] = gap;
            self.next = (self.next + 1) % GAPS;
        }
        self.hits.begun += 1;
        self.hits.last = now;
        gap
    }

    fn end(&mut self, record: &Record) {
        let hits = &mut self.hits;
        hits.bytes += record.bytes;
        // A client that only connects does not wait for a reply, so it does not count.
        if record.closed == Some(Side::Client) && record.path.is_some() {
            hits.longest_wait = hits.longest_wait.max(Some(record.took));
        }
        let mut known = hits.ended.iter_mut();
        let same = known.find(|ended| {
            (&ended.reply, ended.flipped, ended.closed)
                == (&record.reply, record.flipped, record.closed)
        });
        // A list, as a route has few kinds of ends.
        match same {
            Some(same) => same.count += 1,
            None => hits.ended.push(Ended {
                reply: record.reply.clone(),
                flipped: record.flipped,
                closed: record.closed,
                count: 1,
            }),
        }
    }

    fn shown(&self) -> Hits {
        let gaps = self.hits.begun.saturating_sub(1);
        let gaps = usize::try_from(gaps).unwrap_or(GAPS).min(GAPS);
        Hits {
            period: median(&self.gaps[..gaps]),
            ..self.hits.clone()
        }
    }
}

/// The median, found without sorting, which would take 5 KB of code.
fn median(gaps: &[u64]) -> Option<u64> {
    let half = gaps.len() / 2;
    let is_median = |gap: &u64| {
        let below = gaps.iter().filter(|other| *other < gap).count();
        let above = gaps.iter().filter(|other| gap < *other).count();
        below <= half && half < gaps.len() - above
    };
    gaps.iter().copied().find(is_median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(stats: &RequestStats, path: &str) -> Hits {
        stats.ports[&80].routes[path].shown()
    }

    #[test]
    fn a_gap_is_between_two_requests_on_one_route() {
        let mut stats = RequestStats::default();
        let mut check = |at, port, path, expected| {
            let now = Moment::from_micros(at);
            assert_eq!(stats.begin(now, port, path), expected);
        };
        check(10, 80, Some("/a"), None);
        check(20, 80, Some("/b"), None);
        check(30, 81, Some("/a"), None);
        check(40, 80, None, None);
        check(45, 80, Some("/a"), Some(35));
        check(46, 80, Some("/a"), Some(1));
    }

    #[test]
    fn a_period_is_what_most_gaps_are_about() {
        let mut stats = RequestStats::default();
        let mut check = |gaps: &[u64], expected| {
            let mut now = stats
                .ports
                .get(&80)
                .map_or(0, |port| port.routes["/"].hits.last.as_micros());
            for gap in gaps {
                now += gap;
                stats.begin(Moment::from_micros(now), 80, Some("/"));
            }
            assert_eq!(hits(&stats, "/").period, expected);
        };
        check(&[7], None);
        check(&[10], Some(10));
        // A single outlier does not change the median.
        check(&[1, 9, 10, 11, 10], Some(10));
        // Old gaps are overwritten.
        check(&[3; GAPS], Some(3));
    }

    #[test]
    fn what_ended_alike_is_counted_together_and_the_longest_wait_is_kept() {
        let mut stats = RequestStats::default();
        let mut end = |reply: &str, closed, took| {
            stats.begin(Moment::START, 80, Some("/"));
            stats.end(&record("/", reply, closed, took));
        };
        end("200", None, 9_000);
        end("hang", Some(Side::Client), 2_000);
        end("hang", Some(Side::Client), 3_000);
        end("hang", Some(Side::Client), 1_000);
        end("reset", Some(Side::Target), 8_000);
        let hits = hits(&stats, "/");
        let ended = hits
            .ended
            .iter()
            .map(|ended| (ended.reply.as_str(), ended.count));
        let ended: Vec<_> = ended.collect();
        assert_eq!(ended, [("200", 1), ("hang", 3), ("reset", 1)]);
        assert_eq!(
            (hits.longest_wait, hits.begun, hits.bytes),
            (Some(3_000), 5, 35)
        );
    }

    #[test]
    fn invented_paths_do_not_fill_the_memory_and_are_counted_all_the_same() {
        let mut stats = RequestStats::default();
        for n in 0..2 * MOST_ROUTES {
            let path = format!("/{n}");
            assert_eq!(stats.begin(Moment::START, 80, Some(&path)), None);
            stats.end(&record(&path, "200", None, 0));
        }
        let port = &stats.ports[&80];
        assert_eq!(port.routes.len(), MOST_ROUTES);
        let others = port
            .others
            .as_ref()
            .map(|others| others.hits.ended[0].count);
        assert_eq!(others, Some(MOST_ROUTES as u64));
        assert_eq!(stats.begin(Moment::from_micros(3), 80, Some("/0")), Some(3));
    }

    fn record(path: &str, reply: &str, closed: Option<Side>, took: u64) -> Record {
        let peer = (std::net::Ipv4Addr::LOCALHOST, 1).into();
        Record {
            path: Some(path.to_owned()),
            closed,
            took,
            bytes: 7,
            ..crate::target::pending_request::PendingRequest::new_record(
                Moment::START,
                80,
                peer,
                reply.to_owned(),
                false,
                0,
            )
        }
    }
}
