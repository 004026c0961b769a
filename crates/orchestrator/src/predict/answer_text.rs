//! What an answer says, in words.

use super::{
    answer::{Answer, EffectTimes, ProbeWindow, ServiceRequests},
    experiment::Effect,
    impact_severity::SeverityReason,
    question::Mode,
};
use crate::timeline::Micros;

/// What follows, a line each: `not ready after 5.1–9.8 s`.
pub(super) fn follows(answer: &Answer) -> Vec<String> {
    if matches!(answer.reason, SeverityReason::NotJudged { .. }) {
        return Vec::new();
    }
    let mut lines: Vec<String> = answer.windows.iter().map(window).collect();
    lines.extend(answer.also.clone());
    lines.extend(of_kinds(&answer.effects).map(|alike| line(&alike, answer.runs)));
    let is_notice = |times: &EffectTimes| times.effect != Effect::ReadyAgain;
    if answer.mode == Mode::Frozen && !answer.effects.iter().any(is_notice) {
        lines.push("no probe notices".to_owned());
    }
    let is_change = matches!(answer.mode, Mode::Rollout | Mode::Startup);
    let is_complete = answer.effect(&Effect::Complete).is_some();
    if is_change && !is_complete {
        lines.push("the rollout does not end".to_owned());
    }
    let is_reverted = answer.effect(&Effect::Reverted).is_some();
    if answer.mode == Mode::Startup && !is_complete && !is_reverted {
        lines.push("the former template does not help".to_owned());
    }
    lines.extend(answer.requests.iter().filter_map(requests));
    lines
}

/// Why an answer has its severity.
pub(super) fn reason(reason: &SeverityReason) -> String {
    match reason {
        SeverityReason::NotJudged { why } => why.clone(),
        SeverityReason::NothingChanges => "nothing changes".to_owned(),
        SeverityReason::NotReady => "Pods are not ready".to_owned(),
        SeverityReason::FewerEndpoints { service } => format!("{service} has fewer endpoints"),
        SeverityReason::SomeRequestsFail { failed, service } => {
            format!("{failed} requests to {service} fail")
        }
        SeverityReason::Restarted { container } => format!("{container} is restarted"),
        SeverityReason::NoProbeNotices => "no probe notices".to_owned(),
        SeverityReason::NoEndpoint {
            service,
            lasts: None,
        } => format!("{service} has no endpoint any more"),
        SeverityReason::NoEndpoint {
            service,
            lasts: Some(lasts),
        } => format!("{service} has no endpoint for {} s", seconds(*lasts)),
        SeverityReason::NoRequestSucceeds { lasts, service } => {
            format!("no request to {service} succeeds for {} s", seconds(*lasts))
        }
    }
}

/// The closed formula of a probe that notices: `liveness decides in (50, 60] s`.
fn window(
    ProbeWindow {
        probe,
        after,
        within,
    }: &ProbeWindow,
) -> String {
    let seconds = |time: Micros| std::time::Duration::from(time).as_secs_f64();
    format!(
        "{probe} decides in ({}, {}] s",
        seconds(*after),
        seconds(*within)
    )
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
        Effect::Complete => format!("complete after {time}"),
        Effect::Stalled => format!("given up after {time}"),
        Effect::Reverted => format!("the former template is back {time} after its revert"),
    };
    if seen == runs {
        what
    } else {
        format!("{what} (in {seen} of {runs} runs)")
    }
}

/// How many requests to a Service fail, if any do.
fn requests(requests: &ServiceRequests) -> Option<String> {
    let ServiceRequests {
        service,
        sent,
        least_failed,
        most_failed,
        longest_failure,
    } = requests;
    let failed = if least_failed == most_failed {
        most_failed.to_string()
    } else {
        format!("{least_failed}–{most_failed}")
    };
    let longest = seconds(*longest_failure);
    (*most_failed > 0)
        .then(|| format!("{failed} of {sent} requests to {service} fail, up to {longest} s on end"))
}

/// `5.1–9.8 s`, or `5.1 s` if both are the same.
fn range(earliest: Micros, latest: Micros) -> String {
    let (earliest, latest) = (seconds(earliest), seconds(latest));
    if earliest == latest {
        format!("{latest} s")
    } else {
        format!("{earliest}–{latest} s")
    }
}

/// A time in seconds with one digit.
fn seconds(time: Micros) -> String {
    let tenths = (time.0 + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
