//! A namespace in which a story happens: changes to one workload, and what becomes of its Pods.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::serde::{Serialize, de::DeserializeOwned};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::pods;

/// How long each condition may take to become true.
const CONDITION_TIMEOUT: Duration = Duration::from_mins(2);

/// The annotation of a Pod with the name of its template.
pub(super) const TEMPLATE: &str = "template";

/// The label of a StatefulSet's Pods, whose names are not drawn at random.
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// One workload of kind `K`, and its story so far.
pub(super) struct World<K> {
    workloads: Api<K>,
    pods: Api<Pod>,
    name: &'static str,
    story: String,
}

impl<K> World<K>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    /// Creates the workload.
    pub(super) async fn create(
        client: &Client,
        namespace: &str,
        name: &'static str,
        spec: Value,
    ) -> Self {
        let world = Self {
            workloads: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client.clone(), namespace),
            name,
            story: String::new(),
        };
        let workload = json!({ "metadata": { "name": name }, "spec": spec });
        let workload: K = serde_json::from_value(workload).unwrap();
        let parameters = PostParams::default();
        let created = world.workloads.create(&parameters, &workload).await;
        created.unwrap();
        world
    }

    /// Changes the workload's specification.
    pub(super) async fn change(&self, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let parameters = PatchParams::default();
        let patched = self.workloads.patch(self.name, &parameters, &patch).await;
        patched.unwrap();
    }

    /// Changes the workload's Pod template.
    pub(super) async fn change_template(&self, template: &str, is_healthy: bool) {
        let template = pod_template(self.name, template, is_healthy);
        self.change(json!({ "template": template })).await;
    }

    pub(super) async fn delete_pod(&self, name: &str) {
        let deleted = self.pods.delete(name, &DeleteParams::default()).await;
        deleted.unwrap();
    }

    /// Waits until the workload, as JSON, meets a condition. A status that names a specification
    /// must be of the present one; that of a Job names none.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let met = |workload: Option<&K>| {
            let workload = workload.map_or(Value::Null, |workload| json!(workload));
            let observed = &workload["status"]["observedGeneration"];
            let is_present = observed.is_null() || *observed == workload["metadata"]["generation"];
            is_present && holds(&workload)
        };
        pods::until(
            self.workloads.clone(),
            self.name,
            what,
            CONDITION_TIMEOUT,
            met,
        )
        .await;
    }

    /// Waits until a Pod of this template runs.
    pub(super) async fn until_pod(&self, template: &str) {
        let pods = watcher(self.pods.clone(), watcher::Config::default()).default_backoff();
        let runs = |pod: &Pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            let is_new =
                pod.metadata.deletion_timestamp.is_none() && self::template(pod) == template;
            is_named(pod, self.name) && is_new && phase == Some("Running")
        };
        let mut pods = std::pin::pin!(pods.applied_objects());
        let awaited = async {
            while let Some(pod) = pods.try_next().await.unwrap() {
                if runs(&pod) {
                    break;
                }
            }
        };
        let awaited = tokio::time::timeout(CONDITION_TIMEOUT, awaited).await;
        awaited.unwrap_or_else(|_| panic!("{}: a Pod of {template} must run", self.name));
    }

    /// Adds to the story: the published numbers, and the Pods with their templates.
    pub(super) async fn tell(&mut self, title: &str, fields: &[&str]) {
        let workload = self.published().await;
        let number = |field: &&str| format!("{field} {}", workload["status"][field]);
        let numbers: Vec<String> = fields.iter().map(number).collect();
        let pods = self.pods.list(&ListParams::default()).await.unwrap();
        // One that is being deleted may or may not be there still.
        let staying = pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let own = staying.filter(|pod| is_named(pod, self.name));
        let mut pods: Vec<String> = own.map(view).collect();
        pods.sort();
        self.add(
            title,
            &format!("{}; {}", numbers.join(", "), pods.join(", ")),
        );
    }

    /// The workload as it is published, as JSON.
    pub(super) async fn published(&self) -> Value {
        json!(self.workloads.get(self.name).await.unwrap())
    }

    /// Adds a line to the story.
    pub(super) fn add(&mut self, title: &str, text: &str) {
        self.story.extend([title, ": ", text, "\n"]);
    }

    /// Adds to the story what a watch has seen.
    pub(super) async fn append(&mut self, watched: JoinHandle<String>) {
        let watched = tokio::time::timeout(CONDITION_TIMEOUT, watched).await;
        let watched = watched.expect("the watch must see the last change");
        self.story.push_str(&watched.unwrap());
    }

    pub(super) fn into_story(self) -> String {
        self.story
    }

    /// Watches the workload's Pods, until so many changes are seen.
    pub(super) fn watch(&self, expected: usize) -> JoinHandle<String> {
        let events = watcher(self.pods.clone(), watcher::Config::default()).default_backoff();
        let name = self.name;
        tokio::spawn(async move {
            let mut events = std::pin::pin!(events);
            let (mut changes, mut seen) = (String::new(), 0);
            // By UID, and whether its deletion has begun.
            let mut known: BTreeMap<Option<String>, bool> = BTreeMap::new();
            while let Some(event) = events.try_next().await.unwrap() {
                let (pod, is_gone) = match event {
                    Event::Apply(pod) | Event::InitApply(pod) => (pod, false),
                    Event::Delete(pod) => (pod, true),
                    Event::Init | Event::InitDone => continue,
                };
                if !is_named(&pod, name) {
                    continue;
                }
                let deleted = pod.metadata.deletion_timestamp.is_some();
                let before = known.insert(pod.metadata.uid.clone(), deleted);
                let verb = match before {
                    // A replacement with another name may come before or after it.
                    _ if is_gone && !has_stable_name(&pod) => "",
                    _ if is_gone => "is gone",
                    None => "is created",
                    Some(false) if deleted => "is deleted",
                    Some(_) => "",
                };
                if !verb.is_empty() {
                    let (pod_name, template) = (pod_name(&pod), template(&pod));
                    changes.extend([pod_name, " ", template, " ", verb, "\n"]);
                    seen += 1;
                }
                if seen == expected {
                    break;
                }
            }
            changes
        })
    }
}

/// `web-0 one ready`.
fn view(pod: &Pod) -> String {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    let mut ready = conditions.flatten().filter(|each| each.type_ == "Ready");
    let is_ready = ready.any(|each| each.status == "True");
    let ready = if is_ready { "ready" } else { "unready" };
    format!("{} {} {ready}", pod_name(pod), template(pod))
}

/// A Pod's name; one that is drawn at random is left out.
fn pod_name(pod: &Pod) -> &str {
    let metadata = &pod.metadata;
    let name = if has_stable_name(pod) {
        &metadata.name
    } else {
        &metadata.generate_name
    };
    name.as_deref().unwrap_or_default()
}

fn has_stable_name(pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(POD_INDEX))
}

fn template(pod: &Pod) -> &str {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.map_or("", |annotations| &annotations[TEMPLATE])
}

fn is_named(pod: &Pod, workload: &str) -> bool {
    let rest = pod_name(pod).strip_prefix(workload);
    rest.is_some_and(|rest| rest.starts_with('-'))
}

/// A template of Pods with one container, which is ready or never ready.
pub(super) fn pod_template(workload: &str, name: &str, is_healthy: bool) -> Value {
    let route = if is_healthy {
        "/readyz=200"
    } else {
        "/readyz=503"
    };
    let probe = json!({
        "httpGet": { "path": "/readyz", "port": 8080 }, "periodSeconds": 1, "failureThreshold": 1,
    });
    let container = json!({ "args": ["--route", route], "readinessProbe": probe });
    json!({
        "metadata": { "labels": { "app": workload }, "annotations": { TEMPLATE: name } },
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "enableServiceLinks": false,
            "containers": [pods::container(&container)],
        },
    })
}
