//! Text from files and clusters on its way into markup.

use std::fmt;

use maud::Escaper;

use crate::printable;

/// A text on one line, escaped: control characters are written out, and no markup begins in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

/// The same with its line breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl maud::Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        escape(&printable::one_line(self.0), buffer);
    }
}

impl maud::Render for Lines<'_> {
    fn render_to(&self, buffer: &mut String) {
        escape(&printable::lines(self.0), buffer);
    }
}

fn escape(text: &str, buffer: &mut String) {
    use fmt::Write as _;
    write!(Escaper::new(buffer), "{text}").expect("memory must take what is written");
}
