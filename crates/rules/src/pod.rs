//! The phase and the conditions of a Pod, and the ends that its final status must invent.

pub mod conditions;
mod phase;
mod unobserved_end;

pub use conditions::{Condition, PodView, conditions};
pub use phase::{ContainerView, Phase, phase};
pub use unobserved_end::unobserved_ends;
