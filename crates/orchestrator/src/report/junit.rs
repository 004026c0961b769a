//! Results as JUnit XML: a test suite for each run, and a test case for each expectation and for
//! each measure that has a limit.
//!
//! What failed is a `failure`. What is inconclusive is an `error`, as nothing is known of it, and
//! what did not run is `skipped`. A suite whose run did not pass has at least one failure or error.

mod suite;
mod xml;

use super::json::Report;

/// The results of a command.
pub(crate) fn junit(report: &Report) -> Vec<u8> {
    xml::write(&suite::suites(report)).expect("memory must take what is written")
}

#[cfg(test)]
pub(super) mod tests;
