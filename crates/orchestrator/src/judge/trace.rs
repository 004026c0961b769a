//! The history of a condition: points in time at which its evaluation changed.

use std::borrow::Cow;

use super::evaluate::Evaluation;
use crate::timeline::Micros;
use crate::timeline::snapshot::{Outdated, WatchGap};

/// Points in the order of their times. The evaluation is constant between two points. Several
/// points may share a time; they apply in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Vec<Point>);

/// The evaluation from this time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) at: Micros,
    pub(super) evaluation: Evaluation,
}

/// A period in which the condition holds without interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: Micros,
    /// When the condition stopped holding; none if it still holds.
    pub(super) end: Option<Micros>,
}

impl Trace {
    /// Adds an evaluation if it differs from the last one.
    pub(super) fn push(&mut self, at: Micros, evaluation: Evaluation) {
        if self
            .0
            .last()
            .is_none_or(|last| last.evaluation != evaluation)
        {
            self.0.push(Point { at, evaluation });
        }
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.0
    }

    /// The latest evaluation.
    pub(super) fn last(&self) -> Option<&Point> {
        self.0.last()
    }

    /// All periods in which the condition holds.
    pub(super) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut holds = false;
        for point in &self.0 {
            match (holds, point.evaluation.holds) {
                (false, true) => runs.push(Run {
                    start: point.at,
                    end: None,
                }),
                (true, false) => {
                    runs.last_mut()
                        .expect("a run that ends must have begun")
                        .end = Some(point.at);
                }
                _ => {}
            }
            holds = point.evaluation.holds;
        }
        runs
    }

    /// A copy in which the condition is assumed to be `holds` while the status is outdated.
    pub(super) fn without(&self, outdated: &Outdated, holds: bool) -> Self {
        let unknown = Point {
            at: outdated.from,
            evaluation: Evaluation {
                holds,
                observed: String::new(),
            },
        };
        let known_again = self
            .0
            .iter()
            .rfind(|point| point.at <= outdated.to)
            .filter(|_| outdated.to < Micros::MAX)
            .map(|point| Point {
                at: outdated.to,
                evaluation: point.evaluation.clone(),
            });
        let before = self.0.iter().filter(|point| point.at < outdated.from);
        let after = self.0.iter().filter(|point| point.at > outdated.to);
        let points = before.cloned().chain([unknown]).chain(known_again);
        Self(points.chain(after.cloned()).collect())
    }

    /// The trace, where the condition is assumed to be `holds` during every watch gap.
    pub(super) fn assuming<'a>(
        &self,
        gaps: impl Iterator<Item = &'a WatchGap>,
        holds: bool,
    ) -> Cow<'_, Self> {
        gaps.fold(Cow::Borrowed(self), |trace, gap| {
            Cow::Owned(trace.filled(gap, holds))
        })
    }

    fn filled(&self, gap: &WatchGap, holds: bool) -> Self {
        let unseen = Evaluation {
            holds,
            observed: String::new(),
        };
        let before = self.0.iter().filter(|point| point.at <= gap.from).cloned();
        let within = self.0.iter().rfind(|point| point.at <= gap.to);
        let after = self.0.iter().filter(|point| point.at > gap.to).cloned();
        let filled = within.iter().flat_map(|last| {
            [
                Point {
                    at: gap.from,
                    evaluation: unseen.clone(),
                },
                Point {
                    at: gap.to,
                    evaluation: last.evaluation.clone(),
                },
            ]
        });
        Self(before.chain(filled).chain(after).collect())
    }
}
