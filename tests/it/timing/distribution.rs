//! The distribution of a sample: percentiles, and the distance between two.

use serde::{Deserialize, Serialize};

/// Measured times in milliseconds, the shortest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Distribution(Vec<u64>);

impl From<Vec<u64>> for Distribution {
    fn from(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self(values)
    }
}

impl Distribution {
    /// The largest difference between the shares of values up to any time, from 0 to 1: the
    /// Kolmogorov–Smirnov statistic.
    #[expect(clippy::cast_precision_loss, reason = "samples are few")]
    pub(super) fn distance(&self, other: &Self) -> f64 {
        let share = |values: &[u64], time| {
            values.partition_point(|value| *value <= time) as f64 / values.len() as f64
        };
        let times = self.0.iter().chain(&other.0);
        let differences = times.map(|time| (share(&self.0, *time) - share(&other.0, *time)).abs());
        differences.fold(0.0, f64::max)
    }

    /// Number of samples and four percentiles, as cells of a table.
    pub(super) fn columns(&self) -> String {
        let [low, median, high, longest] =
            [10, 50, 90, 100].map(|percent| self.percentile(percent));
        let count = self.0.len();
        format!("{count} | {low} ms | {median} ms | {high} ms | {longest} ms")
    }

    /// The smallest value that so many percent of the values do not exceed.
    fn percentile(&self, percent: usize) -> u64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank.max(1) - 1]
    }
}

#[test]
fn distances_are_those_between_the_shares() {
    let check = |left: &[u64], right: &[u64], expected: f64| {
        let [left, right] = [left, right].map(|values| Distribution::from(values.to_vec()));
        let distances = [left.distance(&right), right.distance(&left)];
        assert!(
            distances.iter().all(|it| (it - expected).abs() < 1e-9),
            "{distances:?}"
        );
    };
    check(&[1, 2, 3], &[3, 2, 1], 0.0);
    check(&[1, 2], &[3, 4], 1.0);
    check(&[1, 1, 1, 5], &[1, 5], 0.25);
    check(&[5], &[5, 5, 6, 4], 0.25);
}

#[test]
fn percentiles_are_values_of_the_sample() {
    let sample = Distribution::from((1..=20).rev().collect::<Vec<_>>());
    assert_eq!(sample.columns(), "20 | 2 ms | 10 ms | 18 ms | 20 ms");
    assert_eq!(
        Distribution::from(vec![7]).columns(),
        "1 | 7 ms | 7 ms | 7 ms | 7 ms"
    );
}
