//! Resolves steps: each one's action and its expectations with their operators.

use super::diagnostics::{Diagnostics, optional};
use super::flips;
use super::subjects;
use crate::input::experiment::written;
use crate::input::experiment::{
    Action, Expectation, Flip, FlipTarget, Operator, Patch, Spanned, Step,
};
use crate::input::problem::ProblemText;

/// Resolves all steps.
pub(super) fn steps(
    reader: &mut Diagnostics<'_>,
    said: Spanned<Vec<Spanned<written::Step>>>,
    traffic: &[subjects::Client],
) -> Option<Vec<Step>> {
    reader.not_empty(said.span, said.len(), "step")?;
    let steps: Vec<Option<Step>> = said
        .value
        .into_iter()
        .enumerate()
        .map(|(index, step)| self::step(reader, index, step, traffic))
        .collect();
    reader.unique("step", steps.iter().flatten().map(|step| &step.name));
    let expectations = steps.iter().flatten().flat_map(|step| &step.expect);
    reader.unique(
        "expectation",
        expectations.map(|expectation| &expectation.id),
    );
    steps.into_iter().collect()
}

fn step(
    reader: &mut Diagnostics<'_>,
    index: usize,
    said: Spanned<written::Step>,
    traffic: &[subjects::Client],
) -> Option<Step> {
    let written::Step {
        name,
        flip,
        patch,
        expect,
    } = said.value;
    let name = name.map(|name| name.word().trim().to_owned());
    if name.is_empty() {
        reader.fault::<()>(
            name.span,
            ProblemText::new("this step has no name").expected("a few words"),
        );
    }
    let action = match (flip, patch) {
        (Some(flip), None) => self::flips(reader, &flip).map(Action::Flip),
        (None, Some(patch)) => self::patch(reader, index, &patch).map(Action::Patch),
        (None, None) => reader.fault_around(
            name.span,
            ProblemText::new("this step does nothing").expected("`flip` or `patch`"),
        ),
        (Some(flip), Some(patch)) => reader.fault_at_last_key(
            [Some(flip.span), Some(patch.span)],
            ProblemText::new("this step both flips and patches").expected("one of them"),
        ),
    };
    reader.not_empty(expect.span, expect.len(), "expectation")?;
    let expectations = expect.span;
    let read: Vec<_> = expect
        .iter()
        .map(|said| expectation(reader, said, traffic))
        .collect();
    let expect = read.into_iter().collect::<Option<Vec<Expectation>>>()?;
    if !expect.iter().any(|expectation| expectation.operator.ends()) {
        let expected = "at least one `eventually`, or `for` on another operator";
        return reader.fault_at_key(
            expectations,
            ProblemText::new("this step would never end").expected(expected),
        );
    }
    Some(Step {
        name,
        action: action?,
        expect,
    })
}

fn flips(
    reader: &mut Diagnostics<'_>,
    said: &Spanned<written::OneOrMany<written::Flip>>,
) -> Option<Vec<Flip>> {
    reader.not_empty(said.span, said.value.0.len(), "flip")?;
    let read: Vec<_> = said
        .value
        .0
        .iter()
        .map(|flip| self::flip(reader, flip))
        .collect();
    let flips = read.into_iter().collect::<Option<Vec<Flip>>>()?;
    for (index, flip) in flips.iter().enumerate() {
        let same = |other: &&Flip| {
            (&other.pod.value, &other.container.value, other.aim.target())
                == (&flip.pod.value, &flip.container.value, flip.aim.target())
        };
        if flips[..index].iter().find(same).is_some() {
            let container = &flip.container.value;
            let what = match &flip.aim.value {
                FlipTarget::Probe { probe, .. } => {
                    format!("the {probe} probe of `{container}` is flipped twice at once")
                }
                FlipTarget::Process(fault) => {
                    let fault = fault.name();
                    format!("the process of `{container}` gets `{fault}` twice at once")
                }
            };
            reader.fault::<()>(flip.aim.span, ProblemText::new(what));
        }
    }
    Some(flips)
}

fn flip(reader: &mut Diagnostics<'_>, said: &written::Flip) -> Option<Flip> {
    let pod = reader.pods(&said.pod);
    let container = reader.label(&said.container);
    let aim = flips::aim(reader, said);
    let (aim, to) = aim?;
    Some(Flip {
        pod: pod?,
        container: container?,
        aim,
        to,
        shared: said.shared,
    })
}

/// Resolves the patch of the step with index `step`.
fn patch(reader: &mut Diagnostics<'_>, step: usize, said: &written::Patch) -> Option<Patch> {
    let object = reader.word(&said.object);
    let step = reader.kubernetes(&["spec", "steps"])?.items().get(step)?;
    let merge = match step.field("patch")?.field("merge")?.json(reader.source()) {
        Ok(merge) => merge,
        Err(problem) => {
            reader.problems.push(problem);
            return None;
        }
    };
    if !merge.is_object() {
        return reader.fault(
            said.merge.span,
            ProblemText::new("this is no patch")
                .expected("a mapping such as `{ spec: { replicas: 2 } }`"),
        );
    }
    Some(Patch {
        object: object?,
        merge,
    })
}

fn expectation(
    reader: &mut Diagnostics<'_>,
    said: &Spanned<written::Expectation>,
    traffic: &[subjects::Client],
) -> Option<Expectation> {
    let id = reader.label(&said.id);
    let claim = subjects::claim(reader, &subjects::Subject::from(&said.value), &said.that);
    let operator = operator(reader, &said.value);
    let (claim, operator) = (claim?, operator?);
    if let Operator::Eventually { hold, .. } = operator {
        subjects::enough_traffic(reader, &claim, hold, traffic)?;
    } else {
        subjects::known_clients(reader, &claim, traffic)?;
    }
    Some(Expectation {
        id: id?,
        claim,
        operator,
    })
}

fn operator(reader: &mut Diagnostics<'_>, said: &written::Expectation) -> Option<Operator> {
    let written::Expectation {
        eventually,
        always,
        never,
        observe,
        ..
    } = said;
    let lasting = |reader: &mut Diagnostics<'_>, said: &written::Lasting| {
        optional(said.lasts.as_ref().map(|lasts| reader.duration(lasts)))
    };
    match (eventually, always, never, observe) {
        (Some(said), None, None, None) => self::eventually(reader, said),
        (None, Some(said), None, None) => Some(Operator::Always {
            lasts: lasting(reader, said)?,
        }),
        (None, None, Some(said), None) => Some(Operator::Never {
            lasts: lasting(reader, said)?,
        }),
        (None, None, None, Some(said)) => Some(Operator::Observe {
            lasts: lasting(reader, said)?,
        }),
        several => {
            let words = [
                ("eventually", several.0.as_ref().map(|said| said.span)),
                ("always", several.1.as_ref().map(|said| said.span)),
                ("never", several.2.as_ref().map(|said| said.span)),
                ("observe", several.3.as_ref().map(|said| said.span)),
            ];
            let said_words: Vec<String> = words
                .iter()
                .filter(|(_, value)| value.is_some())
                .map(|(word, _)| format!("`{word}`"))
                .collect();
            let what = match said_words.as_slice() {
                [] => "no temporal operator".to_owned(),
                several => format!(
                    "{} temporal operators, {}",
                    several.len(),
                    several.join(" and ")
                ),
            };
            let expected = "exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`";
            let fault =
                ProblemText::new(format!("`{}` has {what}", said.id.word())).expected(expected);
            if said_words.is_empty() {
                reader.fault_around(said.id.span, fault)
            } else {
                reader.fault_at_last_key(words.map(|(_, value)| value), fault)
            }
        }
    }
}

fn eventually(reader: &mut Diagnostics<'_>, said: &Spanned<written::Becoming>) -> Option<Operator> {
    reader.later("after", said.after.as_ref());
    let not_before = reader.duration_or(said.not_before.as_ref(), std::time::Duration::ZERO);
    let within = reader.duration(&said.within);
    let hold = reader.duration_or(said.hold.as_ref(), std::time::Duration::ZERO);
    let (not_before, within, hold) = (not_before?, within?, hold?);
    if let Some(late) = said.not_before.as_ref().filter(|_| not_before > within) {
        let what = format!(
            "`notBefore: {}` is later than `within: {}`",
            late.word(),
            said.within.word()
        );
        return reader.fault(
            late.span,
            ProblemText::new(what).expected("a time before `within`"),
        );
    }
    Some(Operator::Eventually {
        not_before,
        within,
        hold,
    })
}
