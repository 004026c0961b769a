//! A Kubernetes that fits in a process.
//!
//! In reading order: the time everything happens in, and the network it happens on.

pub mod clock;
pub mod net;
