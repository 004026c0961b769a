//! The signs of states and records in a lane. Each has a letter or shape besides its colour.

use ratatui::style::{Color, Modifier, Style};

use crate::{
    printable,
    report::{
        ascii::ascii,
        lanes::{Level, MarkLook, SpanLook, Subject},
    },
    timeline::RequestOutcome,
};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signs {
    /// Whether the locale has only ASCII.
    pub(crate) ascii: bool,
    /// Whether colours may be used.
    pub(crate) colour: bool,
}

/// One character of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) symbol: char,
    pub(super) colour: Color,
    /// Where several signs meet in a column, the one with the highest rank is seen.
    pub(super) rank: u8,
}

/// Ready endpoints as a part of all, in eighths of the height.
const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Signs {
    /// The sign of a state; none if it has no character of its own.
    pub(super) fn of_span(self, look: SpanLook, level: Level, of: &Subject) -> Option<Sign> {
        let is_service = matches!(of, Subject::Service(_));
        let (unicode, plain, colour, rank) = match look {
            SpanLook::Waiting => ('┈', '.', Color::Yellow, 2),
            SpanLook::Starting => ('╌', '~', Color::Yellow, 2),
            SpanLook::NotReady if is_service => ('x', 'x', Color::Red, 2),
            SpanLook::Running | SpanLook::NotReady => ('─', '-', Color::Yellow, 2),
            SpanLook::Terminated => ('▪', '#', Color::Red, 2),
            SpanLook::Deleting => ('┄', ':', Color::Magenta, 2),
            SpanLook::Ready => ('━', '=', Color::Green, 3),
            SpanLook::Endpoints => return Some(self.endpoints(level)),
            SpanLook::Gap => ('?', '?', Color::Yellow, 10),
            SpanLook::Requests(outcome) => requests(outcome),
            SpanLook::Phase
            | SpanLook::Flip
            | SpanLook::TooEarly
            | SpanLook::Window
            | SpanLook::Hold => return None,
        };
        Some(self.sign(unicode, plain, colour, rank))
    }

    fn endpoints(self, Level { high, of, .. }: Level) -> Sign {
        let colour = if high < of {
            Color::Yellow
        } else {
            Color::Green
        };
        let eighth = (high * 8).div_ceil(of.max(1)).clamp(1, 8) as usize;
        let digit = char::from_digit(high, 10).unwrap_or('+');
        self.sign(EIGHTHS[eighth - 1], digit, colour, 3)
    }

    /// The sign of a record.
    pub(super) fn of_mark(self, look: MarkLook) -> Sign {
        let (unicode, plain, colour, rank) = match look {
            MarkLook::Change | MarkLook::Held => ('•', 'o', Color::Cyan, 1),
            MarkLook::Passed => ('•', 'o', Color::Green, 4),
            MarkLook::Event => ('▲', '^', Color::Yellow, 5),
            MarkLook::Failed | MarkLook::Broken => ('✗', 'x', Color::Red, 6),
            MarkLook::Fault => ('!', '!', Color::Red, 7),
            MarkLook::Restart => ('R', 'R', Color::Red, 8),
            MarkLook::Flip => ('F', 'F', Color::Magenta, 9),
        };
        self.sign(unicode, plain, colour, rank)
    }

    fn sign(self, unicode: char, plain: char, colour: Color, rank: u8) -> Sign {
        let symbol = if self.ascii { plain } else { unicode };
        Sign {
            symbol,
            colour,
            rank,
        }
    }

    /// Text of a cluster or user in the characters that the terminal shows.
    pub(super) fn text(self, text: &str) -> String {
        let line = printable::one_line(text);
        if self.ascii {
            ascii(&line)
        } else {
            line.into_owned()
        }
    }

    /// A colour, where colours may be used.
    pub(super) fn style(self, colour: Color) -> Style {
        if self.colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// The columns in which a flip is in force.
    pub(super) fn flipped(self) -> Style {
        let style = Style::new().add_modifier(Modifier::UNDERLINED);
        if self.colour {
            style.bg(Color::Indexed(53))
        } else {
            style
        }
    }
}

fn requests(outcome: RequestOutcome) -> (char, char, Color, u8) {
    match outcome {
        RequestOutcome::Ok => ('•', 'o', Color::Green, 2),
        RequestOutcome::Status => ('s', 's', Color::Red, 3),
        RequestOutcome::Error => ('e', 'e', Color::Red, 4),
        RequestOutcome::Timeout => ('t', 't', Color::Red, 5),
        RequestOutcome::Reset => ('c', 'c', Color::Red, 6),
        RequestOutcome::Refused => ('r', 'r', Color::Red, 7),
    }
}
