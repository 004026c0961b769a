//! The signals that stop a process and continue it.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGTSTP: the process is to stop.
    Asked,
    /// SIGCONT: the process continues.
    Over,
}

/// Catches the signals.
#[derive(Debug)]
pub(super) struct Stops {
    asked: unix::Signal,
    over: unix::Signal,
}

impl Stops {
    /// Starts to catch the signals.
    pub(super) fn catch() -> io::Result<Self> {
        let catch = |which: Signal| signal(SignalKind::from_raw(which.as_raw()));
        Ok(Self {
            asked: catch(Signal::TSTP)?,
            over: catch(Signal::CONT)?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Stop {
        tokio::select! {
            biased;
            Some(()) = self.asked.recv() => Stop::Asked,
            Some(()) = self.over.recv() => Stop::Over,
            else => std::future::pending().await,
        }
    }
}
