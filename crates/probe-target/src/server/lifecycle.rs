//! The life of the process: does to it what the state says, until it ends. What the state says is decided in `state/process.rs`.

use std::future::poll_fn;

use crate::model::answer::Memory;
use crate::process::{Effects, Terminate};
use crate::state::End;
use crate::target::Target;

/// How much memory is taken at a time; others get their turn in between.
const STEP: u64 = 4 << 20;

/// Waits for the end, with the message that is to be left.
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
        // What could not be had is not asked for again before all of it was given back.
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
            // It fails only when the target is gone, and this with it.
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
