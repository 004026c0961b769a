//! The objects of a workload, as plain Kubernetes manifests: from files, a kustomize directory or
//! inline.
//!
//! It reads and checks their outer form. Whether a cluster takes them is the cluster's business, and
//! writing them is `apply`'s.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use crate::exit::{Ends, Exit};

/// One object to apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Where the API serves its kind.
    pub resource: ApiResource,
    /// `metadata.name`.
    pub name: String,
    /// The whole object.
    pub object: Value,
    /// The file it came from, for messages.
    pub origin: String,
}

impl Manifest {
    /// The object as people write it: `deployment/web`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resource.kind.to_lowercase(), self.name)
    }
}

/// Why there is no workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is not YAML.
    #[error("`{origin}` is not valid YAML")]
    Parse {
        /// The file.
        origin: String,
        /// Where and why.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A document is not a Kubernetes object we can apply.
    #[error("{origin}: {problem}")]
    Object {
        /// The file.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no kubectl to render a kustomization with.
    #[error("cannot render `{}`: `kubectl kustomize` is needed for that", path.display())]
    NoKubectl {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The kustomization is broken.
    #[error("`kubectl kustomize {}` failed: {message}", path.display())]
    Kustomize {
        /// The directory.
        path: PathBuf,
        /// What kubectl says.
        message: String,
    },
}

impl Ends for WorkloadError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// The objects of a file, or of a directory with a kustomization.
pub fn load(path: &Path) -> Result<Vec<Manifest>, WorkloadError> {
    if path.is_dir() {
        return kustomize(path);
    }
    let text = fs::read_to_string(path).map_err(|source| WorkloadError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, &path.display().to_string())
}

/// The objects that `kubectl kustomize` makes of a directory.
pub fn kustomize(path: &Path) -> Result<Vec<Manifest>, WorkloadError> {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("kubectl")
        .arg("kustomize")
        .arg(path)
        .output()
        .map_err(|source| WorkloadError::NoKubectl {
            path: path.to_owned(),
            source,
        })?;
    if !status.success() {
        let message = String::from_utf8_lossy(&stderr).trim().to_owned();
        return Err(WorkloadError::Kustomize {
            path: path.to_owned(),
            message,
        });
    }
    parse(
        &String::from_utf8_lossy(&stdout),
        &path.display().to_string(),
    )
}

/// The objects of a YAML text of any number of documents. `origin` names it in messages.
pub fn parse(text: &str, origin: &str) -> Result<Vec<Manifest>, WorkloadError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|source| WorkloadError::Parse {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
    collect(documents, origin)
}

/// Objects given as values; lists are taken apart, empty documents dropped.
pub fn collect(
    documents: impl IntoIterator<Item = Value>,
    origin: &str,
) -> Result<Vec<Manifest>, WorkloadError> {
    let mut manifests = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut list) if is_list(&list) => match list.remove("items") {
                Some(Value::Array(items)) => manifests.extend(collect(items, origin)?),
                _ => return Err(refuse(origin, "a `List` needs `items`")),
            },
            object => manifests.push(manifest(object, origin)?),
        }
    }
    Ok(manifests)
}

/// Objects that name a namespace must name the one they are applied to, as for `kubectl apply -n`.
///
/// `given` is the namespace of the command line; without one the run makes its own, which no file
/// can know.
pub fn check_namespace(manifests: &[Manifest], given: Option<&str>) -> Result<(), WorkloadError> {
    for manifest in manifests {
        let Some(named) = manifest
            .object
            .pointer("/metadata/namespace")
            .and_then(Value::as_str)
        else {
            continue;
        };
        if given != Some(named) {
            let reference = manifest.reference();
            let problem = format!(
                "{reference} names the namespace `{named}`; leave it out, or say `-n {named}`"
            );
            return Err(refuse(&manifest.origin, problem));
        }
    }
    Ok(())
}

fn is_list(object: &serde_json::Map<String, Value>) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("List")
}

fn manifest(object: Value, origin: &str) -> Result<Manifest, WorkloadError> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
        return Err(refuse(
            origin,
            "not a Kubernetes object: `apiVersion` or `kind` is missing",
        ));
    };
    if version.starts_with("probeflip.dev/") {
        return Err(refuse(origin, "an experiment; expected Kubernetes objects"));
    }
    if CLUSTER_SCOPED.contains(&kind) {
        let problem =
            format!("a `{kind}` belongs to the whole cluster; a workload is one namespace's");
        return Err(refuse(origin, problem));
    }
    let Some(name) = text("/metadata/name") else {
        return Err(refuse(origin, format!("a {kind} without `metadata.name`")));
    };
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Ok(Manifest {
        resource,
        name: name.to_owned(),
        origin: origin.to_owned(),
        object,
    })
}

/// The kinds that people put beside a workload and that no namespace can hold.
const CLUSTER_SCOPED: [&str; 7] = [
    "Namespace",
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "StorageClass",
];

fn refuse(origin: &str, problem: impl Into<String>) -> WorkloadError {
    WorkloadError::Object {
        origin: origin.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;
