//! A state under observation: from its changes to the spans in which it lasted.

use super::lane::{Level, Span, SpanLook};
use crate::timeline::Micros;

/// What a span shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) look: SpanLook,
    pub(super) level: Level,
    pub(super) label: String,
    pub(super) text: String,
}

/// The spans of one row so far.
#[derive(Debug, Default)]
pub(super) struct Track {
    spans: Vec<Span>,
    now: Option<(Micros, Shown)>,
}

impl Shown {
    /// The whole height of the row, with one text for everything.
    pub(super) fn full(look: SpanLook, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            look,
            level: Level::FULL,
            label: text.clone(),
            text,
        }
    }

    /// The span of this state.
    pub(super) fn between(self, from: Micros, to: Micros) -> Span {
        let Self {
            look,
            level,
            label,
            text,
        } = self;
        Span {
            from,
            to: to.max(from),
            look,
            level,
            label,
            text,
        }
    }
}

impl Track {
    /// Takes the state from `at` on; `None` if there is nothing to show.
    pub(super) fn set(&mut self, at: Micros, shown: Option<Shown>) {
        if self.now.as_ref().map(|(_, now)| now) == shown.as_ref() {
            return;
        }
        if let Some((from, now)) = self.now.take()
            && from < at
        {
            self.spans.push(now.between(from, at));
        }
        self.now = shown.map(|shown| (at, shown));
    }

    /// All spans; the last one reaches to the end.
    pub(super) fn end(mut self, end: Micros) -> Vec<Span> {
        self.set(end, None);
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_states_are_one_span_and_states_without_time_are_none() {
        let mut track = Track::default();
        let shown = |text: &str| Some(Shown::full(SpanLook::Ready, text));
        for (at, text) in [(1, "a"), (2, "a"), (3, "b"), (3, "c"), (5, "d")] {
            track.set(Micros(at), shown(text));
        }
        track.set(Micros(7), None);
        track.set(Micros(8), shown("e"));
        let spans = track.end(Micros(9));
        let found: Vec<_> = spans
            .iter()
            .map(|span| (span.from.0, span.to.0, span.text.as_str()))
            .collect();
        assert_eq!(found, [(1, 3, "a"), (3, 5, "c"), (5, 7, "d"), (8, 9, "e")]);
    }
}
