//! What Kubernetes would decide, as pure functions of state, event and time.
//!
//! No clock, no runtime, no serialisation: the dependency table is empty, and every function here can
//! be called from a plain test. Read the modules in this order:
//!
//! - [`moment`]: the only notion of time.
//! - [`selector`]: labels, and what picks objects by them.

pub mod moment;
pub mod selector;

pub use moment::Moment;
