//! Checks which expectation of a step begins after which: each must be known, and none in a circle.

use super::diagnostics::Diagnostics;
use crate::input::experiment::{Expectation, Operator, Spanned};
use crate::input::problem::ProblemText;

/// Reports every `after` that cannot begin an expectation's time.
pub(super) fn check(reader: &mut Diagnostics<'_>, expect: &[Expectation]) {
    for expectation in expect {
        if let Some(after) = &expectation.after
            && let Some(fault) = problem(expect, expectation, after)
        {
            reader.fault::<()>(after.span, fault);
        }
    }
}

fn problem(
    expect: &[Expectation],
    expectation: &Expectation,
    after: &Spanned<String>,
) -> Option<ProblemText> {
    let first = named(expect, after);
    let Some(Operator::Eventually { .. }) = first.map(|first| &first.operator) else {
        let fault = ProblemText::new(match first {
            None => format!("this step has no expectation `{}`", after.value),
            Some(first) => format!(
                "`{}` is `{}` and becomes true at no time",
                after.value,
                first.operator.word()
            ),
        });
        let others = expect.iter().filter(|other| {
            other.id.value != expectation.id.value
                && matches!(other.operator, Operator::Eventually { .. })
        });
        let others: Vec<&str> = others.map(|other| other.id.as_str()).collect();
        return Some(if others.is_empty() {
            fault.expected("the `id` of an `eventually` of this step")
        } else {
            fault.one_of(after, others)
        });
    };
    is_in_a_circle(expect, expectation).then(|| {
        let what = format!("`{}` would begin after itself", expectation.id.value);
        ProblemText::new(what).expected("an `eventually` that does not wait for it")
    })
}

fn named<'e>(expect: &'e [Expectation], id: &Spanned<String>) -> Option<&'e Expectation> {
    expect.iter().find(|other| other.id.value == id.value)
}

/// Whether the chain of `after` leads from the expectation back to it.
fn is_in_a_circle(expect: &[Expectation], expectation: &Expectation) -> bool {
    let mut next = Some(expectation);
    // A chain that enters a circle further on never ends; it is as long as the step at most.
    for _ in expect {
        next = next
            .and_then(|expectation| expectation.after.as_ref())
            .and_then(|id| named(expect, id));
        if next.is_some_and(|next| next.id.value == expectation.id.value) {
            return true;
        }
    }
    false
}
