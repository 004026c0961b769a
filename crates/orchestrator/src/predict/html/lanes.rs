//! From answers to lanes: when each probe decides and each effect is seen, from the fault on.

use super::super::{
    answer::{Answer, EffectTimes, ProbeWindow},
    answer_text::{predicted, range, windows},
    experiment::Effect,
    impact_severity::SeverityReason,
};
use crate::{
    report::{
        html::{Picture, When},
        lanes::{Group, Lane, Mark, MarkLook, Row, Shown, SpanLook, Subject},
    },
    timeline::{Micros, RequestOutcome},
};

/// The least time that the axis shows.
const SHORTEST: Micros = Micros(1_000_000);

/// What looks mean here.
pub(super) const LOOKS: [(SpanLook, &str); 8] = [
    (SpanLook::Window, "the closed formula allows it"),
    (SpanLook::NotReady, "not ready, fewer endpoints or Pods"),
    (SpanLook::Terminated, "restarted; no Pod"),
    (SpanLook::Waiting, "CrashLoopBackOff"),
    (SpanLook::Requests(RequestOutcome::Refused), "no endpoint"),
    (SpanLook::Endpoints, "an endpoint again"),
    (SpanLook::Ready, "ready again; complete"),
    (SpanLook::Gap, "rollout reported as stuck"),
];

/// The answers about a container or a workload, with the numbers of their rows.
#[derive(Debug)]
pub(super) struct SubjectRows<'a> {
    pub(super) name: String,
    pub(super) rows: Vec<(usize, &'a Answer)>,
}

/// The subjects of answers, in the order of their rows.
pub(super) fn by_subject(answers: &[Answer]) -> Vec<SubjectRows<'_>> {
    let mut subjects: Vec<SubjectRows<'_>> = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let name = answer.subject();
        match subjects.last_mut() {
            Some(last) if last.name == name => last.rows.push((index, answer)),
            _ => subjects.push(SubjectRows {
                name,
                rows: vec![(index, answer)],
            }),
        }
    }
    subjects
}

/// The lanes of the answers about a subject that have something to show.
pub(super) fn picture(number: usize, subject: &SubjectRows<'_>) -> Picture {
    let lanes = subject.rows.iter().map(|(index, answer)| {
        let subject = Subject::Answer(number, *index);
        Lane::new(label(answer), subject, rows(answer))
    });
    let lanes: Vec<Lane> = lanes.filter(|lane| !lane.is_empty()).collect();
    let rows = lanes.iter().flat_map(|lane| &lane.rows);
    let last = rows.flat_map(|row| &row.spans).map(|span| span.to).max();
    let last = last.unwrap_or_default();
    let groups = vec![Group {
        title: subject.name.clone(),
        lanes,
    }];
    Picture {
        // What ends last is seen to end.
        end: Micros(last.0 + last.0 / 20).max(SHORTEST),
        resolution: Micros::ZERO,
        when: When::default(),
        groups,
    }
}

/// `readiness, one of 3`
pub(super) fn label(answer: &Answer) -> String {
    format!("{}, {}", answer.fails.trim(), answer.pods)
}

/// What a row's link shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    /// When the first thing in its lane begins and ends.
    pub(super) from: Micros,
    pub(super) to: Micros,
    /// The earliest time of the first effect.
    pub(super) at: Option<Micros>,
}

/// What comes first in the lane of an answer; none without a lane.
pub(super) fn first(answer: &Answer) -> Option<First> {
    let rows = rows(answer);
    let spans = rows.iter().flat_map(|row| &row.spans);
    let first = spans.min_by_key(|span| span.from)?;
    let marks = rows.iter().flat_map(|row| &row.marks);
    Some(First {
        from: first.from,
        to: first.to,
        at: marks.map(|mark| mark.at).min(),
    })
}

fn rows(answer: &Answer) -> Vec<Row> {
    if matches!(answer.reason, SeverityReason::NotJudged { .. }) {
        return Vec::new();
    }
    let windows = answer.windows.iter().map(decides);
    let effects = answer.effects.iter();
    windows
        .chain(effects.filter_map(|times| effect(answer, times)))
        .collect()
}

/// When a probe decides.
fn decides(window: &ProbeWindow) -> Row {
    let text = windows(std::slice::from_ref(window)).concat();
    let span = Shown::full(SpanLook::Window, text).between(window.after, window.within);
    Row {
        spans: vec![span],
        ..Row::new(format!("{} decides", window.probe))
    }
}

/// When an effect is seen; none if its time does not count from the fault.
fn effect(answer: &Answer, times: &EffectTimes) -> Option<Row> {
    let (earliest, latest) = since_fault(answer, times)?;
    let (name, look) = shown(&times.effect)?;
    let mut row = Row::new(name);
    if let Some(bounds) = times.bounds {
        let text = format!("the closed formula: {}", range(bounds.after, bounds.within));
        let shown = Shown {
            label: String::new(),
            ..Shown::full(SpanLook::Window, text)
        };
        row.spans.push(shown.between(bounds.after, bounds.within));
    }
    let text = format!(
        "{}, in {} of {} runs",
        predicted(times),
        times.seen,
        answer.runs
    );
    let shown = Shown {
        label: String::new(),
        ..Shown::full(look, text.clone())
    };
    row.spans.push(shown.between(earliest, latest));
    let mark = match times.effect {
        Effect::Restarted(_) => MarkLook::Restart,
        _ => MarkLook::Change,
    };
    row.marks.push(Mark::new(earliest, mark, text));
    Some(row)
}

/// The earliest and the latest time from the fault on.
fn since_fault(answer: &Answer, times: &EffectTimes) -> Option<(Micros, Micros)> {
    let since = match &times.effect {
        // From the revert, whose time is the experiment's.
        Effect::Reverted => return None,
        Effect::Some(service) => {
            let none = answer.effect(&Effect::None(service.clone()))?;
            (none.earliest, none.latest)
        }
        _ => (Micros::ZERO, Micros::ZERO),
    };
    let after = |from: Micros, time: Micros| Micros(from.0 + time.0);
    Some((after(since.0, times.earliest), after(since.1, times.latest)))
}

/// The name of an effect's row, and its look.
fn shown(effect: &Effect) -> Option<(String, SpanLook)> {
    Some(match effect {
        Effect::NotReady => ("not ready".to_owned(), SpanLook::NotReady),
        Effect::Restarted(name) => (format!("{name} restarted"), SpanLook::Terminated),
        Effect::BackOff(name) => (format!("{name} backs off"), SpanLook::Waiting),
        Effect::ReadyAgain => ("ready again".to_owned(), SpanLook::Ready),
        Effect::Fewer(service) => (format!("{service}: fewer endpoints"), SpanLook::NotReady),
        Effect::None(service) => {
            let look = SpanLook::Requests(RequestOutcome::Refused);
            (format!("{service}: no endpoint"), look)
        }
        Effect::Some(service) => (format!("{service}: an endpoint"), SpanLook::Endpoints),
        Effect::FewerPods => ("fewer Pods".to_owned(), SpanLook::NotReady),
        Effect::NoPod => ("no Pod".to_owned(), SpanLook::Terminated),
        Effect::Complete => ("complete".to_owned(), SpanLook::Ready),
        Effect::Stalled => ("reported as stuck".to_owned(), SpanLook::Gap),
        Effect::Reverted => return None,
    })
}
