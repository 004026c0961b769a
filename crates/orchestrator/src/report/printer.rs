//! `Printer`: writes data to stdout, messages to stderr, and progress lines only to a terminal.
//!
//! Callers pass finished text, so that output can be tested without a terminal. Control characters
//! in text for people are escaped; a terminal receives only the escape sequences of colours and
//! progress lines. Where the locale has no UTF-8, signs are replaced by ASCII.

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use terminal_size::Width;

use crate::{
    error_chain,
    exit::{Exit, Failure, HasExitCode},
    printable,
    report::{Paint, ascii, json, wrap},
};

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct PrintError(#[from] io::Error);

impl HasExitCode for PrintError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// How much a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// The total, and a line for what did not hold.
    Quiet,
    /// A line for what held, and the story of what did not.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// How a command prints its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Printing {
    /// How much of it.
    pub verbosity: Verbosity,
    /// Whether it goes to stderr, as stdout is taken by an output file `-`.
    pub on_stderr: bool,
}

/// Writes to the standard streams of the process, or to those of a test.
pub struct Printer {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    errors: Mutex<Vec<json::Error>>,
    printing: Printing,
    live: Option<u16>,
    paint: Paint,
    width: Option<u16>,
    ascii: bool,
    /// The messages of a printer that holds them.
    held: Option<Held>,
}

/// Messages that are printed later.
type Held = Arc<Mutex<Vec<u8>>>;

/// A writer of held messages.
struct Holder(Held);

impl Write for Holder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Width of a terminal that does not tell its own, without `COLUMNS`.
const WIDTH: u16 = 120;

impl Printer {
    /// Prints to the streams of this process, with progress lines only if stderr is a terminal.
    pub fn process(printing: Printing) -> Self {
        let printer = Self::to(Box::new(io::stdout()), Box::new(io::stderr())).with(printing);
        let terminals = (columns(&io::stdout()), columns(&io::stderr()));
        printer.on(terminals, |name| env::var_os(name))
    }

    /// Enables colour, progress lines and a width, depending on the width of stdout and stderr,
    /// if they are terminals, and on the environment.
    fn on(
        self,
        (out, err): (Option<u16>, Option<u16>),
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let text = if self.printing.on_stderr { err } else { out };
        // https://no-color.org: applies if set and not empty. https://bixense.com/clicolors: colour
        // is forced unless it is turned off.
        let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let force = variable("CLICOLOR_FORCE").is_some_and(|it| !it.is_empty() && it != "0");
        // A dumb terminal shows escape sequences as characters, so it gets neither colours nor
        // progress.
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let columns = variable("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
        Self {
            live: err.filter(|_| !dumb),
            paint: if !no_color && (force || text.is_some() && !dumb) {
                Paint::Colour
            } else {
                Paint::Plain
            },
            width: text.map(|width| columns.unwrap_or(width)),
            ascii: ascii::is_needed(variable),
            ..self
        }
    }

    /// Prints to the given writers, without progress lines.
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(out),
            err: Mutex::new(err),
            errors: Mutex::default(),
            printing: Printing::default(),
            live: None,
            paint: Paint::Plain,
            width: None,
            ascii: false,
            held: None,
        }
    }

    /// The same printer, which prints so much and there.
    #[must_use]
    pub(crate) fn with(self, printing: Printing) -> Self {
        Self { printing, ..self }
    }

    /// Prints nowhere. It still keeps errors.
    pub fn nowhere() -> Self {
        Self::to(Box::new(io::sink()), Box::new(io::sink()))
    }

    /// A printer whose messages are those of this one, and are held until
    /// [`release`](Self::release) prints them. It shows no progress, and results go nowhere.
    pub(crate) fn holding(&self) -> Self {
        let held = Held::default();
        let err = Box::new(Holder(Arc::clone(&held)));
        Self {
            printing: self.printing,
            paint: self.paint,
            width: self.width,
            ascii: self.ascii,
            held: Some(held),
            ..Self::to(Box::new(io::sink()), err)
        }
    }

    /// Prints the messages of a printer that holds them, and takes its errors.
    pub(crate) fn release(&self, holding: &Self) {
        let held = holding
            .held
            .as_ref()
            .map(|held| std::mem::take(&mut *lock(held)));
        let text = String::from_utf8(held.unwrap_or_default());
        self.settle();
        self.say(&text.expect("messages must be UTF-8"));
        lock(&self.errors).extend(holding.take_errors());
    }

    /// Prints a command's result as text, escaped and coloured, to stdout (see
    /// [`data`](Self::data)) or, if that is taken, to stderr.
    pub fn text(&self, text: &str) -> Result<(), PrintError> {
        let text = self.encoded(&self.paint.all(&printable::lines(text)));
        self.settle();
        if self.printing.on_stderr {
            self.say(&text);
            return Ok(());
        }
        self.data(&text)
    }

    /// Prints a command's result in a machine-readable format to stdout, unchanged.
    ///
    /// A closed pipe (`probeflip status | head`) is not an error; a full disk is.
    pub fn data(&self, data: &str) -> Result<(), PrintError> {
        let mut out = lock(&self.out);
        match out.write_all(data.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Prints one line about the progress of the command to stderr.
    pub fn note(&self, line: impl AsRef<str>) {
        let line = self.encoded(&printable::lines(line.as_ref()));
        self.say(&format!("{}{line}\n", self.erase()));
    }

    /// Prints a message in lines that fit the terminal, below each other behind their start.
    pub(crate) fn paragraph(&self, start: &str, text: &str) {
        let lines = wrap::hanging(start, &printable::lines(text), wrap::columns(self.live));
        self.note(lines.join("\n"));
    }

    /// Prints one line about the progress of the command to stderr if everything is to be printed;
    /// else it is the progress line.
    pub fn detail(&self, line: impl AsRef<str>) {
        match self.printing.verbosity {
            Verbosity::Verbose => {
                let columns = wrap::columns(self.live);
                let line = printable::one_line(line.as_ref());
                self.note(wrap::wrapped(&line, columns).join("\n"));
            }
            Verbosity::Normal | Verbosity::Quiet => self.progress(line),
        }
    }

    /// Prints a warning to stderr.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.note(format!("warning: {}", line.as_ref()));
    }

    /// Prints an error with its causes to stderr, and keeps it for the JSON report.
    pub fn error(&self, error: &anyhow::Error) {
        lock(&self.errors).push(json::Error::new(error));
        self.note(format!("error: {}", error_chain::text(error.as_ref())));
    }

    /// Prints a hint to stderr, and adds it to the last error.
    pub fn hint(&self, line: impl AsRef<str>) {
        if let Some(error) = lock(&self.errors).last_mut() {
            error.hints.push(line.as_ref().to_owned());
        }
        self.note(format!("hint: {}", line.as_ref()));
    }

    /// The errors printed since the last call.
    pub(crate) fn take_errors(&self) -> Vec<json::Error> {
        std::mem::take(&mut lock(&self.errors))
    }

    /// Replaces the progress line; does nothing if stderr is no terminal. What does not fit into
    /// the terminal is cut off: a line that wraps could not be erased.
    pub fn progress(&self, line: impl AsRef<str>) {
        if let Some(width) = self.live {
            let line = self.encoded(&printable::one_line(line.as_ref()));
            let fitting = wrap::start(&line, usize::from(width).saturating_sub(1));
            self.say(&format!("{}{fitting}", self.erase()));
        }
    }

    /// Removes the progress line.
    pub fn settle(&self) {
        self.say(self.erase());
    }

    /// How much to print.
    pub(crate) fn verbosity(&self) -> Verbosity {
        self.printing.verbosity
    }

    /// Whether data may be coloured.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Whether the locale has only ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Maximum width of data; none if stdout is no terminal.
    pub(crate) fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether progress lines are shown.
    pub(crate) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// The sequence that returns to the line's start and clears it: ECMA-48, "erase in line".
    fn erase(&self) -> &'static str {
        if self.live.is_some() { "\r\x1b[K" } else { "" }
    }

    /// The text in the characters of the locale.
    fn encoded(&self, text: &str) -> String {
        if self.ascii {
            ascii::ascii(text)
        } else {
            text.to_owned()
        }
    }

    /// Prints a failure, if there is one, and returns the exit code.
    pub(crate) fn ended<E: HasExitCode>(&self, result: Result<(), E>) -> Exit {
        match result {
            Ok(()) => Exit::Held,
            Err(error) => Failure::from(error).print(self),
        }
    }

    fn say(&self, text: &str) {
        let mut err = lock(&self.err);
        // A failure to write to stderr cannot be reported anywhere.
        err.write_all(text.as_bytes())
            .and_then(|()| err.flush())
            .ok();
    }
}

/// The width of a stream, if it is a terminal; never zero.
fn columns(stream: &(impl IsTerminal + AsFd)) -> Option<u16> {
    let size = || terminal_size::terminal_size_of(stream);
    let width = || size().map_or(WIDTH, |(Width(width), _)| width);
    stream.is_terminal().then(width)
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer")
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

impl Failure {
    /// Prints the error and its hint, and returns the exit code.
    pub(crate) fn print(&self, printer: &Printer) -> Exit {
        printer.error(&self.error);
        if let Some(hint) = &self.hint {
            printer.hint(hint);
        }
        self.exit
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that keeps what was written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(lock(&self.0).clone()).unwrap()
        }
    }

    /// The output on two terminals with these environment variables.
    fn printed(variables: &[(&str, &str)], print: impl Fn(&Printer)) -> (String, String) {
        let (out, err) = (Kept::default(), Kept::default());
        let printer = Printer::to(Box::new(out.clone()), Box::new(err.clone()));
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let variable = |name: &str| value(name).map(|(_, value)| value.into());
        print(&printer.on((Some(20), Some(20)), variable));
        (out.text(), err.text())
    }

    #[test]
    fn a_dumb_terminal_gets_no_sequences() {
        let print = |printer: &Printer| {
            printer.progress("waiting");
            printer.note("done");
            printer.text("✔ pass small\n").unwrap();
            printer.settle();
        };
        let colour = "\x1b[32m✔ pass\x1b[0m small\n";
        let live = "\r\x1b[Kwaiting\r\x1b[Kdone\n\r\x1b[K\r\x1b[K";
        let plain = ("✔ pass small\n".to_owned(), "done\n".to_owned());
        assert_eq!(printed(&[("TERM", "dumb")], print), plain);
        let xterm = printed(&[("TERM", "xterm")], print);
        assert_eq!(xterm, (colour.to_owned(), live.to_owned()));
        let no_color = printed(&[("NO_COLOR", "1")], print);
        assert_eq!(no_color, (plain.0.clone(), live.to_owned()));
        let forced = printed(&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], print);
        assert_eq!(forced, (colour.to_owned(), plain.1.clone()));
        let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
        assert_eq!(printed(&both, print).0, plain.0);
        let not = [("TERM", "dumb"), ("CLICOLOR_FORCE", "0")];
        assert_eq!(printed(&not, print), plain);
    }

    #[test]
    fn a_locale_without_utf_8_gets_ascii() {
        let print = |printer: &Printer| {
            printer.text("✔ pass small → é\n").unwrap();
            printer.note("– not run …");
        };
        let ascii = printed(&[("TERM", "dumb"), ("LC_ALL", "C")], print);
        let expected = ("+ pass small > \\u{e9}\n", "- not run ...\n");
        assert_eq!((&*ascii.0, &*ascii.1), expected);
    }

    #[test]
    fn what_is_done_is_the_progress_line_unless_everything_is_printed() {
        let printed = |verbosity| {
            let err = Kept::default();
            let printing = Printing {
                verbosity,
                on_stderr: true,
            };
            let printer = Printer::to(Box::new(io::sink()), Box::new(err.clone())).with(printing);
            printer.detail("one");
            let printer = printer.on((None, Some(20)), |_| None);
            printer.detail("two\nerror: of a step's name");
            printer.text("✔ pass\n").unwrap();
            err.text()
        };
        let text = "\r\x1b[K\x1b[32m✔ pass\x1b[0m\n";
        assert_eq!(
            printed(Verbosity::Normal),
            format!("\r\x1b[Ktwo\\nerror: of a st{text}")
        );
        assert_eq!(
            printed(Verbosity::Verbose),
            format!("one\n\r\x1b[Ktwo\\nerror: of a\nstep's name\n{text}")
        );
    }

    #[test]
    fn a_progress_line_never_wraps() {
        let print = |printer: &Printer| printer.progress("row 1 of 2: deploy/web");
        let (_, err) = printed(&[("TERM", "xterm")], print);
        assert_eq!(err, "\r\x1b[Krow 1 of 2: deploy/");
    }

    #[test]
    fn text_is_printed_without_control_characters_and_data_as_it_is() {
        let dumb = [("TERM", "dumb")];
        let evil = "\x1b[2J\x1b]0;t\x07\n";
        let told = printed(&dumb, |printer| {
            printer.text(evil).unwrap();
            printer.warn(evil);
            printer.hint(evil);
            printer.error(&anyhow::anyhow!("no").context(evil));
        });
        let seen = r"\u{1b}[2J\u{1b}]0;t\u{7}";
        assert_eq!(told.0, format!("{seen}\n"));
        let expected = format!("warning: {seen}\n\nhint: {seen}\n\nerror: {seen}\n: no\n");
        assert_eq!(told.1, expected);
        let (data, _) = printed(&dumb, |printer| printer.data(evil).unwrap());
        assert_eq!(data, evil);
    }

    /// A writer on which every write fails, like a full disk.
    struct Full(io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn output_that_cannot_be_written_is_named_unless_its_reader_left() {
        let print = |kind| Printer::to(Box::new(Full(kind)), Box::new(io::sink())).data("a");
        let error = print(io::ErrorKind::StorageFull).unwrap_err();
        assert_eq!(error.exit(), Exit::Infrastructure);
        assert_eq!(
            error_chain::text(&error),
            "cannot write to standard output: no storage space"
        );
        assert!(print(io::ErrorKind::BrokenPipe).is_ok());
    }
}
