//! The location of a flip: `8080/readyz`, `/readyz` (on every port), `8080` (the port itself).

use std::fmt;

use crate::model::parse_error::ParseError;
use crate::model::route_path::RoutePath;

/// The port or route that a flip changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// A port itself.
    Port(u16),
    /// A route on one port, or on every port for `None`.
    Route(Option<u16>, RoutePath),
}

impl Location {
    /// Parses `[PORT]/PATH` or `PORT`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let wrong = || {
            let message = format!("no route `{text}`, expected [PORT]/PATH or PORT");
            ParseError::new("", message)
        };
        let port = |text: &str| number(text).ok_or_else(wrong);
        let route = |path: &str| path.parse().map_err(|why: String| ParseError::new("", why));
        match text.find('/') {
            None => Ok(Self::Port(port(text)?)),
            Some(0) => Ok(Self::Route(None, route(text)?)),
            Some(slash) => {
                let (number, path) = text.split_at(slash);
                Ok(Self::Route(Some(port(number)?), route(path)?))
            }
        }
    }
}

impl Location {
    /// The port; `None` for every port.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) => Some(*port),
            Self::Route(port, _) => *port,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(port) = self.port() {
            write!(f, "{port}")?;
        }
        match self {
            Self::Port(_) => Ok(()),
            Self::Route(_, route) => route.fmt(f),
        }
    }
}

/// Parses a port number in its canonical form: no sign, no leading zeros, not 0.
pub(crate) fn number(text: &str) -> Option<u16> {
    let number: Option<u16> = text.parse().ok();
    number.filter(|number| *number != 0 && number.to_string() == text)
}
