//! The server under probe: a tiny hyper program whose ports, paths and faults are set at runtime over HTTP.
//! Generic over [`Network`], so that the very code of the image also runs on streams in memory. It knows no socket and no wall clock.

pub mod behaviour;
pub mod bound;
pub mod duration;
pub mod moment;
pub mod opening;
pub mod wire;
pub mod word;

mod clock;
mod fields;
mod invalid;
mod net;
mod process;

pub use invalid::Invalid;
pub use net::{Connection, Listener, Network};
pub use process::Process;

/// Runs one invocation to its end and says its exit code.
///
/// All tasks belong to the future: dropping it is SIGKILL. What they held is released as soon as the runtime has polled them once more.
pub async fn run<N: Network>(mut process: Process<N>) -> u8 {
    // An unwritable stderr leaves nobody to tell.
    _ = writeln!(process.errors, "error: no command is served yet");
    2
}
