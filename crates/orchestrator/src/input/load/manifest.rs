//! Kubernetes objects as they are written in input files.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{Problem, ProblemText, Problems};
use crate::input::source::{Source, Span};

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
    /// Its `apiVersion`.
    pub fn api_version(&self) -> &str {
        self.object["apiVersion"].as_str().unwrap_or_default()
    }

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
        let duplicates = self.node.duplicates(self.api_version()).into_iter();
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

/// Parses the manifests written inside an experiment.
pub(crate) fn inline(source: &Source, objects: &[Node]) -> Result<Vec<Manifest>, Problems> {
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for object in objects {
        match read(source, object.span(), object) {
            Ok(found) => manifests.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    Problems::unless_any(problems, manifests)
}

/// Parses an object, or the items of a `List`.
pub(super) fn read(source: &Source, span: Span, node: &Node) -> Result<Vec<Manifest>, Problem> {
    let object = node.json(source)?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let misfit = |path: &str, value: &Value| {
        let is_there = value.is_number() || value.is_boolean() || value.is_array();
        let what = format!("`{path}` is `{value}`, which is no text");
        let fault = ProblemText::new(what).expected("text, in quotes if need be");
        is_there.then(|| fault.at(source, node.place(path)))
    };
    for field in ["apiVersion", "kind"] {
        if let Some(problem) = misfit(field, &object[field]) {
            return Err(problem);
        }
        if !text(&object[field]) {
            let fault = ProblemText::new(format!("no `{field}` here"));
            return Err(fault
                .expected("an Experiment or a Kubernetes object")
                .at(source, span));
        }
    }
    // As kubectl does: a `List` is no object of the cluster.
    if object["kind"] == "List" && object["items"].is_array() {
        let items = node.field("items").map_or(&[][..], Node::items);
        let each = items.iter().map(|item| read(source, item.span(), item));
        return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
    }
    if let Some(problem) = misfit("metadata.name", &object["metadata"]["name"]) {
        return Err(problem);
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
