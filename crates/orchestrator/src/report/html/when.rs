//! Times as the report prints them: on the timeline, and since time 0 of the step before.

use crate::report::line::relative;
use crate::timeline::Micros;

/// Time 0 of each step that ran, with the step's number from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct When(Vec<(Micros, usize)>);

impl When {
    /// From the times 0 of all steps; none for a step that did not run.
    pub(super) fn new(zeros: impl Iterator<Item = Option<Micros>>) -> Self {
        let numbered = zeros.zip(1..);
        Self(
            numbered
                .filter_map(|(zero, number)| Some((zero?, number)))
                .collect(),
        )
    }

    /// The times 0 with the numbers of their steps, in order.
    pub(super) fn zeros(&self) -> &[(Micros, usize)] {
        &self.0
    }

    /// `8.842 s (step 1 +4.158 s)`; without the brackets before the first step.
    pub(super) fn text(&self, at: Micros) -> String {
        match self.0.iter().rfind(|(zero, _)| *zero <= at) {
            Some((zero, step)) => format!("{at} s (step {step} {} s)", relative(at, *zero)),
            None => format!("{at} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_from_the_step_before_it() {
        let zeros = [Some(Micros(2_000_000)), None, Some(Micros(5_000_000))];
        let when = When::new(zeros.into_iter());
        let texts = [1_000_000, 2_000_000, 6_500_000].map(|at| when.text(Micros(at)));
        let expected = [
            "1.000 s",
            "2.000 s (step 1 +0.000 s)",
            "6.500 s (step 3 +1.500 s)",
        ];
        assert_eq!(texts, expected);
    }
}
