//! The small clients of the same program: the exec probe, the control client, the traffic client.

pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod http1;
pub(crate) mod traffic;
