//! `probe-target exit`: parses an exit code and a delay, for init containers and Jobs.

use std::time::Duration;

use super::options::{self, Grammar, Options, Spec};
use crate::model::parse_error::ParseError;

/// The grammar of `exit`.
pub(crate) const GRAMMAR: Grammar = Grammar {
    usage: "exit CODE [--after DURATION]",
    about: "Exit with a code, as an init container or a Job does",
    operands: 1,
    fields: false,
    options: &[Spec::new(
        "after",
        "DURATION",
        "Wait this long first [default: exit at once]",
    )],
    notes: "CODE is a number from 0 to 255. It opens no port. SIGTERM ends the wait with 143.",
};

/// The exit code after SIGTERM: 128 plus its number.
pub(crate) const INTERRUPTED: u8 = 143;

/// An exit.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: u8,
    /// The wait before it.
    pub(crate) after: Duration,
}

impl Exit {
    pub(crate) fn new(mut options: Options) -> Result<Self, ParseError> {
        let code = code(&options.operand("CODE")?);
        let after = options.read_as("after", options::duration)?;
        Ok(Self {
            code: code.map_err(|message| ParseError::new("CODE", message))?,
            after: after.unwrap_or_default(),
        })
    }
}

/// Parses an exit code.
pub(super) fn code(text: &str) -> Result<u8, String> {
    let code = text.parse().ok();
    code.ok_or_else(|| format!("must be a whole number from 0 to 255, not `{text}`"))
}
