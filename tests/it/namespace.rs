//! Helper: a namespace of a test cluster, deleted when the test ends, and look-ups in it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{self, Pod, Service};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::Condition,
};
use orchestrator::{
    cluster::{self, Latencies},
    random::Random,
    timeline::Place,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::{pods, program::Cluster};

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_mins(1);

/// Calls `work` with a client of an embedded cluster in virtual time and a namespace there, and
/// waits for it.
pub(crate) fn in_virtual_time<F: Future>(
    latencies: Latencies,
    work: impl FnOnce(Client, String) -> F,
) -> F::Output {
    let runtime = cluster::runtime(&Place::Virtual).unwrap();
    runtime.block_on(async {
        let random = &mut Random::seeded(1);
        let cluster = cluster::Cluster::connect(Place::Virtual, latencies, random).await;
        let cluster = cluster.unwrap();
        work(cluster.client.clone(), "default".to_owned()).await
    })
}

/// A namespace, created by the test or by the run under test.
pub(crate) struct Namespace {
    /// Its name.
    pub(crate) name: String,
    runtime: Runtime,
    client: Client,
    made: bool,
}

impl Namespace {
    /// Creates a namespace. Its name ends in the process ID, so that concurrent test runs do not
    /// collide.
    pub(crate) fn create(cluster: &Cluster, name: &str) -> Self {
        Self::labelled(cluster, name, &json!({}))
    }

    /// Creates a namespace that admits only Pods of Pod Security's level `restricted`.
    pub(crate) fn restricted(cluster: &Cluster, name: &str) -> Self {
        let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
        Self::labelled(cluster, name, &labels)
    }

    fn labelled(cluster: &Cluster, name: &str, labels: &Value) -> Self {
        let name = format!("probeflip-it-{name}-{}", std::process::id());
        let mut namespace = Self::of(cluster, &name);
        let object = json!({ "metadata": { "name": name, "labels": labels } });
        let object: v1::Namespace = serde_json::from_value(object).unwrap();
        let created = Api::all(namespace.client.clone());
        let created = namespace
            .runtime
            .block_on(created.create(&PostParams::default(), &object));
        created.unwrap();
        namespace.made = true;
        namespace
    }

    /// A namespace that a run created and deletes.
    pub(crate) fn of(cluster: &Cluster, name: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(&cluster.kubeconfig).unwrap();
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
            Client::try_from(config.unwrap()).unwrap()
        });
        Self {
            name: name.to_owned(),
            runtime,
            client,
            made: false,
        }
    }

    /// Calls `work` with a client and the namespace's name, and waits for it.
    pub(crate) fn run<F: Future>(&self, work: impl FnOnce(Client, String) -> F) -> F::Output {
        let work = work(self.client.clone(), self.name.clone());
        self.runtime.block_on(work)
    }

    /// Whether the namespace exists.
    pub(crate) fn exists(&self) -> bool {
        let namespaces: Api<v1::Namespace> = Api::all(self.client.clone());
        let found = self.runtime.block_on(namespaces.get_opt(&self.name));
        found.unwrap().is_some()
    }

    /// Number of Pods in the namespace.
    pub(crate) fn pods(&self) -> usize {
        self.list().len()
    }

    /// The name of the only Pod of the Deployment `web`.
    pub(crate) fn pod(&self) -> String {
        let pods = self.list();
        let names = pods.iter().filter_map(|pod| pod.metadata.name.clone());
        let mut of_web: Vec<String> = names.filter(|name| name.starts_with("web-")).collect();
        assert_eq!(of_web.len(), 1, "{of_web:?}");
        of_web.remove(0)
    }

    /// Waits until a Pod's readiness is `ready`.
    pub(crate) fn wait_ready(&self, pod: &str, ready: bool) {
        let what = if ready { "readiness" } else { "unreadiness" };
        let waited = pods::until(self.api(), pod, what, PATIENCE, is_ready(ready));
        self.runtime.block_on(waited);
    }

    /// Creates a Service without a run's label, and returns its resource version.
    pub(crate) fn create_service(&self, name: &str) -> Option<String> {
        let service =
            json!({ "metadata": { "name": name }, "spec": { "ports": [{ "port": 80 }] } });
        let service: Service = serde_json::from_value(service).unwrap();
        let created = self
            .runtime
            .block_on(self.api().create(&PostParams::default(), &service));
        created.unwrap().metadata.resource_version
    }

    /// The resource version of a Service.
    pub(crate) fn service_version(&self, name: &str) -> Option<String> {
        let service: Service = self.runtime.block_on(self.api().get(name)).unwrap();
        service.metadata.resource_version
    }

    fn list(&self) -> Vec<Pod> {
        let listed = self
            .runtime
            .block_on(self.api::<Pod>().list(&ListParams::default()));
        listed.unwrap().items
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if self.made {
            let namespaces: Api<v1::Namespace> = Api::all(self.client.clone());
            let parameters = DeleteParams::background();
            let deleted = namespaces.delete(&self.name, &parameters);
            drop(self.runtime.block_on(deleted));
        }
    }
}

fn is_ready(ready: bool) -> impl Condition<Pod> {
    move |pod: Option<&Pod>| {
        let pod = pod.map_or(Value::Null, |pod| json!(pod));
        let conditions = pod["status"]["conditions"].as_array();
        let expected = if ready { "True" } else { "False" };
        conditions
            .into_iter()
            .flatten()
            .any(|each| each["type"] == "Ready" && each["status"] == expected)
    }
}
