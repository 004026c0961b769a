//! A rule: its id, its severity and its check.

use super::draft::Draft;
use super::finding::Severity;
use super::inventory::Inventory;

/// A rule of lint.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// Its id, which never changes: `PL05`.
    pub(super) id: &'static str,
    /// The highest severity of its findings.
    pub(super) severity: Severity,
    /// What it finds: the title of its section in `docs/lint.md`.
    pub(super) title: &'static str,
    /// Finds it.
    pub(super) check: Check,
}

/// The check of a rule.
pub(super) type Check = for<'a> fn(&'a Inventory<'a>) -> Vec<Draft<'a>>;
