//! Fuzz tests of the whole probe-target library, on an in-memory network and a paused clock. Each
//! function interprets the fuzzer's bytes as input and panics if the target violates a promise.
//! `targets/` passes the bytes on; the script `run` builds and runs the fuzzers.

mod control;
mod plan;
mod running_target;
mod wire;

#[path = "../../crates/probe-target/src/net/tests/memory.rs"]
mod memory;

pub use control::control;
pub use plan::plan;
pub use wire::wire;

// `memory.rs` imports them from its parent module.
use probe_target::{Connection, Listener, Network};
