//! Ctrl-C, SIGTERM and a closed terminal, as something to wait for.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Catches these signals for as long as the process lives, also while nobody waits.
#[derive(Debug)]
pub struct Interrupt {
    interrupted: Signal,
    terminated: Signal,
    hung_up: Signal,
}

impl Interrupt {
    /// Begins to catch them.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
            hung_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one, and says how the process then ends.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            biased;
            _ = self.interrupted.recv() => Exit::Interrupted,
            _ = self.terminated.recv() => Exit::Terminated,
            _ = self.hung_up.recv() => Exit::Terminated,
        }
    }
}
