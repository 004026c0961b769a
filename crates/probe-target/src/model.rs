//! A target's configuration and the control API's response types, as immutable parsed values.

pub mod answer;
pub mod behaviour;
pub mod boots;
pub mod bound;
pub mod duration;
pub mod fault;
pub(crate) mod fields;
pub mod flips;
pub(crate) mod identity;
pub(crate) mod json;
pub mod location;
pub mod moment;
pub(crate) mod parse_error;
pub(crate) mod percent;
pub mod plan;
pub mod port_spec;
pub mod probability;
pub mod process_fault;
pub mod route_path;
pub mod shorthand;
