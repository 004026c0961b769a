//! The state of a port, which decides what happens to its connections.

use serde::{Deserialize, Serialize};

/// The state of a port, which decides what happens to its connections.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// Connections are served.
    #[default]
    Open,
    /// The port is not listening: new connections are refused, established ones are served as
    /// before.
    Closed,
    /// Connections are accepted and never read; requests on established ones are never answered.
    Blackhole,
    /// The kernel completes connections, but they are not accepted; once the backlog is full, new
    /// ones time out. Established ones are served as before.
    StopAccepting,
    /// Connections are accepted and reset; a request on an established one resets it.
    Reset,
}

impl PortState {
    /// All names, in JSON and on the command line.
    pub const NAMES: [&str; 5] = ["open", "closed", "blackhole", "stop-accepting", "reset"];

    const ALL: [Self; 5] = [
        Self::Open,
        Self::Closed,
        Self::Blackhole,
        Self::StopAccepting,
        Self::Reset,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().position(|known| *known == name);
        found.map(|number| Self::ALL[number])
    }
}
