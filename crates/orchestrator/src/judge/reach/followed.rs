//! One flip of a path or gRPC service: when its probe was due, and whether a request of it came.

use std::collections::BTreeMap;
use std::time::Duration;

use probe_target::model::answer::recorded_text;
use probe_target::model::route_path::RoutePath;

use super::containers::Container;
use super::probe_spec::ProbeSpec;
use super::spans::{Span, without};
use crate::judge::traffic_operators::PATIENCE;
use crate::timeline::{FlipRecord, Hit, JournalRead, Micros, Target};

/// Tolerated delay of a probe's request after its period, or after an attempt that timed out.
const SLACK: Duration = Duration::from_secs(1);

/// Maximum number of other requested paths listed in a message.
const LISTED: usize = 5;

/// Whether a flip was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::judge) enum Reached {
    /// A request of the probe came, none was due, or the records do not tell.
    NotMissed,
    /// A request was due and none came. Holds a sentence that lists what was requested instead.
    Missed(String),
    /// A request was due and none is known yet. The judge waits until this time for it.
    Open(Micros),
}

/// An acknowledged flip, and the requests observed since.
#[derive(Debug)]
pub(super) struct Followed {
    step: usize,
    flip: FlipRecord,
    /// The flipped path as the target's journal writes it.
    path: String,
    /// When the flip came into force: here on the timeline, at the latest; in `since` on the
    /// target's clock.
    acknowledged: Micros,
    since: Micros,
    probe: ProbeSpec,
    /// The container's restart count. The flip does not survive a restart.
    restarts: i64,
    /// When the probe was due.
    due: Vec<Span>,
    in_force: Span,
    /// When the first request of the probe for the flipped path began, on the target's clock.
    first_hit: Option<Micros>,
    /// Number of requests for the flipped path that the flip applies to, whoever sent them.
    given: u64,
    /// Whether the probe sent a request for the flipped path that the flip does not apply to.
    passed_by: bool,
    /// Number of the probe's requests on this port for each other path.
    asked: BTreeMap<String, u64>,
    /// The journal has been read up to this time of the target's clock.
    through: Micros,
    /// Whether journal records were lost since the acknowledgement.
    lost: bool,
}

impl Followed {
    /// None for a flip without a path, or if the time at which it came into force was not recorded.
    pub(super) fn new(
        step: usize,
        flip: &FlipRecord,
        acknowledged: Micros,
        probe: &ProbeSpec,
        container: Option<&Container>,
    ) -> Option<Self> {
        let (path, since) = (canonical(flip.path.as_ref()?), flip.since?);
        let from = acknowledged + flip.after.unwrap_or_default().into();
        let to = flip.lasts.map_or(Micros::MAX, |lasts| from + lasts.into());
        let mut followed = Self {
            step,
            flip: flip.clone(),
            path,
            acknowledged,
            since,
            probe: probe.clone(),
            restarts: container?.restarts,
            due: Vec::new(),
            in_force: Span::between(from, to),
            first_hit: None,
            given: 0,
            passed_by: false,
            asked: BTreeMap::new(),
            through: Micros::ZERO,
            lost: false,
        };
        followed.take_container(container, acknowledged);
        Some(followed)
    }

    pub(super) fn step(&self) -> usize {
        self.step
    }

    pub(super) fn record(&self) -> &FlipRecord {
        &self.flip
    }

    pub(super) fn target(&self) -> &Target {
        &self.flip.target
    }

    /// Ends the flip.
    pub(super) fn end(&mut self, at: Micros) {
        self.in_force.close(at);
    }

    /// Takes the new state of its container.
    pub(super) fn take_container(&mut self, container: Option<&Container>, at: Micros) {
        if container.is_none_or(|container| container.restarts != self.restarts) {
            self.end(at);
        }
        let due = container.and_then(|container| container.due(&self.flip.probe, &self.probe, at));
        let known = self.due.last_mut().filter(|span| span.is_open());
        match (known, due) {
            (None, Some(from)) => self.due.push(Span::open(from)),
            (Some(span), None) => span.close(at),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// Takes a request from a target's journal.
    pub(super) fn take_hit(&mut self, hit: &Hit) {
        if hit.target != self.flip.target
            || Some(hit.port) != self.flip.port
            || hit.began < self.since + self.flip.after.unwrap_or_default().into()
        {
            return;
        }
        let is_probe = self.probe.sends(hit.agent.as_deref());
        if hit.path == recorded_text(&self.path) {
            if !self.applies_to(hit.agent.as_deref()) {
                self.passed_by |= is_probe;
                return;
            }
            if is_probe {
                // The journal records a request when it ends, so hits may be out of order.
                let first = self.first_hit.unwrap_or(hit.began);
                self.first_hit = Some(first.min(hit.began));
            }
            self.given += 1;
            if self.flip.count.is_some_and(|count| self.given >= count) {
                self.end(self.acknowledged + hit.began.since(self.since));
            }
        } else if is_probe {
            *self.asked.entry(hit.path.clone()).or_default() += 1;
        }
    }

    /// Whether requests with this user agent, as the journal has it, are given the flip.
    fn applies_to(&self, agent: Option<&str>) -> bool {
        let prefix = self.flip.agent.as_deref().map(recorded_text);
        prefix.is_none_or(|prefix| agent.unwrap_or_default().starts_with(prefix))
    }

    /// Takes how far its target's journal has been read.
    pub(super) fn take_journal(&mut self, read: &JournalRead) {
        if read.target == self.flip.target {
            self.through = self.through.max(read.through);
            self.lost |= read.lost > 0;
        }
    }

    /// Whether the probe reached the flip, given that everything up to `now` has been recorded. The
    /// spans in `hidden` do not count.
    pub(super) fn reached(&self, hidden: &[Span], now: Micros) -> Reached {
        let Some(due) = self
            .long_due(hidden, now)
            .filter(|_| !self.was_hit() && !self.lost)
        else {
            return Reached::NotMissed;
        };
        // The journal records a request when it ends. A request that is never answered ends after
        // its timeout.
        let needed = due.from + self.needed() + self.probe.timeout;
        let apart = needed.since(self.acknowledged) + self.round_trip();
        let patience = needed + PATIENCE;
        if self.through >= self.since + apart {
            Reached::Missed(self.missed(due))
        } else if now < patience {
            Reached::Open(patience)
        } else {
            Reached::NotMissed
        }
    }

    /// Whether a request of the probe began while the flip may have been in force. The end is known
    /// on the timeline; on the target's clock it is later by the round trip at most.
    fn was_hit(&self) -> bool {
        let lasted = self.in_force.to.since(self.acknowledged);
        let end = self.since + lasted + self.round_trip();
        self.first_hit.is_some_and(|began| began <= end)
    }

    /// The first span in which the probe was due for so long that it must have sent a request.
    fn long_due(&self, hidden: &[Span], now: Micros) -> Option<Span> {
        let in_force = self.in_force.within(Span::between(Micros::ZERO, now));
        let pieces = self
            .due
            .iter()
            .flat_map(|due| without(due.within(in_force), hidden));
        let mut long = pieces.filter(|piece| piece.length() > self.needed());
        long.next()
    }

    /// Upper limit of the time between the flip coming into force and its acknowledgement.
    fn round_trip(&self) -> Duration {
        self.acknowledged.since(self.flip.sent)
    }

    fn needed(&self) -> Duration {
        self.probe.period.max(self.probe.timeout) + SLACK + self.round_trip()
    }

    fn missed(&self, due: Span) -> String {
        let FlipRecord {
            target, probe, to, ..
        } = &self.flip;
        let port = self.flip.port.unwrap_or_default();
        let path = self.named(&self.path);
        let missed = format!("the {probe} probe of {target} did not reach the flip `{to}`");
        if let Some(agent) = self.flip.agent.as_ref().filter(|_| self.passed_by) {
            return format!(
                "{missed}: requests of it for {path} arrived at port {port}, but the flip is only for user agents that begin with `{agent}`"
            );
        }
        format!(
            "{missed}: no request of it for {path} arrived at port {port}, although it was due for {} s; {}",
            Micros::from(due.length()),
            self.instead()
        )
    }

    fn instead(&self) -> String {
        let mut asked: Vec<(&String, &u64)> = self.asked.iter().collect();
        asked.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        let listed: Vec<String> = asked
            .iter()
            .take(LISTED)
            .map(|(path, times)| format!("{} ({times}×)", self.named(path)))
            .collect();
        let more = match asked.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if listed.is_empty() {
            return "no request of a probe arrived there at all".to_owned();
        }
        format!("probes asked for {}{more} there", listed.join(", "))
    }

    fn named(&self, path: &str) -> String {
        match path.strip_prefix('/').filter(|_| self.probe.is_grpc) {
            Some("") => "the gRPC server as a whole".to_owned(),
            Some(service) => format!("the gRPC service `{service}`"),
            None => format!("`{path}`"),
        }
    }
}

/// The spelling of a path in the journal: one path has several percent-encodings.
pub(super) fn canonical(path: &str) -> String {
    let route = path.parse::<RoutePath>();
    route.map_or_else(|_| path.to_owned(), |route| route.to_string())
}
