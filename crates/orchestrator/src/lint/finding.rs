//! What a rule finds: where, how bad, and what to do about it.

use std::path::Path;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use crate::input::source::{Source, Span};

/// How bad a finding is, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; often intended
    Info,
    /// Likely to hurt when something fails
    Warning,
    /// Does not do what it says, or makes an outage out of a failure
    Error,
}

impl Severity {
    /// The word in output and on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule finds about an object or one of its containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LintFinding {
    /// The rule's id: `PL05`.
    pub(crate) rule: &'static str,
    /// What the rule finds, in general.
    pub(crate) title: &'static str,
    pub(crate) severity: Severity,
    /// The object's kind.
    pub(crate) kind: String,
    /// The object's name.
    pub(crate) name: String,
    /// The namespace that the object names.
    pub(crate) namespace: Option<String>,
    /// The container, if it is about one.
    pub(crate) container: Option<String>,
    /// The file.
    pub(crate) source: Source,
    /// The field that it is about.
    pub(crate) span: Span,
    /// What, when, why, and what to change.
    pub(crate) message: String,
}

impl LintFinding {
    /// What findings are sorted by.
    pub(super) fn place(&self) -> (&Path, Span, &'static str) {
        (&self.source.path, self.span, self.rule)
    }
}
