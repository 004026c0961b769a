//! Reads manifests from files, or the workloads and Services of a namespace as manifests.

use std::path::{Path, PathBuf};

use rules::selector::{Labels, Selector};
use serde_json::Value;

use crate::{
    cli,
    cluster::{
        self, Cluster, Latencies,
        originals::{self, ListedKind},
    },
    exit::{Exit, Failure, HasExitCode},
    input::{
        experiment::ObjectKind,
        load::{self, Manifest},
        manifests,
        problem::Problems,
        source::Source,
    },
    random::Random,
    timeline::Place,
};

/// Why the input is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("nothing to read; expected files, `-` for standard input, or `--context` and `--from`")]
    NoInput,
    #[error("the input has no workload and no Service")]
    NoWorkload,
    #[error("namespace `{namespace}` has no {what}")]
    NotFound { what: String, namespace: String },
    #[error(
        "`{0}` is no file; to read workloads of a cluster, name it with `--context C --from NAMESPACE`"
    )]
    NoCluster(String),
    #[error("`{0}` is no workload; expected KIND/NAME such as deploy/web")]
    NoReference(String),
}

impl HasExitCode for InputError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Reads the input of a command; of a namespace, objects of `more` kinds too.
pub(super) fn read(input: &cli::Input, more: &[ListedKind]) -> Result<Vec<Manifest>, Failure> {
    match (&input.context, &input.from) {
        (Some(context), Some(from)) => of_namespace(context, from, &input.names, more),
        _ if input.names.is_empty() => Err(InputError::NoInput.into()),
        _ => {
            let is_workload =
                |name: &&String| reference(name).is_ok() && !Path::new(name.as_str()).exists();
            if let Some(name) = input.names.iter().find(is_workload) {
                return Err(InputError::NoCluster(name.clone()).into());
            }
            let files: Vec<PathBuf> = input.names.iter().map(PathBuf::from).collect();
            let manifests = super::up::load(&files)?;
            Problems::unless_any(manifests::repeated(&manifests, "the input"), ())?;
            Ok(manifests)
        }
    }
}

/// Whether the input holds a file, so that the next call would read what is written to it.
pub(super) fn holds(input: &cli::Input, file: &Path) -> bool {
    let place = |path: &Path| path.canonicalize().ok();
    // A file that does not exist yet is where its directory is.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = place(folder.unwrap_or(Path::new(".")));
    let own = [place(file), folder];
    let mut names = input.names.iter().filter(|_| input.context.is_none());
    names.any(|name| {
        let read = place(Path::new(name));
        read.is_some() && own.contains(&read)
    })
}

/// Reads the workloads and Services of a namespace.
fn of_namespace(
    context: &str,
    from: &str,
    names: &[String],
    more: &[ListedKind],
) -> Result<Vec<Manifest>, Failure> {
    let wanted = names.iter().map(|text| reference(text));
    let wanted: Vec<Wanted> = wanted.collect::<Result<_, _>>()?;
    let place = Place::Cluster(context.to_owned());
    let objects = cluster::runtime(&place)?.block_on(async {
        let cluster = Cluster::connect(
            place.clone(),
            Latencies::default(),
            &mut Random::from_system(),
        )
        .await?;
        cluster.must_have(from).await?;
        Ok::<_, Failure>(originals::list(&cluster.client, from, more).await?)
    })?;
    manifests_of(&chosen(objects, &wanted, from)?, from)
}

/// Objects of a cluster as manifests, whose positions are in their JSON.
pub(super) fn manifests_of(objects: &[Value], namespace: &str) -> Result<Vec<Manifest>, Failure> {
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let text = serde_json::to_string_pretty(&list).expect("JSON must be printed");
    let source = Source {
        path: format!("namespace {namespace}").into(),
        text: text.into(),
    };
    Ok(load::load(&source)?.manifests)
}

/// A workload that is asked for: its kind and name.
type Wanted = (&'static str, String);

/// Parses KIND/NAME as kubectl spells kinds.
fn reference(text: &str) -> Result<Wanted, InputError> {
    let wrong = || InputError::NoReference(text.to_owned());
    let (word, name) = text.split_once('/').ok_or_else(wrong)?;
    let kind = ObjectKind::parse(word).filter(|kind| ObjectKind::OF_PODS.contains(kind));
    let kind = kind.ok_or_else(wrong)?;
    Ok((kind.name(), name.to_owned()))
}

/// The wanted workloads, the Services that select their Pods, and their scalers; without any
/// wanted, all objects.
fn chosen(
    objects: Vec<Value>,
    wanted: &[Wanted],
    namespace: &str,
) -> Result<Vec<Value>, InputError> {
    if wanted.is_empty() {
        return Ok(objects);
    }
    let is = |object: &Value, (kind, name): &Wanted| {
        object["kind"] == *kind && object["metadata"]["name"] == *name
    };
    let missing = |wanted: &&Wanted| !objects.iter().any(|object| is(object, wanted));
    if let Some((kind, name)) = wanted.iter().find(missing) {
        return Err(InputError::NotFound {
            what: format!("{} `{name}`", kind.to_lowercase()),
            namespace: namespace.to_owned(),
        });
    }
    let is_wanted = |object: &Value| wanted.iter().any(|wanted| is(object, wanted));
    let labels: Vec<Labels> = objects
        .iter()
        .filter(|object| is_wanted(object))
        .map(|object| {
            texts(
                object.pointer("/spec/template").unwrap_or(object),
                "/metadata/labels",
            )
        })
        .collect();
    let keeps = |object: &Value| match object["kind"].as_str() {
        Some("HorizontalPodAutoscaler") => true,
        Some("Service") => {
            let selector = Selector::equal(&texts(object, "/spec/selector"));
            !selector.is_empty() && labels.iter().any(|labels| selector.matches(labels))
        }
        _ => is_wanted(object),
    };
    Ok(objects.into_iter().filter(keeps).collect())
}

fn texts(object: &Value, pointer: &str) -> Labels {
    let texts = object.pointer(pointer).cloned().unwrap_or_default();
    serde_json::from_value(texts).unwrap_or_default()
}

#[cfg(test)]
mod tests;
