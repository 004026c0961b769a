//! A state under observation: from its changes to the spans in which it lasted.

use super::extent::Extent;
use super::lane::{Level, Span, SpanLook};
use crate::timeline::Micros;

/// What a span shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) look: SpanLook,
    pub(crate) level: Level,
    pub(crate) label: String,
    pub(crate) text: String,
}

/// The spans of one row so far.
#[derive(Debug, Default)]
pub(super) struct Track {
    spans: Vec<Span>,
    now: Option<(Micros, Shown)>,
}

impl Shown {
    /// The whole height of the row, with one text for everything.
    pub(crate) fn full(look: SpanLook, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            look,
            level: Level::FULL,
            label: text.clone(),
            text,
        }
    }

    /// The span of this state.
    pub(crate) fn between(self, from: Micros, to: Micros) -> Span {
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

    /// The spans that are seen; that of the present state reaches to the end.
    pub(super) fn spans(&self, extent: &Extent) -> Vec<Span> {
        let now = self.now.iter();
        let now = now.map(|(from, shown)| shown.clone().between(*from, extent.to));
        let all = self.spans.iter().cloned().chain(now);
        all.filter(|span| extent.meets(span.from, span.to))
            .collect()
    }

    /// Forgets the spans that were over before this time.
    pub(super) fn forget(&mut self, before: Micros) {
        self.spans.retain(|span| span.to >= before);
    }

    /// Whether there is nothing to show at any time.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.now.is_none()
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
        let seen = |track: &Track, from, to| {
            let extent = Extent {
                from: Micros(from),
                to: Micros(to),
                interval: Micros::ZERO,
            };
            let spans = track.spans(&extent);
            let seen = spans
                .iter()
                .map(|span| (span.from.0, span.to.0, span.text.clone()));
            seen.map(|(from, to, text)| format!("{from}-{to} {text}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(seen(&track, 0, 9), "1-3 a, 3-5 c, 5-7 d, 8-9 e");
        assert_eq!(seen(&track, 3, 8), "3-5 c, 5-7 d");
        track.forget(Micros(5));
        assert_eq!(seen(&track, 0, 9), "3-5 c, 5-7 d, 8-9 e");
    }
}
