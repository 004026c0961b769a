//! A Pod's specification as the kubelet uses it: parsed once, with every default applied.
//!
//! The API server accepts more than pocket can run. Such a field is reported as [`Unsupported`]
//! with its path; no field that a container would notice is silently ignored.

mod hook;
mod probe;
mod quantity;
mod unsupported;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    self as core, EnvFromSource, EnvVar, Lifecycle, LifecycleHandler, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use rules::container::{
    ContainerSpec, ExitCodes, RestartPolicy, RestartRule, RestartRules, Restarted, Role,
};
use rules::probe::ProbeKind;

use super::handler::Handler;
use super::hook::Hook;
use super::termination_message::MessageSource;
use crate::clock::seconds;
pub(super) use unsupported::Unsupported;

/// The part of a Pod's specification that the kubelet uses.
#[derive(Clone, Debug, Default)]
pub(super) struct PodSpec {
    /// In the order of [`containers`].
    pub(super) containers: Vec<Container>,
    /// `terminationGracePeriodSeconds`. Default 30 s.
    pub(super) grace: Duration,
}

/// The part of a container's specification that the kubelet uses.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) rules: ContainerSpec,
    /// The handlers of its probes.
    pub(super) handlers: BTreeMap<ProbeKind, Handler>,
    /// `lifecycle.postStart`.
    pub(super) post_start: Option<Hook>,
    /// `lifecycle.preStop`.
    pub(super) pre_stop: Option<Hook>,
    pub(super) command: Vec<String>,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<EnvVar>,
    pub(super) environment_from: Vec<EnvFromSource>,
    /// The mounts of the Pod's `emptyDir` volumes.
    pub(super) mounts: Vec<VolumeMount>,
    pub(super) pull: PullPolicy,
    /// `resources.limits.memory`, in bytes.
    pub(super) memory: Option<u64>,
    pub(super) termination_message: MessageSource,
    /// `workingDir`.
    pub(super) working_directory: Option<String>,
    /// `securityContext.readOnlyRootFilesystem`.
    pub(super) read_only_root: bool,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullPolicy {
    /// Before every start. The default for images tagged `latest` or without a tag.
    Always,
    /// If the node lacks the image. The default for all other images.
    IfNotPresent,
    /// Never.
    Never,
}

impl PodSpec {
    /// Parses a specification that the API server has accepted.
    pub(super) fn parse(spec: &core::PodSpec) -> Result<Self, Unsupported> {
        refuse_pod(spec)?;
        let init = spec.init_containers.as_ref().map_or(0, Vec::len);
        let source = MessageSource::shared_by(containers(spec).count());
        let containers = containers(spec).enumerate();
        Ok(Self {
            containers: containers
                .map(|(place, (role, container))| {
                    let field = match role {
                        Role::Init | Role::Sidecar => format!("spec.initContainers[{place}]"),
                        Role::Main => format!("spec.containers[{}]", place - init),
                    };
                    Container::parse(role, container, restart(spec, container), &field, &source)
                })
                .collect::<Result<_, _>>()?,
            grace: seconds(spec.termination_grace_period_seconds.unwrap_or(30)),
        })
    }
}

impl Container {
    fn parse(
        role: Role,
        container: &core::Container,
        restart: RestartRules,
        field: &str,
        source: &MessageSource,
    ) -> Result<Self, Unsupported> {
        refuse_container(container, field)?;
        let (mut probes, mut handlers) = (Vec::new(), BTreeMap::new());
        for (kind, name, probe) in [
            (ProbeKind::Startup, "startupProbe", &container.startup_probe),
            (
                ProbeKind::Readiness,
                "readinessProbe",
                &container.readiness_probe,
            ),
            (
                ProbeKind::Liveness,
                "livenessProbe",
                &container.liveness_probe,
            ),
        ] {
            if let Some(probe) = probe {
                let field = format!("{field}.{name}");
                let (spec, handler) = probe::parse(kind, probe, container, &field)?;
                probes.push(spec);
                handlers.insert(kind, handler);
            }
        }
        let hook = |name, of: fn(&Lifecycle) -> Option<&LifecycleHandler>| {
            let handler = container.lifecycle.as_ref().and_then(of);
            let field = format!("{field}.lifecycle.{name}");
            let parsed = handler.map(|handler| hook::parse(handler, container, &field));
            parsed.transpose()
        };
        let rules = ContainerSpec {
            name: container.name.clone(),
            role,
            image: container.image.clone().unwrap_or_default(),
            restart,
            probes,
        };
        Ok(Self {
            pull: pull_policy(container.image_pull_policy.as_deref(), &rules.image),
            rules,
            handlers,
            post_start: hook("postStart", |lifecycle| lifecycle.post_start.as_ref())?,
            pre_stop: hook("preStop", |lifecycle| lifecycle.pre_stop.as_ref())?,
            command: container.command.clone().unwrap_or_default(),
            arguments: container.args.clone().unwrap_or_default(),
            environment: container.env.clone().unwrap_or_default(),
            environment_from: container.env_from.clone().unwrap_or_default(),
            memory: memory(container, field)?,
            termination_message: source.of_container(container),
            working_directory: container.working_dir.clone().filter(|it| !it.is_empty()),
            read_only_root: read_only_root(container),
            mounts: container.volume_mounts.clone().unwrap_or_default(),
        })
    }
}

/// All containers of a Pod, init containers first. A container's `place` is its index here.
pub(super) fn containers(spec: &core::PodSpec) -> impl Iterator<Item = (Role, &core::Container)> {
    let init = spec.init_containers.iter().flatten();
    let init = init.map(|container| match container.restart_policy.as_deref() {
        Some("Always") => (Role::Sidecar, container),
        _ => (Role::Init, container),
    });
    init.chain(
        spec.containers
            .iter()
            .map(|container| (Role::Main, container)),
    )
}

/// The action of a rule that restarts all containers of its Pod; the other is `Restart`.
const RESTART_ALL: &str = "RestartAllContainers";

/// When a container is started again: its own policy, or else that of its Pod, and its rules. The
/// default is `Always`.
pub(super) fn restart(pod: &core::PodSpec, container: &core::Container) -> RestartRules {
    let policy = container.restart_policy.as_ref();
    let policy = match policy.or(pod.restart_policy.as_ref()).map(String::as_str) {
        Some("OnFailure") => RestartPolicy::OnFailure,
        Some("Never") => RestartPolicy::Never,
        _ => RestartPolicy::Always,
    };
    let rules = container.restart_policy_rules.iter().flatten();
    let rules = rules.filter_map(|rule| {
        let codes = rule.exit_codes.as_ref()?;
        let values = codes.values.clone().unwrap_or_default();
        let exit_codes = match codes.operator.as_str() {
            "In" => ExitCodes::In(values),
            _ => ExitCodes::NotIn(values),
        };
        let restarts = match rule.action.as_str() {
            RESTART_ALL => Restarted::AllContainers,
            _ => Restarted::Container,
        };
        Some(RestartRule {
            exit_codes,
            restarts,
        })
    });
    RestartRules {
        policy,
        rules: rules.collect(),
    }
}

/// The `fieldPath` of events about a container.
pub(super) fn part(role: Role, container: &str) -> String {
    match role {
        Role::Init | Role::Sidecar => format!("spec.initContainers{{{container}}}"),
        Role::Main => format!("spec.containers{{{container}}}"),
    }
}

/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Container`.
fn pull_policy(policy: Option<&str>, image: &str) -> PullPolicy {
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map(|(_, tag)| tag);
    match policy {
        Some("Always") => PullPolicy::Always,
        Some("IfNotPresent") => PullPolicy::IfNotPresent,
        Some("Never") => PullPolicy::Never,
        _ if matches!(tag, None | Some("latest")) => PullPolicy::Always,
        _ => PullPolicy::IfNotPresent,
    }
}

fn refuse_pod(spec: &core::PodSpec) -> Result<(), Unsupported> {
    if spec.host_network == Some(true) {
        let why = "a Pod in pocket has an address of its own";
        return Err(Unsupported::new("spec.hostNetwork", why));
    }
    if spec.active_deadline_seconds.is_some() {
        let why = "pocket ends no Pod by a deadline";
        return Err(Unsupported::new("spec.activeDeadlineSeconds", why));
    }
    let volumes = spec.volumes.iter().flatten();
    // Every other kind of volume has content that pocket does not provide.
    match volumes
        .enumerate()
        .find(|(_, volume)| volume.empty_dir.is_none())
    {
        None => Ok(()),
        Some((place, _)) => {
            let field = format!("spec.volumes[{place}]");
            Err(Unsupported::new(
                field,
                "pocket mounts nothing but emptyDir",
            ))
        }
    }
}

fn refuse_container(container: &core::Container, field: &str) -> Result<(), Unsupported> {
    let refuse = |name: &str, why: &str| Err(Unsupported::new(format_args!("{field}.{name}"), why));
    let lifecycle = container.lifecycle.as_ref();
    if lifecycle.is_some_and(|lifecycle| lifecycle.stop_signal.is_some()) {
        let why = "pocket stops containers with SIGTERM";
        return refuse("lifecycle.stopSignal", why);
    }
    let mut mounts = container.volume_mounts.iter().flatten();
    if let Some(place) = mounts.position(|mount| mount.sub_path_expr.is_some()) {
        let name = format!("volumeMounts[{place}].subPathExpr");
        return refuse(&name, "pocket expands no path");
    }
    Ok(())
}

fn read_only_root(container: &core::Container) -> bool {
    let context = container.security_context.as_ref();
    context.and_then(|context| context.read_only_root_filesystem) == Some(true)
}

fn memory(container: &core::Container, field: &str) -> Result<Option<u64>, Unsupported> {
    let limits = container.resources.as_ref();
    let limits = limits.and_then(|resources| resources.limits.as_ref());
    let Some(Quantity(text)) = limits.and_then(|limits| limits.get("memory")) else {
        return Ok(None);
    };
    let bytes = quantity::bytes(text).ok_or_else(|| {
        let field = format!("{field}.resources.limits.memory");
        Unsupported::new(field, "pocket reads whole bytes, such as 64Mi or 128M")
    });
    bytes.map(Some)
}

#[cfg(test)]
mod tests;
