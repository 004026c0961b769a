//! What a flip acts on, as it is written: `8080/readyz`, `/readyz` (every port), `8080` (the port itself).

use crate::invalid::Invalid;

/// What a flip acts on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A port itself.
    Port(u16),
    /// A path, on one port or on every one.
    Route(Option<u16>, String),
}

impl Place {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || {
            let message = format!("no route `{text}`, expected [PORT]/PATH or PORT");
            Invalid::new("", message)
        };
        let port = |text: &str| number(text).ok_or_else(wrong);
        match text.find('/') {
            None => Ok(Self::Port(port(text)?)),
            Some(0) => Ok(Self::Route(None, text.to_owned())),
            Some(slash) => {
                let (number, path) = text.split_at(slash);
                Ok(Self::Route(Some(port(number)?), path.to_owned()))
            }
        }
    }
}

/// A port's number.
pub(crate) fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number| *number != 0)
}
