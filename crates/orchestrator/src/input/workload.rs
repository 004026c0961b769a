//! The objects of a workload, ready to be applied: plain Kubernetes manifests from files, a kustomize
//! directory or an experiment itself.
//!
//! It says what no namespace can hold and what cannot be applied. What a cluster makes of the rest is the cluster's business, and
//! writing them is `apply`'s.

mod field;

use std::{path::Path, sync::Arc};

use kube::core::{ApiResource, GroupVersionKind, Status};
use serde_json::Value;

use crate::{
    error_chain,
    exit::{Exit, Failure, HasExitCode},
    input::{
        experiment::{Experiment, Spanned, Workload},
        files::{FileError, Files},
        load,
        problem::{ProblemText, Problems},
    },
};

/// One object to apply.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Where the API serves its kind.
    pub resource: ApiResource,
    /// `metadata.name`.
    pub name: String,
    /// The whole object.
    pub object: Value,
    /// What it was read from; none if the run made it up.
    pub written: Option<Arc<load::Manifest>>,
}

impl Manifest {
    /// An object that names its kind and itself, as every loaded one does.
    pub fn new(object: Value) -> Self {
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let version = text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, text("/kind"));
        let name = text("/metadata/name").to_owned();
        Self {
            resource: ApiResource::from_gvk(&kind),
            name,
            object,
            written: None,
        }
    }

    /// Where it is written, for messages: of what a refusal is about, `deploy.yaml:3:1: `. Empty if it is written nowhere.
    pub fn place(&self, refusal: Option<&Status>) -> String {
        let place = self
            .written
            .as_ref()
            .map(|written| field::place(written, refusal));
        place.map_or_else(String::new, |place| format!("{place}: "))
    }

    /// The object as people write it: `deployment/web`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resource.kind.to_lowercase(), self.name)
    }
}

/// There is nothing to apply.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` holds no Kubernetes objects")]
pub struct Empty(String);

impl HasExitCode for Empty {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Reads the manifests that an experiment's workload names.
pub fn of_experiment(
    experiment: &Experiment,
    files: Files,
) -> Result<Vec<load::Manifest>, Failure> {
    let directory = experiment.source.directory();
    match &experiment.workload {
        Workload::Files(names) => {
            let mut manifests = Vec::new();
            for name in names {
                let source = files.read(&directory.join(&name.value));
                let source = source.map_err(|error| unreadable(experiment, name, &error))?;
                manifests.extend(load::load(&source)?.manifests);
            }
            Ok(manifests)
        }
        Workload::Kustomize(name) => {
            let source = files.kustomize(&directory.join(&name.value));
            let source = source.map_err(|error| unreadable(experiment, name, &error))?;
            Ok(load::load(&source)?.manifests)
        }
        Workload::Objects(objects) => Ok(load::inline(&experiment.source, objects)?),
    }
}

/// Whether an experiment takes its workload from the file that it is in itself.
pub fn is_in_own_file(experiment: &Experiment) -> bool {
    let Workload::Files(names) = &experiment.workload else {
        return false;
    };
    let own = experiment.source.path.canonicalize().ok();
    let directory = experiment.source.directory();
    names.iter().any(|name| {
        let file = directory.join(&name.value).canonicalize().ok();
        file.is_some() && file == own
    })
}

/// Points at the name of a file or directory that cannot be read.
fn unreadable(experiment: &Experiment, name: &Spanned<String>, error: &FileError) -> Problems {
    let fault = ProblemText::new(error_chain::told(error));
    fault.at(&experiment.source, name.span).into()
}

/// Reads the manifests of a file, or of a directory with a kustomization.
pub fn of_path(path: &Path) -> Result<Vec<load::Manifest>, Failure> {
    let source = if path.is_dir() {
        Files::Disk.kustomize(path)?
    } else {
        Files::Disk.read(path)?
    };
    let manifests = load::load(&source)?.manifests;
    if manifests.is_empty() {
        return Err(Empty(path.display().to_string()).into());
    }
    Ok(manifests)
}

/// The objects to apply to one namespace: the one of the command line, or one that the run makes, whose
/// name no file can know.
pub fn objects(
    manifests: &[load::Manifest],
    namespace: Option<&str>,
) -> Result<Vec<Manifest>, Problems> {
    let mut problems = Vec::new();
    for manifest in manifests {
        let misplaced = misplaced(manifest, namespace);
        problems.extend(misplaced.map(|fault| fault.at(&manifest.source, manifest.span)));
        problems.extend(manifest.duplicates());
    }
    let objects = manifests
        .iter()
        .map(|manifest| Manifest {
            written: Some(Arc::new(manifest.clone())),
            ..Manifest::new(manifest.object.clone())
        })
        .collect();
    Problems::unless_any(problems, objects)
}

fn misplaced(manifest: &load::Manifest, namespace: Option<&str>) -> Option<ProblemText> {
    let (kind, name) = (manifest.kind(), manifest.name());
    if CLUSTER_SCOPED.contains(&kind) {
        let fault = ProblemText::new(format!("a {kind} belongs to the whole cluster"));
        return Some(fault.expected("objects of one namespace"));
    }
    let named = manifest.object.pointer("/metadata/namespace")?.as_str()?;
    if namespace == Some(named) {
        return None;
    }
    let fault = ProblemText::new(format!("{kind} `{name}` names the namespace `{named}`"));
    Some(fault.expected(format!("no namespace, or `-n {named}` on the command line")))
}

/// The kinds that people put beside a workload and that no namespace can hold.
const CLUSTER_SCOPED: [&str; 7] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "PersistentVolume",
    "StorageClass",
];

#[cfg(test)]
mod tests;
