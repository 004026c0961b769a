//! Checks steps: flips must be possible, and the subjects of expectations must exist.

use k8s_openapi::api::core::v1::{Pod, Service};

use super::Checker;
use super::manifest_index::ManifestIndex;
use super::subjects;
use crate::input::experiment::{
    Action, Condition, Delete, Flip, NumberRange, ObjectRef, Span, Spanned, Step, Which,
};
use crate::input::problem::ProblemText;
use crate::targets::flip_plan::{FlipPlan, FlipProblem, WantedFlip, plan};
use crate::targets::{containers, is_target};

/// Reports every problem of a step.
pub(super) fn check(checker: &mut Checker<'_>, known: &ManifestIndex, step: &Step) {
    match &step.action {
        Action::Flip(flips) => {
            let plans = flips.iter().filter_map(|flip| {
                let plan = self::flip(checker, known, flip)?;
                Some((flip, plan))
            });
            let plans: Vec<_> = plans.collect();
            contradictions(checker, &plans);
            for Flip { pod, pods, .. } in flips {
                amount(checker, known, pod, pods.as_ref(), step);
            }
        }
        Action::Delete(Delete { pod, pods }) => {
            if subjects::pod(checker, known, pod).is_some() {
                amount(checker, known, pod, pods.as_ref(), step);
            }
        }
        // `check_patches` checks patches: patching a foreign object has another exit code.
        Action::Patch(_) | Action::Wait(_) => {}
    }
    for expectation in &step.expect {
        subjects::check(checker, known, &expectation.claim);
    }
}

/// Reports a step that takes more Pods of a subject than there are, or that takes all of them while
/// a condition is about the others.
fn amount(
    checker: &mut Checker<'_>,
    known: &ManifestIndex,
    of: &Spanned<ObjectRef>,
    pods: Option<&Spanned<u32>>,
    step: &Step,
) {
    let (Some(pods), Some(there)) = (pods, known.replicas(of)) else {
        return;
    };
    if pods.value > there {
        let fault = ProblemText::new(format!(
            "`{}` has {}",
            of.value,
            NumberRange::exactly(there).of("Pod")
        ));
        checker.fault(pods.span, fault.expected(format!("at most `{there}`")));
    }
    for expectation in &step.expect {
        if let Condition::Pod { pod, which, .. } | Condition::Container { pod, which, .. } =
            &expectation.claim
            && (pod.value == of.value && which.value == Which::Others && pods.value >= there)
        {
            let fault = ProblemText::new(format!("this step takes every Pod of `{}`", of.value));
            checker.fault(which.span, fault.expected("a smaller `pods` in the action"));
        }
    }
}

/// Reports simultaneous flips whose effect would depend on their order.
fn contradictions(checker: &mut Checker<'_>, plans: &[(&Flip, FlipPlan)]) {
    for (index, (flip, plan)) in plans.iter().enumerate() {
        let contradicted = plans[..index].iter().find(|(earlier, earlier_plan)| {
            (&earlier.pod.value, &earlier_plan.container) == (&flip.pod.value, &plan.container)
                && plan.contradicts(earlier_plan)
        });
        if let Some((earlier, _)) = contradicted {
            let whose = |flip: &Flip| format!("`{}`", flip.container.value);
            let problem = ProblemText::new(format!(
                "two flips at once contradict each other on port {}: {}, and {}",
                plan.port.unwrap_or_default(),
                earlier.aim.describe(whose(earlier)),
                flip.aim.describe(whose(flip))
            ));
            let expected = "the same for both, or one of them in another step";
            checker.fault(flip.aim.span, problem.expected(expected));
        }
    }
}

fn flip(checker: &mut Checker<'_>, known: &ManifestIndex, flip: &Flip) -> Option<FlipPlan> {
    let pod = subjects::pod(checker, known, &flip.pod)?;
    if !subjects::container(checker, pod, &flip.container) {
        return None;
    }
    if !can_be_flipped(checker, pod, &flip.container, flip.container.span) {
        return None;
    }
    let services: Vec<Service> = known.services.values().cloned().collect();
    let wish = WantedFlip {
        container: &flip.container,
        aim: &flip.aim,
        shared: flip.shared,
    };
    match plan(pod, &services, wish) {
        Ok(plan) => can_be_flipped(checker, pod, &plan.container, flip.aim.span).then_some(plan),
        Err(refusal) => {
            checker.fault(place(flip, &refusal), ProblemText::new(refusal.to_string()));
            None
        }
    }
}

/// Whether a container is a target. Reports it if not.
fn can_be_flipped(checker: &mut Checker<'_>, pod: &Pod, container: &str, span: Span) -> bool {
    let Some(image) = foreign_image(pod, container) else {
        return true;
    };
    let fault = ProblemText::new(format!(
        "container `{container}` runs `{image}`, which cannot be flipped"
    ));
    checker.fault(span, fault.expected("an image named `probe-target`"));
    false
}

fn foreign_image(pod: &Pod, name: &str) -> Option<String> {
    let container = containers(pod).find(|container| container.name == name)?;
    (!is_target(pod, container)).then(|| container.image.clone().unwrap_or_default())
}

/// The span of the part of the flip that causes the problem.
fn place(flip: &Flip, refusal: &FlipProblem) -> Span {
    match refusal {
        FlipProblem::Unseen { .. } | FlipProblem::Impossible { .. } => flip.to,
        _ => flip.aim.span,
    }
}
