//! What a fuzzer does to a probe target: the very library, whole, on a network in memory and a
//! paused clock. Each function takes bytes from the fuzzer, makes sense of them, and panics if the
//! target does not keep its word. `targets/` hands the bytes over, `run` builds and runs.

mod control;
mod plan;
mod site;
mod wire;

#[path = "../../crates/probe-target/src/net/tests/memory.rs"]
mod memory;

pub use control::control;
pub use plan::plan;
pub use wire::wire;

// Where `memory.rs` looks for them.
use probe_target::{Connection, Listener, Network};
