//! Checks the `which` of conditions against the Pods that a step flips or deletes: their own step,
//! or the first one for those of a measure.

use super::diagnostics::Diagnostics;
use crate::input::experiment::{Action, Condition, Delete, Flip, ObjectRef, Spanned, Which};
use crate::input::problem::ProblemText;

/// Reports a `which` that selects no Pod whatever the cluster does.
pub(super) fn check(
    reader: &mut Diagnostics<'_>,
    action: &Action,
    condition: &Condition,
) -> Option<()> {
    let (Condition::Pod { pod, which, .. } | Condition::Container { pod, which, .. }) = condition
    else {
        return Some(());
    };
    match problem(action, pod, which.value) {
        Some(fault) => reader.fault(which.span, fault),
        None => Some(()),
    }
}

/// The Pods that an action flips or deletes: a subject, and how many of its Pods.
type Chosen<'a> = (&'a ObjectRef, Option<&'a Spanned<u32>>);

fn chosen(action: &Action) -> Vec<Chosen<'_>> {
    match action {
        Action::Flip(flips) => {
            let each = flips.iter();
            let each = each.map(|Flip { pod, pods, .. }| (&pod.value, pods.as_ref()));
            each.collect()
        }
        Action::Delete(Delete { pod, pods }) => vec![(&pod.value, pods.as_ref())],
        Action::Patch(_) | Action::Wait(_) => Vec::new(),
    }
}

fn problem(action: &Action, pod: &ObjectRef, which: Which) -> Option<ProblemText> {
    let chosen = chosen(action);
    let does = match action {
        Action::Delete(_) => "deletes",
        Action::Flip(_) | Action::Patch(_) | Action::Wait(_) => "flips",
    };
    match which {
        Which::Flipped | Which::Others if chosen.is_empty() => {
            let fault = ProblemText::new("this step neither flips nor deletes a Pod");
            Some(fault.expected("`which` in a step that does"))
        }
        Which::Flipped if !chosen.iter().any(|(of, _)| may_share(of, pod)) => {
            let fault = ProblemText::new(format!("this step {does} no Pod of `{pod}`"));
            let names: Vec<String> = chosen.iter().map(|(of, _)| of.to_string()).collect();
            Some(fault.one_of(&pod.to_string(), names.iter().map(String::as_str)))
        }
        Which::Others if chosen.iter().any(|(of, pods)| *of == pod && pods.is_none()) => {
            let fault = ProblemText::new(format!("this step {does} every Pod of `{pod}`"));
            Some(fault.expected("`pods: 1` beside it, which leaves some"))
        }
        Which::All | Which::Flipped | Which::Others => None,
    }
}

/// Whether two references may select the same Pod. Of one kind, only the same name does.
fn may_share(one: &ObjectRef, other: &ObjectRef) -> bool {
    one.kind != other.kind || one.name == other.name
}
