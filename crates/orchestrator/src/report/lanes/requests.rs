//! The lane of a traffic client: its requests by outcome, in equal intervals.

use std::collections::BTreeMap;

use super::extent::Extent;
use super::lane::{Level, Row, SpanLook};
use super::track::{Shown, Track};
use crate::timeline::snapshot::{Client, Sent};
use crate::timeline::{Micros, RequestOutcome};

/// Number of intervals at most.
const INTERVALS: u64 = 400;

/// The requests of one interval: how many of each outcome, in the order in which they are stacked.
type Counts = BTreeMap<(RequestOutcome, String), u32>;

/// The row of a client. Neighbouring intervals with the same requests are one span.
///
/// An interval is a whole number of the client's periods, so that each holds as many requests as
/// the others. It takes requests from half a period before it on: rounding moves none out of it.
pub(super) fn row(client: &Client, extent: &Extent) -> Row {
    let mut row = Row::new("requests");
    let (from, to) = (extent.from.signed(), extent.to.signed());
    let sent: Vec<Sent> = client.between(from, to).collect();
    let Some(first) = sent.first() else {
        return row;
    };
    let period = (1_000_000 / u64::from(client.rate().max(1))).max(1);
    let length = extent.to.since(extent.from);
    let each = (Micros::from(length).0 / INTERVALS).div_ceil(period).max(1);
    let length = Micros(each * period).signed();
    let start = first.at - Micros(period / 2).signed();
    let mut intervals: BTreeMap<i64, Counts> = BTreeMap::new();
    for sent in &sent {
        let counts = intervals.entry((sent.at - start) / length).or_default();
        *counts.entry((sent.outcome, sent.to_string())).or_default() += 1;
    }
    let most = intervals
        .values()
        .map(|counts| counts.values().sum::<u32>());
    let most = most.max().unwrap_or(1);
    let kinds: Vec<(RequestOutcome, String)> = {
        let mut kinds: Vec<_> = intervals
            .values()
            .flat_map(|it| it.keys().cloned())
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let mut tracks: Vec<Track> = kinds.iter().map(|_| Track::default()).collect();
    let mut next = None;
    let time = |index: i64| Micros::from_signed(first.at + index * length);
    for (index, counts) in &intervals {
        // Nothing was sent, or nothing is known, between two intervals that are not neighbours.
        if let Some(gap) = next.filter(|next| next != index) {
            for track in &mut tracks {
                track.set(time(gap), None);
            }
        }
        next = Some(index + 1);
        let mut low = 0;
        for (kind, track) in kinds.iter().zip(&mut tracks) {
            let number = counts.get(kind).copied().unwrap_or(0);
            let high = low + number;
            let shown = (number > 0).then(|| {
                shown(
                    kind,
                    number,
                    each,
                    Level {
                        low,
                        high,
                        of: most,
                    },
                )
            });
            track.set(time(*index), shown);
            low = high;
        }
    }
    let extent = Extent {
        to: next.map_or(extent.to, |next| time(next).min(extent.to)),
        ..*extent
    };
    row.spans = tracks
        .iter()
        .flat_map(|track| track.spans(&extent))
        .collect();
    row.spans.sort_by_key(|span| span.from);
    row
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
