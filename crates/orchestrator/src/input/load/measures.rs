//! Resolves measures and their marks, and rejects marks that cannot both occur in this order.

use super::diagnostics::{Diagnostics, optional};
use super::subjects;
use super::which;
use crate::input::experiment::written::{self, MarkEvent, Scalar};
use crate::input::experiment::{Action, Condition, Mark, Measure, Operator, Spanned, Step};
use crate::input::problem::ProblemText;

/// The word for the first flip.
const FLIP: &str = "flip";

/// What marks refer to.
pub(super) struct Known<'a> {
    pub(super) steps: &'a [Step],
    pub(super) traffic: &'a [subjects::Client],
}

/// Resolves all measures.
pub(super) fn measures(
    reader: &mut Diagnostics<'_>,
    written: Option<&Spanned<Vec<Spanned<written::Measure>>>>,
    known: &Known<'_>,
) -> Option<Vec<Measure>> {
    let Some(written) = written else {
        return Some(Vec::new());
    };
    reader.not_empty(written.span, written.len(), "measure")?;
    let read: Vec<Option<Measure>> = written
        .iter()
        .map(|written| measure(reader, written, known))
        .collect();
    reader.unique(
        "measure",
        read.iter().flatten().map(|measure| &measure.name),
    );
    read.into_iter().collect()
}

fn measure(
    reader: &mut Diagnostics<'_>,
    written: &written::Measure,
    known: &Known<'_>,
) -> Option<Measure> {
    let name = reader.label(&written.name);
    let from = mark(reader, &written.from, known);
    let to = mark(reader, &written.to, known);
    let at_most = written.at_most.as_ref();
    let at_most = optional(at_most.map(|at_most| reader.duration(at_most)));
    let (from, to) = (from?, to?);
    if let Some(why) = impossible(&from, &to) {
        let fault = ProblemText::new(why);
        return reader.fault(
            written.to.span,
            fault.expected("a mark after that of `from`"),
        );
    }
    Some(Measure {
        name: name?,
        from,
        to,
        at_most: at_most?,
    })
}

/// Why `to` cannot occur after `from`.
fn impossible(from: &Mark, to: &Mark) -> Option<&'static str> {
    match (from, to) {
        (Mark::Step(one), Mark::Step(other)) if one == other => {
            Some("this is the mark of `from` too")
        }
        (
            Mark::Expectation { step, index },
            Mark::Expectation {
                step: other,
                index: same,
            },
        ) if (step, index) == (other, same) => Some("this is the mark of `from` too"),
        (Mark::Expectation { step, .. }, Mark::Step(other)) if step == other => {
            Some("this step begins before the mark of `from`")
        }
        (Mark::FirstFailed(_), Mark::FirstFailed(_))
        | (Mark::LastFailed(_), Mark::FirstFailed(_) | Mark::LastFailed(_))
        | (Mark::Recovered(_), _)
            if from.client().is_some() && from.client() == to.client() =>
        {
            Some("no such request follows the mark of `from`")
        }
        _ if from
            .step()
            .zip(to.step())
            .is_some_and(|(from, to)| to < from) =>
        {
            Some("the step of this mark ends before that of `from` begins")
        }
        _ => None,
    }
}

fn mark(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<written::Mark>,
    known: &Known<'_>,
) -> Option<Mark> {
    match &written.value {
        written::Mark::Word(word) => {
            let word = written.with(word.clone());
            self::word(reader, &word, known)
        }
        written::Mark::Event(event) => self::event(reader, written, event, known),
    }
}

fn word(reader: &mut Diagnostics<'_>, word: &Spanned<Scalar>, known: &Known<'_>) -> Option<Mark> {
    let text = word.word();
    if text == FLIP {
        let mut steps = known.steps.iter();
        let flips = steps.position(|step| matches!(step.action, Action::Flip(_)));
        return flips.map(Mark::Step).or_else(|| {
            let fault = ProblemText::new("no step of this experiment flips");
            reader.fault(word.span, fault.expected("the name of a step"))
        });
    }
    let steps = known.steps.iter().enumerate();
    let ids = steps.clone().find_map(|(step, Step { expect, .. })| {
        let index = expect.iter().position(|it| it.id.value == text)?;
        Some((step, index, &expect[index].operator))
    });
    let step = steps.clone().position(|(_, step)| step.name.value == text);
    match (ids, step) {
        (Some(_), Some(_)) => {
            let fault = ProblemText::new(format!("`{text}` is a step and an expectation"));
            reader.fault(word.span, fault.expected("different names for them"))
        }
        (None, Some(step)) => Some(Mark::Step(step)),
        (Some((step, index, Operator::Eventually { .. })), None) => {
            Some(Mark::Expectation { step, index })
        }
        (Some((_, _, operator)), None) => {
            let operator = operator.word();
            let what = format!("`{text}` never becomes true: its operator is `{operator}`");
            let fault = ProblemText::new(what);
            reader.fault(word.span, fault.expected("the id of an `eventually`"))
        }
        (None, None) => {
            let fault = ProblemText::new(format!("there is no mark `{text}`"));
            reader.fault(word.span, fault.one_of(&text, marks(known.steps)))
        }
    }
}

/// The words that are marks.
fn marks(steps: &[Step]) -> Vec<&str> {
    let names = steps.iter().map(|step| step.name.value.as_str());
    let expectations = steps.iter().flat_map(|step| &step.expect);
    let becoming = expectations.filter(|it| matches!(it.operator, Operator::Eventually { .. }));
    let ids = becoming.map(|it| it.id.value.as_str());
    [FLIP].into_iter().chain(names).chain(ids).collect()
}

fn event(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<written::Mark>,
    event: &MarkEvent,
    known: &Known<'_>,
) -> Option<Mark> {
    let MarkEvent {
        change,
        first_failed,
        last_failed,
        recovered,
    } = event;
    let client = |reader: &mut Diagnostics<'_>,
                  name: &Spanned<Scalar>,
                  mark: fn(Spanned<String>) -> Mark| {
        let name = reader.label(name)?;
        subjects::known_client(reader, &name, known.traffic)?;
        Some(mark(name))
    };
    match (change, first_failed, last_failed, recovered) {
        (Some(claim), None, None, None) => self::change(reader, claim, known.steps),
        (None, Some(name), None, None) => client(reader, name, Mark::FirstFailed),
        (None, None, Some(name), None) => client(reader, name, Mark::LastFailed),
        (None, None, None, Some(name)) => client(reader, name, Mark::Recovered),
        _ => {
            let fault = ProblemText::new("this is not one mark");
            let expected = "exactly one of `change`, `firstFailed`, `lastFailed` and `recovered`";
            reader.fault(written.span, fault.expected(expected))
        }
    }
}

fn change(
    reader: &mut Diagnostics<'_>,
    claim: &Spanned<written::Claim>,
    steps: &[Step],
) -> Option<Mark> {
    if let Some(event) = &claim.event {
        let fault = ProblemText::new("an Event is no change of a state");
        let expected = "the id of an expectation that the Event is seen";
        return reader.fault_at_key(event.span, fault.expected(expected));
    }
    let condition = subjects::of_claim(reader, claim)?;
    if matches!(condition, Condition::Traffic { .. }) {
        let fault = ProblemText::new("requests are no change of an object");
        let expected = "`firstFailed`, `lastFailed` or `recovered` with the name of a client";
        return reader.fault(claim.span, fault.expected(expected));
    }
    if let Some(first) = steps.first() {
        which::check(reader, &first.action, &condition)?;
    }
    Some(Mark::Change(condition))
}
