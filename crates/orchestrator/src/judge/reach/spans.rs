//! Spans of time on the timeline: intersection and difference.

use std::time::Duration;

use crate::timeline::Micros;

/// The time from `from` to `to`. An open span ends at [`Micros::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Micros,
    pub(super) to: Micros,
}

impl Span {
    pub(super) fn open(from: Micros) -> Self {
        Self::between(from, Micros::MAX)
    }

    pub(super) fn between(from: Micros, to: Micros) -> Self {
        Self { from, to }
    }

    pub(super) fn is_open(&self) -> bool {
        self.to == Micros::MAX
    }

    /// Ends the span at `at`, unless it ends earlier.
    pub(super) fn close(&mut self, at: Micros) {
        self.to = self.to.min(at);
    }

    pub(super) fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// The intersection with another span.
    pub(super) fn within(self, other: Self) -> Self {
        Self::between(self.from.max(other.from), self.to.min(other.to))
    }

    /// The difference from another span: at most two pieces.
    fn without(self, other: Self) -> impl Iterator<Item = Self> {
        let before = self.within(Self::between(Micros::ZERO, other.from));
        let after = self.within(Self::open(other.to));
        let pieces = if other.length().is_zero() {
            [self, Self::between(Micros::MAX, Micros::MAX)]
        } else {
            [before, after]
        };
        pieces.into_iter().filter(|piece| piece.from < piece.to)
    }
}

/// The difference of a span from all the others.
pub(super) fn without(span: Span, others: &[Span]) -> Vec<Span> {
    others.iter().fold(vec![span], |pieces, other| {
        pieces
            .into_iter()
            .flat_map(|piece| piece.without(*other))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(others: &[(u64, u64)], expected: &[(u64, u64)]) {
        let span = |(from, to): &(u64, u64)| Span::between(Micros(*from), Micros(*to));
        let others: Vec<Span> = others.iter().map(span).collect();
        let expected: Vec<Span> = expected.iter().map(span).collect();
        assert_eq!(without(span(&(10, 20)), &others), expected, "{others:?}");
    }

    #[test]
    fn spans_are_cut_to_pieces() {
        check(&[], &[(10, 20)]);
        check(&[(0, 5), (25, 30)], &[(10, 20)]);
        check(&[(12, 14)], &[(10, 12), (14, 20)]);
        check(&[(5, 12), (18, u64::MAX)], &[(12, 18)]);
        check(&[(12, 14), (13, 16)], &[(10, 12), (16, 20)]);
        check(&[(0, 30)], &[]);
        check(&[(15, 15)], &[(10, 20)]);
    }
}
