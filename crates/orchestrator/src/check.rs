//! Checks an experiment against its workload: names must exist, and flips and traffic be possible.
//!
//! Pure; runs before any cluster access. It does not check what only a cluster knows, such as
//! whether an image can be pulled or a namespace exists.

mod manifest_index;
mod names;
mod predicted;
mod steps;
mod subjects;
mod traffic;

use crate::exit::{Exit, HasExitCode};
use crate::input::experiment::{Action, Experiment, Mark, Span, WorkloadRef};
use crate::input::load::Manifest;
use crate::input::problem::{Problem, ProblemText, Problems};
use manifest_index::ManifestIndex;
pub(crate) use names::check_names;
pub(crate) use predicted::{predict_bounds, windows};

/// A step patches an object that the run does not create.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotCreated(Problems);

impl NotCreated {
    /// One problem for each such patch.
    pub(crate) fn problems(&self) -> &Problems {
        &self.0
    }
}

impl HasExitCode for NotCreated {
    fn exit(&self) -> Exit {
        Exit::Refused
    }
}

/// Checks an experiment against the manifests of its workload.
pub(crate) fn check(experiment: &Experiment, manifests: &[Manifest]) -> Result<(), Problems> {
    let mut checker = Checker {
        experiment,
        problems: Vec::new(),
    };
    // If a manifest is invalid, further checks would only report consequential errors.
    let known = ManifestIndex::read(manifests)?;
    if manifests.is_empty() {
        let fault = ProblemText::new("the workload holds no Kubernetes object");
        checker.fault(
            experiment.workload.span(),
            fault.expected("at least one Pod or Deployment"),
        );
    }
    traffic::check(&mut checker, &known);
    for condition in &experiment.steady_state.require {
        subjects::check(&mut checker, &known, condition);
    }
    for step in &experiment.steps {
        steps::check(&mut checker, &known, step);
    }
    for measure in &experiment.measures {
        for mark in [&measure.from, &measure.to] {
            if let Mark::Change(condition) = mark {
                subjects::check(&mut checker, &known, condition);
            }
        }
    }
    Problems::unless_any(checker.problems, ())
}

/// Checks that steps patch only objects that the run creates. It must not change others.
pub(crate) fn check_patches(
    experiment: &Experiment,
    manifests: &[Manifest],
) -> Result<(), NotCreated> {
    let mut checker = Checker {
        experiment,
        problems: Vec::new(),
    };
    for step in &experiment.steps {
        let Action::Patch(patch) = &step.action else {
            continue;
        };
        let object = &patch.object.value;
        if !manifests
            .iter()
            .any(|manifest| object.is(manifest.kind(), manifest.name()))
        {
            let fault = ProblemText::new(format!("this run does not create `{object}`"));
            let reference = |manifest: &Manifest| WorkloadRef::to(manifest.kind(), manifest.name());
            let names: Vec<String> = manifests
                .iter()
                .map(|each| reference(each).to_string())
                .collect();
            let names = names.iter().map(String::as_str);
            checker.fault(patch.object.span, fault.one_of(&object.to_string(), names));
        }
    }
    Problems::unless_any(checker.problems, ()).map_err(NotCreated)
}

/// Collects the problems of one experiment.
struct Checker<'a> {
    experiment: &'a Experiment,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn fault(&mut self, span: Span, fault: ProblemText) {
        self.problems.push(fault.at(&self.experiment.source, span));
    }

    /// Reports a name that the workload does not define, with suggestions from `names`.
    fn unknown<'n>(
        &mut self,
        span: Span,
        what: &str,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let fault = ProblemText::new(format!("the workload has no {what} `{name}`"));
        self.fault(span, fault.one_of(name, names));
    }
}

#[cfg(test)]
mod tests;
