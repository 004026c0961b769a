//! Helper: a program on a terminal of its own, whose screen tests read.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroU16,
    process::{Child, Command},
};

use pty_process::{
    Size,
    blocking::{self, Pty},
};
use vt100::{Parser, Screen};

/// Number of times that a screen is looked at before a test gives up: a program that waits in vain
/// draws for ever.
const LOOKS: usize = 3_000;

/// A program that leads a session on a terminal.
pub(crate) struct Terminal {
    pty: Pty,
    child: Child,
    parser: Parser,
    /// Everything that it wrote.
    said: String,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns and rows.
    pub(crate) fn start(command: Command, (columns, rows): (u16, u16)) -> Self {
        let (pty, pts) = blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let mut command = command;
        command.env("TERM", "xterm-256color");
        let child = blocking::Command::from(command).spawn(pts).unwrap();
        Self {
            pty,
            child,
            parser: Parser::new(size(rows), size(columns), 0),
            said: String::new(),
        }
    }

    /// Reads until the screen is as it should be.
    pub(crate) fn until(&mut self, what: &str, is: impl Fn(&Screen) -> bool) {
        for _ in 0..LOOKS {
            if is(self.parser.screen()) {
                return;
            }
            assert!(self.read(), "ended before {what}:\n{}", self.text());
        }
        panic!("never {what}:\n{}", self.text());
    }

    /// Reads until a text is on the screen.
    pub(crate) fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    /// What is on the screen.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// What was written between two texts, the first of which is still to come or was written.
    pub(crate) fn between(&mut self, before: &str, after: &str) -> String {
        loop {
            let rest = self.said.rsplit_once(before).map(|(_, rest)| rest);
            if let Some((text, _)) = rest.and_then(|rest| rest.split_once(after)) {
                return text.to_owned();
            }
            assert!(self.read(), "no `{before}` in {}", self.said);
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&mut self, (columns, rows): (u16, u16)) {
        let screen = self.parser.screen_mut();
        screen.set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits for the end of the program, checks its code, and returns what is on the screen.
    pub(crate) fn ends(mut self, code: i32) -> String {
        while self.read() {}
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(code), "{}", self.text());
        self.text()
    }

    /// Reads what has been written. Returns whether there may be more.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux has no end of file here, but an error.
        let Ok(read @ 1..) = self.pty.read(&mut bytes) else {
            return false;
        };
        self.parser.process(&bytes[..read]);
        self.said += &String::from_utf8_lossy(&bytes[..read]);
        true
    }
}

impl Drop for Terminal {
    /// Kills the program, so that a failing test leaves none behind.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn size(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).unwrap()
}
