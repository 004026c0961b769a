//! One container of a stand-in: one that serves, or one that ends.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::core::v1::{Container, ContainerPort, VolumeMount},
    apimachinery::pkg::util::intstr::IntOrString,
};
use probe_target::model::{duration, port_spec::Protocol};

use super::context::Context;
use super::notes::{Notes, Topic};
use super::ports::{ContainerPorts, PodPorts, is_tcp, probes};
use super::settings::Settings;
use super::{hooks, probes, security, shell_sleep};

/// The name of the volume that counts starts of the containers.
pub(super) const STATE_VOLUME: &str = "probeflip-state";

/// Where it is mounted.
const STATE_PATH: &str = "/probeflip";

/// A container that serves its ports.
pub(super) fn serving(
    container: Container,
    own: &ContainerPorts,
    ports: &PodPorts,
    context: &mut Context<'_>,
) -> Container {
    let place = format!("{} {}", context.place, container.name);
    let names = probes::unresolved(&container).chain(hooks::unresolved(&container));
    for name in names {
        context
            .notes
            .add(Topic::Unresolved, format!("{place} {name}"));
    }
    let [liveness_probe, readiness_probe, startup_probe] =
        probes::convert(&container, own, ports, context);
    let needs_tls = own.opened.values().any(|protocol| protocol.is_secured());
    let args = arguments(&container.name, own, context.settings);
    let lifecycle = container.lifecycle.clone();
    let lifecycle =
        lifecycle.and_then(|lifecycle| hooks::convert(lifecycle, &container.name, context));
    let slept = hooks::pre_stop_sleep(lifecycle.as_ref());
    let drain = context.settings.drain.map_or(0, |drain| drain.as_secs());
    let left = context.grace.saturating_sub(slept);
    let is_cut = i64::try_from(drain).unwrap_or(i64::MAX) > left;
    context.notes.add_if(is_cut, Topic::Drain, &place);
    let has_digest = needs_tls && context.settings.is_by_digest();
    context.notes.add_if(has_digest, Topic::TlsImage, &place);
    let kept_ports = declared(&container, context);
    Container {
        args: Some(args),
        lifecycle,
        liveness_probe,
        readiness_probe,
        startup_probe,
        ports: (!kept_ports.is_empty()).then_some(kept_ports),
        volume_mounts: Some(vec![VolumeMount {
            name: STATE_VOLUME.to_owned(),
            mount_path: STATE_PATH.to_owned(),
            ..VolumeMount::default()
        }]),
        ..bare(container, needs_tls, context)
    }
}

/// A container that ends with 0: that of a Job, or an init container. One that sleeps first ends as
/// late.
pub(super) fn ending(container: Container, context: &mut Context<'_>) -> Container {
    let has_more = probes(&container).next().is_some()
        || container.lifecycle.is_some()
        || is_given(container.ports.as_ref());
    let place = format!("{} {}", context.place, container.name);
    context.notes.add_if(has_more, Topic::Ending, &place);
    let lifecycle = container.lifecycle.as_ref();
    let has_signal = lifecycle.is_some_and(|lifecycle| lifecycle.stop_signal.is_some());
    context.notes.add_if(has_signal, Topic::StopSignals, &place);
    let words = container.command.iter().chain(&container.args).flatten();
    let words: Vec<String> = words.cloned().collect();
    let mut args = vec!["exit".to_owned(), "0".to_owned()];
    let sleep = shell_sleep::parse(&words);
    let is_endless = sleep.is_some_and(|sleep| sleep.seconds.is_none());
    context.notes.add_if(is_endless, Topic::Endless, &place);
    let sleep = sleep.and_then(|sleep| sleep.seconds);
    if let Some(seconds) = sleep.filter(|seconds| *seconds > 0) {
        let after = duration::format(Duration::from_secs(seconds));
        args.push(format!("--after={after}"));
    }
    Container {
        args: Some(args),
        ..bare(container, false, context)
    }
}

/// Everything of a container that does not depend on what it does.
fn bare(container: Container, needs_tls: bool, context: &mut Context<'_>) -> Container {
    let Container {
        name,
        restart_policy,
        restart_policy_rules,
        resources,
        resize_policy,
        security_context,
        volume_devices,
        volume_mounts,
        termination_message_path,
        termination_message_policy,
        // The program and its input, which the probe target replaces.
        args: _,
        command: _,
        env: _,
        env_from: _,
        image: _,
        image_pull_policy: _,
        stdin,
        stdin_once,
        tty,
        working_dir: _,
        // Converted by the caller.
        lifecycle: _,
        liveness_probe: _,
        ports: _,
        readiness_probe: _,
        startup_probe: _,
    } = container;
    let place = format!("{} {name}", context.place);
    let notes = &mut *context.notes;
    let has_resources = is_given(resources.as_ref()) || is_given(resize_policy.as_ref());
    notes.add_if(has_resources, Topic::Resources, &place);
    let is_secured = is_given(security_context.as_ref());
    notes.add_if(is_secured, Topic::Security, &place);
    let has_volumes = is_given(volume_mounts.as_ref()) || is_given(volume_devices.as_ref());
    notes.add_if(has_volumes, Topic::Volumes, context.place);
    let has_message = differs(termination_message_path.as_deref(), "/dev/termination-log")
        || differs(termination_message_policy.as_deref(), "File");
    notes.add_if(has_message, Topic::TerminationMessages, &place);
    for (field, given) in [("stdin", stdin), ("stdinOnce", stdin_once), ("tty", tty)] {
        notes.add_if(
            given == Some(true),
            Topic::Fields,
            &format!("{place} {field}"),
        );
    }
    let settings = context.settings;
    Container {
        name,
        image: Some(if needs_tls {
            settings.tls_image()
        } else {
            settings.image.clone()
        }),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        restart_policy,
        restart_policy_rules,
        security_context: Some(security::of_container()),
        ..Container::default()
    }
}

/// Whether a field is given and not at its default.
pub(super) fn differs(given: Option<&str>, default: &str) -> bool {
    given.is_some_and(|given| !given.is_empty() && given != default)
}

/// Whether a field is given and not empty or zero.
pub(super) fn is_given<T: Default + PartialEq>(field: Option<&T>) -> bool {
    field.is_some_and(|value| *value != T::default())
}

fn arguments(name: &str, own: &ContainerPorts, settings: &Settings) -> Vec<String> {
    let port = |(port, protocol): (&u16, &Protocol)| format!("--port={port}={}", protocol.name());
    let mut arguments = vec![format!("--control=127.0.0.1:{}", own.control)];
    arguments.extend(own.opened.iter().map(port));
    let exec = own.exec.map(|port| format!("--port=127.0.0.1:{port}=http"));
    arguments.extend(exec);
    if arguments.len() == 1 {
        arguments.push("--port=none".to_owned());
    }
    arguments.push(format!("--state-dir={STATE_PATH}"));
    let time = |option: &str, time| format!("--{option}={}", duration::format(time));
    arguments.extend(settings.drain.map(|drain| time("drain", drain)));
    let start_after = settings.start_after.of(name);
    arguments.extend(start_after.map(|after| time("start-after", after)));
    let code = settings.exit_on_term.filter(|code| *code != 0);
    arguments.extend(code.map(|code| format!("--exit-on-term={code}")));
    arguments
}

/// The ports that a container declares, without those of other protocols, which nothing opens. One
/// that a probe asks by its name is kept.
fn declared(container: &Container, context: &mut Context<'_>) -> Vec<ContainerPort> {
    let place = format!("{} {}", context.place, container.name);
    let mut kept = Vec::new();
    for port in container.ports.iter().flatten() {
        let ContainerPort {
            container_port,
            host_ip,
            host_port,
            name,
            protocol,
        } = port.clone();
        let has_host = is_given(host_port.as_ref()) || host_ip.is_some();
        let notes = &mut *context.notes;
        notes.add_if(
            has_host,
            Topic::HostPorts,
            &format!("{place} {container_port}"),
        );
        let is_asked = name.as_ref().is_some_and(|name| asks(container, name));
        if !is_tcp(port) && !is_asked {
            notes.add(Topic::Udp, format!("{place} {container_port}"));
            continue;
        }
        kept.push(ContainerPort {
            container_port,
            host_ip: None,
            host_port: None,
            name,
            protocol,
        });
    }
    kept
}

fn asks(container: &Container, name: &str) -> bool {
    ports_asked(&mut container.clone()).any(|port| *port == IntOrString::String(name.to_owned()))
}

/// The ports that probes and hooks of a container ask by number or name.
fn ports_asked(container: &mut Container) -> std::vec::IntoIter<&mut IntOrString> {
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    let mut ports = Vec::new();
    for probe in probes.into_iter().flatten() {
        ports.extend(probe.http_get.as_mut().map(|get| &mut get.port));
        ports.extend(probe.tcp_socket.as_mut().map(|socket| &mut socket.port));
    }
    if let Some(lifecycle) = &mut container.lifecycle {
        let hooks = [&mut lifecycle.post_start, &mut lifecycle.pre_stop];
        for hook in hooks.into_iter().flatten() {
            ports.extend(hook.http_get.as_mut().map(|get| &mut get.port));
        }
    }
    ports.into_iter()
}

/// Merges entries of one port, as server-side apply takes each number and protocol once. Returns
/// the names that are lost; probes and hooks that ask one ask the number instead.
pub(super) fn merge_ports(
    container: &mut Container,
    place: &str,
    notes: &mut Notes,
) -> BTreeMap<String, u16> {
    let mut merged: Vec<ContainerPort> = Vec::new();
    let mut lost = BTreeMap::new();
    for port in container.ports.take().into_iter().flatten() {
        let is_same = |known: &&mut ContainerPort| {
            known.container_port == port.container_port && is_tcp(known) == is_tcp(&port)
        };
        let Some(first) = merged.iter_mut().find(is_same) else {
            merged.push(port);
            continue;
        };
        let number = port.container_port;
        notes.add(
            Topic::DuplicateItems,
            format!("{place} {} port {number}", container.name),
        );
        match (&first.name, port.name) {
            (None, name) => first.name = name,
            (Some(kept), Some(name)) if *kept != name => {
                lost.extend(u16::try_from(number).ok().map(|number| (name, number)));
            }
            _ => {}
        }
    }
    container.ports = (!merged.is_empty()).then_some(merged);
    for port in ports_asked(container) {
        if let IntOrString::String(name) = port
            && let Some(number) = lost.get(name)
        {
            *port = IntOrString::Int(i32::from(*number));
        }
    }
    lost
}
