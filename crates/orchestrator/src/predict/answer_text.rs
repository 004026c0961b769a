//! What an answer says, in words.

use std::{collections::BTreeSet, time::Duration};

use super::{
    answer::{Answer, EffectTimes, ProbeWindow, ServiceRequests},
    experiment::Effect,
    impact_severity::{ImpactSeverity, SeverityReason},
    question::Mode,
};
use crate::timeline::Micros;

/// How many answers have which severity: `12 rows: 3 outage, 9 none`.
pub(crate) fn counts(answers: &[Answer]) -> String {
    let severities: BTreeSet<ImpactSeverity> = answers.iter().map(|it| it.severity).collect();
    let counts = severities.into_iter().rev().map(|severity| {
        let of_severity = answers.iter().filter(|answer| answer.severity == severity);
        format!("{} {severity}", of_severity.count())
    });
    let counts: Vec<String> = counts.collect();
    let rows = if answers.len() == 1 { "row" } else { "rows" };
    let counts = match counts.as_slice() {
        [] => String::new(),
        counts => format!(": {}", counts.join(", ")),
    };
    format!("{} {rows}{counts}", answers.len())
}

/// What follows, a line each: `not ready after 5.1–9.8 s`.
pub(super) fn follows(answer: &Answer) -> Vec<String> {
    if matches!(answer.reason, SeverityReason::NotJudged { .. }) {
        return Vec::new();
    }
    let mut lines = windows(&answer.windows);
    lines.extend(answer.also.clone());
    lines.extend(of_kinds(&answer.effects).map(|alike| line(&alike, answer.runs)));
    let is_notice = |times: &EffectTimes| times.effect != Effect::ReadyAgain;
    if answer.mode == Mode::Frozen && !answer.effects.iter().any(is_notice) {
        lines.push("no probe notices".to_owned());
    }
    let is_change = matches!(answer.mode, Mode::Rollout | Mode::Startup);
    let is_complete = answer.effect(&Effect::Complete).is_some();
    if is_change && !is_complete {
        lines.push("the rollout does not end by itself".to_owned());
    }
    let is_reverted = answer.effect(&Effect::Reverted).is_some();
    if answer.mode == Mode::Startup && !is_complete && !is_reverted {
        lines.push("a revert of the template does not help".to_owned());
    }
    let failing = answer.requests.iter();
    let failing = failing.filter(|requests| requests.most_failed > 0);
    lines.extend(failing.map(|requests| {
        let longest = seconds(requests.longest_failure);
        format!("{} fail, up to {longest} s on end", lost(requests))
    }));
    lines
}

/// Why an answer has its severity.
pub(super) fn reason(answer: &Answer) -> String {
    match &answer.reason {
        SeverityReason::NotJudged { why } => why.clone(),
        SeverityReason::NothingChanges => match (answer.mode, answer.requests.is_empty()) {
            (Mode::Rollout, false) => "no request fails".to_owned(),
            _ => "nothing changes".to_owned(),
        },
        SeverityReason::RolloutStalls => "it stalls, and the former Pods stay".to_owned(),
        SeverityReason::NotReady => "not ready, but no Service loses a request".to_owned(),
        SeverityReason::FewerPods => "fewer Pods are available".to_owned(),
        SeverityReason::NoPod => "no Pod is available".to_owned(),
        SeverityReason::FewerEndpoints { service } => format!("{service} has fewer endpoints"),
        SeverityReason::SomeRequestsFail { service, .. } => {
            format!("some requests to {service} fail")
        }
        SeverityReason::Restarted { container } => format!("{container} is restarted"),
        SeverityReason::NoProbeNotices => "no probe notices".to_owned(),
        SeverityReason::RolloutCompletes => {
            "the rollout completes, and nothing shows it".to_owned()
        }
        SeverityReason::NoEndpoint {
            service,
            lasts: None,
        } => format!("{service} resolves to no Pod {}", until(answer)),
        SeverityReason::NoEndpoint {
            service,
            lasts: Some(lasts),
        } => format!("{service} resolves to no Pod for {} s", seconds(*lasts)),
        SeverityReason::NoRequestSucceeds {
            service,
            to_the_end: true,
            ..
        } => format!("no request to {service} succeeds {}", until(answer)),
        SeverityReason::NoRequestSucceeds { service, lasts, .. } => {
            let longest = seconds(*lasts);
            format!("no request to {service} succeeds for up to {longest} s")
        }
    }
}

/// Until when an outage lasts that nothing ends by itself.
fn until(answer: &Answer) -> &'static str {
    match answer.effect(&Effect::Reverted) {
        Some(_) => "until the former template is back",
        None => "from then on",
    }
}

/// The closed formulas of the probes that decide: `readiness and liveness decide in (20, 30] s`.
pub(super) fn windows(windows: &[ProbeWindow]) -> Vec<String> {
    let text = |window: &ProbeWindow| {
        let seconds = |time: Micros| Duration::from(time).as_secs_f64();
        format!("({}, {}] s", seconds(window.after), seconds(window.within))
    };
    match windows {
        [one, other] if text(one) == text(other) => {
            let (one, other, window) = (one.probe, other.probe, text(one));
            vec![format!("{one} and {other} decide in {window}")]
        }
        windows => windows
            .iter()
            .map(|window| format!("{} decides in {}", window.probe, text(window)))
            .collect(),
    }
}

/// The effects, those of one kind on several Services together.
fn of_kinds(effects: &[EffectTimes]) -> impl Iterator<Item = Vec<&EffectTimes>> {
    let mut kinds: Vec<Vec<&EffectTimes>> = Vec::new();
    for times in effects {
        match kinds.last_mut() {
            Some(alike) if times.effect.service().is_some() && is_alike(alike[0], times) => {
                alike.push(times);
            }
            _ => kinds.push(vec![times]),
        }
    }
    kinds.into_iter()
}

fn is_alike(one: &EffectTimes, other: &EffectTimes) -> bool {
    std::mem::discriminant(&one.effect) == std::mem::discriminant(&other.effect)
}

/// An effect as it is predicted: `not ready after 5.1–9.8 s`.
pub(super) fn predicted(times: &EffectTimes) -> String {
    line(&[times], times.seen)
}

/// An effect as a run shows it: `not ready after 5.1 s`.
pub(super) fn observed(effect: &Effect, took: Micros) -> String {
    predicted(&EffectTimes {
        effect: effect.clone(),
        earliest: took,
        latest: took,
        seen: 1,
        bounds: None,
    })
}

/// A line about effects of one kind.
fn line(alike: &[&EffectTimes], runs: usize) -> String {
    let seen = alike.iter().map(|times| times.seen).min().unwrap_or(0);
    let earliest = alike.iter().map(|times| times.earliest).min();
    let latest = alike.iter().map(|times| times.latest).max();
    let time = range(earliest.unwrap_or_default(), latest.unwrap_or_default());
    let services: Vec<&str> = alike
        .iter()
        .filter_map(|times| times.effect.service())
        .collect();
    let services = services.join(", ");
    let what = match &alike[0].effect {
        Effect::NotReady => format!("not ready after {time}"),
        Effect::Restarted(container) => format!("{container} restarted after {time}"),
        Effect::BackOff(container) => format!("{container} in CrashLoopBackOff after {time}"),
        Effect::ReadyAgain => format!("ready again after {time}"),
        Effect::Fewer(_) => format!("fewer endpoints after {time}: {services}"),
        Effect::None(_) => format!("no endpoint after {time}: {services}"),
        Effect::Some(_) => format!("an endpoint again {time} later: {services}"),
        Effect::FewerPods => format!("fewer Pods after {time}"),
        Effect::NoPod => format!("no Pod after {time}"),
        Effect::Complete => format!("complete after {time}"),
        Effect::Stalled => format!("reported as stuck (ProgressDeadlineExceeded) after {time}"),
        Effect::Reverted => format!("a revert of the template is complete after {time}"),
    };
    if seen == runs {
        what
    } else {
        format!("{what} (in {seen} of {runs} runs)")
    }
}

/// How many requests to a Service fail: `446–451 of 1057 requests to web`.
pub(super) fn lost(requests: &ServiceRequests) -> String {
    let ServiceRequests {
        service,
        sent,
        least_failed,
        most_failed,
        ..
    } = requests;
    let failed = if least_failed == most_failed {
        most_failed.to_string()
    } else {
        format!("{least_failed}–{most_failed}")
    };
    format!("{failed} of {sent} requests to {service}")
}

/// `5.1–9.8 s`, or `5.1 s` if both are the same.
pub(super) fn range(earliest: Micros, latest: Micros) -> String {
    let (earliest, latest) = (seconds(earliest), seconds(latest));
    if earliest == latest {
        format!("{latest} s")
    } else {
        format!("{earliest}–{latest} s")
    }
}

/// A time in seconds with one digit.
pub(super) fn seconds(time: Micros) -> String {
    let tenths = (time.0 + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
