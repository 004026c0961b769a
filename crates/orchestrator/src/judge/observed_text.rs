//! Text for what was observed of objects and requests, and when.

use super::trace::Trace;
use super::window::Lasting;
use crate::timeline::Micros;
use crate::timeline::snapshot::Client;

/// Maximum number of changes listed for one subject.
const MAX_CHANGES: usize = 5;

/// The changes of a trace in a window, with times relative to `zero`: `web-abc ready 2/2 until
/// 5.104 s, then ready 1/2`.
pub(super) fn history(trace: &Trace, window: &Lasting, zero: Micros) -> String {
    let points = trace.points();
    let start = points
        .iter()
        .rposition(|point| point.at < window.from)
        .unwrap_or(0);
    let shown = points[start.min(points.len())..]
        .iter()
        .take_while(|point| window.to.is_none_or(|to| point.at <= to));
    chain(
        shown.map(|point| (point.at, point.evaluation.observed.clone())),
        zero,
    )
}

/// The outcomes of a client's requests in a window, with times relative to `zero`: `users-a ok
/// until 5.104 s, then refused`.
pub(super) fn outcomes(name: &str, client: &Client, window: &Lasting, zero: Micros) -> String {
    let sent = client.between(window.from.signed(), window.to.map(Micros::signed));
    let outcomes = sent.map(|sent| (Micros::from_signed(sent.at), sent.to_string()));
    match chain(outcomes, zero) {
        nothing if nothing.is_empty() => format!("{name} sent nothing"),
        changes => format!("{name} {changes}"),
    }
}

// Merges equal neighbours, and counts the changes beyond the maximum.
fn chain(states: impl Iterator<Item = (Micros, String)>, zero: Micros) -> String {
    let mut changes: Vec<(Micros, String)> = Vec::new();
    for (at, observed) in states {
        if changes.last().is_none_or(|(_, last)| *last != observed) {
            changes.push((at, observed));
        }
    }
    let Some(((_, first), rest)) = changes.split_first() else {
        return String::new();
    };
    let listed = rest.iter().take(MAX_CHANGES).map(|(at, observed)| {
        let since = Micros::from(at.since(zero));
        format!(
            " until {since} s, then {}",
            without_subject(first, observed)
        )
    });
    let more = match rest.len().saturating_sub(MAX_CHANGES) {
        0 => String::new(),
        left_out => format!(", and {left_out} more changes"),
    };
    format!("{first}{}{more}", listed.collect::<String>())
}

// A single subject is named only once, at the beginning.
fn without_subject<'a>(first: &str, observed: &'a str) -> &'a str {
    match first.split_once(' ') {
        // Counted Pods are no single subject.
        Some((subject, _)) if !observed.contains(", ") && subject.parse::<usize>().is_err() => {
            let rest = observed
                .strip_prefix(subject)
                .and_then(|rest| rest.strip_prefix(' '));
            rest.unwrap_or(observed)
        }
        _ => observed,
    }
}

/// The time from `at` to `bound`: `0.512 s`.
pub(super) fn late_by(bound: Micros, at: Micros) -> String {
    format!("{} s", Micros::from(bound.since(at)))
}
