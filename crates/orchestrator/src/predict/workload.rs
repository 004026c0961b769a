//! A workload whose failures are predicted: its Pods and the Services that select them.

use std::{collections::BTreeMap, slice};

use k8s_openapi::{
    api::core::v1::{Container, Pod, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde_json::Value;

use super::command::Command;
use crate::{
    input::{
        experiment::{ObjectKind, ObjectRef, Probe},
        load::Manifest,
        problem::Problem,
    },
    stand_in::share_namespace,
    targets::{
        containers,
        flip_plan::selects,
        is_target, listener, pod_of,
        probe_spec::{Asks, ProbeSpec, probes_of},
    },
};

/// A workload of stand-ins.
#[derive(Debug)]
pub(crate) struct Workload {
    /// How an experiment names its Pods: `deploy/web`.
    pub(crate) reference: ObjectRef,
    /// How many Pods it runs; of a DaemonSet, on each node.
    pub(crate) replicas: u32,
    /// A Pod of its template.
    pub(crate) pod: Pod,
    /// Its object, then the Services that select its Pods; without a namespace.
    pub(crate) objects: Vec<Value>,
    /// The Services, with the port that clients ask.
    pub(crate) services: Vec<SelectingService>,
    /// The same Services as objects.
    pub(crate) typed_services: Vec<Service>,
    /// What the commands of its exec probes do, by container and probe.
    commands: BTreeMap<(String, Probe), Command>,
    /// Whether two of its Pods cannot be on one node, as they listen at the node's address.
    pub(crate) takes_host_ports: bool,
    /// The Services that select its Pods and never work, each with the reason. They have no part in
    /// `objects`.
    pub(crate) dead_services: Vec<String>,
    /// Probes that ask another host, and what they ask there. Those of stand-ins ask the stand-in.
    elsewhere: BTreeMap<(String, Probe), String>,
}

/// A Service that selects the Pods of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectingService {
    /// Its name.
    pub(crate) name: String,
    /// Its first port that leads to a port of the Pods; none if it has no cluster IP.
    pub(crate) port: Option<i32>,
    /// Whether it publishes the addresses of Pods that are not ready.
    pub(crate) publishes_unready: bool,
}

impl Workload {
    /// The workloads among stand-ins, in their order. `originals` are what they stand in for.
    pub(crate) fn all(
        stand_ins: &[Manifest],
        originals: &[Manifest],
    ) -> Result<Vec<Self>, Problem> {
        // Stand-ins have no namespaces; no two of one kind have one name.
        let original_of = |stand_in: &Manifest| {
            let name = |it: &Manifest| (it.kind().to_owned(), it.name().to_owned());
            let mut originals = originals.iter();
            originals.find(|it| name(it) == name(stand_in))
        };
        let services = stand_ins.iter().filter(|it| it.kind() == "Service");
        let services: Vec<(&Manifest, Service)> = services
            .map(|manifest| Ok((manifest, manifest.typed()?)))
            .collect::<Result<_, _>>()?;
        let workloads = stand_ins.iter().filter_map(|manifest| {
            let mut kinds = ObjectKind::OF_PODS.iter();
            let kind = kinds.find(|kind| kind.name() == manifest.kind())?;
            let original = original_of(manifest);
            let of_namespace = services.iter().filter(|(service, _)| {
                let both = original_of(service).zip(original);
                both.is_none_or(|(service, workload)| share_namespace(service, workload))
            });
            let services: Vec<_> = of_namespace.cloned().collect();
            let original = original.map_or(&manifest.object, |original| &original.object);
            let original = pod_of(original).unwrap_or_default();
            Some(Self::of(*kind, manifest, &services, &original))
        });
        Ok(workloads.collect())
    }

    fn of(
        kind: ObjectKind,
        manifest: &Manifest,
        services: &[(&Manifest, Service)],
        original: &Pod,
    ) -> Self {
        let object = &manifest.object;
        let pod = pod_of(object).unwrap_or_default();
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
        let selecting = services
            .iter()
            .filter(|(_, service)| selects(service, &pod));
        let (dead, selecting): (Vec<_>, Vec<_>) =
            selecting.partition(|(_, service)| leads_nowhere(service, &pod));
        let selecting = selecting.into_iter();
        let (manifests, typed_services): (Vec<&Manifest>, Vec<Service>) =
            selecting.cloned().unzip();
        let of_service = |service: &Service| SelectingService::of(service, &pod);
        let services: Vec<SelectingService> = typed_services.iter().map(of_service).collect();
        let objects = [manifest].into_iter().chain(manifests);
        let names: Vec<&str> = services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        Self {
            commands: commands(original, &names),
            elsewhere: elsewhere(original),
            takes_host_ports: takes_host_ports(original),
            dead_services: dead
                .iter()
                .map(|(_, service)| dead_service(service))
                .collect(),
            reference: ObjectRef {
                kind,
                name: manifest.name().to_owned(),
            },
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            objects: objects.map(without_namespace).collect(),
            pod,
            services,
            typed_services,
        }
    }

    /// Its containers that serve, regular ones first.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &Container> {
        containers(&self.pod).filter(|container| is_target(&self.pod, container))
    }

    /// The exec probes of a container whose command does this.
    pub(crate) fn probes_whose(&self, container: &str, does: Command) -> Vec<Probe> {
        let own = self.commands.iter().filter(|((of, _), _)| of == container);
        let own = own.filter(|(_, command)| **command == does);
        own.map(|((_, probe), _)| *probe).collect()
    }

    /// What a probe asks of another host.
    pub(crate) fn asked_elsewhere(&self, container: &str, probe: Probe) -> Option<&String> {
        self.elsewhere.get(&(container.to_owned(), probe))
    }

    /// The probes of a container that ask another host.
    pub(crate) fn probes_elsewhere(&self, container: &str) -> impl Iterator<Item = Probe> {
        let own = self.elsewhere.keys().filter(move |(of, _)| of == container);
        own.map(|(_, probe)| *probe)
    }

    /// Why no run of it answers a question.
    pub(crate) fn not_run(&self) -> Option<String> {
        if self.reference.kind == ObjectKind::Job {
            return Some(self.job());
        }
        if self.replicas == 0 {
            return Some("it has no Pods: replicas is 0".to_owned());
        }
        let why = "it has no Pods: a Deployment that is paused creates none";
        self.is_paused().then(|| why.to_owned())
    }

    /// Whether it is a Deployment that creates no Pods yet.
    ///
    /// Rule: `pkg/controller/deployment/deployment_controller.go`, `syncDeployment`: while it is
    /// paused it is only scaled.
    pub(crate) fn is_paused(&self) -> bool {
        self.objects[0]["spec"]["paused"] == true
    }

    /// What the rows of headless Services mean; none without such a Service.
    pub(crate) fn headless(&self) -> Option<String> {
        let headless = self.services.iter();
        let names: Vec<String> = headless
            .filter(|service| service.port.is_none())
            .map(|service| {
                let more = if service.publishes_unready {
                    " (which publishes Pods that are not ready, so that no probe takes one out)"
                } else {
                    ""
                };
                format!("{}{more}", service.name)
            })
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "headless Services: {} (clients look up the addresses of the Pods and ask these \
                 themselves, so that no requests are counted; `no endpoint` means that the name \
                 resolves to no Pod, and clients that keep an address go on asking it)",
                names.join(", ")
            )
        })
    }

    /// Why a new template does not reach its Pods by itself.
    pub(crate) fn not_replaced(&self) -> Option<String> {
        let strategy = &self.objects[0]["spec"]["updateStrategy"];
        if strategy["type"] == "OnDelete" {
            let why = "its updateStrategy is OnDelete: a Pod keeps its template until it is \
                       deleted";
            return Some(why.to_owned());
        }
        // Rule: `pkg/controller/statefulset/stateful_set_control.go`, `updateStatefulSet`.
        let partition = strategy["rollingUpdate"]["partition"].as_u64()?;
        (partition > 0).then(|| {
            format!("its partition is {partition}: Pods of smaller numbers keep their template")
        })
    }

    /// What is known of a Job, whose stand-ins end with 0.
    fn job(&self) -> String {
        let spec = &self.objects[0]["spec"];
        // Rule: `pkg/apis/batch/v1/defaults.go`, `SetDefaults_Job`.
        let number = |field: &str| spec[field].as_u64();
        let (limit, named, what) = match number("backoffLimitPerIndex") {
            Some(limit) => (limit, "for each index (backoffLimitPerIndex)", "the index"),
            None => (
                number("backoffLimit").unwrap_or(6),
                "(backoffLimit)",
                "the Job",
            ),
        };
        let policy = if spec["podFailurePolicy"].is_null() {
            ""
        } else {
            ", unless its podFailurePolicy says otherwise"
        };
        let suspended = if spec["suspend"] == true {
            "; it is suspended, and has no Pods until it is resumed"
        } else {
            ""
        };
        let restarts = spec["template"]["spec"]["restartPolicy"] == "OnFailure";
        let again = match (limit, restarts) {
            (0, _) => {
                format!("{what} has failed after one failure, as it has no other try {named}")
            }
            (limit, restarts) => {
                let again = if restarts {
                    "its container is started again"
                } else {
                    "another Pod is created"
                };
                let times = if limit == 1 {
                    "once".to_owned()
                } else {
                    format!("{limit} times")
                };
                format!("{again} after a failure, {times} {named}, then {what} has failed")
            }
        };
        let deadline = match spec["activeDeadlineSeconds"].as_u64() {
            Some(seconds) => format!("a Job that hangs fails after {seconds} s"),
            None => "nothing ends a Job that hangs, as it has no activeDeadlineSeconds".to_owned(),
        };
        format!(
            "a Job's stand-in ends with 0 at once. On a cluster {again}{policy}; \
             {deadline}{suspended}"
        )
    }

    /// The number of containers that `kubectl get pod` counts.
    pub(crate) fn counted(&self) -> usize {
        containers(&self.pod).count()
    }

    /// Whether its template can be changed, so that its Pods are replaced.
    pub(crate) fn rolls_out(&self) -> bool {
        !self.reference.kind.counts().is_empty()
    }
}

impl SelectingService {
    fn of(service: &Service, pod: &Pod) -> Self {
        let spec = service.spec.clone().unwrap_or_default();
        let is_headless = spec.cluster_ip.as_deref() == Some("None");
        let ports = spec.ports.iter().flatten();
        let mut ports = ports.filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        let port = ports.find(|port| {
            let number = u16::try_from(port.port).ok();
            number.is_some_and(|number| listener(service, number, slice::from_ref(pod)).is_some())
        });
        Self {
            name: service.metadata.name.clone().unwrap_or_default(),
            port: port.map(|port| port.port).filter(|_| !is_headless),
            publishes_unready: spec.publish_not_ready_addresses == Some(true),
        }
    }
}

/// Whether a Service has a cluster IP, and no TCP port that leads to a port of its Pods.
fn leads_nowhere(service: &Service, pod: &Pod) -> bool {
    let is_headless = service
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref());
    is_headless != Some("None") && SelectingService::of(service, pod).port.is_none()
}

/// Why a Service that leads nowhere never works.
fn dead_service(service: &Service) -> String {
    let ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    let targets = ports.filter_map(|port| match &port.target_port {
        Some(IntOrString::String(name)) => Some(format!("`{name}`")),
        _ => None,
    });
    let targets: Vec<String> = targets.collect();
    let why = if targets.is_empty() {
        "it has no port that leads to one of its Pods".to_owned()
    } else {
        format!("no port of its Pods is called {}", targets.join(" or "))
    };
    let name = service.metadata.name.as_deref().unwrap_or_default();
    format!("no request to Service {name} ever succeeds, before a failure or after it: {why}")
}

/// Whether the Pods of a template need ports of their node.
fn takes_host_ports(pod: &Pod) -> bool {
    let on_host = pod.spec.as_ref().and_then(|spec| spec.host_network);
    let mut ports = containers(pod).flat_map(|each| each.ports.iter().flatten());
    on_host == Some(true) || ports.any(|port| port.host_port.is_some_and(|port| port != 0))
}

/// The probes of a Pod that ask another host, and what they ask.
fn elsewhere(pod: &Pod) -> BTreeMap<(String, Probe), String> {
    let names_host = |spec: &ProbeSpec| {
        let of_container = containers(pod).find(|container| container.name == spec.container);
        let probe = of_container.and_then(|container| match spec.probe {
            Probe::Liveness => container.liveness_probe.as_ref(),
            Probe::Readiness => container.readiness_probe.as_ref(),
            Probe::Startup => container.startup_probe.as_ref(),
        });
        let get = probe.and_then(|probe| probe.http_get.as_ref()?.host.as_ref());
        let connect = probe.and_then(|probe| probe.tcp_socket.as_ref()?.host.as_ref());
        get.or(connect).is_some_and(|host| !host.is_empty())
    };
    let probes = probes_of(pod).into_iter().filter(names_host);
    let foreign = probes.filter_map(|spec| match spec.asks {
        Asks::Foreign(what) => Some(((spec.container, spec.probe), what)),
        Asks::Http { .. } | Asks::Tcp { .. } | Asks::Grpc { .. } => None,
    });
    foreign.collect()
}

/// What the commands of a Pod's exec probes do. Those of stand-ins ask them, and are left out.
/// `own_names` are those of the Services that select it.
fn commands(pod: &Pod, own_names: &[&str]) -> BTreeMap<(String, Probe), Command> {
    let of_container = |container: &Container| {
        let specs = [
            (Probe::Liveness, &container.liveness_probe),
            (Probe::Readiness, &container.readiness_probe),
            (Probe::Startup, &container.startup_probe),
        ];
        let name = container.name.clone();
        specs.map(|(probe, spec)| {
            let command = spec.as_ref()?.exec.as_ref()?.command.as_deref()?;
            let is_ours = command.first().is_some_and(|word| word == "/probe-target");
            (!is_ours).then(|| ((name.clone(), probe), Command::of(command, own_names)))
        })
    };
    containers(pod).flat_map(of_container).flatten().collect()
}

fn without_namespace(manifest: &Manifest) -> Value {
    let mut object = manifest.object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    object
}
