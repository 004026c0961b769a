//! The target of a flip: a container's probe with what it meets, or its process with a fault.

use std::fmt;

use probe_target::model::flip_spec::FlipSpec;
use probe_target::model::process_fault::ProcessFault;

use super::Probe;

/// The target of a flip, with what it meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlipTarget {
    /// One probe of the container.
    Probe {
        /// The probe.
        probe: Probe,
        /// What the probe meets.
        to: FlipSpec,
    },
    /// The container's process, and thereby all of its probes.
    Process(ProcessFault),
}

impl FlipTarget {
    /// The key of the target: a later flip with the same key replaces an earlier one.
    pub fn target(&self) -> String {
        match self {
            Self::Probe { probe, .. } => probe.to_string(),
            Self::Process(fault) => format!("process {}", fault.name()),
        }
    }

    /// The flip in words: ``the readiness probe of b in deploy/web gets `503` (for: 10s)``.
    pub fn describe(&self, whose: impl fmt::Display) -> String {
        let (what, fields) = match self {
            Self::Probe { probe, to } => (format!("{probe} probe"), to.details()),
            Self::Process(fault) => ("process".to_owned(), fault.body()),
        };
        let fields = fields.iter().map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {value}"),
        });
        let fields: Vec<_> = fields.collect();
        let fields = match fields[..] {
            [] => String::new(),
            _ => format!(" ({})", fields.join(", ")),
        };
        format!("the {what} of {whose} gets `{self}`{fields}")
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
