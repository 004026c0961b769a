//! `Screen`: the terminal while the picture is on it, and the way back.

use std::{
    env,
    io::{self, IsTerminal as _, Stdout},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use rustix::{
    process::{Signal, getpid, getsid, kill_current_process_group},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

use crate::exit::{Exit, HasExitCode};

/// Whether the picture is on the terminal.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode, on its alternate screen. Dropping the value leaves both.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    /// A standard stream is no terminal.
    #[error(
        "`watch` needs a terminal for its picture and for keys, and standard {0} is none; \
         `probeflip status` prints the state once"
    )]
    NoTerminal(&'static str),
    /// The terminal cannot move its cursor.
    #[error(
        "`watch` needs a terminal that can move its cursor, and TERM is `dumb`; `probeflip status` \
         prints the state once"
    )]
    Dumb,
    /// The terminal cannot be set up or written.
    #[error("cannot draw on the terminal")]
    Terminal(#[from] io::Error),
    /// A bug: a task has panicked, and its message is on the terminal.
    #[error("a task has panicked")]
    Panicked,
}

impl HasExitCode for ScreenError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoTerminal(_) | Self::Dumb => Exit::Usage,
            Self::Terminal(_) | Self::Panicked => Exit::Infrastructure,
        }
    }
}

impl Screen {
    /// Rejects what is no terminal.
    pub(crate) fn check() -> Result<(), ScreenError> {
        if !io::stdout().is_terminal() {
            return Err(ScreenError::NoTerminal("output"));
        }
        if !io::stdin().is_terminal() {
            return Err(ScreenError::NoTerminal("input"));
        }
        if env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Err(ScreenError::Dumb);
        }
        Ok(())
    }

    /// Takes the terminal.
    pub(crate) fn enter() -> Result<Self, ScreenError> {
        leave_on_panic();
        // Dropped on the way out if one of the steps below fails.
        let mut screen = Self {
            terminal: Terminal::new(CrosstermBackend::new(io::stdout()))?,
        };
        screen.take()?;
        Ok(screen)
    }

    fn take(&mut self) -> io::Result<()> {
        SHOWN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen)?;
        self.clear()
    }

    /// Clears the terminal. `Terminal::clear` would ask it for its cursor, and the answer would be
    /// read as keys.
    fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Draws a frame.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), ScreenError> {
        if !SHOWN.load(Ordering::SeqCst) {
            return Err(ScreenError::Panicked);
        }
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// Makes the kernel report keys that came together with a new size, by setting the modes that
    /// the terminal has.
    ///
    /// crossterm would not hear of them before the next key: it takes each report once, and leaves
    /// out what is reported beside SIGWINCH (0.29, `src/event/source/unix/mio.rs`, `try_read`).
    pub(crate) fn resized() -> Result<(), ScreenError> {
        let input = io::stdin();
        let modes = tcgetattr(&input).map_err(io::Error::from)?;
        tcsetattr(&input, OptionalActions::Now, &modes).map_err(io::Error::from)?;
        Ok(())
    }

    /// Draws everything anew with the next frame.
    pub(crate) fn redraw(&mut self) -> Result<(), ScreenError> {
        Ok(self.clear()?)
    }

    /// Stops the process until the shell continues it. The terminal is the shell's meanwhile.
    /// Without a shell, nothing could continue the process, and it goes on.
    pub(crate) fn suspend(&mut self) -> Result<(), ScreenError> {
        let has_shell = getsid(None).is_ok_and(|session| session != getpid());
        if !has_shell {
            return Ok(());
        }
        leave();
        // The whole group, as the terminal does: the shell waits for all of it. SIGSTOP, since
        // SIGTSTP is caught.
        kill_current_process_group(Signal::STOP).map_err(io::Error::from)?;
        Ok(self.take()?)
    }

    /// Takes the terminal again after the process was stopped by somebody else: the shell has set
    /// it up for itself meanwhile.
    pub(crate) fn retake(&mut self) -> Result<(), ScreenError> {
        disable_raw_mode()?;
        Ok(self.take()?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back, unless that has been done. Errors are those of a terminal that is gone.
fn leave() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        execute!(io::stdout(), LeaveAlternateScreen, Show).ok();
        disable_raw_mode().ok();
    }
}

/// Gives the terminal back before the message of a panic, which the alternate screen would hide.
fn leave_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave();
            report(panic);
        }));
    });
}
