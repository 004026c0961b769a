//! Checks steps: flips must be possible, and the subjects of expectations must exist.

use k8s_openapi::api::core::v1::{Pod, Service};

use super::Checker;
use super::known::Known;
use super::subjects;
use crate::input::experiment::{Action, Flip, Span, Step};
use crate::input::problem::ProblemText;
use crate::targets::flip_plan::{FlipProblem, WantedFlip, plan};
use crate::targets::{containers, is_target};

/// Reports every problem of a step.
pub(super) fn check(checker: &mut Checker<'_>, known: &Known, step: &Step) {
    match &step.action {
        Action::Flip(flips) => flips
            .iter()
            .for_each(|flip| self::flip(checker, known, flip)),
        // `check_patches` checks patches: patching a foreign object has another exit code.
        Action::Patch(_) => {}
    }
    for expectation in &step.expect {
        subjects::check(checker, known, &expectation.claim);
    }
}

fn flip(checker: &mut Checker<'_>, known: &Known, flip: &Flip) {
    let Some(pod) = subjects::pod(checker, known, &flip.pod) else {
        return;
    };
    if !subjects::container(checker, pod, &flip.container) {
        return;
    }
    if let Some(image) = foreign_image(pod, &flip.container) {
        let fault = ProblemText::new(format!(
            "container `{}` runs `{image}`, which cannot be flipped",
            flip.container.value
        ));
        checker.fault(
            flip.container.span,
            fault.expected("an image named `probe-target`"),
        );
        return;
    }
    let services: Vec<Service> = known.services.values().cloned().collect();
    let wish = WantedFlip {
        container: &flip.container,
        aim: &flip.aim,
        shared: flip.shared,
    };
    if let Err(refusal) = plan(pod, &services, wish) {
        checker.fault(place(flip, &refusal), ProblemText::new(refusal.to_string()));
    }
}

fn foreign_image(pod: &Pod, name: &str) -> Option<String> {
    let container = containers(pod).find(|container| container.name == name)?;
    (!is_target(pod, container)).then(|| container.image.clone().unwrap_or_default())
}

// The span of the part of the flip that causes the problem.
fn place(flip: &Flip, refusal: &FlipProblem) -> Span {
    match refusal {
        FlipProblem::Unseen { .. } | FlipProblem::Impossible { .. } => flip.to,
        _ => flip.aim.span,
    }
}
