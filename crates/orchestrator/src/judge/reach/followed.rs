//! One flip of a path or gRPC service: when its probe was due, and whether a request of it came.

use std::collections::BTreeMap;
use std::time::Duration;

use probe_target::model::answer::recorded_text;

use super::probe_settings::ProbeSettings;
use super::spans::{Span, without};
use crate::judge::traffic_operators::RECORDS_TIMEOUT;
use crate::timeline::snapshot::{ContainerFacts, FlipFacts, PodFacts, Snapshot, canonical};
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
    /// A request was due and none has been recorded yet. The judge waits for one until this time,
    /// then it decides.
    Open(Micros),
}

/// A flip of a path or gRPC service, and the requests observed since its acknowledgement.
#[derive(Debug)]
pub(super) struct Followed {
    /// Index in [`Snapshot::flips`].
    number: usize,
    flip: FlipFacts,
    /// The flipped path as the target's journal writes it.
    path: String,
    /// When the flip came into force on the target's clock: on the timeline, that was before its
    /// acknowledgement.
    since: Micros,
    probe: ProbeSettings,
    /// The restart count of the target's container. The flip does not survive a restart.
    restarts: i64,
    /// When the probe was due.
    due: Vec<Span>,
    /// When the flip was in force by its bounds and its process.
    in_force: Span,
    /// When the first request of the probe for the flipped path began, on the target's clock.
    first_hit: Option<Micros>,
    /// Number of requests for the flipped path that the flip applies to, from any client.
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
    /// Starts to follow the flip with this number. None for a flip without a path, if the time at
    /// which it came into force was not recorded, or if its probe sends no requests.
    pub(super) fn new(number: usize, snapshot: &Snapshot) -> Option<Self> {
        let facts = snapshot.flips()[number].clone();
        let flip = &facts.record;
        let (path, since) = (canonical(flip.path.as_ref()?), flip.since?);
        let pod = snapshot.pod(&flip.target.uid)?;
        let object = snapshot.pod_object(&flip.target.uid)?;
        let from = facts.acknowledged + flip.after.unwrap_or_default().into();
        let to = flip.lasts.map_or(Micros::MAX, |lasts| from + lasts.into());
        let mut followed = Self {
            number,
            path,
            since,
            probe: ProbeSettings::of(&object.value(), flip.container(), &flip.probe)?,
            restarts: pod.containers.get(&flip.target.container)?.restarts,
            due: Vec::new(),
            in_force: Span::between(from, to),
            first_hit: None,
            given: 0,
            passed_by: false,
            asked: BTreeMap::new(),
            through: Micros::ZERO,
            lost: false,
            flip: facts,
        };
        followed.take_pod(snapshot, followed.flip.acknowledged);
        Some(followed)
    }

    /// Index in [`Snapshot::flips`].
    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn step(&self) -> usize {
        self.flip.step
    }

    pub(super) fn target(&self) -> &Target {
        &self.flip.record.target
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.flip.record.port
    }

    /// Takes the new state of its Pod.
    pub(super) fn take_pod(&mut self, snapshot: &Snapshot, at: Micros) {
        let Target { uid, container, .. } = self.target();
        let pod = snapshot.pod(uid);
        let target = pod.and_then(|pod| pod.containers.get(container));
        if target.is_none_or(|target| target.restarts != self.restarts) {
            self.in_force.close(at);
        }
        let is_leaving = pod.is_none_or(PodFacts::is_leaving);
        let asking = pod.and_then(|pod| pod.containers.get(self.flip.record.container()));
        let due = asking
            .filter(|_| !is_leaving)
            .and_then(|container| self.due(container, at));
        let known = self.due.last_mut().filter(|span| span.is_open());
        match (known, due) {
            (None, Some(from)) => self.due.push(Span::open(from)),
            (Some(span), None) => span.close(at),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// The time from which the probe is due, which may be in the future; none while it is not due.
    ///
    /// By `doProbe` of pkg/kubelet/prober/worker.go, no probe is due before its initial delay has
    /// passed. The startup probe is due until it has succeeded, the others from then on.
    fn due(&self, container: &ContainerFacts, at: Micros) -> Option<Micros> {
        let is_startup = self.flip.record.probe == "startup";
        let may_ask = is_startup != container.started && !container.killed;
        let running = container.running.filter(|_| may_ask)?;
        Some(at.max(running + self.probe.initial_delay))
    }

    /// Takes a request from a target's journal.
    pub(super) fn take_hit(&mut self, hit: &Hit) {
        let FlipRecord {
            after, count, port, ..
        } = self.flip.record;
        if hit.target != *self.target()
            || Some(hit.port) != port
            || hit.began < self.since + after.unwrap_or_default().into()
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
            if count.is_some_and(|count| self.given >= count) {
                let lasted = hit.began.since(self.since);
                self.in_force.close(self.flip.acknowledged + lasted);
            }
        } else if is_probe {
            *self.asked.entry(hit.path.clone()).or_default() += 1;
        }
    }

    /// Whether requests with this user agent, as the journal has it, are given the flip.
    fn applies_to(&self, agent: Option<&str>) -> bool {
        let prefix = self.flip.record.agent.as_deref().map(recorded_text);
        prefix.is_none_or(|prefix| agent.unwrap_or_default().starts_with(prefix))
    }

    /// Takes how far its target's journal has been read.
    pub(super) fn take_journal(&mut self, read: &JournalRead) {
        if read.target == *self.target() {
            self.through = self.through.max(read.through);
            self.lost |= read.lost > 0;
        }
    }

    /// Whether the probe reached the flip, given that everything up to `now` has been recorded. The
    /// spans in `hidden` do not count.
    pub(super) fn reached(&self, flips: &[FlipFacts], hidden: &[Span], now: Micros) -> Reached {
        let mut in_force = self.in_force;
        in_force.close(flips[self.number].withdrawn);
        let was_hit = self.was_hit(in_force);
        in_force.close(now);
        let Some(due) = self
            .long_due(in_force, hidden)
            .filter(|_| !was_hit && !self.lost)
        else {
            return Reached::NotMissed;
        };
        // The journal records a request when it ends. A request that is never answered ends after
        // its timeout.
        let needed = due.from + self.needed() + self.probe.timeout;
        let apart = needed.since(self.flip.acknowledged) + self.round_trip();
        let deadline = needed + RECORDS_TIMEOUT;
        if self.through >= self.since + apart {
            Reached::Missed(self.missed(due))
        } else if now < deadline {
            Reached::Open(deadline)
        } else {
            Reached::NotMissed
        }
    }

    /// Whether a request of the probe began while the flip may have been in force. The end is known
    /// on the timeline; on the target's clock it is later by the round trip at most.
    fn was_hit(&self, in_force: Span) -> bool {
        let lasted = in_force.to.since(self.flip.acknowledged);
        let end = self.since + lasted + self.round_trip();
        self.first_hit.is_some_and(|began| began <= end)
    }

    /// The first span in which the probe was due for so long that it must have sent a request.
    fn long_due(&self, in_force: Span, hidden: &[Span]) -> Option<Span> {
        let pieces = self
            .due
            .iter()
            .flat_map(|due| without(due.within(in_force), hidden));
        let mut long = pieces.filter(|piece| piece.length() > self.needed());
        long.next()
    }

    /// The time from sending the flip to receiving its acknowledgement. It came into force
    /// somewhere between the two.
    fn round_trip(&self) -> Duration {
        self.flip.acknowledged.since(self.flip.record.sent)
    }

    fn needed(&self) -> Duration {
        self.probe.period.max(self.probe.timeout) + SLACK + self.round_trip()
    }

    fn missed(&self, due: Span) -> String {
        let FlipRecord { probe, to, .. } = &self.flip.record;
        let asking = Target {
            container: self.flip.record.container().to_owned(),
            ..self.target().clone()
        };
        let port = self.port().unwrap_or_default();
        let path = self.named(&self.path);
        let missed = format!("the {probe} probe of {asking} did not reach the flip `{to}`");
        if let Some(agent) = self.flip.record.agent.as_ref().filter(|_| self.passed_by) {
            return format!(
                "{missed}: requests of it for {path} arrived at port {port}, but the flip is only \
                 for user agents that begin with `{agent}`"
            );
        }
        format!(
            "{missed}: no request of it for {path} arrived at port {port}, although it was due \
             for {} s; {}",
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
