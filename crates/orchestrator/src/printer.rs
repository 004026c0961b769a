//! Where output goes: data to stdout, everything else to stderr, progress only to a terminal.
//!
//! It knows no formats. Callers hand it finished text, so that what is printed can be tested
//! without a terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{causes, report::Paint};

/// The two streams of the process, or of a test.
pub struct Printer {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    live: bool,
    paint: Paint,
    width: Option<u16>,
}

/// How wide a terminal is taken to be that does not say.
const WIDTH: u16 = 120;

impl Printer {
    /// The streams of this process; progress lines only if stderr is a terminal.
    pub fn process() -> Self {
        let live = io::stderr().is_terminal();
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: set and not empty.
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        Self {
            live,
            paint: if terminal && !plain {
                Paint::Colour
            } else {
                Paint::Plain
            },
            width: terminal.then(|| columns.unwrap_or(WIDTH)),
            ..Self::to(Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// Prints to the given writers, without progress lines.
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(out),
            err: Mutex::new(err),
            live: false,
            paint: Paint::Plain,
            width: None,
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

    /// Why the command ends, with its causes, to stderr.
    pub fn error(&self, error: &anyhow::Error) {
        self.note(format!("error: {}", causes::told(error.as_ref())));
    }

    /// What would help, after an error, to stderr.
    pub fn hint(&self, line: impl AsRef<str>) {
        self.note(format!("hint: {}", line.as_ref()));
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

    /// Whether data may be coloured.
    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// How wide data may be; without a limit off a terminal.
    pub fn width(&self) -> Option<u16> {
        self.width
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
