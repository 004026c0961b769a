//! The lanes of Pods, containers and Services: their states, and what targets answered.

use super::extent::Extent;
use super::lane::{Level, Mark, MarkLook, Row, Span, SpanLook};
use super::marks::Marks;
use super::track::{Shown, Track};
use crate::input::experiment::ContainerPhase;
use crate::report::record_changes::state;
use crate::timeline::snapshot::{ContainerFacts, EndpointFacts, FlipFacts, PodFacts};
use crate::timeline::{Hit, Micros};

/// How the user agent of a traffic client begins.
const TRAFFIC_AGENT: &str = "probe-target-traffic/";

/// Answers to users are many and mostly alike: they are merged in intervals so many times as long.
pub(crate) const USERS: u64 = 10;

/// A container of the Pods of one name.
#[derive(Debug, Default)]
pub(super) struct ContainerTracks {
    state: Track,
    ready: Track,
    /// The times from which on it had been restarted so often.
    restarts: Vec<(Micros, i64)>,
    probes: Marks,
    users: Marks,
}

impl ContainerTracks {
    /// Nothing yet; marks in an interval of this length will be kept as one.
    pub(super) fn thinned(thinned: Micros) -> Self {
        Self {
            probes: Marks::thinned(thinned),
            users: Marks::thinned(Micros(thinned.0 * USERS)),
            ..Self::default()
        }
    }

    /// Takes its state from `at` on, none if its Pod is gone. Returns whether it was started again.
    pub(super) fn take(&mut self, at: Micros, facts: Option<&ContainerFacts>) -> bool {
        let phase = facts.and_then(|facts| Some((facts.phase?, facts)));
        self.state
            .set(at, phase.map(|(phase, facts)| phase_shown(phase, facts)));
        let ready = facts.filter(|facts| facts.ready);
        self.ready
            .set(at, ready.map(|_| Shown::full(SpanLook::Ready, "ready")));
        let restarts = facts.map_or(0, |facts| facts.restarts);
        let before = self.restarts_at(at);
        if restarts != before {
            self.restarts.push((at, restarts));
        }
        restarts > before
    }

    /// How often it had been restarted.
    pub(super) fn restarts_at(&self, at: Micros) -> i64 {
        let known = self.restarts.iter().rfind(|(from, _)| *from <= at);
        known.map_or(0, |(_, restarts)| *restarts)
    }

    /// Takes a request that it answered.
    pub(super) fn take_hit(&mut self, at: Micros, hit: &Hit) {
        let agent = hit.agent.as_deref().unwrap_or("a client without a name");
        let text = format!(
            ":{}{} gets {}, asked by {agent}",
            hit.port, hit.path, hit.reply
        );
        let mark = Mark::new(at, answer(&hit.reply), text);
        if agent.starts_with(TRAFFIC_AGENT) {
            self.users.push(mark);
        } else {
            self.probes.push(mark);
        }
    }

    /// Its rows, with `flips` above its states and `changes` beside them.
    pub(super) fn rows(&self, flips: Vec<Row>, changes: Vec<Mark>, extent: &Extent) -> Vec<Row> {
        let row = |name: &str, spans, marks| Row {
            spans,
            marks,
            ..Row::new(name)
        };
        let mut rows = flips;
        rows.push(row("state", self.state.spans(extent), changes));
        rows.push(row("ready", self.ready.spans(extent), Vec::new()));
        rows.push(row("answers", Vec::new(), self.probes.seen(extent, 1)));
        // A live lane has joined them already.
        let times = if self.users.are_joined() { 1 } else { USERS };
        rows.push(row("to users", Vec::new(), self.users.seen(extent, times)));
        rows.retain(|row| !row.is_empty());
        rows
    }

    /// Forgets what was over before this time.
    pub(super) fn forget(&mut self, before: Micros) {
        self.state.forget(before);
        self.ready.forget(before);
        let kept = self.restarts.partition_point(|(at, _)| *at < before);
        self.restarts.drain(..kept.saturating_sub(1));
        self.probes.forget(before);
        self.users.forget(before);
    }

    /// Whether there is nothing to show at any time.
    pub(super) fn is_empty(&self) -> bool {
        self.state.is_empty() && self.probes.is_empty() && self.users.is_empty()
    }
}

/// A row for each probe or process that one of these flips is of.
pub(super) fn flip_rows<'f>(
    flips: impl Iterator<Item = &'f FlipFacts>,
    extent: &Extent,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for flip in flips {
        let span = flip_span(flip, extent.to);
        if !extent.meets(span.from, span.to) {
            continue;
        }
        let record = &flip.record;
        let name = match &record.container {
            None => format!("flip of {}", record.probe),
            Some(container) => format!("flip of {} of {container}", record.probe),
        };
        match rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.spans.push(span),
            None => rows.push(Row {
                spans: vec![span],
                ..Row::new(name)
            }),
        }
    }
    rows
}

fn flip_span(flip: &FlipFacts, end: Micros) -> Span {
    let record = &flip.record;
    let over = record
        .lasts
        .map(|lasts| flip.acknowledged + record.after.unwrap_or_default().into() + lasts.into());
    let until = flip.withdrawn.min(over.unwrap_or(Micros::MAX)).min(end);
    let text = format!(
        "{} gets {}, unless its process or its bounds ended it before",
        record.probe, record.to
    );
    let shown = Shown {
        label: record.to.clone(),
        ..Shown::full(SpanLook::Flip, text)
    };
    shown.between(flip.acknowledged, until)
}

fn phase_shown(phase: ContainerPhase, facts: &ContainerFacts) -> Shown {
    let look = match phase {
        ContainerPhase::Waiting => SpanLook::Waiting,
        ContainerPhase::Running if facts.started => SpanLook::Running,
        ContainerPhase::Running => SpanLook::Starting,
        ContainerPhase::Terminated => SpanLook::Terminated,
    };
    let text = state(phase, facts.reason.as_deref());
    match look {
        SpanLook::Starting => Shown::full(look, format!("{text}, not started")),
        SpanLook::Running => Shown::full(look, format!("{text}, started")),
        _ => Shown::full(look, text),
    }
}

/// The shape of an answer: a status, or the name of a fault.
fn answer(reply: &str) -> MarkLook {
    match reply.parse::<u16>() {
        Ok(200..400) => MarkLook::Passed,
        Ok(_) => MarkLook::Failed,
        Err(_) => MarkLook::Fault,
    }
}

/// How a Pod looks; none once it is gone.
pub(super) fn pod_shown(facts: &PodFacts) -> Option<Shown> {
    let (ready, of) = facts.ready_count();
    let (look, word) = match facts {
        PodFacts { gone: true, .. } => return None,
        PodFacts { deleting: true, .. } => (SpanLook::Deleting, "being deleted"),
        facts if facts.is_ready() => (SpanLook::Ready, "ready"),
        _ => (SpanLook::NotReady, "not ready"),
    };
    Some(Shown::full(look, format!("{word} {ready}/{of}")))
}

/// How a Service's endpoints look, if it has `most` at most; none without endpoints.
pub(super) fn endpoints_shown(facts: &EndpointFacts, most: u32) -> Option<Shown> {
    let (ready, of) = facts.ready_count();
    if of == 0 {
        return None;
    }
    let text = format!("{ready}/{of} ready: {}", facts.addresses().join(", "));
    let (look, level) = match ready {
        0 => (SpanLook::NotReady, Level::FULL),
        high => (
            SpanLook::Endpoints,
            Level {
                low: 0,
                high,
                of: most,
            },
        ),
    };
    Some(Shown {
        look,
        level,
        label: format!("{ready}/{of}"),
        text,
    })
}
