//! Parses the text of an input file into experiments and manifests, or into all of its problems.
//!
//! Pure: the caller reads the file. [`crate::check`] compares an experiment with its workload.

mod conditions;
mod diagnostics;
mod documents;
mod example;
mod flips;
mod outline;
mod resolve;
mod steps;
mod subjects;
mod yaml;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::input::experiment::written::{self, Scalar};
use crate::input::experiment::{Experiment, Source, Span, Spanned};
use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{Problem, ProblemText, Problems, closest};
use outline::Outline;

/// The contents of an input file.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Its experiments, in order.
    pub experiments: Vec<Experiment>,
    /// Its Kubernetes objects, in order. A `List` is replaced by its items.
    pub manifests: Vec<Manifest>,
}

/// One Kubernetes object as written. Only `apiVersion`, `kind` and `metadata.name` are checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The object.
    pub object: Value,
    /// The position that errors about the whole object point at.
    pub span: Span,
    /// The object with the spans of its fields.
    node: Node,
    /// The file it was read from.
    pub source: Source,
}

impl Manifest {
    /// Its `kind`.
    pub fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// The span of the field at `path`, or of the innermost part of the path that is written.
    pub fn place(&self, path: &str) -> Span {
        self.node.place(path)
    }

    /// Duplicate keys in lists in which server-side apply accepts each key only once.
    pub(crate) fn duplicates(&self) -> Vec<Problem> {
        let version = self.object["apiVersion"].as_str().unwrap_or_default();
        let duplicates = self.node.duplicates(version).into_iter();
        duplicates
            .map(|(span, fault)| fault.at(&self.source, span))
            .collect()
    }

    /// Deserializes the object into a Kubernetes type.
    pub(crate) fn typed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.node.typed().map_err(|(span, why)| {
            let what = format!("{} `{}` cannot be read: {why}", self.kind(), self.name());
            ProblemText::new(what).at(&self.source, span)
        })
    }

    /// Its `metadata.name`.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// The `apiVersion` of experiments that this program reads.
pub const API_VERSION: &str = "probeflip.dev/v1alpha1";

/// Parses a file of YAML or JSON, which may mix experiments and manifests.
pub fn load(source: &Source) -> Result<Loaded, Problems> {
    let mut loaded = Loaded::default();
    let mut problems = Vec::new();
    for document in documents::split(&source.text) {
        match load_document(source, document, &mut loaded) {
            Ok(()) => {}
            Err(found) => problems.extend(found.into_vec()),
        }
    }
    Problems::unless_any(problems, loaded)
}

/// Parses the manifests written inside an experiment.
pub(crate) fn inline(source: &Source, objects: &[Node]) -> Result<Vec<Manifest>, Problems> {
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for object in objects {
        match manifest(source, object.span(), object) {
            Ok(found) => manifests.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    Problems::unless_any(problems, manifests)
}

fn load_document(source: &Source, document: Span, loaded: &mut Loaded) -> Result<(), Problems> {
    let text = documents::alone(&source.text, document);
    let Some(head) = yaml::head(source, &text)? else {
        return Ok(());
    };
    if is_experiment(&head) {
        let outline = yaml::outline(&text);
        check_head(source, &outline, &head)?;
        let written: written::Experiment = yaml::read(source, &text, &outline)?;
        if let Some(node) = Node::read(source, &text)? {
            let experiment = resolve::experiment(source, &outline, &node, written)?;
            loaded.experiments.push(experiment);
        }
    } else if let Some(node) = Node::read(source, &text)? {
        let manifests = manifest(source, head.place(document), &node)?;
        loaded.manifests.extend(manifests);
    }
    Ok(())
}

// A misspelled `apiVersion` or `kind` still counts as an experiment, so that the error names the
// typo, unless the `apiVersion` is clearly another API group.
fn is_experiment(head: &yaml::Head) -> bool {
    let word =
        |field: &Option<Spanned<Scalar>>| field.as_ref().map(|word| word.word().into_owned());
    match (word(&head.api_version), word(&head.kind)) {
        (Some(version), _) if version.starts_with("probeflip.dev/") => true,
        (Some(version), _) if closest(&version, [API_VERSION]).is_none() => false,
        (_, kind) => kind.is_some_and(|kind| closest(&kind, ["Experiment"]).is_some()),
    }
}

fn check_head(source: &Source, outline: &Outline<'_>, head: &yaml::Head) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let fields = [
        ("apiVersion", &head.api_version, API_VERSION),
        ("kind", &head.kind, "Experiment"),
    ];
    for (field, said, expected) in fields {
        let fault = match said {
            Some(said) if said.word() == expected => continue,
            Some(said) => ProblemText::new(format!("unknown {field} `{}`", said.word())),
            None => ProblemText::new(format!("missing field `{field}`")),
        };
        let span = said
            .as_ref()
            .map_or_else(|| outline.document(), |said| said.span);
        problems.push(fault.expected(format!("`{expected}`")).at(source, span));
    }
    Problems::unless_any(problems, ())
}

fn manifest(source: &Source, span: Span, node: &Node) -> Result<Vec<Manifest>, Problem> {
    let object = node.json(source)?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    for field in ["apiVersion", "kind"] {
        if !text(&object[field]) {
            let fault = ProblemText::new(format!("no `{field}` here"));
            return Err(fault
                .expected("an Experiment or a Kubernetes object")
                .at(source, span));
        }
    }
    if object["kind"] == "List" && object["items"].is_array() {
        let items = node.field("items").map_or(&[][..], Node::items);
        let each = items.iter().map(|item| manifest(source, item.span(), item));
        return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
    }
    if !text(&object["metadata"]["name"]) {
        let fault = ProblemText::new(format!(
            "this {} has no name",
            object["kind"].as_str().unwrap_or_default()
        ));
        return Err(fault.expected("`metadata.name`").at(source, span));
    }
    Ok(vec![Manifest {
        object,
        span,
        node: node.clone(),
        source: source.clone(),
    }])
}

#[cfg(test)]
mod tests;
