//! The clients in the same binary: `check` for exec probes, the control client, the traffic client.

pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod http1;
pub(crate) mod traffic;
