//! The lane of a traffic client: its requests by outcome, in equal intervals.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::extent::Extent;
use super::lane::{Level, Row, Span, SpanLook};
use super::track::{Shown, Track};
use crate::timeline::snapshot::{Client, Sent};
use crate::timeline::{Micros, RequestOutcome};

/// Number of intervals at most.
const INTERVALS: u64 = 400;

/// An outcome, in the order in which outcomes are stacked.
type Kind = (RequestOutcome, String);

/// The row of a client. Neighbouring intervals with the same requests are one span.
pub(super) fn row(client: &Client, extent: &Extent) -> Row {
    let (from, to) = (extent.from.signed(), extent.to.signed());
    let sent: Vec<Sent> = client.between(from, to).collect();
    let intervals = Intervals::of(client.rate(), &sent, extent);
    Row {
        spans: intervals.map_or_else(Vec::new, |intervals| intervals.spans(extent)),
        ..Row::new("requests")
    }
}

/// How many requests have each outcome, in equal intervals.
struct Intervals {
    /// When the first one begins.
    start: i64,
    length: i64,
    /// The number of requests that are sent in one.
    each: u64,
    counts: BTreeMap<i64, BTreeMap<Kind, u32>>,
}

impl Intervals {
    /// Those of a client that sends at this rate; none without a request.
    ///
    /// An interval is a whole number of the client's periods, so that each holds as many requests
    /// as the others. It takes requests from half a period before it on: rounding moves none out of
    /// it.
    fn of(rate: u32, sent: &[Sent], extent: &Extent) -> Option<Self> {
        let start = sent.first()?.at;
        let period = (1_000_000 / u64::from(rate.max(1))).max(1);
        let whole = Micros::from(extent.to.since(extent.from));
        let each = (whole.0 / INTERVALS).div_ceil(period).max(1);
        let length = Micros(each * period).signed();
        let half = Micros(period / 2).signed();
        let mut counts: BTreeMap<i64, BTreeMap<Kind, u32>> = BTreeMap::new();
        for sent in sent {
            let index = (sent.at - start + half) / length;
            let kind = (sent.outcome, sent.to_string());
            *counts.entry(index).or_default().entry(kind).or_default() += 1;
        }
        Some(Self {
            start,
            length,
            each,
            counts,
        })
    }

    fn spans(&self, extent: &Extent) -> Vec<Span> {
        let sums = self.counts.values().map(|counts| counts.values().sum());
        let most = sums.max().unwrap_or(1);
        let kinds = self.counts.values().flat_map(BTreeMap::keys);
        let kinds: BTreeSet<&Kind> = kinds.collect();
        let spans = kinds
            .into_iter()
            .flat_map(|kind| self.of_kind(kind, most, extent));
        let mut spans: Vec<Span> = spans.collect();
        spans.sort_by_key(|span| span.from);
        spans
    }

    /// The spans of one outcome, above those before it in the order of outcomes.
    fn of_kind(&self, kind: &Kind, most: u32, extent: &Extent) -> Vec<Span> {
        let mut track = Track::default();
        let mut next = None;
        for (index, counts) in &self.counts {
            // Nothing was sent, or nothing is known, between two intervals that are not neighbours.
            if let Some(gap) = next.filter(|next| next != index) {
                track.set(self.time(gap), None);
            }
            next = Some(index + 1);
            let shown = counts.get(kind).map(|number| {
                let below = counts.range::<Kind, _>((Bound::Unbounded, Bound::Excluded(kind)));
                let low = below.map(|(_, number)| number).sum();
                let level = Level {
                    low,
                    high: low + number,
                    of: most,
                };
                shown(kind, *number, self.each, level)
            });
            track.set(self.time(*index), shown);
        }
        let to = next.map_or(extent.to, |next| self.time(next).min(extent.to));
        track.spans(&Extent { to, ..*extent })
    }

    fn time(&self, index: i64) -> Micros {
        Micros::from_signed(self.start + index * self.length)
    }
}

fn shown((look, outcome): &(RequestOutcome, String), number: u32, of: u64, level: Level) -> Shown {
    let text = match of {
        1 => format!("each request: {outcome}"),
        _ => format!("{number} of {of} requests: {outcome}"),
    };
    Shown {
        look: SpanLook::Requests(*look),
        level,
        label: outcome.clone(),
        text,
    }
}
