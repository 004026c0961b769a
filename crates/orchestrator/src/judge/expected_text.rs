//! Text for conditions and operators: what an expectation expects.

use std::time::Duration;

use crate::input::experiment::{
    Addresses, Budget, Condition, ContainerThat, ControllerThat, EndpointsReady, EndpointsThat,
    Expectation, ObjectRef, Operator, PodReady, PodThat, RequestOutcome, Restarts, Spanned,
    TrafficThat, Which,
};
use probe_target::model::duration::format;

/// Text for a condition: `deploy/web ready 1/2 · 0 restarts`.
pub(super) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Pod { pod, which, that } => {
            let that = self::pod(that).join(" · ");
            format!("{} {that}", pods(pod, which.value))
        }
        Condition::Container {
            pod,
            which,
            container,
            that,
        } => {
            format!(
                "{} container {} {}",
                pods(pod, which.value),
                container.value,
                self::container(that).join(" · ")
            )
        }
        Condition::Endpoints { services, that } => {
            format!(
                "endpoints of {} {}",
                names(services),
                endpoints(that).join(" · ")
            )
        }
        Condition::Controller { kind, name, that } => {
            let that = controller(that).join(" · ");
            format!("{}/{} {that}", kind.short(), name.value)
        }
        Condition::Event { reason, of } => format!("event {reason} of {}", of.value),
        Condition::Traffic { clients, that } => {
            format!(
                "requests of {} {}",
                names(clients),
                traffic(that).join(" · ")
            )
        }
    }
}

/// Text for the Pods of a condition: `flipped Pods of deploy/web`.
fn pods(pod: &ObjectRef, which: Which) -> String {
    match which {
        Which::All => pod.to_string(),
        Which::Flipped => format!("flipped Pods of {pod}"),
        Which::Others => format!("other Pods of {pod}"),
    }
}

/// Text for an expectation: its condition, its operator and when its time begins.
pub(super) fn expectation(expectation: &Expectation) -> String {
    let condition = self::condition(&expectation.claim);
    let operator = self::operator(&expectation.operator);
    match &expectation.after {
        None => format!("{condition}, {operator}"),
        Some(after) => format!("{condition}, after {} {operator}", after.value),
    }
}

/// Text for an operator: `eventually not before 3s, within 10s, for 3s`.
fn operator(operator: &Operator) -> String {
    let lasting = |lasts: &Option<Duration>| {
        lasts.map_or(String::new(), |lasts| format!(" for {}", format(lasts)))
    };
    match operator {
        Operator::Eventually {
            not_before,
            within,
            hold,
        } => {
            let from = if not_before.time.is_zero() {
                String::new()
            } else {
                format!(" not before {not_before},")
            };
            let hold = if hold.is_zero() {
                String::new()
            } else {
                format!(", for {}", format(*hold))
            };
            format!("eventually{from} within {within}{hold}")
        }
        Operator::Always { lasts } => format!("always{}", lasting(lasts)),
        Operator::Never { lasts } => format!("never{}", lasting(lasts)),
        Operator::Observe { lasts } => format!("observed{}", lasting(lasts)),
    }
}

fn pod(that: &PodThat) -> Vec<String> {
    let ready = that.ready.map(|ready| match ready {
        PodReady::Count { ready, of } => format!("ready {ready}/{of}"),
        PodReady::Condition(ready) => either(ready, "ready"),
    });
    let mut parts: Vec<String> = ready
        .into_iter()
        .chain(that.restarts.map(restarts_wanted))
        .collect();
    parts.extend(that.same_uid.then(|| "same UID".into()));
    parts.extend(that.same_ip.then(|| "same IP".into()));
    parts.extend(
        that.conditions
            .iter()
            .map(|(name, status)| format!("{name} {status:?}")),
    );
    parts
}

fn container(that: &ContainerThat) -> Vec<String> {
    let mut parts: Vec<String> = that
        .ready
        .map(|ready| either(ready, "ready"))
        .into_iter()
        .collect();
    parts.extend(that.started.map(|started| either(started, "started")));
    parts.extend(that.restarts.map(restarts_wanted));
    parts.extend(that.state.map(|state| format!("{state:?}").to_lowercase()));
    parts.extend(
        that.reason
            .as_ref()
            .map(|reason| format!("reason {reason}")),
    );
    parts
}

fn endpoints(that: &EndpointsThat) -> Vec<String> {
    let ready = that.ready.map(|ready| match ready {
        EndpointsReady::All => "all ready".to_owned(),
        EndpointsReady::None => "none ready".to_owned(),
        EndpointsReady::Number(number) => format!("{number} ready"),
        EndpointsReady::Count { ready, of } => format!("ready {ready}/{of}"),
    });
    let addresses = that.addresses.as_ref().map(|addresses| match addresses {
        Addresses::Unchanged => "same addresses".to_owned(),
        Addresses::Count(number) => format!("{number} addresses"),
    });
    ready.into_iter().chain(addresses).collect()
}

fn controller(that: &ControllerThat) -> Vec<String> {
    let counts = that.counts.iter();
    let counts = counts.map(|(field, wanted)| format!("{field} {wanted}"));
    counts
        .chain(
            that.progressing
                .as_ref()
                .map(|reason| format!("progressing {reason}")),
        )
        .collect()
}

fn traffic(that: &TrafficThat) -> Vec<String> {
    let outcomes: Vec<&str> = that.outcomes.iter().map(|outcome| outcome.word()).collect();
    let outcomes = outcomes.join(" or ");
    let Some(Budget {
        failed,
        longest_failure,
    }) = &that.budget
    else {
        return vec![outcomes];
    };
    let other = (that.outcomes != [RequestOutcome::Ok]).then_some(outcomes);
    let failed = failed.map(|limit| format!("failed at most {limit}"));
    let longest = longest_failure.map(|limit| format!("longest failure at most {}", format(limit)));
    other.into_iter().chain(failed).chain(longest).collect()
}

fn restarts_wanted(restarts: Restarts) -> String {
    match restarts {
        Restarts::Total(number) | Restarts::Delta(number) => number.of("restart"),
    }
}

/// `1 restart`
pub(super) fn restarts_seen(number: i64) -> String {
    if number == 1 {
        "1 restart".into()
    } else {
        format!("{number} restarts")
    }
}

/// `ready` or `not ready`
pub(super) fn either(is: bool, word: &str) -> String {
    if is {
        word.into()
    } else {
        format!("not {word}")
    }
}

/// `a and b`, or `none`
pub(super) fn joined(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn names(names: &[Spanned<String>]) -> String {
    joined(
        &names
            .iter()
            .map(|name| name.value.clone())
            .collect::<Vec<_>>(),
    )
}
