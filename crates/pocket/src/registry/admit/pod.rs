//! Admission of Pods and Pod templates: defaults, checks, and which fields of a Pod can be changed.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec`, and
//! `pkg/apis/core/validation/validation.go`, `ValidatePodSpec` and `ValidatePodUpdate`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Container, Pod, PodSpec, PodStatus, PodTemplateSpec, TopologySpreadConstraint,
};

use super::{Admit, container, fields, names};
use crate::api_status::FieldErrors;

impl Admit for Pod {
    fn begin(&mut self) {
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

    fn check(&self, faults: &mut FieldErrors) {
        match &self.spec {
            Some(spec) => check(spec, "spec", faults),
            None => faults.required("spec", ""),
        }
    }

    fn check_change(&self, before: &Self, faults: &mut FieldErrors) {
        let (Some(now), Some(before)) = (&self.spec, &before.spec) else {
            return;
        };
        if now.containers.len() != before.containers.len() {
            faults.forbidden(
                "spec.containers",
                "pod updates may not add or remove containers",
            );
        } else if with_what_may_change(now, before) != *now {
            faults.forbidden("spec", IMMUTABLE);
        }
    }
}

const IMMUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn complete(spec: &mut PodSpec) {
    fields::text(&mut spec.restart_policy, "Always");
    fields::text(&mut spec.dns_policy, "ClusterFirst");
    fields::text(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.security_context.get_or_insert_default();
    containers_mut(spec).for_each(container::complete);
}

/// Checks the Pod template of a Deployment or ReplicaSet.
pub(super) fn check_template(template: &PodTemplateSpec, faults: &mut FieldErrors) {
    let labels = template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.as_ref());
    names::check_labels(labels, "spec.template.metadata.labels", faults);
    let Some(spec) = &template.spec else {
        return faults.required("spec.template.spec.containers", "");
    };
    check(spec, "spec.template.spec", faults);
    if spec.active_deadline_seconds.is_some() {
        let why = "activeDeadlineSeconds in ReplicaSet is not Supported";
        faults.forbidden("spec.template.spec.activeDeadlineSeconds", why);
    }
    let policy = spec.restart_policy.as_ref();
    fields::check_word(
        policy,
        &["Always"],
        "spec.template.spec.restartPolicy",
        faults,
    );
}

fn check(spec: &PodSpec, path: &str, faults: &mut FieldErrors) {
    if spec.containers.is_empty() {
        faults.required(format!("{path}.containers"), "");
    }
    let policies = ["Always", "OnFailure", "Never"];
    let policy = spec.restart_policy.as_ref();
    fields::check_word(policy, &policies, &format!("{path}.restartPolicy"), faults);
    let grace = spec.termination_grace_period_seconds;
    fields::check_not_negative(
        grace,
        &format!("{path}.terminationGracePeriodSeconds"),
        faults,
    );
    check_containers(spec, path, faults);
    check_volumes(spec, path, faults);
    check_scheduling(spec, path, faults);
    check_possible(spec, path, faults);
}

fn check_containers(spec: &PodSpec, path: &str, faults: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for (path, container) in init_containers(spec, path) {
        container::check_init(container, &path, faults);
    }
    for (path, container) in all_containers(spec, path) {
        container::check(container, &path, faults);
        if !container.name.is_empty() && !names.insert(container.name.as_str()) {
            faults.duplicate(format!("{path}.name"), container.name.as_str());
        }
    }
    container::check_host_ports(&spec.containers, &format!("{path}.containers"), faults);
    // Init containers run one after another. Upstream checks each one alone, under the first one's
    // path.
    for container in spec.init_containers.iter().flatten() {
        let alone = std::slice::from_ref(container);
        container::check_host_ports(alone, &format!("{path}.initContainers"), faults);
    }
}

fn check_volumes(spec: &PodSpec, path: &str, faults: &mut FieldErrors) {
    let mut volumes = BTreeSet::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        if !volumes.insert(volume.name.as_str()) {
            faults.duplicate(
                format!("{path}.volumes[{index}].name"),
                volume.name.as_str(),
            );
        }
    }
    for (path, container) in all_containers(spec, path) {
        let mut mounted = BTreeSet::new();
        for (at, mount) in container.volume_mounts.iter().flatten().enumerate() {
            let path = format!("{path}.volumeMounts[{at}]");
            if !volumes.contains(mount.name.as_str()) {
                faults.not_found(format!("{path}.name"), &mount.name);
            }
            if !mounted.insert(mount.mount_path.as_str()) {
                let mount_path = mount.mount_path.as_str();
                faults.invalid(format!("{path}.mountPath"), mount_path, "must be unique");
            }
        }
    }
}

/// Checks the fields that the scheduler uses.
fn check_scheduling(spec: &PodSpec, path: &str, faults: &mut FieldErrors) {
    let mut gates = BTreeSet::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        if !gates.insert(gate.name.as_str()) {
            faults.duplicate(
                format!("{path}.schedulingGates[{index}]"),
                gate.name.as_str(),
            );
        }
    }
    let constraints = spec
        .topology_spread_constraints
        .as_deref()
        .unwrap_or_default();
    for (index, constraint) in constraints.iter().enumerate() {
        let identity = |it: &TopologySpreadConstraint| {
            format!("{{{}, {}}}", it.topology_key, it.when_unsatisfiable)
        };
        // Upstream compares each constraint with those after it.
        let same = |other| identity(other) == identity(constraint);
        if constraints[index + 1..].iter().any(same) {
            let field = "{topologyKey, whenUnsatisfiable}";
            faults.duplicate(
                format!("{path}.topologySpreadConstraints[{index}].{field}"),
                identity(constraint),
            );
        }
    }
}

/// All containers, each with its path.
fn all_containers<'a>(
    spec: &'a PodSpec,
    path: &'a str,
) -> impl Iterator<Item = (String, &'a Container)> {
    let main = spec.containers.iter().enumerate();
    let main = main.map(move |(index, it)| (format!("{path}.containers[{index}]"), it));
    init_containers(spec, path).chain(main)
}

fn init_containers<'a>(
    spec: &'a PodSpec,
    path: &'a str,
) -> impl Iterator<Item = (String, &'a Container)> {
    let init = spec.init_containers.iter().flatten().enumerate();
    init.map(move |(index, it)| (format!("{path}.initContainers[{index}]"), it))
}

/// Refuses fields that Kubernetes allows and pocket lacks, where ignoring them would change probe
/// results.
fn check_possible(spec: &PodSpec, path: &str, faults: &mut FieldErrors) {
    if spec.host_network == Some(true) {
        faults.forbidden(format!("{path}.hostNetwork"), "pocket has no host network");
    }
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
    allowed.tolerations.clone_from(&now.tolerations);
    allowed.scheduling_gates.clone_from(&now.scheduling_gates);
    allowed
}

fn containers_mut(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.init_containers
        .iter_mut()
        .flatten()
        .chain(&mut spec.containers)
}

/// Rule: `pkg/apis/core/helper/qos/qos.go`, for the resources cpu and memory.
fn quality_of_service(spec: &PodSpec) -> &'static str {
    let containers: Vec<&Container> = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .collect();
    let asks = |container: &&Container| {
        container
            .resources
            .as_ref()
            .is_some_and(|it| it.requests.is_some() || it.limits.is_some())
    };
    let guaranteed = |container: &&Container| {
        container.resources.as_ref().is_some_and(|resources| {
            let limits = resources.limits.clone().unwrap_or_default();
            let mut requests = limits.clone();
            requests.extend(resources.requests.clone().unwrap_or_default());
            ["cpu", "memory"]
                .iter()
                .all(|name| limits.contains_key(*name))
                && requests == limits
        })
    };
    if !containers.iter().any(asks) {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}
