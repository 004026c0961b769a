//! Resolves steps: each one's action and its expectations with their operators.

use std::time::Duration;

use super::diagnostics::{Diagnostics, optional};
use super::flips;
use super::sequence;
use super::subjects;
use super::which;
use crate::input::experiment::written::{self, Scalar};
use crate::input::experiment::{
    Action, Bound, Delete, Expectation, Flip, FlipTarget, Operator, Patch, Phase, Spanned, Step,
};
use crate::input::problem::ProblemText;

/// Resolves all steps.
pub(super) fn steps(
    reader: &mut Diagnostics<'_>,
    written: Spanned<Vec<Spanned<written::Step>>>,
    traffic: &[subjects::Client],
) -> Option<Vec<Step>> {
    reader.not_empty(written.span, written.len(), "step")?;
    let steps: Vec<Option<Step>> = written
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
    written: Spanned<written::Step>,
    traffic: &[subjects::Client],
) -> Option<Step> {
    let written::Step {
        name,
        flip,
        patch,
        delete,
        wait,
        phase,
        expect,
    } = written.value;
    let name = name.map(|name| name.word().trim().to_owned());
    if name.is_empty() {
        reader.fault::<()>(
            name.span,
            ProblemText::new("this step has no name").expected("a few words"),
        );
    }
    let waits = wait.is_some();
    let action = match (flip, patch, delete, wait) {
        (Some(flip), None, None, None) => self::flips(reader, &flip).map(Action::Flip),
        (None, Some(patch), None, None) => self::patch(reader, index, &patch).map(Action::Patch),
        (None, None, Some(delete), None) => self::delete(reader, &delete).map(Action::Delete),
        (None, None, None, Some(wait)) => self::wait(reader, &wait).map(Action::Wait),
        (None, None, None, None) => reader.fault_around(
            name.span,
            ProblemText::new("this step does nothing").expected(ACTIONS),
        ),
        (flip, patch, delete, wait) => {
            let given = [
                flip.map(|flip| flip.span),
                patch.map(|patch| patch.span),
                delete.map(|delete| delete.span),
                wait.map(|wait| wait.span),
            ];
            let fault = ProblemText::new("this step does several things");
            reader.fault_at_last_key(given, fault.expected(format!("one of {ACTIONS}")))
        }
    };
    let phase = self::phase(reader, phase.as_ref(), action.as_ref());
    let expect = match expect {
        Some(expect) => expectations(reader, &expect, traffic, waits),
        None if waits => Some(Vec::new()),
        None => reader.missing(name.span, "expect"),
    }?;
    sequence::check(reader, &expect);
    let action = action?;
    for expectation in &expect {
        which::check(reader, &action, &expectation.claim);
    }
    Some(Step {
        name,
        action,
        phase: phase?,
        expect,
    })
}

/// The actions that a step may have.
const ACTIONS: &str = "`flip`, `patch`, `delete` or `wait`";

/// Resolves the expectations of a step. Unless the step waits, one must have an end.
fn expectations(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<Vec<Spanned<written::Expectation>>>,
    traffic: &[subjects::Client],
    waits: bool,
) -> Option<Vec<Expectation>> {
    reader.not_empty(written.span, written.len(), "expectation")?;
    let read: Vec<_> = written
        .iter()
        .map(|written| expectation(reader, written, traffic))
        .collect();
    let expect = read.into_iter().collect::<Option<Vec<Expectation>>>()?;
    if !waits && !expect.iter().any(|expectation| expectation.operator.ends()) {
        let expected = "at least one `eventually`, or `for` on another operator";
        return reader.fault_at_key(
            written.span,
            ProblemText::new("this step would never end").expected(expected),
        );
    }
    Some(expect)
}

fn wait(reader: &mut Diagnostics<'_>, written: &Spanned<Scalar>) -> Option<Duration> {
    let duration = reader.duration(written)?;
    if duration.is_zero() {
        let fault = ProblemText::new("this step waits for no time");
        return reader.fault(written.span, fault.expected("a duration above zero"));
    }
    Some(duration)
}

fn delete(reader: &mut Diagnostics<'_>, written: &written::Delete) -> Option<Delete> {
    let pod = reader.pods(&written.pod);
    let pods = optional(written.pods.as_ref().map(|word| reader.count(word)));
    Some(Delete {
        pod: pod?,
        pods: pods?,
    })
}

fn phase(
    reader: &mut Diagnostics<'_>,
    written: Option<&Spanned<written::Scalar>>,
    action: Option<&Action>,
) -> Option<Phase> {
    let Some(word) = written else {
        return Some(Phase::default());
    };
    if action.is_some_and(|action| !matches!(action, Action::Flip(_))) {
        return reader.fault_at_key(
            word.span,
            ProblemText::new("only a flip has a phase").expected("`phase` beside `flip`"),
        );
    }
    let choices = [("spread", Phase::Spread), ("fixed", Phase::Fixed)];
    reader.choice(word, "a phase", &choices)
}

fn flips(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<written::OneOrMany<written::Flip>>,
) -> Option<Vec<Flip>> {
    reader.not_empty(written.span, written.value.0.len(), "flip")?;
    let read: Vec<_> = written
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

fn flip(reader: &mut Diagnostics<'_>, written: &written::Flip) -> Option<Flip> {
    let pod = reader.pods(&written.pod);
    let pods = optional(written.pods.as_ref().map(|word| reader.count(word)));
    let container = reader.label(&written.container);
    let aim = flips::aim(reader, written);
    let (aim, to) = aim?;
    Some(Flip {
        pod: pod?,
        pods: pods?,
        container: container?,
        aim,
        to,
        shared: written.shared,
    })
}

/// Resolves the patch of the step with index `step`.
fn patch(reader: &mut Diagnostics<'_>, step: usize, written: &written::Patch) -> Option<Patch> {
    let object = reader.word(&written.object);
    // A patch is part of a Kubernetes object, so it is parsed as kubectl does.
    let step = reader.kubernetes(&["spec", "steps"])?.items().get(step)?;
    let written_merge = step.field("patch")?.field("merge")?;
    if let Some(status) = written_merge.field("status") {
        let what = "a patch of `status` changes nothing: the API server ignores it";
        return reader.fault_at_key(
            status.span(),
            ProblemText::new(what).expected("fields of `spec` or `metadata`"),
        );
    }
    let merge = match written_merge.json(reader.source()) {
        Ok(merge) => merge,
        Err(problem) => {
            reader.problems.push(problem);
            return None;
        }
    };
    if !merge.is_object() {
        return reader.fault(
            written.merge.span,
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
    written: &Spanned<written::Expectation>,
    traffic: &[subjects::Client],
) -> Option<Expectation> {
    let id = reader.label(&written.id);
    let claim = subjects::claim(
        reader,
        &subjects::Subject::from(&written.value),
        written.that.as_ref(),
        written.id.span,
    );
    let operator = operator(reader, &written.value);
    let after = optional(after(&written.value).map(|word| reader.label(word)));
    let (claim, operator) = (claim?, operator?);
    subjects::fits_a_moment(reader, &claim, &written.value)?;
    if let (Some(that), Operator::Eventually { .. } | Operator::Never { .. }) =
        (&written.that, &operator)
    {
        subjects::without_budget(reader, &claim, that)?;
    }
    if let Operator::Eventually { hold, .. } = operator {
        subjects::enough_traffic(reader, &claim, hold, traffic)?;
    } else {
        subjects::known_clients(reader, &claim, traffic)?;
    }
    Some(Expectation {
        id: id?,
        claim,
        operator,
        after: after?,
    })
}

/// The `after` of the expectation's operator.
fn after(written: &written::Expectation) -> Option<&Spanned<Scalar>> {
    let written::Expectation {
        eventually,
        always,
        never,
        observe,
        ..
    } = written;
    let lasting = [always, never, observe].into_iter().flatten();
    let mut lasting = lasting.filter_map(|written| written.after.as_ref());
    let becoming = eventually.as_ref();
    becoming
        .and_then(|written| written.after.as_ref())
        .or_else(|| lasting.next())
}

fn operator(reader: &mut Diagnostics<'_>, written: &written::Expectation) -> Option<Operator> {
    let written::Expectation {
        eventually,
        always,
        never,
        observe,
        ..
    } = written;
    let lasting = |reader: &mut Diagnostics<'_>, written: &written::Lasting| {
        optional(written.lasts.as_ref().map(|lasts| reader.duration(lasts)))
    };
    match (eventually, always, never, observe) {
        (Some(written), None, None, None) => self::eventually(reader, written),
        (None, Some(written), None, None) => Some(Operator::Always {
            lasts: lasting(reader, written)?,
        }),
        (None, None, Some(written), None) => Some(Operator::Never {
            lasts: lasting(reader, written)?,
        }),
        (None, None, None, Some(written)) => Some(Operator::Observe {
            lasts: lasting(reader, written)?,
        }),
        several => {
            let words = [
                ("eventually", several.0.as_ref().map(|written| written.span)),
                ("always", several.1.as_ref().map(|written| written.span)),
                ("never", several.2.as_ref().map(|written| written.span)),
                ("observe", several.3.as_ref().map(|written| written.span)),
            ];
            let operators: Vec<String> = words
                .iter()
                .filter(|(_, value)| value.is_some())
                .map(|(word, _)| format!("`{word}`"))
                .collect();
            let what = match operators.as_slice() {
                [] => "no temporal operator".to_owned(),
                several => format!(
                    "{} temporal operators, {}",
                    several.len(),
                    several.join(" and ")
                ),
            };
            let expected = "exactly one of `eventually: { within: 10s }`, `always: {}`, `never: {}` and `observe: {}`";
            let fault =
                ProblemText::new(format!("`{}` has {what}", written.id.word())).expected(expected);
            if operators.is_empty() {
                reader.fault_around(written.id.span, fault)
            } else {
                reader.fault_at_last_key(words.map(|(_, value)| value), fault)
            }
        }
    }
}

fn eventually(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<written::Becoming>,
) -> Option<Operator> {
    let not_before = match &written.not_before {
        None => Some(Bound::from(Duration::ZERO)),
        Some(word) => reader.bound(word),
    };
    let within = reader.bound(&written.within);
    let hold = reader.duration_or(written.hold.as_ref(), Duration::ZERO);
    let (not_before, within, hold) = (not_before?, within?, hold?);
    let is_late = within.predicted.is_none() && not_before.time > within.time;
    if let Some(late) = written.not_before.as_ref().filter(|_| is_late) {
        let what = format!(
            "`notBefore: {}` is later than `within: {}`",
            late.word(),
            written.within.word()
        );
        return reader.fault(
            late.span,
            ProblemText::new(what).expected("a time up to `within`"),
        );
    }
    Some(Operator::Eventually {
        not_before,
        within,
        hold,
    })
}
