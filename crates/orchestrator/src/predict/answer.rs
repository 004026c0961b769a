//! The answer to a question: the impacts of its samples in one row.

use std::collections::BTreeSet;

use rules::probe::Window;

use super::{
    experiment::Effect,
    impact::Impact,
    impact_severity::ImpactSeverity,
    question::{Mode, Question},
};
use crate::timeline::Micros;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The container, or the workload: `deploy/web/app`.
    pub(crate) subject: String,
    /// What happens to it: `readiness+liveness`.
    pub(crate) what: String,
    /// To how many Pods.
    pub(crate) pods: String,
    /// The worst severity of a sample.
    pub(crate) severity: ImpactSeverity,
    /// What follows, in words: `not ready after 5.1–9.8 s`.
    pub(crate) follows: Vec<String>,
}

impl Answer {
    /// The answer of so many samples; not judged if one of them has no impact.
    pub(crate) fn of(question: &Question<'_>, samples: &[Result<Impact, String>]) -> Self {
        let answer = |severity, follows| Self {
            subject: question.subject(),
            what: question.what(),
            pods: question.pods(),
            severity,
            follows,
        };
        let impacts: Result<Vec<&Impact>, &String> = samples.iter().map(Result::as_ref).collect();
        match impacts {
            Err(why) => answer(ImpactSeverity::NotJudged, vec![why.clone()]),
            Ok(impacts) => {
                let severity = impacts
                    .iter()
                    .map(|impact| ImpactSeverity::of(question.mode, impact));
                let severity = severity.max().unwrap_or(ImpactSeverity::NotJudged);
                answer(severity, follows(question, &impacts))
            }
        }
    }
}

fn follows(question: &Question<'_>, impacts: &[&Impact]) -> Vec<String> {
    let effects = impacts.iter().flat_map(|impact| &impact.took);
    let effects: BTreeSet<&Effect> = effects.map(|(effect, _)| effect).collect();
    let has = |wanted: &Effect| effects.contains(wanted);
    let mut lines = windows(question);
    lines.extend(of_kinds(&effects).map(|alike| line(&alike, impacts)));
    let noticed = |effect: &&Effect| !matches!(effect, Effect::ReadyAgain);
    if question.mode == Mode::Frozen && !effects.iter().any(noticed) {
        lines.push("no probe notices".to_owned());
    }
    let is_change = matches!(question.mode, Mode::Rollout | Mode::Startup);
    if is_change && !has(&Effect::Complete) {
        lines.push("the rollout does not end".to_owned());
    }
    if question.mode == Mode::Startup && !has(&Effect::Complete) && !has(&Effect::Reverted) {
        lines.push("the former template does not help".to_owned());
    }
    lines.extend(requests(impacts));
    lines
}

/// The closed formula of each probe that notices: `liveness decides in (50, 60] s`.
fn windows(question: &Question<'_>) -> Vec<String> {
    let windows = question.windows().into_iter();
    windows
        .map(|(probe, Window { after, within })| {
            format!(
                "{probe} decides in ({}, {}] s",
                after.as_secs_f64(),
                within.as_secs_f64()
            )
        })
        .collect()
}

/// The effects, those of one kind on several Services together.
fn of_kinds<'e>(effects: &BTreeSet<&'e Effect>) -> impl Iterator<Item = Vec<&'e Effect>> {
    let mut kinds: Vec<Vec<&Effect>> = Vec::new();
    for effect in effects {
        match kinds.last_mut() {
            Some(alike) if effect.service().is_some() && is_alike(alike[0], effect) => {
                alike.push(effect);
            }
            _ => kinds.push(vec![effect]),
        }
    }
    kinds.into_iter()
}

fn is_alike(one: &Effect, other: &Effect) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// A line about effects of one kind.
fn line(alike: &[&Effect], impacts: &[&Impact]) -> String {
    let times = |effect: &Effect| -> Vec<Micros> {
        impacts
            .iter()
            .filter_map(|impact| impact.took(effect))
            .collect()
    };
    let seen = alike
        .iter()
        .map(|effect| times(effect).len())
        .min()
        .unwrap_or(0);
    let all: Vec<Micros> = alike.iter().flat_map(|effect| times(effect)).collect();
    let time = range(&all);
    let services: Vec<&str> = alike.iter().filter_map(|effect| effect.service()).collect();
    let services = services.join(", ");
    let what = match alike[0] {
        Effect::NotReady => format!("not ready after {time}"),
        Effect::Restarted(container) => format!("{container} restarted after {time}"),
        Effect::ReadyAgain => format!("ready again after {time}"),
        Effect::Fewer(_) => format!("fewer endpoints after {time}: {services}"),
        Effect::None(_) => format!("no endpoint after {time}: {services}"),
        Effect::Some(_) => format!("an endpoint again {time} later: {services}"),
        Effect::Complete => format!("complete after {time}"),
        Effect::Stalled => format!("given up after {time}"),
        Effect::Reverted => format!("the former template is back {time} after its revert"),
    };
    if seen == impacts.len() {
        what
    } else {
        format!("{what} (in {seen} of {} runs)", impacts.len())
    }
}

/// What became of the requests to each Service: the fewest and the most that failed.
fn requests(impacts: &[&Impact]) -> Vec<String> {
    let clients = impacts.iter().flat_map(|impact| &impact.requests);
    let clients: BTreeSet<&str> = clients.map(|counts| counts.client.as_str()).collect();
    let of_client = |client: &str| {
        let all = impacts.iter().flat_map(|impact| &impact.requests);
        let counts: Vec<_> = all.filter(|counts| counts.client == client).collect();
        let failed = counts.iter().map(|counts| counts.failed);
        let (least, most) = (failed.clone().min()?, failed.max()?);
        let sent = counts.iter().map(|counts| counts.sent).max()?;
        let longest = counts.iter().map(|counts| counts.longest_failure).max()?;
        let lost = if least == most {
            most.to_string()
        } else {
            format!("{least}–{most}")
        };
        let longest = seconds(longest);
        (most > 0).then(|| {
            format!("{lost} of {sent} requests to {client} fail, up to {longest} s on end")
        })
    };
    clients.into_iter().filter_map(of_client).collect()
}

/// `5.1–9.8 s`, or `5.1 s` if both are the same.
fn range(times: &[Micros]) -> String {
    let (least, most) = (times.iter().min(), times.iter().max());
    let text = |time: Option<&Micros>| seconds(time.copied().unwrap_or(Micros::ZERO));
    let (least, most) = (text(least), text(most));
    if least == most {
        format!("{most} s")
    } else {
        format!("{least}–{most} s")
    }
}

/// A time in seconds with one digit.
fn seconds(time: Micros) -> String {
    let tenths = (time.0 + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
