//! Resolves the subject of a claim and checks that the claim is possible where it is written.
//!
//! The module `conditions` resolves its `that`.

use std::time::Duration;

use probe_target::model::duration;

use super::conditions;
use super::diagnostics::{Diagnostics, span};
use crate::input::experiment::written::{self, Scalar, That};
use crate::input::experiment::{
    Addresses, Condition, ObjectKind, ObjectRef, Rate, Restarts, Span, Spanned, TrafficThat, Which,
};
use crate::input::problem::ProblemText;

type Words = Spanned<Vec<Spanned<Scalar>>>;

/// The fields of a claim that name its subject.
pub(super) struct Subject<'a> {
    pod: Option<&'a Spanned<Scalar>>,
    which: Option<&'a Spanned<Scalar>>,
    container: Option<&'a Spanned<Scalar>>,
    endpoints: Option<&'a Words>,
    /// Each kind of controller with its name, if the claim is about one.
    controllers: [(ObjectKind, Option<&'a Spanned<Scalar>>); 3],
    traffic: Option<&'a Words>,
    event: Option<&'a Spanned<written::Event>>,
}

macro_rules! subject_of {
    ($($written:ident),*) => {$(
        impl<'a> From<&'a written::$written> for Subject<'a> {
            fn from(written: &'a written::$written) -> Self {
                Self {
                    pod: written.pod.as_ref(),
                    which: written.which.as_ref(),
                    container: written.container.as_ref(),
                    endpoints: written.endpoints.as_ref(),
                    controllers: [
                        (ObjectKind::Deployment, written.deployment.as_ref()),
                        (ObjectKind::StatefulSet, written.statefulset.as_ref()),
                        (ObjectKind::DaemonSet, written.daemonset.as_ref()),
                    ],
                    traffic: written.traffic.as_ref(),
                    event: written.event.as_ref(),
                }
            }
        }
    )*};
}

subject_of!(Claim, Expectation);

/// A traffic client's name and rate, kept even if other fields of the client are invalid.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) rate: Option<Rate>,
}

/// Resolves one claim. `beside` is the span of any of its fields.
pub(super) fn claim(
    reader: &mut Diagnostics<'_>,
    subject: &Subject<'_>,
    that: Option<&Spanned<That>>,
    beside: Span,
) -> Option<Condition> {
    if let (None, Some(container)) = (subject.pod, subject.container) {
        let fault =
            ProblemText::new("a container without its Pods").expected("`pod` beside `container`");
        return reader.fault_at_key(container.span, fault);
    }
    if let (None, Some(which)) = (subject.pod, subject.which) {
        let fault = ProblemText::new("`which` without the Pods that it selects from");
        return reader.fault_at_key(which.span, fault.expected("`pod` beside `which`"));
    }
    let several = |what: &str| {
        let subjects =
            "`pod`, `endpoints`, `deployment`, `statefulset`, `daemonset`, `traffic` and `event`";
        ProblemText::new(format!("this claim is about {what}"))
            .expected(format!("exactly one of {subjects}"))
    };
    let controllers = subject.controllers.iter();
    let controllers: Vec<(ObjectKind, &Spanned<Scalar>)> = controllers
        .filter_map(|(kind, name)| Some((*kind, (*name)?)))
        .collect();
    match (
        subject.pod,
        subject.endpoints,
        controllers.as_slice(),
        subject.traffic,
        subject.event,
    ) {
        (None, None, [], None, Some(event)) => of_event(reader, event, that),
        (None, None, [], None, None) => reader.fault_around(beside, several("nothing")),
        (Some(pod), None, [], None, None) => {
            let that = required(reader, that, beside)?;
            of_pods(reader, pod, subject, that)
        }
        (None, Some(services), [], None, None) => {
            let that = required(reader, that, beside)?;
            of_endpoints(reader, services, that)
        }
        (None, None, [(kind, name)], None, None) => {
            let that = required(reader, that, beside)?;
            of_controller(reader, *kind, name, that)
        }
        (None, None, [], Some(clients), None) => {
            let that = required(reader, that, beside)?;
            of_traffic(reader, clients, that)
        }
        (pod, endpoints, controllers, traffic, event) => {
            let given = [
                pod.map(|pod| pod.span),
                endpoints.map(|services| services.span),
                traffic.map(|clients| clients.span),
                event.map(|event| event.span),
            ];
            let controllers = controllers.iter().map(|(_, name)| Some(name.span));
            let given = given.into_iter().chain(controllers);
            reader.fault_at_last_key(given, several("several things"))
        }
    }
}

/// Resolves a claim of the steady state or of a measure's mark.
pub(super) fn of_claim(
    reader: &mut Diagnostics<'_>,
    written: &written::Claim,
) -> Option<Condition> {
    let that = &written.that;
    claim(reader, &Subject::from(written), Some(that), that.span)
}

fn required<'a>(
    reader: &mut Diagnostics<'_>,
    that: Option<&'a Spanned<That>>,
    beside: Span,
) -> Option<&'a Spanned<That>> {
    that.or_else(|| reader.missing(beside, "that"))
}

fn of_event(
    reader: &mut Diagnostics<'_>,
    event: &written::Event,
    that: Option<&Spanned<That>>,
) -> Option<Condition> {
    let of = reader.word(&event.of);
    let reason = event.reason.word();
    if reason.trim().is_empty() {
        let fault = ProblemText::new("this Event has no reason");
        return reader.fault(event.reason.span, fault.expected("one such as `Unhealthy`"));
    }
    if let Some(that) = that {
        let fault = ProblemText::new("`that` says nothing of an Event");
        return reader.fault_at_key(that.span, fault.expected("`event` alone: that it is seen"));
    }
    Some(Condition::Event {
        reason: reason.into_owned(),
        of: of?,
    })
}

/// Reports an operator that a condition about an Event, which is a moment, cannot have.
pub(super) fn fits_a_moment(
    reader: &mut Diagnostics<'_>,
    claim: &Condition,
    written: &written::Expectation,
) -> Option<()> {
    let Condition::Event { .. } = claim else {
        return Some(());
    };
    let hold = written
        .eventually
        .as_ref()
        .and_then(|operator| operator.hold.as_ref());
    let lasting = written.always.as_ref().map(|operator| operator.span);
    match hold.map(|hold| hold.span).or(lasting) {
        None => Some(()),
        Some(span) => {
            let fault = ProblemText::new("an Event is seen at one moment and does not last");
            reader.fault_at_key(
                span,
                fault.expected("`eventually` without `hold`, or `never`"),
            )
        }
    }
}

fn of_pods(
    reader: &mut Diagnostics<'_>,
    pod: &Spanned<Scalar>,
    subject: &Subject<'_>,
    that: &Spanned<That>,
) -> Option<Condition> {
    let pod = reader.pods(pod);
    let which = match subject.which {
        None => pod.as_ref().map(|pod| pod.with(Which::All)),
        Some(word) => {
            let choices = [("flipped", Which::Flipped), ("others", Which::Others)];
            let which = reader.choice(word, "a choice of Pods", &choices);
            which.map(|which| word.with(which))
        }
    };
    let Some(container) = subject.container else {
        let that = conditions::pod(reader, that)?;
        return Some(Condition::Pod {
            pod: pod?,
            which: which?,
            that,
        });
    };
    let container = reader.label(container);
    let that = conditions::container(reader, that)?;
    Some(Condition::Container {
        pod: pod?,
        which: which?,
        container: container?,
        that,
    })
}

fn of_endpoints(
    reader: &mut Diagnostics<'_>,
    services: &Words,
    that: &Spanned<That>,
) -> Option<Condition> {
    let services = reader.labels(services, "Service");
    let that = conditions::endpoints(reader, that)?;
    Some(Condition::Endpoints {
        services: services?,
        that,
    })
}

fn of_controller(
    reader: &mut Diagnostics<'_>,
    kind: ObjectKind,
    name: &Spanned<Scalar>,
    that: &Spanned<That>,
) -> Option<Condition> {
    let name = controller(reader, kind, name);
    let that = conditions::controller(reader, kind, that)?;
    let name = name?;
    Some(Condition::Controller { kind, name, that })
}

fn of_traffic(
    reader: &mut Diagnostics<'_>,
    clients: &Words,
    that: &Spanned<That>,
) -> Option<Condition> {
    let clients = reader.labels(clients, "traffic client");
    let that = conditions::traffic(reader, that)?;
    Some(Condition::Traffic {
        clients: clients?,
        that,
    })
}

/// Reports comparisons with a step's start in the steady state, which precedes every step.
pub(super) fn without_comparison(
    reader: &mut Diagnostics<'_>,
    claim: &Condition,
    that: &That,
) -> Option<()> {
    let delta = |restarts| matches!(restarts, Some(Restarts::Delta(_)));
    let (uid, ip, addresses, restarts) = match claim {
        Condition::Pod { that, .. } => (that.same_uid, that.same_ip, false, delta(that.restarts)),
        Condition::Container { that, .. } => (false, false, false, delta(that.restarts)),
        Condition::Endpoints { that, .. } => {
            let unchanged = that.addresses == Some(Addresses::Unchanged);
            (false, false, unchanged, false)
        }
        Condition::Controller { .. } | Condition::Traffic { .. } | Condition::Event { .. } => {
            return Some(());
        }
    };
    let compares = [
        (uid, span(that.uid.as_ref())),
        (ip, span(that.ip.as_ref())),
        (addresses, span(that.addresses.as_ref())),
        (restarts, span(that.restarts.as_ref())),
    ];
    for (_, value) in compares.iter().filter(|(compares, _)| *compares) {
        let what = "`delta` and `unchanged` compare with a step's start, and no step has begun";
        reader.fault::<()>(value.unwrap_or_default(), ProblemText::new(what));
    }
    (!compares.iter().any(|(compares, _)| *compares)).then_some(())
}

/// Reports a budget where no window of a fixed length is judged as a whole.
pub(super) fn without_budget(
    reader: &mut Diagnostics<'_>,
    claim: &Condition,
    that: &That,
) -> Option<()> {
    let Condition::Traffic {
        that: TrafficThat {
            budget: Some(_), ..
        },
        ..
    } = claim
    else {
        return Some(());
    };
    let failed = span(that.failed.as_ref());
    let longest = span(that.longest_failure.as_ref());
    let what = "a budget counts failed requests over a time";
    let expected = "`always` in a step, with or without `for`, or `observe`";
    reader.fault_at_key(
        failed.or(longest).unwrap_or_default(),
        ProblemText::new(what).expected(expected),
    )
}

/// Reports a traffic claim whose clients are undefined or send fewer than
/// [`TrafficThat::MIN_REQUESTS`] requests within `hold`.
pub(super) fn enough_traffic(
    reader: &mut Diagnostics<'_>,
    claim: &Condition,
    hold: Duration,
    traffic: &[Client],
) -> Option<()> {
    known_clients(reader, claim, traffic)?;
    let Condition::Traffic { clients, .. } = claim else {
        return Some(());
    };
    for name in clients {
        let client = traffic.iter().find(|client| client.name == name.value);
        // An invalid rate has been reported already.
        let Some(rate) = client.and_then(|client| client.rate) else {
            continue;
        };
        let sent = rate.within(hold);
        if sent < TrafficThat::MIN_REQUESTS {
            let hold = duration::format(hold);
            let what = format!(
                "`{}` sends {sent} requests in a `hold` of {hold}",
                name.value
            );
            return reader.fault(
                name.span,
                ProblemText::new(what).expected(format!(
                    "at least {}: a longer `hold` or a higher `rate`",
                    TrafficThat::MIN_REQUESTS
                )),
            );
        }
    }
    Some(())
}

/// Reports clients of a claim that are not defined under `traffic`.
pub(super) fn known_clients(
    reader: &mut Diagnostics<'_>,
    claim: &Condition,
    traffic: &[Client],
) -> Option<()> {
    let Condition::Traffic { clients, .. } = claim else {
        return Some(());
    };
    for name in clients {
        known_client(reader, name, traffic)?;
    }
    Some(())
}

/// Reports a client that is not defined under `traffic`.
pub(super) fn known_client(
    reader: &mut Diagnostics<'_>,
    name: &Spanned<String>,
    traffic: &[Client],
) -> Option<()> {
    let names = traffic.iter().map(|client| client.name.as_str());
    if names.clone().any(|known| known == name.value) {
        return Some(());
    }
    let fault = ProblemText::new(format!("there is no traffic client `{}`", name.value));
    reader.fault(name.span, fault.one_of(&name.value, names))
}

fn controller(
    reader: &mut Diagnostics<'_>,
    kind: ObjectKind,
    written: &Spanned<Scalar>,
) -> Option<Spanned<String>> {
    let word = written.word();
    let name = word.parse().ok().filter(|object: &ObjectRef| {
        // A bare name is a Pod's elsewhere. Here only the kind of the field is possible.
        let bare = !word.contains('/');
        bare || object.kind == kind
    });
    let Some(object) = name else {
        let fault = ProblemText::new(format!("`{word}` is not a {}", kind.name()));
        let expected = format!("`NAME` or `{}/NAME`", kind.short());
        return reader.fault(written.span, fault.expected(expected));
    };
    Some(written.with(object.name))
}
