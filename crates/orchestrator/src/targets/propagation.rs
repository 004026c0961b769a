//! When others see what a probe decides: at the API, at a Service's endpoints, and its users.

use std::time::Duration;

use rules::probe::Window;

/// How long an attempt may have been under way when a fault begins.
pub(crate) const UNDER_WAY: Duration = Duration::from_millis(500);

/// The longest way from an attempt's end to the API, the Services and their users.
pub(crate) const PROPAGATION: Duration = Duration::from_millis(1_500);

/// Between which times others see what is decided in a window.
pub(crate) fn seen(decided: Window) -> Window {
    Window {
        after: decided.after.saturating_sub(UNDER_WAY),
        within: decided.within + PROPAGATION,
    }
}
