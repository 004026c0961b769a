//! Claims: which subject, and which conditions make sense for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::{Reader, optional, unfit};
use super::steps::pods;
use crate::experiment::written::{self, Later, RestartsSaid, Scalar, That};
use crate::experiment::{
    Addresses, Claim, ConditionStatus, ContainerPhase, ContainerThat, DeploymentThat,
    EndpointsReady, EndpointsThat, Kind, ObjectRef, Outcome, PodReady, PodThat, Rate, Restarts,
    Span, Spanned, TrafficThat,
};
use crate::problem::{Fault, choices};

type Words = Spanned<Vec<Spanned<Scalar>>>;

/// The fields of a claim that say what it is about.
pub(super) struct Subject<'a> {
    pod: Option<&'a Spanned<Scalar>>,
    container: Option<&'a Spanned<Scalar>>,
    endpoints: Option<&'a Words>,
    deployment: Option<&'a Spanned<Scalar>>,
    traffic: Option<&'a Words>,
    event: Option<&'a Spanned<Later>>,
}

macro_rules! subject_of {
    ($($written:ident),*) => {$(
        impl<'a> From<&'a written::$written> for Subject<'a> {
            fn from(said: &'a written::$written) -> Self {
                Self {
                    pod: said.pod.as_ref(),
                    container: said.container.as_ref(),
                    endpoints: said.endpoints.as_ref(),
                    deployment: said.deployment.as_ref(),
                    traffic: said.traffic.as_ref(),
                    event: said.event.as_ref(),
                }
            }
        }
    )*};
}

subject_of!(Claim, Expectation);

/// A traffic client by the name it was given, also where something else about it is wrong.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) rate: Option<Rate>,
}

/// Reads one claim; `place` is what can be pointed at.
pub(super) fn claim(
    reader: &mut Reader<'_>,
    place: Span,
    subject: &Subject<'_>,
    that: &Spanned<That>,
) -> Option<Claim> {
    if subject.event.is_some() {
        reader.later("event", subject.event);
        return None;
    }
    match *subject {
        Subject {
            pod: Some(pod),
            container: None,
            endpoints: None,
            deployment: None,
            traffic: None,
            ..
        } => {
            let pod = pods(reader, pod);
            let that = pod_that(reader, that)?;
            Some(Claim::Pod { pod: pod?, that })
        }
        Subject {
            pod: Some(pod),
            container: Some(name),
            endpoints: None,
            deployment: None,
            traffic: None,
            ..
        } => {
            let pod = pods(reader, pod);
            let container = reader.label(name);
            let that = container_that(reader, that)?;
            Some(Claim::Container {
                pod: pod?,
                container: container?,
                that,
            })
        }
        Subject {
            pod: None,
            container: None,
            endpoints: Some(names),
            deployment: None,
            traffic: None,
            ..
        } => {
            let services = reader.labels(names, "Service");
            let that = endpoints_that(reader, that)?;
            Some(Claim::Endpoints {
                services: services?,
                that,
            })
        }
        Subject {
            pod: None,
            container: None,
            endpoints: None,
            deployment: Some(name),
            traffic: None,
            ..
        } => {
            let name = deployment(reader, name);
            let that = deployment_that(reader, that)?;
            Some(Claim::Deployment { name: name?, that })
        }
        Subject {
            pod: None,
            container: None,
            endpoints: None,
            deployment: None,
            traffic: Some(names),
            ..
        } => {
            let clients = reader.labels(names, "traffic client");
            let that = traffic_that(reader, that)?;
            Some(Claim::Traffic {
                clients: clients?,
                that,
            })
        }
        Subject {
            pod: None,
            container: Some(name),
            ..
        } => {
            let fault =
                Fault::new("a container without its Pods").expected("`pod` beside `container`");
            reader.fault(name.span, fault)
        }
        Subject {
            pod: None,
            endpoints: None,
            deployment: None,
            traffic: None,
            ..
        } => reader.fault(
            place,
            Fault::new("this claim is about nothing")
                .expected("one of `pod`, `endpoints`, `deployment` and `traffic`"),
        ),
        _ => reader.fault(
            place,
            Fault::new("this claim is about several things")
                .expected("exactly one of `pod`, `endpoints`, `deployment` and `traffic`"),
        ),
    }
}

/// Nothing can be compared with a step's start before the first step.
pub(super) fn without_comparison(
    reader: &mut Reader<'_>,
    claim: &Claim,
    place: Span,
) -> Option<()> {
    let compares = match claim {
        Claim::Pod { that, .. } => {
            that.same_uid || that.same_ip || matches!(that.restarts, Some(Restarts::Delta(_)))
        }
        Claim::Container { that, .. } => matches!(that.restarts, Some(Restarts::Delta(_))),
        Claim::Endpoints { that, .. } => that.addresses == Some(Addresses::Unchanged),
        Claim::Deployment { .. } | Claim::Traffic { .. } => false,
    };
    if compares {
        let what = "`delta` and `unchanged` compare with a step's start, and no step has begun";
        return reader.fault(place, Fault::new(what));
    }
    Some(())
}

/// A claim about traffic needs known clients that send at least 10 requests in its `hold`.
pub(super) fn enough_traffic(
    reader: &mut Reader<'_>,
    claim: &Claim,
    hold: Duration,
    traffic: &[Client],
) -> Option<()> {
    known_clients(reader, claim, traffic)?;
    let Claim::Traffic { clients, .. } = claim else {
        return Some(());
    };
    for name in clients {
        let client = traffic.iter().find(|client| client.name == name.value);
        let Some(rate) = client.and_then(|client| client.rate) else {
            continue;
        };
        let sent = rate.within(hold);
        if sent < MIN_REQUESTS {
            let hold = crate::experiment::time::format(hold);
            let what = format!(
                "`{}` sends {sent} requests in a `hold` of {hold}",
                name.value
            );
            return reader.fault(
                name.span,
                Fault::new(what).expected("at least 10: a longer `hold` or a higher `rate`"),
            );
        }
    }
    Some(())
}

/// How many requests a claim about traffic needs to mean something.
pub(super) const MIN_REQUESTS: u64 = 10;

/// The clients of a claim must be defined under `traffic`.
pub(super) fn known_clients(
    reader: &mut Reader<'_>,
    claim: &Claim,
    traffic: &[Client],
) -> Option<()> {
    let Claim::Traffic { clients, .. } = claim else {
        return Some(());
    };
    for name in clients {
        let names = traffic.iter().map(|client| client.name.as_str());
        if !names.clone().any(|known| known == name.value) {
            let fault = Fault::new(format!("there is no traffic client `{}`", name.value));
            return reader.fault(name.span, fault.one_of(&name.value, names));
        }
    }
    Some(())
}

fn deployment(reader: &mut Reader<'_>, said: &Spanned<Scalar>) -> Option<Spanned<String>> {
    let object: Spanned<ObjectRef> = reader.word(said)?;
    let bare = !said.word().contains('/');
    if !bare && object.kind != Kind::Deployment {
        let fault = Fault::new(format!("`{}` is not a Deployment", said.word()));
        return reader.fault(said.span, fault.expected("`NAME` or `deploy/NAME`"));
    }
    Some(object.map(|object| object.name))
}

fn pod_that(reader: &mut Reader<'_>, said: &Spanned<That>) -> Option<PodThat> {
    allow(
        reader,
        said,
        "a Pod",
        &["ready", "restarts", "uid", "ip", "conditions"],
    )?;
    let ready = said.ready.as_ref().map(|word| pod_ready(reader, word));
    let restarts = said.restarts.as_ref().map(|said| restarts(reader, said));
    let same_uid = said.uid.as_ref().map(|word| unchanged(reader, word));
    let same_ip = said.ip.as_ref().map(|word| unchanged(reader, word));
    let conditions = said
        .conditions
        .as_ref()
        .map(|said| conditions(reader, said));
    Some(PodThat {
        ready: optional(ready)?,
        restarts: optional(restarts)?,
        same_uid: optional(same_uid)?.is_some(),
        same_ip: optional(same_ip)?.is_some(),
        conditions: optional(conditions)?.unwrap_or_default(),
    })
}

fn container_that(reader: &mut Reader<'_>, said: &Spanned<That>) -> Option<ContainerThat> {
    allow(
        reader,
        said,
        "a container",
        &["ready", "started", "restarts", "state", "reason"],
    )?;
    let ready = said.ready.as_ref().map(|word| reader.bool(word));
    let started = said.started.as_ref().map(|word| reader.bool(word));
    let restarts = said.restarts.as_ref().map(|said| restarts(reader, said));
    let phases = [
        ("waiting", ContainerPhase::Waiting),
        ("running", ContainerPhase::Running),
        ("terminated", ContainerPhase::Terminated),
    ];
    let state = said
        .state
        .as_ref()
        .map(|word| reader.choice(word, "a container's state", &phases));
    Some(ContainerThat {
        ready: optional(ready)?,
        started: optional(started)?,
        restarts: optional(restarts)?,
        state: optional(state)?,
        reason: said.reason.as_ref().map(|word| word.word().into_owned()),
    })
}

fn endpoints_that(reader: &mut Reader<'_>, said: &Spanned<That>) -> Option<EndpointsThat> {
    allow(reader, said, "endpoints", &["ready", "addresses"])?;
    let ready = said.ready.as_ref().map(|word| match ratio(word) {
        _ if word.value == Scalar::Bool(true) => Some(EndpointsReady::All),
        _ if word.value == Scalar::Bool(false) => Some(EndpointsReady::None),
        Some((ready, of)) => Some(EndpointsReady::Count { ready, of }),
        None => reader.fault(
            word.span,
            unfit(word).expected("`true`, `false` or a count such as `1/2`"),
        ),
    });
    let addresses = said.addresses.as_ref().map(|word| match &word.value {
        Scalar::Number(number) if let Ok(number) = number.parse() => Some(Addresses::Count(number)),
        Scalar::Text(text) if text == "unchanged" => Some(Addresses::Unchanged),
        _ => reader.fault(word.span, unfit(word).expected("`unchanged` or a number")),
    });
    Some(EndpointsThat {
        ready: optional(ready)?,
        addresses: optional(addresses)?,
    })
}

fn deployment_that(reader: &mut Reader<'_>, said: &Spanned<That>) -> Option<DeploymentThat> {
    allow(
        reader,
        said,
        "a Deployment",
        &["replicas", "updated", "ready", "available", "progressing"],
    )?;
    let [replicas, updated, ready, available] =
        [&said.replicas, &said.updated, &said.ready, &said.available].map(|word| {
            let number = word.as_ref().map(|word| reader.number(word));
            optional(number)
                .map(|number| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX)))
        });
    Some(DeploymentThat {
        replicas: replicas?,
        updated: updated?,
        ready: ready?,
        available: available?,
        progressing: said
            .progressing
            .as_ref()
            .map(|word| word.word().into_owned()),
    })
}

fn traffic_that(reader: &mut Reader<'_>, said: &Spanned<That>) -> Option<TrafficThat> {
    allow(reader, said, "traffic", &["outcome"])?;
    let outcomes = [
        Outcome::Ok,
        Outcome::Status,
        Outcome::Refused,
        Outcome::Reset,
        Outcome::Timeout,
        Outcome::Error,
    ];
    let word = said.outcome.as_ref()?;
    let outcome = reader.choice(
        word,
        "an outcome",
        &outcomes.map(|outcome| (outcome.word(), outcome)),
    )?;
    Some(TrafficThat { outcome })
}

// Conditions that this subject does not have are named; a claim must say something.
fn allow(
    reader: &mut Reader<'_>,
    said: &Spanned<That>,
    subject: &str,
    known: &[&str],
) -> Option<()> {
    let fields = said_fields(said);
    let unknown: Vec<_> = fields
        .iter()
        .filter(|(name, _)| !known.contains(name))
        .collect();
    for (name, span) in &unknown {
        let fault = match *name {
            "count" => Fault::new("`count` is not in this version of probeflip"),
            _ => Fault::new(format!("`{name}` says nothing of {subject}"))
                .one_of(name, known.iter().copied()),
        };
        reader.fault::<()>(*span, fault);
    }
    if fields.is_empty() {
        let at_least = if known.len() > 1 {
            "at least one of "
        } else {
            ""
        };
        let expected = format!("{at_least}{}", choices(known));
        return reader.fault(
            said.span,
            Fault::new("this claim says nothing").expected(expected),
        );
    }
    unknown.is_empty().then_some(())
}

fn said_fields(that: &That) -> Vec<(&'static str, Span)> {
    let words = [
        ("ready", &that.ready),
        ("started", &that.started),
        ("state", &that.state),
        ("reason", &that.reason),
        ("uid", &that.uid),
        ("ip", &that.ip),
        ("addresses", &that.addresses),
        ("replicas", &that.replicas),
        ("updated", &that.updated),
        ("available", &that.available),
        ("progressing", &that.progressing),
        ("outcome", &that.outcome),
    ];
    let mut fields: Vec<_> = words
        .into_iter()
        .filter_map(|(name, word)| word.as_ref().map(|word| (name, word.span)))
        .collect();
    fields.extend(that.restarts.as_ref().map(|said| ("restarts", said.span)));
    fields.extend(
        that.conditions
            .as_ref()
            .map(|said| ("conditions", said.span)),
    );
    fields.extend(that.count.as_ref().map(|said| ("count", said.span)));
    fields
}

fn pod_ready(reader: &mut Reader<'_>, word: &Spanned<Scalar>) -> Option<PodReady> {
    if let Scalar::Bool(ready) = word.value {
        return Some(PodReady::Condition(ready));
    }
    match ratio(word) {
        Some((ready, of)) => Some(PodReady::Count { ready, of }),
        None => reader.fault(
            word.span,
            unfit(word).expected("a count such as `1/2`, `true` or `false`"),
        ),
    }
}

fn ratio(word: &Spanned<Scalar>) -> Option<(u32, u32)> {
    let Scalar::Text(text) = &word.value else {
        return None;
    };
    let (ready, of) = text.split_once('/')?;
    let (ready, of) = (ready.parse().ok()?, of.parse().ok()?);
    (ready <= of && of > 0).then_some((ready, of))
}

fn restarts(reader: &mut Reader<'_>, said: &Spanned<RestartsSaid>) -> Option<Restarts> {
    match &said.value {
        RestartsSaid::Total(number) => {
            let number = Spanned {
                value: number.clone(),
                span: said.span,
            };
            reader
                .number(&number)
                .map(|number| Restarts::Total(number.into()))
        }
        RestartsSaid::Delta(delta) => reader
            .number(&delta.delta)
            .map(|number| Restarts::Delta(number.into())),
    }
}

fn unchanged(reader: &mut Reader<'_>, word: &Spanned<Scalar>) -> Option<()> {
    reader.choice(word, "a comparison", &[("unchanged", ())])
}

fn conditions(
    reader: &mut Reader<'_>,
    said: &Spanned<BTreeMap<String, Spanned<Scalar>>>,
) -> Option<BTreeMap<String, ConditionStatus>> {
    let read: Vec<_> = said
        .iter()
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
