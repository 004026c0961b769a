//! What no reader can mean: templates of charts that were not rendered.

use serde_json::Value;

use super::metadata::{POD_TEMPLATES, within};
use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
};

/// Rejects a template of a chart.
pub(crate) fn check_rendered(manifest: &Manifest) -> Result<(), Problem> {
    let is_template = |text: &Value| text.as_str().is_some_and(|text| text.contains("{{"));
    if is_template(&manifest.object["metadata"]["name"]) {
        return Err(not_rendered(manifest, "metadata.name"));
    }
    for (path, container) in containers(&manifest.object) {
        for field in ["name", "image"] {
            if is_template(&container[field]) {
                return Err(not_rendered(manifest, &format!("{path}.{field}")));
            }
        }
    }
    Ok(())
}

fn not_rendered(manifest: &Manifest, path: &str) -> Problem {
    let fault = ProblemText::new("this is a template that was not rendered");
    let fault = fault.expected("the output of `helm template`");
    fault.at(&manifest.source, manifest.place(path))
}

/// The containers of an object's Pods, init containers first, each with its path.
fn containers(object: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for spec in POD_TEMPLATES.map(|template| within(template, "spec")) {
        let pointer = format!("/{}", spec.replace('.', "/"));
        for list in ["initContainers", "containers"] {
            let list_of = object
                .pointer(&pointer)
                .and_then(|spec| spec[list].as_array());
            let items = list_of.into_iter().flatten().enumerate();
            found.extend(items.map(|(index, item)| (format!("{spec}.{list}[{index}]"), item)));
        }
    }
    found
}
