//! Lint: what is wrong with the probes, hooks, rollouts and Services of manifests, by closed
//! formulas alone.
//!
//! Pure, from manifests to findings. [`Inventory`] resolves once which Services lead to which
//! containers; each rule of [`RULES`] is a function of it. `docs/lint.md` has a section a rule.

mod catalog;
mod dependency;
mod draft;
mod finding;
mod inventory;
mod rule;
mod suppression;
mod words;

use std::collections::BTreeMap;

use crate::input::{
    load::Manifest,
    problem::{Problem, Problems},
};
pub(crate) use catalog::DRAIN;
use catalog::RULES;
pub(crate) use dependency::{CLIENTS, of_command as host_asked_by};
pub(crate) use finding::{LintFinding, Severity};
use inventory::Inventory;
use suppression::Suppressions;

/// What lint says about some manifests.
#[derive(Debug)]
pub(crate) struct LintOutcome {
    /// The findings, by file and position.
    pub(crate) findings: Vec<LintFinding>,
    /// How many more were suppressed.
    pub(crate) suppressed: usize,
    /// Suppressions of rules that do not exist.
    pub(crate) unknown: Vec<Problem>,
    /// How many workloads were checked.
    pub(crate) workloads: usize,
    /// How many Services were checked.
    pub(crate) services: usize,
    /// How many objects of kinds that lint does not know were left out, by kind.
    pub(crate) left_out: BTreeMap<String, usize>,
}

/// Checks manifests against all rules. Objects of other kinds are skipped.
pub(crate) fn lint(manifests: &[Manifest]) -> Result<LintOutcome, Problems> {
    let inventory = Inventory::read(manifests)?;
    Problems::unless_any(inventory.refusals(), ())?;
    Ok(inspect(&inventory, manifests))
}

/// Checks an inventory against all rules.
fn inspect(inventory: &Inventory<'_>, manifests: &[Manifest]) -> LintOutcome {
    let suppressions = Suppressions::read(manifests);
    let mut findings = Vec::new();
    let mut suppressed = 0;
    for rule in &RULES {
        for draft in (rule.check)(inventory) {
            if suppressions.cover(&draft, rule.id) {
                suppressed += 1;
            } else {
                findings.push(draft.finding(rule.id, rule.title, rule.severity));
            }
        }
    }
    findings.sort_by(|one, other| one.place().cmp(&other.place()));
    let unknown = suppressions.unknown(&RULES.map(|rule| rule.id));
    LintOutcome {
        findings,
        suppressed,
        unknown,
        workloads: inventory.workloads.len(),
        services: inventory.services.len(),
        left_out: inventory.left_out.clone(),
    }
}

#[cfg(test)]
mod tests;
