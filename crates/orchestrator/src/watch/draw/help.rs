//! The list of keys and signs.

use ratatui::{
    layout::Rect,
    style::{Modifier, Style},
};

use super::{Page, split};
use crate::report::lanes::{Level, MarkLook, SpanLook, Subject};

/// The width from which on keys and signs are side by side, and that of the keys then.
const WIDE: u16 = 80;
const KEYS_WIDTH: u16 = 52;

/// Keys and what they do.
const KEYS: [(&str, &str); 12] = [
    ("up/down, j/k", "select a lane"),
    ("PgUp/PgDn, g/G", "ten lanes on, the first, the last"),
    ("Enter, i", "the newest records of the lane"),
    ("f", "flip a probe of the container"),
    ("h", "remove all flips of the container"),
    ("space", "stand still, or go on"),
    ("+, -", "show less time, more time"),
    ("/", "list only lanes with a text"),
    ("Esc", "close, show all lanes"),
    ("Ctrl-L", "draw anew"),
    ("Ctrl-Z", "back to the shell, until fg"),
    ("q, Ctrl-C", "heal the flips made here, and end"),
];

/// States that the list explains.
const STATES: [(SpanLook, &str); 6] = [
    (SpanLook::Ready, "ready"),
    (SpanLook::Running, "runs, not ready"),
    (SpanLook::Starting, "runs, not started"),
    (SpanLook::Waiting, "waits to start"),
    (SpanLook::Terminated, "has ended"),
    (SpanLook::Deleting, "being deleted"),
];

/// Records that the list explains.
const RECORDS: [(MarkLook, &str); 7] = [
    (MarkLook::Passed, "a status below 400"),
    (MarkLook::Failed, "another status"),
    (MarkLook::Fault, "a fault, such as hang"),
    (MarkLook::Event, "a warning"),
    (MarkLook::Restart, "started again"),
    (MarkLook::Flip, "flipped, or healed"),
    (MarkLook::Change, "another change"),
];

impl Page<'_> {
    pub(super) fn help(&mut self, area: Rect) {
        let signs = self.signs;
        let keys = KEYS.map(|(key, does)| (key.to_owned(), does));
        let nowhere = Subject::Run;
        let states = STATES.map(|(look, means)| {
            let sign = signs.of_span(look, Level::FULL, &nowhere);
            let symbol = sign.map_or(' ', |sign| sign.symbol);
            (symbol.to_string().repeat(3), means)
        });
        let records = RECORDS.map(|(look, means)| (signs.of_mark(look).symbol.to_string(), means));
        let service = Subject::Service(String::new());
        let endpoints = [(1, "some endpoints ready"), (2, "all endpoints ready")];
        let endpoints = endpoints.map(|(high, means)| {
            let level = Level {
                low: 0,
                high,
                of: 2,
            };
            let sign = signs.of_span(SpanLook::Endpoints, level, &service);
            let symbol = sign.map_or(' ', |sign| sign.symbol);
            (symbol.to_string().repeat(3), means)
        });
        let outage = [("xxx".to_owned(), "no endpoint ready")];
        let signs = states
            .into_iter()
            .chain(records)
            .chain(endpoints)
            .chain(outage);
        let signs: Vec<_> = signs.collect();
        if area.width >= WIDE {
            let left = Rect {
                width: KEYS_WIDTH,
                ..area
            };
            let right = Rect {
                x: area.x + KEYS_WIDTH,
                width: area.width - KEYS_WIDTH,
                ..area
            };
            self.table(left, "Keys (any key: back)", keys, 16);
            self.table(right, "Signs; underlined: flipped", signs, 5);
        } else {
            let below = self.table(area, "Keys (any key: back)", keys, 16);
            self.table(below, "Signs; underlined: flipped", signs, 5);
        }
    }

    /// Returns what is left below.
    fn table(
        &mut self,
        area: Rect,
        title: &str,
        lines: impl IntoIterator<Item = (String, &'static str)>,
        width: u16,
    ) -> Rect {
        self.put(area, 1, title, Style::new().add_modifier(Modifier::BOLD));
        let (_, mut rest) = split(area, 1);
        for (what, means) in lines {
            self.put(rest, 1, &what, Style::new());
            self.put(rest, 1 + width, means, Style::new());
            (_, rest) = split(rest, 1);
        }
        rest
    }
}
