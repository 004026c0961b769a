//! Lifecycle hooks of stand-ins: requests and sleeps are kept, other commands dropped.

use k8s_openapi::api::core::v1::{Container, Lifecycle, LifecycleHandler, SleepAction};

use super::context::Context;
use super::notes::Topic;
use super::shell_sleep;
use crate::targets::probe_spec::port_number;

/// The hooks of a container.
pub(super) fn convert(
    lifecycle: Lifecycle,
    container: &str,
    context: &mut Context<'_>,
) -> Option<Lifecycle> {
    let Lifecycle {
        post_start,
        pre_stop,
        stop_signal,
    } = lifecycle;
    let place = format!("{} {container}", context.place);
    let has_signal = stop_signal.is_some();
    context.notes.add_if(has_signal, Topic::StopSignals, &place);
    let mut hook = |name: &str, handler: Option<LifecycleHandler>| {
        let place = format!("{place} {name}");
        handler.and_then(|handler| handled(handler, &place, context))
    };
    let lifecycle = Lifecycle {
        post_start: hook("postStart", post_start),
        pre_stop: hook("preStop", pre_stop),
        stop_signal: None,
    };
    let is_there = lifecycle.post_start.is_some() || lifecycle.pre_stop.is_some();
    is_there.then_some(lifecycle)
}

/// How long the preStop hook of a stand-in sleeps, in seconds.
pub(super) fn pre_stop_sleep(lifecycle: Option<&Lifecycle>) -> i64 {
    let hook = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let sleep = hook.and_then(|hook| hook.sleep.as_ref());
    sleep.map_or(0, |sleep| sleep.seconds)
}

/// The hooks of a container that ask a port by a name that it does not have.
pub(super) fn unresolved(container: &Container) -> impl Iterator<Item = &'static str> {
    let lifecycle = container.lifecycle.as_ref();
    let hooks = lifecycle.map(|lifecycle| {
        [
            ("postStart", &lifecycle.post_start),
            ("preStop", &lifecycle.pre_stop),
        ]
    });
    hooks.into_iter().flatten().filter_map(|(name, hook)| {
        let get = hook.as_ref()?.http_get.as_ref()?;
        port_number(container, &get.port).is_none().then_some(name)
    })
}

fn handled(
    handler: LifecycleHandler,
    place: &str,
    context: &mut Context<'_>,
) -> Option<LifecycleHandler> {
    let LifecycleHandler {
        exec,
        http_get,
        sleep,
        tcp_socket: _,
    } = handler;
    if let Some(mut get) = http_get {
        context.drop_host(&mut get.host, Topic::HookHosts, place);
        return Some(LifecycleHandler {
            http_get: Some(get),
            ..LifecycleHandler::default()
        });
    }
    let sleep = sleep.or_else(|| {
        let command = exec?.command.unwrap_or_default();
        let sleep = shell_sleep::parse(&command)?;
        if !sleep.alone {
            context.notes.add(Topic::Sleeps, place);
        }
        // The API server refuses a sleep that is longer than the grace period.
        let seconds = sleep
            .seconds
            .and_then(|seconds| i64::try_from(seconds).ok());
        let seconds = seconds.map_or(context.grace, |seconds| seconds.min(context.grace));
        Some(SleepAction { seconds })
    });
    // The sleep of no time is not valid on every version.
    let sleep = sleep.filter(|sleep| sleep.seconds > 0);
    if sleep.is_none() {
        context.notes.add(Topic::Hooks, place);
    }
    Some(LifecycleHandler {
        sleep: Some(sleep?),
        ..LifecycleHandler::default()
    })
}
