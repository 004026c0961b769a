//! Colours, if they are wanted. The words and signs say the same without them.

use crate::judge::{Finding, Verdict};

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Plain text.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

impl Paint {
    /// Colours every marked verdict of a finished text; its width stays the same.
    pub fn all(self, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let verdicts = [
            Verdict::Pass,
            Verdict::Inconclusive,
            Verdict::Fail,
            Verdict::Error,
        ];
        verdicts.into_iter().fold(text.to_owned(), |text, verdict| {
            let mark = marked(Some(verdict));
            text.replace(&mark, &format!("\x1b[{}m{mark}\x1b[0m", colour(verdict)))
        })
    }
}

/// The mark of a finding. What is only observed has no verdict.
pub(super) fn mark(finding: &Finding) -> String {
    if finding.observed && finding.verdict.is_some() {
        "· observed".into()
    } else {
        marked(finding.verdict)
    }
}

/// A sign and a word: `✔ pass`.
pub(super) fn marked(verdict: Option<Verdict>) -> String {
    match verdict {
        Some(Verdict::Pass) => "✔ pass".into(),
        Some(Verdict::Inconclusive) => "? inconclusive".into(),
        Some(Verdict::Fail) => "✘ fail".into(),
        Some(Verdict::Error) => "! error".into(),
        None => "– not run".into(),
    }
}

// ECMA-48 › SGR: 31 red, 32 green, 33 yellow.
fn colour(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 32,
        Verdict::Inconclusive => 33,
        Verdict::Fail | Verdict::Error => 31,
    }
}
