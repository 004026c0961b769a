//! Where output goes: data to stdout, everything else to stderr, progress only to a terminal.
//!
//! It knows no formats. Callers hand it finished text, so that what is printed can be tested
//! without a terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The two streams of the process, or of a test.
pub struct Printer {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    live: bool,
}

impl Printer {
    /// The streams of this process; progress lines only if stderr is a terminal.
    pub fn process() -> Self {
        let live = io::stderr().is_terminal();
        Self {
            live,
            ..Self::to(Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// Prints to the given writers, without progress lines.
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(out),
            err: Mutex::new(err),
            live: false,
        }
    }

    /// What the command was asked for, to stdout.
    ///
    /// A reader that left (`probeflip status | head`) is not an error; a full disk is.
    pub fn data(&self, text: &str) -> io::Result<()> {
        let mut out = lock(&self.out);
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// One line about what is going on, to stderr.
    pub fn note(&self, line: impl AsRef<str>) {
        self.say(&format!("{}{}\n", self.erase(), line.as_ref()));
    }

    /// Something the reader should know before trusting the result, to stderr.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.note(format!("warning: {}", line.as_ref()));
    }

    /// Why the command ends, with its causes, and what would help if we know, to stderr.
    pub fn error(&self, error: &anyhow::Error) {
        self.note(format!("error: {error:#}"));
    }

    /// Replaces the progress line. Nothing happens off a terminal.
    pub fn progress(&self, line: impl AsRef<str>) {
        if self.live {
            self.say(&format!("{}{}", self.erase(), line.as_ref()));
        }
    }

    /// Takes the progress line away.
    pub fn settle(&self) {
        self.say(self.erase());
    }

    /// Whether progress lines are shown.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Back to the line's start and clear it: ECMA-48, "erase in line".
    fn erase(&self) -> &'static str {
        if self.live { "\r\x1b[K" } else { "" }
    }

    fn say(&self, text: &str) {
        let mut err = lock(&self.err);
        // There is nobody left to tell that stderr is gone.
        err.write_all(text.as_bytes())
            .and_then(|()| err.flush())
            .ok();
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer")
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

/// A panic while printing leaves at worst half a line behind, so a poisoned lock is no reason to stop.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
