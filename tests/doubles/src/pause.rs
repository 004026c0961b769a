//! The double of `pause`: it waits for SIGTERM and ends well.

use crate::system::System;

/// Runs until SIGTERM.
pub(crate) async fn run(system: &dyn System) -> i32 {
    system.terminated().await;
    0
}
