//! A workload whose failures are predicted: its Pods and the Services that select them.

use std::{collections::BTreeMap, slice};

use k8s_openapi::api::core::v1::{Container, Pod, Service};
use serde_json::Value;

use super::command::Command;
use crate::{
    input::{
        experiment::{ObjectKind, ObjectRef, Probe},
        load::Manifest,
        problem::Problem,
    },
    targets::{containers, flip_plan::selects, is_target, listener, pod_of},
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
    /// What the commands of its exec probes do, by container and probe.
    commands: BTreeMap<(String, Probe), Command>,
}

/// A Service that selects the Pods of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectingService {
    /// Its name.
    pub(crate) name: String,
    /// Its first port that leads to a port of the Pods; none if it has no cluster IP.
    pub(crate) port: Option<i32>,
}

impl Workload {
    /// The workloads among stand-ins, in their order. `originals` are what they stand in for.
    pub(crate) fn all(
        stand_ins: &[Manifest],
        originals: &[Manifest],
    ) -> Result<Vec<Self>, Problem> {
        let services = stand_ins.iter().filter(|it| it.kind() == "Service");
        let services: Vec<(&Manifest, Service)> = services
            .map(|manifest| Ok((manifest, manifest.typed()?)))
            .collect::<Result<_, _>>()?;
        let workloads = stand_ins.iter().filter_map(|manifest| {
            let mut kinds = ObjectKind::OF_PODS.iter();
            let kind = kinds.find(|kind| kind.name() == manifest.kind())?;
            let is_original =
                |it: &&Manifest| (it.kind(), it.name()) == (manifest.kind(), manifest.name());
            let original = originals.iter().find(is_original).unwrap_or(manifest);
            let commands = commands(&pod_of(&original.object).unwrap_or_default());
            Some(Self::of(*kind, manifest, &services, commands))
        });
        Ok(workloads.collect())
    }

    fn of(
        kind: ObjectKind,
        manifest: &Manifest,
        services: &[(&Manifest, Service)],
        commands: BTreeMap<(String, Probe), Command>,
    ) -> Self {
        let object = &manifest.object;
        let pod = pod_of(object).unwrap_or_default();
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
        let selecting = services
            .iter()
            .filter(|(_, service)| selects(service, &pod));
        let (manifests, services): (Vec<_>, Vec<_>) = selecting
            .map(|(manifest, service)| (*manifest, SelectingService::of(service, &pod)))
            .unzip();
        let objects = [manifest].into_iter().chain(manifests);
        Self {
            reference: ObjectRef {
                kind,
                name: manifest.name().to_owned(),
            },
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            objects: objects.map(without_namespace).collect(),
            pod,
            services,
            commands,
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
        }
    }
}

/// What the commands of a Pod's exec probes do. Those of stand-ins ask them, and are left out.
fn commands(pod: &Pod) -> BTreeMap<(String, Probe), Command> {
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
            (!is_ours).then(|| ((name.clone(), probe), Command::of(command)))
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
