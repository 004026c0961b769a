//! Bounds of the times of effects: the probes' closed formulas, the way of a restart, and the way
//! to the API.

use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use rules::probe::{ProbeKind, Window};

use super::{experiment::Effect, question::Question};
use crate::{
    input::experiment::Probe,
    targets::{
        probe_timing::{start_timings, timing},
        propagation::seen,
    },
};

/// How long a stand-in serves requests in progress after SIGTERM.
const IN_PROGRESS: Duration = Duration::from_secs(1);

/// How long the kubelet takes to notice an end and to start a container again.
const START: Duration = Duration::from_secs(2);

/// Between which times after the fault an effect is seen in every run that has it; none if no
/// closed formula says so.
pub(super) fn bounds(question: &Question<'_>, effect: &Effect) -> Option<Window> {
    let container = question.container?;
    let window = match effect {
        Effect::NotReady | Effect::Fewer(_) | Effect::None(_) => not_ready(question, container),
        Effect::Restarted(name) if *name == container.name => restarted(question, container),
        Effect::ReadyAgain if !question.fails_again() => {
            let restarted = restarted(question, container)?;
            let turn = inherited(container).map_or(restarted, |turn| plus(restarted, turn));
            Some(Window {
                after: restarted.after,
                within: plus(turn, ready(container)).within,
            })
        }
        _ => None,
    }?;
    Some(seen(window))
}

/// The readiness probe fails, or the container ends before it does.
fn not_ready(question: &Question<'_>, container: &Container) -> Option<Window> {
    let readiness = decides(question, Probe::Readiness);
    let unready = |ends: Window| {
        inherited(container).map_or(ends, |turn| plus(ends, plus(until(START), turn)))
    };
    match (readiness, ended(question, container).map(unready)) {
        (Some(fails), Some(ends)) if fails.within > ends.after => Some(Window {
            after: fails.after.min(ends.after),
            within: fails.within.max(ends.within),
        }),
        (readiness, ends) => readiness.or(ends),
    }
}

fn restarted(question: &Question<'_>, container: &Container) -> Option<Window> {
    Some(plus(ended(question, container)?, until(START)))
}

/// The end of the process: a failed liveness probe and the way of a termination. How soon the
/// kubelet learns of a crash has no closed formula.
fn ended(question: &Question<'_>, container: &Container) -> Option<Window> {
    let kills = decides(question, Probe::Liveness)?;
    Some(plus(
        plus(kills, hook(question, container)),
        until(IN_PROGRESS),
    ))
}

fn decides(question: &Question<'_>, probe: Probe) -> Option<Window> {
    let windows = question.windows();
    windows
        .iter()
        .find(|(of, _)| *of == probe)
        .map(|(_, window)| *window)
}

/// How long its preStop hook takes. A request that is not answered lasts as long as the grace.
fn hook(question: &Question<'_>, container: &Container) -> Window {
    let grace = question.grace();
    let lifecycle = container.lifecycle.as_ref();
    let Some(hook) = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()) else {
        return until(Duration::ZERO);
    };
    match &hook.sleep {
        Some(sleep) => {
            let sleep = u64::try_from(sleep.seconds).unwrap_or_default();
            let lasts = Duration::from_secs(sleep).min(grace);
            Window {
                after: lasts,
                within: lasts,
            }
        }
        None => until(grace),
    }
}

/// How long a container with a startup probe counts as started after a restart, if no status shows
/// it down: until the probe's next turn, which then waits for another.
///
/// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`; kubernetes#141155.
fn inherited(container: &Container) -> Option<Window> {
    let startup = container.startup_probe.as_ref()?;
    Some(until(timing(ProbeKind::Startup, startup).period))
}

/// From a healthy start to readiness.
fn ready(container: &Container) -> Window {
    start_timings(container)
        .map(|spec| spec.first_success_window(Duration::ZERO))
        .fold(until(Duration::ZERO), plus)
}

fn until(within: Duration) -> Window {
    Window {
        after: Duration::ZERO,
        within,
    }
}

/// The window of two things that follow each other.
fn plus(one: Window, other: Window) -> Window {
    Window {
        after: one.after + other.after,
        within: one.within + other.within,
    }
}
