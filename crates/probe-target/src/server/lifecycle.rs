//! Applies process faults and SIGTERM to this process until it ends: memory, exit, signal, drain.
//! `state/process.rs` decides what to apply.

use std::future::poll_fn;

use crate::model::answer::Memory;
use crate::process::{Effects, Terminate};
use crate::state::process::ProcessEnd;
use crate::target::Target;

/// The number of bytes allocated at a time; other tasks run in between, so that probes are answered
/// while the memory grows.
const STEP: u64 = 4 << 20;

/// Runs until the process must end; returns how, and the termination message.
pub(crate) async fn run(
    target: &Target,
    effects: &dyn Effects,
    terminate: &mut Terminate,
) -> (ProcessEnd, Option<String>) {
    let mut changes = target.changes();
    loop {
        let desired = target.desired_process();
        if let Some(end) = desired.end {
            return end;
        }
        let Memory { taken, error } = target.memory();
        if desired.memory < taken {
            effects.free_memory();
            target.set_memory(Memory::default());
            continue;
        }
        // After a failed allocation, nothing is allocated until all memory was freed.
        let missing = if error.is_none() {
            desired.memory - taken
        } else {
            0
        };
        tokio::select! {
            biased;
            () = poll_fn(|task| terminate(task)) => target.terminate(),
            // The channel closes only with the target, which also ends this function.
            _ = changes.changed() => {}
            () = target.clock.until_some(desired.until) => {}
            () = tokio::task::yield_now(), if missing > 0 => {
                let step = STEP.min(missing);
                let taking = effects.take_memory(usize::try_from(step).unwrap_or_default());
                target.set_memory(match taking {
                    Ok(()) => Memory { taken: taken + step, error: None },
                    Err(error) => {
                        Memory { taken, error: Some(format!("no more can be taken: {error}")) }
                    }
                });
            }
        }
    }
}
