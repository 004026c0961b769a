//! `probeflip down`: deletes what `up` applied, or what a run left behind.

use std::{collections::BTreeMap, fmt::Write as _};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};

use super::{Bench, Outcome};
use crate::{
    apply::{ApplyError, Made, Site},
    exit::{Exit, Failure},
    load, ownership, remove,
    select::SelectError,
    workload::{self, Manifest},
};

/// The kinds that workloads are made of, and that are looked through for a run's label.
const KINDS: [(&str, &str, &str); 9] = [
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("", "v1", "ServiceAccount"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("apps", "v1", "StatefulSet"),
    ("apps", "v1", "DaemonSet"),
];

/// `down FILE…`: what the files name and `up` made.
pub(super) async fn files(manifests: &[load::Manifest], bench: Bench<'_>) -> Outcome {
    let manifests = workload::objects(manifests, Some(&bench.namespace))?;
    let site = Site::new(
        bench.cluster.client.clone(),
        &bench.namespace,
        ownership::UP,
    );
    let mut made = Vec::new();
    let mut exit = Exit::Held;
    for manifest in manifests {
        match site.find(&manifest).await {
            Ok(Some(uid)) => made.push(Made { manifest, uid }),
            Ok(None) => bench
                .printer
                .note(format!("{} is not there", manifest.reference())),
            Err(error @ ApplyError::NotOurs { .. }) => {
                exit = exit.and(Exit::Refused);
                bench.printer.error(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    delete(&bench, &site, &made).await?;
    Ok(exit)
}

/// `down --run ID`: the namespaces that the run made, and its objects in this one.
pub(super) async fn run(id: &str, bench: Bench<'_>) -> Outcome {
    let selector = format!("{}={id}", ownership::LABEL);
    for namespace in namespaces(&bench, &selector).await?.unwrap_or_default() {
        bench
            .printer
            .note(format!("deleting namespace `{}`", namespace.name));
        let site = Site::new(bench.cluster.client.clone(), &namespace.name, id);
        remove::namespace(&site, &namespace.uid).await?;
    }
    let site = Site::new(bench.cluster.client.clone(), &bench.namespace, id);
    let made: Vec<_> = objects(&bench, &selector)
        .await?
        .into_iter()
        .map(|(made, _)| made)
        .collect();
    delete(&bench, &site, &made).await?;
    bench.printer.note(format!("nothing of run `{id}` is left"));
    Ok(Exit::Held)
}

/// Bare `down`: which runs there are. Nothing is chosen for the user.
pub(super) async fn list(bench: Bench<'_>) -> Outcome {
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let namespaces = namespaces(&bench, ownership::LABEL).await?;
    if namespaces.is_none() {
        bench
            .printer
            .warn("namespaces may not be listed; only this one was looked through");
    }
    for namespace in namespaces.unwrap_or_default() {
        runs.entry(namespace.run)
            .or_default()
            .push(format!("namespace/{}", namespace.name));
    }
    for (made, run) in objects(&bench, ownership::LABEL).await? {
        runs.entry(run).or_default().push(made.manifest.reference());
    }
    let mut text = String::new();
    for (run, what) in &runs {
        writeln!(text, "{run}: {}", what.join(", ")).expect("a string must take what is written");
    }
    bench.printer.data(&text)?;
    let message = if runs.is_empty() {
        "there is no run"
    } else {
        "say which: `--run ID`, or the files"
    };
    Err(Failure::new(Exit::Usage, message))
}

async fn delete(bench: &Bench<'_>, site: &Site, made: &[Made]) -> Result<(), Failure> {
    for each in made {
        bench
            .printer
            .note(format!("deleting {}", each.manifest.reference()));
    }
    Ok(remove::objects(site, made).await?)
}

/// A namespace that a run made.
struct Labelled {
    name: String,
    uid: String,
    run: String,
}

/// Labelled namespaces; `None` if they may not be listed.
async fn namespaces(bench: &Bench<'_>, selector: &str) -> Result<Option<Vec<Labelled>>, Failure> {
    let api: Api<Namespace> = Api::all(bench.cluster.client.clone());
    match api.list(&ListParams::default().labels(selector)).await {
        Ok(listed) => Ok(Some(
            listed.items.into_iter().map(labelled_namespace).collect(),
        )),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(source) => Err(unlisted("namespaces", bench, source)),
    }
}

fn labelled_namespace(namespace: Namespace) -> Labelled {
    Labelled {
        run: ownership::run_of(&namespace.metadata)
            .unwrap_or_default()
            .to_owned(),
        name: namespace.metadata.name.unwrap_or_default(),
        uid: namespace.metadata.uid.unwrap_or_default(),
    }
}

/// The labelled objects of this namespace and their runs. Kinds that may not be listed hold nothing of ours.
async fn objects(bench: &Bench<'_>, selector: &str) -> Result<Vec<(Made, String)>, Failure> {
    let mut found = Vec::new();
    for (group, version, kind) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let client = bench.cluster.client.clone();
        let api: Api<DynamicObject> = Api::namespaced_with(client, &bench.namespace, &resource);
        match api.list(&ListParams::default().labels(selector)).await {
            Ok(listed) => found.extend(
                listed
                    .items
                    .iter()
                    .map(|object| labelled(&resource, object)),
            ),
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {}
            Err(source) => return Err(unlisted(&resource.plural, bench, source)),
        }
    }
    Ok(found)
}

fn unlisted(plural: &str, bench: &Bench<'_>, source: kube::Error) -> Failure {
    let (plural, namespace) = (plural.to_owned(), bench.namespace.clone());
    SelectError::List {
        plural,
        namespace,
        source: Box::new(source),
    }
    .into()
}

fn labelled(resource: &ApiResource, object: &DynamicObject) -> (Made, String) {
    let manifest = Manifest {
        resource: resource.clone(),
        name: object.metadata.name.clone().unwrap_or_default(),
        object: object.data.clone(),
        place: None,
    };
    let uid = object.metadata.uid.clone().unwrap_or_default();
    let run = ownership::run_of(&object.metadata)
        .unwrap_or_default()
        .to_owned();
    (Made { manifest, uid }, run)
}
