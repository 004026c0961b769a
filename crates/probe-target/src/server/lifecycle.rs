//! Applies process faults and SIGTERM to this process until it ends: memory, exit, signal, drain.
//! `state/process.rs` decides what to apply.

use std::future::poll_fn;

use crate::model::answer::Memory;
use crate::process::{Effects, Terminate};
use crate::state::End;
use crate::target::Target;

/// The number of bytes allocated at a time; other tasks run in between.
const STEP: u64 = 4 << 20;

/// Runs until the process must end; returns how, and the termination message.
pub(crate) async fn live(
    target: &Target,
    effects: &dyn Effects,
    terminate: &mut Terminate,
) -> (End, Option<String>) {
    let mut changes = target.changes();
    loop {
        let fate = target.fate();
        if let Some(end) = fate.end {
            return end;
        }
        let Memory { taken, error } = target.memory();
        // After a failed allocation, nothing is allocated until all memory was freed.
        let missing = if error.is_none() {
            fate.memory.saturating_sub(taken)
        } else {
            0
        };
        if fate.memory < taken {
            effects.free_memory();
            target.hold(Memory::default());
            continue;
        }
        let look = async {
            match fate.until {
                Some(moment) => target.clock.until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = poll_fn(|context| terminate(context)) => target.terminate(),
            // The channel closes only with the target, which also ends this function.
            _ = changes.changed() => {}
            () = look => {}
            () = tokio::task::yield_now(), if missing > 0 => {
                let step = STEP.min(missing);
                let got = effects.take_memory(usize::try_from(step).unwrap_or_default());
                target.hold(match got {
                    Ok(()) => Memory { taken: taken + step, error: None },
                    Err(error) => Memory { taken, error: Some(format!("no more can be taken: {error}")) },
                });
            }
        }
    }
}
