//! The target of a flip, a container's probe or its process, with the behaviour laid over it.

use std::fmt;

use probe_target::ParseError;
use probe_target::model::process_fault::ProcessFault;
use serde_json::{Map, Value};

use super::behaviour::{BESIDE, plain};
use super::{Behaviour, Probe};

/// The target of a flip and the behaviour to lay over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlipTarget {
    /// One probe of the container.
    Probe {
        /// The probe.
        probe: Probe,
        /// The behaviour that the probe meets.
        to: Behaviour,
    },
    /// The container's process, and thereby all of its probes.
    Process(ProcessFault),
}

impl FlipTarget {
    /// Parses a process fault and the bounds beside it. Errors name a field by its path in the
    /// flip, such as `for` or `process.code`.
    pub fn process(
        process: Map<String, Value>,
        beside: &Map<String, Value>,
    ) -> Result<Self, ParseError> {
        let at = |name: &str| format!("process.{name}");
        for name in BESIDE
            .into_iter()
            .filter(|name| process.contains_key(*name))
        {
            // `delay` is allowed inside: for a process it is a parameter of the SIGTERM fault, not
            // a bound.
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

    /// The key of the target: a later flip with the same key replaces an earlier one.
    pub fn target(&self) -> String {
        match self {
            Self::Probe { probe, .. } => probe.to_string(),
            Self::Process(fault) => format!("process {}", fault.name()),
        }
    }

    /// The flip in words: ``the readiness probe of b in deploy/web gets `503` (for: 10s)``.
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

// probe-target treats a missing signal name as an empty one. Its error would quote a name that the
// user did not write.
fn must_name(signal: ParseError) -> ParseError {
    match signal.message.split_once(", expected one of ") {
        Some((_, known)) if signal.field == "signal" => {
            let message = format!("must be given: one of {known}");
            ParseError::new(signal.field, message)
        }
        _ => signal,
    }
}

/// The behaviour or process fault in one word, as recorded in the timeline.
impl fmt::Display for FlipTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe { to, .. } => to.fmt(f),
            Self::Process(fault) => f.write_str(fault.name()),
        }
    }
}
