//! Parses the text of an input file into experiments and manifests, or into all of its problems.
//!
//! Pure: the caller reads the file. `check` compares an experiment with its workload.

mod conditions;
mod diagnostics;
mod documents;
mod example;
mod flips;
mod manifest;
mod measures;
mod outline;
mod resolve;
mod sequence;
mod steps;
mod subjects;
mod which;
mod yaml;

use crate::input::experiment::Experiment;
use crate::input::experiment::written::{self, Scalar};
use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{ProblemText, Problems, closest};
use crate::input::source::{Source, Span, Spanned};
pub use manifest::Manifest;
pub(crate) use manifest::inline;
use outline::Outline;

/// The contents of an input file.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Its experiments, in order.
    pub experiments: Vec<Experiment>,
    /// Its Kubernetes objects, in order. A `List` is replaced by its items.
    pub manifests: Vec<Manifest>,
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

fn load_document(source: &Source, document: Span, loaded: &mut Loaded) -> Result<(), Problems> {
    let Some(head) = yaml::head(source, document)? else {
        return Ok(());
    };
    if is_experiment(&head) {
        let text = documents::alone(&source.text, document);
        // The text is parsed once more for each use: serde's types have no keys, the outline has no
        // types, and Kubernetes objects follow kubectl's YAML.
        let outline = yaml::outline(&text);
        check_head(source, &outline, &head)?;
        let written: written::Experiment = yaml::read(source, &text, &outline)?;
        if let Some(node) = Node::read(source, document)? {
            let experiment = resolve::experiment(source, &outline, &node, written)?;
            loaded.experiments.push(experiment);
        }
    } else if let Some(node) = Node::read(source, document)? {
        let manifests = manifest::read(source, head.place(document), &node)?;
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
    for (field, value, expected) in fields {
        let fault = match value {
            Some(value) if value.word() == expected => continue,
            Some(value) => ProblemText::new(format!("unknown {field} `{}`", value.word())),
            None => ProblemText::new(format!("missing field `{field}`")),
        };
        let span = value
            .as_ref()
            .map_or_else(|| outline.document(), |value| value.span);
        problems.push(fault.expected(format!("`{expected}`")).at(source, span));
    }
    Problems::unless_any(problems, ())
}

#[cfg(test)]
mod tests;
