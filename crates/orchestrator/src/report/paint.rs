//! ANSI colours for verdicts in text, and the marks that state the verdict without colour.

use crate::judge::{Finding, Verdict};

/// Whether to colour text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Paint {
    /// Plain text.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

impl Paint {
    /// Colours every marked verdict in a finished text, without changing its visible width.
    pub(crate) fn all(self, text: &str) -> String {
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

/// The mark of a finding. Findings under `observe` are marked as observed instead of by verdict.
pub(super) fn mark(finding: &Finding) -> String {
    if finding.observed && finding.verdict.is_some() {
        "· observed".into()
    } else {
        marked(finding.verdict)
    }
}

/// A verdict as sign and word: `✔ pass`.
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
