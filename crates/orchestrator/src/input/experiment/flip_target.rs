//! What a flip is aimed at and what that gets: a probe of a container, or its process.

use std::fmt;

use probe_target::ParseError;
use probe_target::model::process_fault::ProcessFault;
use serde_json::{Map, Value};

use super::behaviour::{BESIDE, plain};
use super::{Behaviour, Probe};

/// What a flip is aimed at, and what that gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlipTarget {
    /// One probe.
    Probe {
        /// Which.
        probe: Probe,
        /// What it gets.
        to: Behaviour,
    },
    /// The process itself, and with it everything in the container.
    Process(ProcessFault),
}

impl FlipTarget {
    /// Reads what is done to a process, and the bounds that stand beside it. What is refused is named by its path: `for`, `process.code`.
    pub fn process(
        process: Map<String, Value>,
        beside: &Map<String, Value>,
    ) -> Result<Self, ParseError> {
        let at = |name: &str| format!("process.{name}");
        for name in BESIDE
            .into_iter()
            .filter(|name| process.contains_key(*name))
        {
            // What it says of SIGTERM is no bound.
            if name != "delay" {
                return Err(ParseError::misplaced(
                    at(name),
                    "stands beside `process`, not in it",
                ));
            }
            if beside.contains_key(name) {
                return Err(ParseError::misplaced(
                    at(name),
                    "stands beside `process` already",
                ));
            }
        }
        if process.contains_key("leased") {
            return Err(ParseError::misplaced(
                at("leased"),
                "is said by probeflip, of every flip",
            ));
        }
        let unnamed = !process.contains_key("signal");
        let mut object = process;
        object.extend(beside.clone());
        ProcessFault::read(object.into(), "")
            .map(Self::Process)
            .map_err(|invalid| if unnamed { must_name(invalid) } else { invalid })
            .map_err(|invalid| {
                let said_beside = beside.contains_key(&invalid.field);
                if said_beside {
                    invalid
                } else {
                    invalid.within("process")
                }
            })
    }

    /// What it is aimed at: a later flip with the same takes the place of an earlier one.
    pub fn target(&self) -> String {
        match self {
            Self::Probe { probe, .. } => probe.to_string(),
            Self::Process(fault) => format!("process {}", fault.name()),
        }
    }

    /// Everything that is said of it: ``readiness probe of b in deploy/web gets `503` (for: 10s)``.
    pub fn told(&self, whose: impl fmt::Display) -> String {
        match self {
            Self::Probe { probe, to } => format!("the {probe} probe of {whose} gets {}", to.told()),
            Self::Process(fault) => {
                let body = fault.body();
                let said: Vec<_> = body
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", plain(value)))
                    .collect();
                let said = if said.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", said.join(", "))
                };
                format!("the process of {whose} gets `{}`{said}", fault.name())
            }
        }
    }
}

// A target takes no name for the empty one, which nobody wrote.
fn must_name(signal: ParseError) -> ParseError {
    match signal.message.split_once(", expected one of ") {
        Some((_, known)) if signal.field == "signal" => {
            let message = format!("must be given: one of {known}");
            ParseError::new(signal.field, message)
        }
        _ => signal,
    }
}

/// In one word, as the timeline has it.
impl fmt::Display for FlipTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe { to, .. } => to.fmt(f),
            Self::Process(fault) => f.write_str(fault.name()),
        }
    }
}
