//! Operators (`eventually`, `always`, `never`) applied to conditions about objects.
//!
//! During a watch gap the state is unknown. `eventually` therefore evaluates the trace twice: with
//! the condition false in every gap, and with it true.

use super::observed_text::late_by;
use super::trace::{Run, Trace};
use super::verdict::Answer;
use super::window::{Becoming, Lasting};
use crate::timeline::Micros;
use crate::timeline::snapshot::WatchGap;

/// Whether the condition became true in time and held for long enough, given that everything up to
/// `known` has been recorded.
pub(super) fn eventually(
    trace: &Trace,
    gaps: &[&WatchGap],
    window: &Becoming,
    known: Micros,
) -> Answer {
    let sighting =
        |holds| Sighting::of(&trace.assuming(gaps.iter().copied(), holds), window, known);
    let (worst, best) = (sighting(false), sighting(true));
    if let (Some(early), Some(not_before)) = (worst.early, window.not_before) {
        return Answer::Fail(format!(
            "true {} before the earliest time allowed",
            late_by(not_before, early)
        ));
    }
    match (worst.success, best.early) {
        (Some(at), None) => Answer::Pass(Some(at)),
        _ if best.success.is_none() && best.pending.is_none() => {
            Answer::Fail("not true in time".into())
        }
        _ if worst.pending.is_some() || best.pending.is_some() => {
            Answer::Open(worst.pending.or(best.pending))
        }
        _ => Answer::Unknown(unseen(gaps)),
    }
}

/// Whether the condition was `wanted` throughout the window.
pub(super) fn lasting(
    trace: &Trace,
    gaps: &[&WatchGap],
    window: &Lasting,
    wanted: bool,
    known: Micros,
) -> Answer {
    if first_breach(trace, window, wanted).is_some() {
        return Answer::Fail(
            if wanted {
                "not true all the time"
            } else {
                "true, and should never have been"
            }
            .into(),
        );
    }
    let Some(to) = window.to.filter(|to| *to <= known) else {
        return Answer::Open(window.to);
    };
    if gaps.iter().any(|gap| gap.from < to && window.from < gap.to) {
        return Answer::Unknown(unseen(gaps));
    }
    Answer::Pass(None)
}

/// When the condition was first not `wanted`.
pub(super) fn first_breach(trace: &Trace, window: &Lasting, wanted: bool) -> Option<Micros> {
    let points = trace.points();
    let ends = points
        .iter()
        .skip(1)
        .map(|next| Some(next.at))
        .chain([None]);
    let breach = |at: Micros, end: Option<Micros>| {
        let begins = window
            .to
            .is_none_or(|to| at < to || (at == to && at == window.from));
        let lasts = end.is_none_or(|end| end > window.from || (end == at && at >= window.from));
        begins && lasts
    };
    points
        .iter()
        .zip(ends)
        .find(|(point, end)| point.evaluation.holds != wanted && breach(point.at, *end))
        .map(|(point, _)| point.at.max(window.from))
}

fn unseen(gaps: &[&WatchGap]) -> String {
    let times: Vec<String> = gaps
        .iter()
        .map(|gap| match gap.to {
            Micros::MAX => format!("from {} s on", gap.from),
            to => format!("from {} s to {to} s", gap.from),
        })
        .collect();
    format!("the watch was down {} of the timeline", times.join(" and "))
}

/// How a trace answers an `eventually`.
#[derive(Debug, Default)]
struct Sighting {
    /// The condition was true before the earliest time allowed.
    early: Option<Micros>,
    /// The condition became true in time and held for long enough.
    success: Option<Micros>,
    /// Success is still possible. Holds the time to ask again.
    pending: Option<Micros>,
}

impl Sighting {
    fn of(trace: &Trace, window: &Becoming, known: Micros) -> Self {
        let mut sighting = Self::default();
        for run in trace.runs() {
            sighting.take(run, window, known);
        }
        if sighting.success.is_none() && sighting.pending.is_none() && known <= window.within {
            sighting.pending = Some(Micros(window.within.0 + 1));
        }
        sighting
    }

    fn take(&mut self, run: Run, window: &Becoming, known: Micros) {
        let ended_by = |at: Micros| {
            run.end
                .is_some_and(|end| end < at || (end == at && run.start < at))
        };
        if let Some(earliest) = window.not_before
            && run.start < earliest
            && !ended_by(window.sent)
        {
            self.early = self.early.or(Some(run.start.max(window.sent)));
        }
        let start = run.start.max(window.zero);
        if start > window.within || ended_by(start) || self.success.is_some() {
            return;
        }
        let needed = start + window.hold;
        match run.end {
            Some(end) if needed <= end => self.success = Some(start),
            None if needed <= known => self.success = Some(start),
            None => self.pending = Some(needed),
            Some(_) => {}
        }
    }
}
