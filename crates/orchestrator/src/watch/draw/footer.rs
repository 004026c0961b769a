//! The last lines: a message, what is being typed, or the most important keys.

use ratatui::{
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::{Page, cells_of, split};
use crate::{
    report::wrapped,
    watch::view::{Dialog, FlipPrompt, Notice, View},
};

/// Number of lines that a message takes at most.
const NOTICE_LINES: u16 = 3;

/// The most important keys, the most important first.
const KEYS: [&str; 8] = [
    "q quit",
    "? help",
    "f flip",
    "h heal",
    "space pause",
    "i records",
    "/ filter",
    "+/- zoom",
];

impl Page<'_> {
    /// The lines that the footer needs.
    pub(super) fn footer_height(&self, view: &View, area: Rect) -> u16 {
        if area.height < super::TALL {
            return 1;
        }
        match (&view.dialog, &view.notice) {
            (Dialog::Flip(_), _) => 2,
            (Dialog::None, Some(notice)) => {
                let lines = self.notice(notice, area.width).len();
                u16::try_from(lines).map_or(NOTICE_LINES, |lines| lines.min(NOTICE_LINES))
            }
            _ => 1,
        }
    }

    pub(super) fn footer(&mut self, view: &View, area: Rect) {
        match &view.dialog {
            Dialog::Filter { .. } => self.typed(area, "filter: ", &view.filter),
            Dialog::Flip(prompt) => self.prompt(area, prompt),
            Dialog::None | Dialog::Help => match &view.notice {
                Some(notice) => {
                    let mut style = Style::new().add_modifier(Modifier::BOLD);
                    if notice.is_error {
                        style = style.patch(self.signs.style(Color::Red));
                    }
                    let mut rest = area;
                    for line in self.notice(notice, area.width) {
                        self.put(rest, 0, &line, style);
                        (_, rest) = split(rest, 1);
                    }
                }
                None => self.keys(area),
            },
        }
    }

    fn notice(&self, notice: &Notice, width: u16) -> Vec<String> {
        wrapped(&self.signs.text(&notice.text), width.into())
    }

    fn prompt(&mut self, area: Rect, prompt: &FlipPrompt) {
        let FlipPrompt {
            pod,
            container,
            line,
            ..
        } = prompt;
        let (typed, hint) = split(area, 1);
        let what = self.signs.text(&format!("flip {pod}/{container}: "));
        let what = if usize::from(cells_of(&what)) + line.len() >= area.width.into() {
            "flip: ".to_owned()
        } else {
            what
        };
        self.typed(typed, &what, line);
        let keys = "Enter flips  Tab next probe  Esc not  (options too: --for 30s --count 3)";
        let dim = self.signs.style(Color::DarkGray);
        self.put(hint, 0, keys, dim);
    }

    /// What is being typed, with a sign at its end. Of a long line the end is seen.
    fn typed(&mut self, area: Rect, what: &str, line: &str) {
        let line = self.signs.text(line) + "_";
        let mut text = format!("{what}{line}");
        while cells_of(&text) > area.width && !text.is_empty() {
            text.remove(0);
        }
        self.put(area, 0, &text, Style::new().add_modifier(Modifier::BOLD));
    }

    fn keys(&mut self, area: Rect) {
        let dim = self.signs.style(Color::DarkGray);
        let mut column = 0;
        for key in KEYS {
            if column + cells_of(key) > area.width {
                return;
            }
            self.put(area, column, key, dim);
            column += cells_of(key) + 2;
        }
    }
}
