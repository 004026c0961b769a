//! Catches SIGINT, SIGTERM and SIGHUP and delivers them as an async stream of exit codes.

use std::{future, io, thread};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{exit::Exit, report::printer::Printer};

/// Message printed on the first signal.
pub(crate) const INTERRUPTED: &str =
    "interrupted: everything is being undone; once more to quit at once";

/// Catches signals until the process ends. Signals are queued while no task waits, even between two
/// runtimes.
#[derive(Debug)]
pub(crate) struct Interrupt {
    caught: UnboundedReceiver<Exit>,
    /// Whether the sender of relayed signals prints the message.
    is_announced: bool,
}

impl Interrupt {
    /// Starts to catch the signals.
    pub(crate) fn catch() -> io::Result<Self> {
        Self::by(&[
            (SignalKind::interrupt(), Exit::Interrupted),
            (SignalKind::terminate(), Exit::Terminated),
            (SignalKind::hangup(), Exit::Terminated),
        ])
    }

    /// Catches signals on a separate thread, which ends with the process.
    fn by(signals: &[(SignalKind, Exit)]) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let inside = runtime.enter();
        let (sender, caught) = unbounded_channel();
        for (kind, exit) in signals {
            let (mut signal, exit, sender) = (signal(*kind)?, *exit, sender.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() && sender.send(exit).is_ok() {}
            });
        }
        drop(inside);
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || runtime.block_on(future::pending::<()>()))?;
        Ok(Self {
            caught,
            is_announced: false,
        })
    }

    /// Signals that another part of the process relays, and the sender for them.
    pub(crate) fn relayed() -> (UnboundedSender<Exit>, Self) {
        let (sender, caught) = unbounded_channel();
        let interrupt = Self {
            caught,
            is_announced: false,
        };
        (sender, interrupt)
    }

    /// Relayed signals whose sender says that everything is being undone.
    pub(crate) fn announced() -> (UnboundedSender<Exit>, Self) {
        let (sender, interrupt) = Self::relayed();
        let interrupt = Self {
            is_announced: true,
            ..interrupt
        };
        (sender, interrupt)
    }

    /// Says that everything is being undone, unless the sender does.
    pub(crate) fn announce(&self, printer: &Printer) {
        if !self.is_announced {
            printer.note(INTERRUPTED);
        }
    }

    /// Waits for the next signal, and returns its exit code.
    pub(crate) async fn next(&mut self) -> Exit {
        match self.caught.recv().await {
            Some(exit) => exit,
            None => future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
