//! Budgets of traffic: whether a client's failures in a window are within a limit.
//!
//! The times of requests have an error, so requests near the bounds of the window are possibly in
//! it. A budget is met if it is met with any of them, and exceeded if it is exceeded with any of
//! them.

use probe_target::model::duration::format;

use super::request_counts::RequestCounts;
use crate::input::experiment::{Budget, FailureLimit, TrafficThat};
use crate::timeline::Micros;
use crate::timeline::snapshot::Client;

/// The counts of one client in a window, at least and at most.
#[derive(Debug)]
pub(super) struct Spending {
    /// Only requests that certainly lie in the window.
    least: RequestCounts,
    /// All requests that possibly lie in the window.
    most: RequestCounts,
}

impl Spending {
    /// Counts a client's requests in [`from`, `to`]; without `to`, those known so far.
    pub(super) fn of(
        name: &str,
        client: &Client,
        that: &TrafficThat,
        from: i64,
        to: Option<i64>,
    ) -> Self {
        let error = client.error().unwrap_or(0);
        let counts = |margin: i64| {
            RequestCounts::of(name, client, that, from + margin, to.map(|to| to - margin))
        };
        Self {
            least: counts(error),
            most: counts(-error),
        }
    }

    /// Describes how the budget is certainly exceeded, if it is. `complete` tells whether the whole
    /// window is known: a share says nothing before. `lost` tells whether records were lost in it:
    /// they may be successes, which make a share smaller and divide a failure.
    pub(super) fn exceeds(&self, budget: &Budget, complete: bool, lost: bool) -> Option<String> {
        let Self { least, most } = self;
        // Of the requests at the bounds, those that did not fail make the share smallest.
        let of = least.sent + most.succeeded() - least.succeeded();
        let failed = budget.failed.filter(|limit| match limit {
            FailureLimit::Count(_) => true,
            FailureLimit::Share(_) => complete && !lost,
        });
        if let Some(limit) = failed.filter(|limit| !limit.permits(least.failed, of)) {
            return Some(format!(
                "{} of {of} requests of {} failed, of at most {limit}",
                least.failed, least.client
            ));
        }
        let limit = budget
            .longest_failure
            .filter(|limit| !lost && least.longest_failure > Micros::from(*limit))?;
        Some(format!(
            "requests of {} failed for {} s in a row, of at most {}",
            least.client,
            least.longest_failure,
            format(limit)
        ))
    }

    /// Whether the budget is possibly exceeded.
    pub(super) fn may_exceed(&self, budget: &Budget) -> bool {
        let Self { least, most } = self;
        // Of the requests at the bounds, those that failed make the share largest.
        let of = least.sent + most.failed - least.failed;
        budget
            .failed
            .is_some_and(|limit| !limit.permits(most.failed, of))
            || budget
                .longest_failure
                .is_some_and(|limit| most.longest_failure > Micros::from(limit))
    }
}
