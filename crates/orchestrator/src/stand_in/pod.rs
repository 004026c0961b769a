//! A Pod template of a stand-in: its containers, and what is dropped around them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, EmptyDirVolumeSource, PodSpec, Service, Volume},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

use super::container::{self, STATE_VOLUME, differs, is_given};
use super::context::Context;
use super::notes::{Notes, Topic};
use super::ports::PodPorts;
use super::service::Selected;
use super::settings::Settings;
use super::{metadata, security};
use crate::{input::problem::ProblemText, targets::CONTROL_ANNOTATION};

/// A Pod template to convert.
pub(super) struct Template<'a> {
    /// The Services of its namespace.
    pub(super) services: &'a [&'a Service],
    /// Whether its regular containers end, as those of a Job do.
    pub(super) ends: bool,
    pub(super) settings: &'a Settings,
    /// The workload, for notes.
    pub(super) place: &'a str,
}

impl Template<'_> {
    /// Converts a template in place. Returns what Services need to know of it.
    pub(super) fn convert(
        &self,
        metadata: &mut ObjectMeta,
        spec: &mut PodSpec,
        notes: &mut Notes,
    ) -> Result<Selected, ProblemText> {
        *metadata = metadata::reduce(std::mem::take(metadata), None, self.place, notes);
        let original = std::mem::take(spec);
        let mut selected = Selected::new(metadata.labels.clone().unwrap_or_default());
        let services = self.services.iter().copied();
        let services: Vec<&Service> = services
            .filter(|service| selected.is_selected_by(service))
            .collect();
        let mut containers = Containers::new(original.containers.clone(), &original, self.ends);
        for each in containers.all() {
            let lost = container::merge_ports(each, self.place, notes);
            selected.add(each, lost);
        }
        let ports = PodPorts::new(&containers.serving, &services, self.place, notes)?;
        for (each, own) in containers.serving.iter().zip(&ports.containers) {
            let annotations = metadata.annotations.get_or_insert_default();
            let key = format!("{CONTROL_ANNOTATION}{}", each.name);
            annotations.insert(key, format!("127.0.0.1:{}", own.control));
        }
        let mut context = Context {
            settings: self.settings,
            place: self.place,
            grace: grace(original.termination_grace_period_seconds).unwrap_or(DEFAULT_GRACE.into()),
            host_network: original.host_network == Some(true),
            notes,
        };
        let (regular, init) = containers.convert(&ports, &mut context);
        *spec = reduced(original, self.place, notes);
        spec.volumes = (!ports.containers.is_empty()).then(|| vec![state_volume()]);
        spec.security_context = Some(security::of_pod(ports.opens_low_port()));
        spec.containers = regular;
        spec.init_containers = (!init.is_empty()).then_some(init);
        Ok(selected)
    }
}

/// The containers of a Pod by what becomes of them.
struct Containers {
    /// Those that serve: regular containers, then sidecars.
    serving: Vec<Container>,
    /// Those that end: init containers, and the regular ones of a Job.
    ending: Vec<Container>,
    /// The names of regular containers and of init containers, in their order.
    order: [Vec<String>; 2],
}

impl Containers {
    fn new(regular: Vec<Container>, spec: &PodSpec, ends: bool) -> Self {
        let init = spec.init_containers.clone().unwrap_or_default();
        let names = |list: &[Container]| list.iter().map(|each| each.name.clone()).collect();
        let order = [names(&regular), names(&init)];
        let is_sidecar = |each: &Container| each.restart_policy.as_deref() == Some("Always");
        let (sidecars, mut ending): (Vec<_>, Vec<_>) = init.into_iter().partition(is_sidecar);
        let mut serving = Vec::new();
        if ends {
            ending.extend(regular);
        } else {
            serving.extend(regular);
        }
        serving.extend(sidecars);
        Self {
            serving,
            ending,
            order,
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Container> {
        self.serving.iter_mut().chain(&mut self.ending)
    }

    /// The regular containers and the init containers of the stand-in.
    fn convert(
        self,
        ports: &PodPorts,
        context: &mut Context<'_>,
    ) -> (Vec<Container>, Vec<Container>) {
        let mut converted = BTreeMap::new();
        for (each, own) in self.serving.into_iter().zip(&ports.containers) {
            let name = each.name.clone();
            converted.insert(name, container::serving(each, own, ports, context));
        }
        for each in self.ending {
            let name = each.name.clone();
            converted.insert(name, container::ending(each, context));
        }
        let [regular, init] = self.order.map(|names| {
            let taken = names.iter().filter_map(|name| converted.remove(name));
            taken.collect::<Vec<_>>()
        });
        (regular, init)
    }
}

/// The grace period of a Pod that gives none, in seconds.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec`.
pub(crate) const DEFAULT_GRACE: u32 = 30;

/// A grace period as the API server takes it: a negative one is 1.
// An API server 1.36.3 accepts it and warns that it "will be treated as 1".
pub(crate) fn grace(written: Option<i64>) -> Option<i64> {
    written.map(|grace| if grace < 0 { 1 } else { grace })
}

/// The volume in which the containers count their starts.
fn state_volume() -> Volume {
    Volume {
        name: STATE_VOLUME.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity("1Mi".to_owned())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// What is kept of a Pod's specification besides containers, volumes and security context.
#[expect(
    clippy::too_many_lines,
    reason = "a line for each field of a Pod's specification"
)]
fn reduced(spec: PodSpec, place: &str, notes: &mut Notes) -> PodSpec {
    let PodSpec {
        active_deadline_seconds,
        affinity,
        automount_service_account_token: _,
        containers: _,
        dns_config,
        dns_policy,
        // Variables of Services would reach the probe target, which reads its environment.
        enable_service_links: _,
        ephemeral_containers,
        eviction_responders,
        host_aliases,
        host_ipc,
        host_network,
        host_pid,
        host_users,
        hostname,
        hostname_override,
        image_pull_secrets,
        init_containers: _,
        node_name,
        node_selector,
        os,
        overhead,
        preemption_policy,
        priority,
        priority_class_name,
        readiness_gates,
        resource_claims,
        resources,
        restart_policy,
        runtime_class_name,
        scheduler_name,
        scheduling_gates,
        scheduling_group,
        security_context,
        service_account,
        service_account_name,
        set_hostname_as_fqdn,
        share_process_namespace,
        subdomain,
        termination_grace_period_seconds,
        tolerations,
        topology_spread_constraints,
        volumes,
    } = spec;
    let mut selected = node_selector.iter().flatten();
    let is_windows = os.is_some_and(|os| os.name == "windows")
        || selected.any(|(key, value)| key == "kubernetes.io/os" && value == "windows");
    let is_scheduled = affinity.is_some()
        || is_given(node_selector.as_ref())
        || node_name.is_some()
        || differs(scheduler_name.as_deref(), "default-scheduler")
        || scheduling_group.is_some()
        || is_given(scheduling_gates.as_ref())
        || is_given(tolerations.as_ref())
        || is_given(topology_spread_constraints.as_ref());
    let has_priority = differs(priority_class_name.as_deref(), "")
        || is_given(priority.as_ref())
        || differs(preemption_policy.as_deref(), "PreemptLowerPriority");
    let has_resources = is_given(resources.as_ref()) || is_given(resource_claims.as_ref());
    let is_on_host = [host_ipc, host_network, host_pid].contains(&Some(true));
    let has_names = is_given(host_aliases.as_ref())
        || dns_config.is_some()
        || differs(dns_policy.as_deref(), "ClusterFirst");
    let has_account = differs(service_account_name.as_deref(), "default")
        || differs(service_account.as_deref(), "default");
    let is_secured = is_given(security_context.as_ref());
    let has_class = runtime_class_name.is_some() || overhead.is_some();
    let shares = share_process_namespace == Some(true);
    for (is_there, topic) in [
        (is_given(volumes.as_ref()), Topic::Volumes),
        (has_resources, Topic::Resources),
        (is_scheduled, Topic::Scheduling),
        (has_priority, Topic::Priority),
        (has_class, Topic::RuntimeClass),
        (is_on_host, Topic::HostNamespaces),
        (is_windows, Topic::Windows),
        (shares, Topic::Processes),
        (has_account, Topic::ServiceAccounts),
        (is_given(readiness_gates.as_ref()), Topic::ReadinessGates),
        (has_names, Topic::Names),
        (is_given(image_pull_secrets.as_ref()), Topic::PullSecrets),
        (is_secured, Topic::Security),
        (is_given(ephemeral_containers.as_ref()), Topic::Ephemeral),
    ] {
        notes.add_if(is_there, topic, place);
    }
    if eviction_responders.is_some() {
        notes.add(Topic::Fields, format!("{place} evictionResponders"));
    }
    // The opposite of a namespace of the node: the Pod has one of its own.
    if host_users == Some(false) {
        notes.add(Topic::Fields, format!("{place} hostUsers"));
    }
    if hostname_override.is_some() {
        notes.add(Topic::Fields, format!("{place} hostnameOverride"));
    }
    PodSpec {
        active_deadline_seconds,
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        hostname,
        restart_policy,
        set_hostname_as_fqdn,
        subdomain,
        termination_grace_period_seconds: grace(termination_grace_period_seconds),
        ..PodSpec::default()
    }
}
