//! Lines for the outcomes of a traffic client's requests, one for each change.

use super::line::{Line, relative};
use super::record_changes::was;
use crate::timeline::Micros;
use crate::timeline::snapshot::Client;

/// Maximum number of lines of one client in a section; a client that alternates between many
/// outcomes would hide the rest.
const MAX_LINES: usize = 40;

/// From this number on, changes back and forth between two outcomes are one line.
const MIN_ALTERNATIONS: usize = 3;

/// A request whose outcome differs from that of the request before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutcomeChange {
    /// When it was sent.
    pub(super) at: Micros,
    /// The outcome before; none for the first request.
    before: Option<String>,
    outcome: String,
}

impl OutcomeChange {
    /// Whether another change is between the same two outcomes.
    fn alternates_with(&self, other: &Self) -> bool {
        self.before.is_some()
            && self.before.as_ref() == Some(&other.outcome)
            && other.before.as_ref() == Some(&self.outcome)
    }

    fn text(&self) -> String {
        let before = self.before.as_ref();
        before.map_or_else(|| self.outcome.clone(), |before| was(&self.outcome, before))
    }
}

/// The changes among the requests of a client, by the times they were sent.
pub(super) fn outcome_changes(client: &Client) -> Vec<OutcomeChange> {
    let mut changes: Vec<OutcomeChange> = Vec::new();
    for sent in client.all() {
        let outcome = sent.to_string();
        let before = changes.last().map(|change| change.outcome.clone());
        if before.as_ref() != Some(&outcome) {
            let at = Micros::from_signed(sent.at);
            changes.push(OutcomeChange {
                at,
                before,
                outcome,
            });
        }
    }
    changes
}

/// The lines of one client in a section whose times count from `zero`.
pub(super) fn lines(client: &str, changes: &[OutcomeChange], zero: Micros) -> Vec<Line> {
    let object = format!("traffic {client}");
    let mut lines = Vec::new();
    for alternation in changes.chunk_by(OutcomeChange::alternates_with) {
        if alternation.len() >= MIN_ALTERNATIONS {
            let text = summed_up(alternation, zero);
            lines.push(Line::new(alternation[0].at, &object, text));
        } else {
            let single = alternation.iter();
            lines.extend(single.map(|change| Line::new(change.at, &object, change.text())));
        }
    }
    if lines.len() > MAX_LINES {
        let more = format!("… and {} more lines", lines.len() - MAX_LINES);
        let at = lines[MAX_LINES].at;
        lines.truncate(MAX_LINES);
        lines.push(Line::new(at, object, more));
    }
    lines
}

/// `refused and timeout, 12 changes by +8.200 s, timeout last`
fn summed_up(alternation: &[OutcomeChange], zero: Micros) -> String {
    let (first, last) = (&alternation[0], &alternation[alternation.len() - 1]);
    let before = first.before.as_deref().unwrap_or_default();
    format!(
        "{before} and {}, {} changes by {} s, {} last",
        first.outcome,
        alternation.len(),
        relative(last.at, zero),
        last.outcome
    )
}
