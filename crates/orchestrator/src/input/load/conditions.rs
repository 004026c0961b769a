//! Resolves the `that` of a claim: which conditions apply to its subject, and their values.

use std::collections::BTreeMap;

use super::diagnostics::{Diagnostics, optional, span, unfit};
use crate::input::experiment::written::{
    AnyOf, FailedBudget, Number, Range, RestartsClaim, Scalar, That,
};
use crate::input::experiment::{
    Addresses, Budget, ConditionStatus, ContainerPhase, ContainerThat, ControllerThat,
    EndpointsReady, EndpointsThat, FailureLimit, InvalidShare, NumberRange, ObjectKind, PodReady,
    PodThat, RequestOutcome, Restarts, Share, Span, Spanned, TrafficThat,
};
use crate::input::problem::{ProblemText, choices};

/// Resolves conditions on Pods.
pub(super) fn pod(reader: &mut Diagnostics<'_>, written: &Spanned<That>) -> Option<PodThat> {
    allow(
        reader,
        written,
        "a Pod",
        &["ready", "restarts", "uid", "ip", "conditions"],
    )?;
    let ready = written.ready.as_ref().map(|word| pod_ready(reader, word));
    let restarts = written
        .restarts
        .as_ref()
        .map(|written| restarts(reader, written));
    let same_uid = written.uid.as_ref().map(|word| unchanged(reader, word));
    let same_ip = written.ip.as_ref().map(|word| unchanged(reader, word));
    let conditions = written
        .conditions
        .as_ref()
        .map(|written| conditions(reader, written));
    Some(PodThat {
        ready: optional(ready)?,
        restarts: optional(restarts)?,
        same_uid: optional(same_uid)?.is_some(),
        same_ip: optional(same_ip)?.is_some(),
        conditions: optional(conditions)?.unwrap_or_default(),
    })
}

/// Resolves conditions on a container.
pub(super) fn container(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<That>,
) -> Option<ContainerThat> {
    allow(
        reader,
        written,
        "a container",
        &["ready", "started", "restarts", "state", "reason"],
    )?;
    let ready = written.ready.as_ref().map(|written| {
        let word = scalar(reader, written, "`true` or `false`")?;
        reader.bool(&word)
    });
    let started = written.started.as_ref().map(|word| reader.bool(word));
    let restarts = written
        .restarts
        .as_ref()
        .map(|written| restarts(reader, written));
    let phases = [
        ("waiting", ContainerPhase::Waiting),
        ("running", ContainerPhase::Running),
        ("terminated", ContainerPhase::Terminated),
    ];
    let state = written
        .state
        .as_ref()
        .map(|word| reader.choice(word, "a container's state", &phases));
    Some(ContainerThat {
        ready: optional(ready)?,
        started: optional(started)?,
        restarts: optional(restarts)?,
        state: optional(state)?,
        reason: written.reason.as_ref().map(|word| word.word().into_owned()),
    })
}

/// Resolves conditions on a Service's endpoints.
pub(super) fn endpoints(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<That>,
) -> Option<EndpointsThat> {
    allow(reader, written, "endpoints", &["ready", "addresses"])?;
    let ready = written.ready.as_ref();
    let ready = ready.map(|written| endpoints_ready(reader, written));
    let addresses = written.addresses.as_ref().map(|written| {
        let word = match &written.value {
            Number::Scalar(word) => written.with(word.clone()),
            Number::Range(bounds) => {
                return range(reader, written.span, bounds).map(Addresses::Count);
            }
        };
        match &word.value {
            Scalar::Number(number) if let Ok(number) = number.parse() => {
                Some(Addresses::Count(NumberRange::exactly(number)))
            }
            Scalar::Text(text) if text == "unchanged" => Some(Addresses::Unchanged),
            _ => reader.fault(word.span, unfit(&word).expected("`unchanged` or a number")),
        }
    });
    Some(EndpointsThat {
        ready: optional(ready)?,
        addresses: optional(addresses)?,
    })
}

/// Resolves conditions on a Deployment, StatefulSet or DaemonSet.
pub(super) fn controller(
    reader: &mut Diagnostics<'_>,
    kind: ObjectKind,
    written: &Spanned<That>,
) -> Option<ControllerThat> {
    let mut known: Vec<&str> = kind.counts().iter().map(|(name, _)| *name).collect();
    if kind == ObjectKind::Deployment {
        known.push("progressing");
    }
    allow(reader, written, &format!("a {}", kind.name()), &known)?;
    let numbers = numbers(written);
    let read = kind.counts().iter().filter_map(|(name, _)| {
        let (_, written) = numbers.iter().find(|(known, _)| known == name)?;
        let written = written.as_ref()?;
        let number = number(reader, written.span, written);
        Some(number.map(|number| (*name, number)))
    });
    let read: Vec<_> = read.collect();
    let progressing = written.progressing.as_ref();
    Some(ControllerThat {
        counts: read.into_iter().collect::<Option<_>>()?,
        progressing: progressing.map(|word| word.word().into_owned()),
    })
}

/// The fields of `that` that may be numbers.
fn numbers(that: &That) -> [(&'static str, &Option<Spanned<Number>>); 9] {
    [
        ("ready", &that.ready),
        ("addresses", &that.addresses),
        ("replicas", &that.replicas),
        ("desired", &that.desired),
        ("current", &that.current),
        ("updated", &that.updated),
        ("available", &that.available),
        ("unavailable", &that.unavailable),
        ("misscheduled", &that.misscheduled),
    ]
}

/// Resolves conditions on traffic.
pub(super) fn traffic(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<That>,
) -> Option<TrafficThat> {
    let known = ["outcome", "failed", "longestFailure"];
    allow(reader, written, "traffic", &known)?;
    let outcomes = match &written.outcome {
        Some(words) => outcomes(reader, words),
        None => Some(vec![RequestOutcome::Ok]),
    };
    let failed = written
        .failed
        .as_ref()
        .map(|failed| failure_limit(reader, failed));
    let longest = written.longest_failure.as_ref();
    let longest = longest.map(|longest| reader.duration(&longest.at_most));
    let (failed, longest_failure) = (optional(failed)?, optional(longest)?);
    let budget = Budget {
        failed,
        longest_failure,
    };
    Some(TrafficThat {
        outcomes: outcomes?,
        budget: (failed.is_some() || longest_failure.is_some()).then_some(budget),
    })
}

fn outcomes(reader: &mut Diagnostics<'_>, words: &Spanned<AnyOf>) -> Option<Vec<RequestOutcome>> {
    let outcomes = [
        RequestOutcome::Ok,
        RequestOutcome::Status,
        RequestOutcome::Refused,
        RequestOutcome::Reset,
        RequestOutcome::Timeout,
        RequestOutcome::Error,
    ];
    let choices = outcomes.map(|outcome| (outcome.word(), outcome));
    let written = match &words.value {
        AnyOf::One(word) => &[words.with(word.clone())][..],
        AnyOf::Several(words) => words,
    };
    if written.is_empty() {
        let fault = ProblemText::new("no outcome will do").expected("at least one");
        return reader.fault(words.span, fault);
    }
    let read: Vec<_> = written
        .iter()
        .map(|word| reader.choice(word, "an outcome", &choices))
        .collect();
    read.into_iter().collect()
}

fn failure_limit(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<FailedBudget>,
) -> Option<FailureLimit> {
    let limit = &written.at_most;
    let word = limit.word();
    if let Scalar::Number(number) = &limit.value
        && let Ok(count) = number.parse()
    {
        return Some(FailureLimit::Count(count));
    }
    match word.parse::<Share>() {
        Ok(share) => Some(FailureLimit::Share(share)),
        Err(InvalidShare::TooLarge) => {
            let fault = ProblemText::new(format!("`{word}` is more than all requests"));
            reader.fault(limit.span, fault.expected("at most `100%`"))
        }
        Err(InvalidShare::Malformed) => {
            let fault = ProblemText::new(format!("`{word}` is not a number of requests"));
            let expected = "a whole number such as `20`, or a share such as `1%`";
            reader.fault(limit.span, fault.expected(expected))
        }
    }
}

/// Reports each condition that does not apply to this subject, and a claim without any condition.
fn allow(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<That>,
    subject: &str,
    known: &[&str],
) -> Option<()> {
    let fields = written_fields(written);
    let unknown: Vec<_> = fields
        .iter()
        .filter(|(name, _)| !known.contains(name))
        .collect();
    for (name, span) in &unknown {
        let fault = match *name {
            "count" => ProblemText::new("`count` is not in this version of probeflip"),
            _ => ProblemText::new(format!("`{name}` says nothing of {subject}"))
                .one_of(name, known.iter().copied()),
        };
        reader.fault_at_key::<()>(*span, fault);
    }
    if fields.is_empty() {
        let at_least = if known.len() > 1 {
            "at least one of "
        } else {
            ""
        };
        let expected = format!("{at_least}{}", choices(known));
        return reader.fault(
            written.span,
            ProblemText::new("this claim says nothing").expected(expected),
        );
    }
    unknown.is_empty().then_some(())
}

fn written_fields(that: &That) -> Vec<(&'static str, Span)> {
    let numbers = numbers(that).map(|(name, number)| (name, span(number.as_ref())));
    let others = [
        ("started", span(that.started.as_ref())),
        ("state", span(that.state.as_ref())),
        ("reason", span(that.reason.as_ref())),
        ("uid", span(that.uid.as_ref())),
        ("ip", span(that.ip.as_ref())),
        ("progressing", span(that.progressing.as_ref())),
        ("restarts", span(that.restarts.as_ref())),
        ("conditions", span(that.conditions.as_ref())),
        ("outcome", span(that.outcome.as_ref())),
        ("failed", span(that.failed.as_ref())),
        ("longestFailure", span(that.longest_failure.as_ref())),
        ("count", span(that.count.as_ref())),
    ];
    let fields = numbers.into_iter().chain(others);
    fields
        .filter_map(|(name, span)| Some((name, span?)))
        .collect()
}

fn pod_ready(reader: &mut Diagnostics<'_>, written: &Spanned<Number>) -> Option<PodReady> {
    let expected = "a count such as `1/2`, `true` or `false`";
    let word = scalar(reader, written, expected)?;
    if let Scalar::Bool(ready) = word.value {
        return Some(PodReady::Condition(ready));
    }
    match ratio(&word) {
        Some((ready, of)) => Some(PodReady::Count { ready, of }),
        None => reader.fault(word.span, unfit(&word).expected(expected)),
    }
}

fn endpoints_ready(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<Number>,
) -> Option<EndpointsReady> {
    let word = match &written.value {
        Number::Scalar(word) => written.with(word.clone()),
        Number::Range(bounds) => {
            return range(reader, written.span, bounds).map(EndpointsReady::Number);
        }
    };
    match ratio(&word) {
        _ if word.value == Scalar::Bool(true) => Some(EndpointsReady::All),
        _ if word.value == Scalar::Bool(false) => Some(EndpointsReady::None),
        Some((ready, of)) => Some(EndpointsReady::Count { ready, of }),
        None => {
            let expected = "`true`, `false`, a count such as `1/2` or `{ atLeast: 1 }`";
            reader.fault(word.span, unfit(&word).expected(expected))
        }
    }
}

/// The scalar, where a range means nothing.
fn scalar(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<Number>,
    expected: &str,
) -> Option<Spanned<Scalar>> {
    match &written.value {
        Number::Scalar(word) => Some(written.with(word.clone())),
        Number::Range(_) => {
            let fault = ProblemText::new("a range of numbers cannot stand here");
            reader.fault(written.span, fault.expected(expected))
        }
    }
}

fn number(reader: &mut Diagnostics<'_>, span: Span, written: &Number) -> Option<NumberRange> {
    match written {
        Number::Scalar(word) => {
            let value = word.clone();
            let number = reader.number(&Spanned { value, span })?;
            Some(NumberRange::exactly(number))
        }
        Number::Range(bounds) => range(reader, span, bounds),
    }
}

fn range(reader: &mut Diagnostics<'_>, span: Span, written: &Range) -> Option<NumberRange> {
    let Range { at_least, at_most } = written;
    if at_least.is_none() && at_most.is_none() {
        let fault = ProblemText::new("this range has no end");
        return reader.fault(span, fault.expected("`atLeast`, `atMost` or both"));
    }
    let least = at_least.as_ref().map(|word| reader.number(word));
    let most = at_most.as_ref().map(|word| reader.number(word));
    let (least, most) = (optional(least)?.unwrap_or(0), optional(most)?);
    if let (Some(written), Some(most)) = (at_most, most)
        && most < least
    {
        let fault = ProblemText::new(format!("no number is at least {least} and at most {most}"));
        return reader.fault(written.span, fault.expected(format!("at least `{least}`")));
    }
    Some(NumberRange { least, most })
}

fn ratio(word: &Spanned<Scalar>) -> Option<(u32, u32)> {
    let Scalar::Text(text) = &word.value else {
        return None;
    };
    let (ready, of) = text.split_once('/')?;
    let (ready, of) = (ready.parse().ok()?, of.parse().ok()?);
    (ready <= of && of > 0).then_some((ready, of))
}

fn restarts(reader: &mut Diagnostics<'_>, written: &Spanned<RestartsClaim>) -> Option<Restarts> {
    match &written.value {
        RestartsClaim::Total(total) => number(reader, written.span, total).map(Restarts::Total),
        RestartsClaim::Delta(delta) => {
            let delta = &delta.delta;
            number(reader, delta.span, delta).map(Restarts::Delta)
        }
    }
}

fn unchanged(reader: &mut Diagnostics<'_>, word: &Spanned<Scalar>) -> Option<()> {
    reader.choice(word, "a comparison", &[("unchanged", ())])
}

fn conditions(
    reader: &mut Diagnostics<'_>,
    written: &Spanned<BTreeMap<String, Spanned<Scalar>>>,
) -> Option<BTreeMap<String, ConditionStatus>> {
    let read: Vec<_> = written
        .iter()
        // The spellings of YAML and of the API.
        .map(|(name, word)| match &*word.word() {
            "true" | "True" => Some((name.clone(), ConditionStatus::True)),
            "false" | "False" => Some((name.clone(), ConditionStatus::False)),
            "Unknown" => Some((name.clone(), ConditionStatus::Unknown)),
            _ => reader.fault(
                word.span,
                unfit(word).expected("`true`, `false` or `Unknown`"),
            ),
        })
        .collect();
    read.into_iter().collect()
}
