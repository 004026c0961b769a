//! Admission of Pods and Pod templates: defaults, checks, and which fields of a Pod can be changed.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec`, and
//! `pkg/apis/core/validation/validation.go`, `ValidatePodSpec` and `ValidatePodUpdate`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, Pod, PodSpec, PodStatus, PodTemplateSpec, Toleration, TopologySpreadConstraint,
};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use rules::names::{refuse_label_key, refuse_label_value};
use serde_json::Value;

use super::names::Names;
use super::pipeline::Admit;
use super::{container, fields, names};
use crate::api_status::FieldErrors;

impl Admit for Pod {
    fn begin(&mut self) {
        // A status that the client sends is dropped: `pkg/registry/core/pod/strategy.go`,
        // `PrepareForCreate`.
        let qos = self.spec.as_ref().map(quality_of_service);
        self.status = Some(PodStatus {
            phase: Some("Pending".to_owned()),
            qos_class: qos.map(str::to_owned),
            ..PodStatus::default()
        });
    }

    fn complete(&mut self) {
        let spec = self.spec.get_or_insert_default();
        complete(spec);
        // A template leaves this default to its Pods.
        spec.enable_service_links.get_or_insert(true);
        containers_mut(spec).for_each(container::request_limits);
    }

    fn check(&self, errors: &mut FieldErrors) {
        match &self.spec {
            Some(spec) => errors.within("spec", |errors| check(spec, errors)),
            None => errors.required("spec", ""),
        }
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (Some(now), Some(before)) = (&self.spec, &before.spec) else {
            return;
        };
        if now.containers.len() != before.containers.len() {
            let why = "pod updates may not add or remove containers";
            return errors.forbidden("spec.containers", why);
        }
        errors.within("spec", |errors| {
            check_deadline(now, before, errors);
            check_tolerations(now, before, errors);
            check_gates(now, before, errors);
        });
        if with_what_may_change(now, before) != *now {
            errors.forbidden("spec", IMMUTABLE);
        }
    }
}

const IMMUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
    to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
    previously negative)";

pub(super) fn complete(spec: &mut PodSpec) {
    fields::text(&mut spec.restart_policy, "Always");
    fields::text(&mut spec.dns_policy, "ClusterFirst");
    fields::text(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.security_context.get_or_insert_default();
    containers_mut(spec).for_each(container::complete);
}

/// Checks the Pod template of a workload whose Pods run for ever. `owner` is the kind that messages
/// name.
pub(super) fn check_template(template: &PodTemplateSpec, owner: &str, errors: &mut FieldErrors) {
    check_any_template(template, errors, |spec, errors| {
        // Rule: `pkg/apis/apps/validation/validation.go`, `ValidatePodTemplateSpecForReplicaSet`.
        if spec.active_deadline_seconds.is_some() {
            let why = format!("activeDeadlineSeconds in {owner} is not Supported");
            errors.forbidden("activeDeadlineSeconds", &why);
        }
        let policy = spec.restart_policy.as_ref();
        fields::check_choice("restartPolicy", policy, &["Always"], errors);
    });
}

/// Checks the Pod template of a Job, whose Pods end.
///
/// Rule: `pkg/apis/batch/validation/validation.go`, `validateJobSpec`.
pub(super) fn check_ending_template(
    template: &PodTemplateSpec,
    has_failure_policy: bool,
    errors: &mut FieldErrors,
) {
    check_any_template(template, errors, |spec, errors| {
        match spec.restart_policy.as_deref() {
            Some("Always") => {
                let why = "valid values: \"OnFailure\", \"Never\"";
                errors.required("restartPolicy", why);
            }
            Some(policy @ "OnFailure") if has_failure_policy => {
                let why = "only \"Never\" is supported when podFailurePolicy is specified";
                errors.invalid("restartPolicy", policy, why);
            }
            _ => {}
        }
    });
}

fn check_any_template(
    template: &PodTemplateSpec,
    errors: &mut FieldErrors,
    check_more: impl FnOnce(&PodSpec, &mut FieldErrors),
) {
    let metadata = template.metadata.as_ref();
    let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
    names::check_labels("metadata.labels", labels, errors);
    let Some(spec) = &template.spec else {
        return errors.required("spec.containers", "");
    };
    errors.within("spec", |errors| {
        check(spec, errors);
        check_more(spec, errors);
    });
}

fn check(spec: &PodSpec, errors: &mut FieldErrors) {
    if spec.containers.is_empty() {
        errors.required("containers", "");
    }
    let policies = ["Always", "OnFailure", "Never"];
    let policy = spec.restart_policy.as_ref();
    fields::check_choice("restartPolicy", policy, &policies, errors);
    let grace = spec.termination_grace_period_seconds;
    // An API server only warns of a negative one, and takes it for 1.
    errors.lacking(|errors| {
        fields::check_not_negative("terminationGracePeriodSeconds", grace, errors);
    });
    check_texts(spec, errors);
    check_containers(spec, errors);
    check_volumes(spec, errors);
    check_tolerances(spec, errors);
    check_scheduling(spec, errors);
    check_sysctls(spec, errors);
    // Refused although Kubernetes allows it: pocket lacks it, and ignoring it would change probe
    // results.
    if spec.host_network == Some(true) {
        errors.lacking(|errors| {
            errors.forbidden("hostNetwork", "pocket has no host network");
        });
    }
}

/// Checks the fields about names, DNS and time.
fn check_texts(spec: &PodSpec, errors: &mut FieldErrors) {
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    fields::check_choice("dnsPolicy", spec.dns_policy.as_ref(), &policies, errors);
    if spec.dns_policy.as_deref() == Some("None") && spec.dns_config.is_none() {
        let why = "must provide `dnsConfig` when `dnsPolicy` is None";
        errors.required("dnsConfig", why);
    }
    let most = i64::from(i32::MAX);
    if let Some(deadline) = spec
        .active_deadline_seconds
        .filter(|it| !(1..=most).contains(it))
    {
        let why = "must be between 1 and 2147483647, inclusive";
        errors.invalid("activeDeadlineSeconds", deadline, why);
    }
    names::check_labels("nodeSelector", spec.node_selector.as_ref(), errors);
    for (field, value, grammar) in [
        ("hostname", &spec.hostname, Names::Label),
        ("subdomain", &spec.subdomain, Names::Label),
        ("nodeName", &spec.node_name, Names::Subdomain),
    ] {
        let value = value.as_deref().unwrap_or_default();
        if !value.is_empty() {
            names::refused(field, value, &grammar.refuse(value), errors);
        }
    }
}

/// Rule: `ValidateTolerations`.
fn check_tolerances(spec: &PodSpec, errors: &mut FieldErrors) {
    errors.each("tolerations", spec.tolerations.iter().flatten(), |toleration, errors| {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (value, effect) = (text(&toleration.value), text(&toleration.effect));
        if !key.is_empty() {
            names::refused("key", &key, &refuse_label_key(&key), errors);
        } else if operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values \
                       and all keys\"";
            errors.invalid("operator", operator.as_str(), why);
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.invalid("effect", effect.as_str(), why);
        }
        match operator.as_str() {
            "" | "Equal" => {
                let why = refuse_label_value(&value);
                if !why.is_empty() {
                    errors.invalid("operator", value.as_str(), &why.join(";"));
                }
            }
            "Exists" if value.is_empty() => {}
            "Exists" => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.invalid("operator", value.as_str(), why);
            }
            other => errors.unsupported("operator", other, &["Equal", "Exists"]),
        }
        let effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
        if !effect.is_empty() && !effects.contains(&effect.as_str()) {
            errors.unsupported("effect", &effect, &effects);
        }
    });
}

fn check_containers(spec: &PodSpec, errors: &mut FieldErrors) {
    let init = spec.init_containers.iter().flatten();
    errors.each("initContainers", init.clone(), container::check_init);
    // One set for all: names are unique across init and main containers.
    let mut names = BTreeSet::new();
    each_container(spec, errors, |container, errors| {
        container::check(container, spec.termination_grace_period_seconds, errors);
        if !container.name.is_empty() && !names.insert(container.name.as_str()) {
            errors.duplicate("name", container.name.as_str());
        }
    });
    container::check_host_ports("containers", &spec.containers, errors);
    // Init containers run one after another. Upstream checks each one alone, under the first one's
    // path.
    for container in init {
        let alone = std::slice::from_ref(container);
        container::check_host_ports("initContainers", alone, errors);
    }
}

fn check_volumes(spec: &PodSpec, errors: &mut FieldErrors) {
    let mut volumes = BTreeSet::new();
    errors.each(
        "volumes",
        spec.volumes.iter().flatten(),
        |volume, errors| {
            if !volumes.insert(volume.name.as_str()) {
                errors.duplicate("name", volume.name.as_str());
            }
        },
    );
    each_container(spec, errors, |container, errors| {
        let mut mounted = BTreeSet::new();
        let mounts = container.volume_mounts.iter().flatten();
        errors.each("volumeMounts", mounts, |mount, errors| {
            if !volumes.contains(mount.name.as_str()) {
                errors.not_found("name", &mount.name);
            }
            if !mounted.insert(mount.mount_path.as_str()) {
                errors.invalid("mountPath", mount.mount_path.as_str(), "must be unique");
            }
        });
    });
}

/// Checks the fields that the scheduler uses.
fn check_scheduling(spec: &PodSpec, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    let gates = spec.scheduling_gates.iter().flatten();
    errors.each("schedulingGates", gates, |gate, errors| {
        let why = refuse_label_key(&gate.name);
        names::refused("", &gate.name, &why, errors);
        if !seen.insert(gate.name.as_str()) {
            errors.duplicate("", gate.name.as_str());
        }
    });
    let constraints = spec.topology_spread_constraints.iter().flatten();
    let mut later = constraints.clone();
    errors.each(
        "topologySpreadConstraints",
        constraints,
        |constraint, errors| {
            let identity = |it: &TopologySpreadConstraint| {
                format!("{{{}, {}}}", it.topology_key, it.when_unsatisfiable)
            };
            // Upstream compares each constraint with those after it.
            later.next();
            if later
                .clone()
                .any(|other| identity(other) == identity(constraint))
            {
                errors.duplicate("{topologyKey, whenUnsatisfiable}", identity(constraint));
            }
        },
    );
}

/// Rule: `validateSysctls`.
fn check_sysctls(spec: &PodSpec, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    let context = spec.security_context.iter();
    let sysctls = context.flat_map(|context| &context.sysctls).flatten();
    errors.each("securityContext.sysctls", sysctls, |sysctl, errors| {
        if !seen.insert(sysctl.name.as_str()) {
            errors.duplicate("name", sysctl.name.as_str());
        }
    });
}

/// Checks every container, init containers first.
fn each_container<'a>(
    spec: &'a PodSpec,
    errors: &mut FieldErrors,
    mut check: impl FnMut(&'a Container, &mut FieldErrors),
) {
    let init = spec.init_containers.iter().flatten();
    errors.each("initContainers", init, &mut check);
    errors.each("containers", &spec.containers, &mut check);
}

/// `before` with the new values of all fields that may change.
fn with_what_may_change(now: &PodSpec, before: &PodSpec) -> PodSpec {
    let mut allowed = before.clone();
    for (allowed, now) in allowed.containers.iter_mut().zip(&now.containers) {
        allowed.image.clone_from(&now.image);
    }
    let init = allowed.init_containers.iter_mut().flatten();
    for (allowed, now) in init.zip(now.init_containers.iter().flatten()) {
        allowed.image.clone_from(&now.image);
    }
    allowed.active_deadline_seconds = now.active_deadline_seconds;
    // How these two may change is checked apart.
    allowed.tolerations.clone_from(&now.tolerations);
    allowed.scheduling_gates.clone_from(&now.scheduling_gates);
    allowed
}

/// A deadline may be set, and then only be shortened.
fn check_deadline(now: &PodSpec, before: &PodSpec, errors: &mut FieldErrors) {
    let field = "activeDeadlineSeconds";
    match (now.active_deadline_seconds, before.active_deadline_seconds) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => {
            errors.invalid(field, now, "must be between 0 and 2147483647, inclusive");
        }
        (Some(now), Some(before)) if now > before => {
            errors.invalid(field, now, "must be less than or equal to previous value");
        }
        (None, Some(_)) => {
            let why = "must not update from a positive integer to nil value";
            errors.invalid(field, Value::Null, why);
        }
        _ => {}
    }
}

/// Tolerations may be added, and how long one lasts may change.
///
/// Rule: `validateOnlyAddedTolerations`.
fn check_tolerations(now: &PodSpec, before: &PodSpec, errors: &mut FieldErrors) {
    let is_kept = |before: &Toleration| {
        let mut present = now.tolerations.iter().flatten();
        present.any(|now| {
            let toleration_seconds = now.toleration_seconds;
            let before = before.clone();
            *now == Toleration {
                toleration_seconds,
                ..before
            }
        })
    };
    if !before.tolerations.iter().flatten().all(is_kept) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden("tolerations", why);
    }
}

/// Scheduling gates may only be removed.
///
/// Rule: `validateOnlyDeletedSchedulingGates`.
fn check_gates(now: &PodSpec, before: &PodSpec, errors: &mut FieldErrors) {
    let gates = now.scheduling_gates.iter().flatten();
    errors.each("schedulingGates", gates, |gate, errors| {
        if !before
            .scheduling_gates
            .iter()
            .flatten()
            .any(|it| it == gate)
        {
            let name = &gate.name;
            let why = format!("only deletion is allowed, but found new scheduling gate '{name}'");
            errors.forbidden("name", &why);
        }
    });
}

fn containers_mut(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.init_containers
        .iter_mut()
        .flatten()
        .chain(&mut spec.containers)
}

/// The Pod's class of quality of service, of which nothing depends here. Only amounts of cpu and
/// memory above zero count. A request is compared with its limit as it is written, so `1` and
/// `1000m` differ.
///
/// Rule: `pkg/apis/core/helper/qos/qos.go`, `ComputePodQOS`.
fn quality_of_service(spec: &PodSpec) -> &'static str {
    let containers: Vec<&Container> = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .collect();
    let amounts = |list: Option<&BTreeMap<String, Quantity>>| -> BTreeMap<String, Quantity> {
        let list = list.into_iter().flatten();
        let counted = list.filter(|(name, amount)| {
            ["cpu", "memory"].contains(&name.as_str()) && !is_zero(&amount.0)
        });
        counted
            .map(|(name, amount)| (name.clone(), amount.clone()))
            .collect()
    };
    let resources = |container: &Container| {
        let resources = container.resources.as_ref();
        let limits = amounts(resources.and_then(|it| it.limits.as_ref()));
        let requests = amounts(resources.and_then(|it| it.requests.as_ref()));
        (limits, requests)
    };
    let asks = |container: &&Container| {
        let (limits, requests) = resources(container);
        !limits.is_empty() || !requests.is_empty()
    };
    let guaranteed = |container: &&Container| {
        let (limits, requests) = resources(container);
        // The class is computed before defaults are set, so a missing request takes its limit here
        // too.
        let mut wanted = limits.clone();
        wanted.extend(requests);
        limits.len() == 2 && wanted == limits
    };
    if !containers.iter().any(asks) {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Whether an amount such as `0`, `0.0` or `0Mi` is zero.
fn is_zero(amount: &str) -> bool {
    let unit = amount.find(|c: char| c.is_ascii_alphabetic());
    let number = &amount[..unit.unwrap_or(amount.len())];
    !number.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
}
