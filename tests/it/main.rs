//! Every whole-system test in one binary. Read this list as the table of contents.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The checks the workspace makes on itself: crate edges, versions, first lines.
mod tidy;
