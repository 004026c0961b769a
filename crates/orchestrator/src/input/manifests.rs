//! Loads a workload's manifests from files, a kustomize directory or an experiment for applying.
//!
//! Rejects cluster-scoped objects, objects of another namespace and duplicate list keys. The
//! cluster validates the rest; `cluster::apply` writes the objects.

mod field;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use kube::core::{ApiResource, GroupVersionKind, Status};
use serde_json::Value;

use crate::{
    error_chain,
    exit::{Exit, Failure, HasExitCode},
    input::{
        experiment::{Experiment, Spanned, Workload},
        files::{FileError, Files},
        load,
        problem::{Problem, ProblemText, Problems},
        source::Source,
    },
};

/// One object to apply.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The API resource of its kind.
    pub resource: ApiResource,
    /// `metadata.name`.
    pub name: String,
    /// The whole object.
    pub object: Value,
    /// The manifest that it was read from; `None` if the run generated it.
    pub written: Option<Arc<load::Manifest>>,
}

impl Manifest {
    /// Wraps an object that has `apiVersion`, `kind` and `metadata.name`, as every loaded one does.
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
            // This guesses the plural, as no cluster has been asked yet. A wrong guess becomes
            // `UnknownKind`.
            resource: ApiResource::from_gvk(&kind),
            name,
            object,
            written: None,
        }
    }

    /// The position for error messages, as `deploy.yaml:3:1: `: that of the field that the API's
    /// `refusal` names, else of the object. Empty for a generated object.
    pub fn place(&self, refusal: Option<&Status>) -> String {
        let place = self
            .written
            .as_ref()
            .map(|written| field::place(written, refusal));
        place.map_or_else(String::new, |place| format!("{place}: "))
    }

    /// The object as kind and name: `deployment/web`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resource.kind.to_lowercase(), self.name)
    }
}

/// A problem for each object that occurs before under the same name in the same namespace.
pub(crate) fn repeated(manifests: &[load::Manifest], place: &str) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut is_new = |manifest: &load::Manifest| {
        let namespace = manifest.object["metadata"]["namespace"].as_str();
        seen.insert((
            manifest.api_version().to_owned(),
            manifest.kind().to_owned(),
            namespace.unwrap_or_default().to_owned(),
            manifest.name().to_owned(),
        ))
    };
    let again = manifests.iter().filter(|manifest| !is_new(manifest));
    again
        .map(|manifest| {
            let (kind, name) = (manifest.kind(), manifest.name());
            let what = format!("there is another {kind} `{name}` in {place}");
            ProblemText::new(what).at(&manifest.source, manifest.span)
        })
        .collect()
}

/// The input contains no Kubernetes objects.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` holds no Kubernetes objects")]
pub struct Empty(String);

impl HasExitCode for Empty {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Reads the manifests of an experiment's workload.
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

/// The hint for a file that cannot be read, if it looks like a template of a chart.
fn unrendered(source: &Source) -> Option<String> {
    let is_template = ["{{ ", "{{-"].iter().any(|mark| source.text.contains(mark));
    is_template.then(|| {
        "this looks like a template of a chart; `helm template CHART` prints the manifests"
            .to_owned()
    })
}

/// Fields that Kubernetes' own type of the object does not have.
pub(crate) fn unknown_fields(manifest: &load::Manifest) -> Vec<Problem> {
    let problem = |path: String| {
        let fault = ProblemText::new(format!("unknown field `{path}` of a {}", manifest.kind()));
        fault.at(&manifest.source, manifest.place(&path))
    };
    field::unknowns(manifest).into_iter().map(problem).collect()
}

/// Why the object does not fit Kubernetes' own type of it; none if it does, or if its kind is not
/// known.
pub(crate) fn misfit(manifest: &load::Manifest) -> Option<Problem> {
    field::misfit(manifest)
}

/// Whether an experiment's workload is in the same file as the experiment.
pub fn is_in_own_file(experiment: &Experiment) -> bool {
    let Workload::Files(names) = &experiment.workload else {
        return false;
    };
    // One file can be named by several paths.
    let own = experiment.source.path.canonicalize().ok();
    let directory = experiment.source.directory();
    names.iter().any(|name| {
        let file = directory.join(&name.value).canonicalize().ok();
        file.is_some() && file == own
    })
}

/// The problem of an unreadable file or directory, at its name in the experiment.
fn unreadable(experiment: &Experiment, name: &Spanned<String>, error: &FileError) -> Problems {
    let fault = ProblemText::new(error_chain::text(error));
    fault.at(&experiment.source, name.span).into()
}

/// Reads the manifests of a file, of standard input for `-`, or of a directory.
pub fn of_path(path: &Path) -> Result<Vec<load::Manifest>, Failure> {
    let mut manifests = Vec::new();
    for source in Files::Disk.sources(path)? {
        let loaded = load::load(&source);
        let loaded = loaded.map_err(|problems| Failure::hinted(problems, unrendered(&source)))?;
        manifests.extend(loaded.manifests);
    }
    if manifests.is_empty() {
        return Err(Empty(path.display().to_string()).into());
    }
    Ok(manifests)
}

/// Converts manifests into objects to apply to one namespace. `namespace` is that of the command
/// line; if it is `None`, the run creates one, and manifests must not name any.
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
    // By kind, as no cluster has been asked yet.
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

/// Common cluster-scoped kinds, which a workload must not contain.
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
