//! Checks the `which` of conditions against the flips of their step.

use super::diagnostics::Diagnostics;
use crate::input::experiment::{Action, Condition, Expectation, Flip, ObjectRef, Which};
use crate::input::problem::ProblemText;

/// Reports every `which` that selects no Pod whatever the cluster does.
pub(super) fn check(reader: &mut Diagnostics<'_>, action: &Action, expect: &[Expectation]) {
    for expectation in expect {
        let (Condition::Pod { pod, which, .. } | Condition::Container { pod, which, .. }) =
            &expectation.claim
        else {
            continue;
        };
        if let Some(fault) = problem(action, pod, which.value) {
            reader.fault::<()>(which.span, fault);
        }
    }
}

fn problem(action: &Action, pod: &ObjectRef, which: Which) -> Option<ProblemText> {
    let flips = match (which, action) {
        (Which::All, _) => return None,
        (_, Action::Flip(flips)) => flips,
        (_, Action::Patch(_)) => {
            let fault = ProblemText::new("this step flips no Pod");
            return Some(fault.expected("`which` in a step that flips"));
        }
    };
    match which {
        Which::Flipped if !flips.iter().any(|flip| may_share(&flip.pod, pod)) => {
            let fault = ProblemText::new(format!("this step flips no Pod of `{pod}`"));
            let names: Vec<String> = flips.iter().map(|flip| flip.pod.to_string()).collect();
            Some(fault.one_of(&pod.to_string(), names.iter().map(String::as_str)))
        }
        Which::Others if flips.iter().any(|flip| takes_all(flip, pod)) => {
            let fault = ProblemText::new(format!("this step flips every Pod of `{pod}`"));
            Some(fault.expected("`pods: 1` in the flip, which leaves some"))
        }
        Which::All | Which::Flipped | Which::Others => None,
    }
}

/// Whether two references may select the same Pod. Of one kind, only the same name does.
fn may_share(one: &ObjectRef, other: &ObjectRef) -> bool {
    one.kind != other.kind || one.name == other.name
}

fn takes_all(flip: &Flip, pod: &ObjectRef) -> bool {
    flip.pod.value == *pod && flip.pods.is_none()
}
