//! What no cluster would take and no reader can mean: templates that were not rendered, and
//! containers of one Pod with the same name.

use serde_json::Value;

use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
};

/// Where a workload has the spec of its Pods.
const POD_SPECS: [&str; 3] = [
    "spec",
    "spec.template.spec",
    "spec.jobTemplate.spec.template.spec",
];

/// Rejects a template of a chart, and a name that two containers of a Pod have.
///
/// Rule: `pkg/apis/core/validation/validation.go`, `validateContainers` and
/// `validateInitContainers`: names are unique among both.
pub(crate) fn check(manifest: &Manifest) -> Result<(), Problem> {
    if is_template(manifest.name()) {
        return Err(not_rendered(manifest, "metadata.name"));
    }
    let mut names: Vec<&str> = Vec::new();
    for (path, container) in containers(&manifest.object) {
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        for field in ["name", "image"] {
            if is_template(text(field)) {
                return Err(not_rendered(manifest, &format!("{path}.{field}")));
            }
        }
        let name = text("name");
        if !name.is_empty() && names.contains(&name) {
            let fault = ProblemText::new(format!("another container is named `{name}`"));
            let fault = fault.expected("a name of its own for each container of a Pod");
            return Err(fault.at(&manifest.source, manifest.place(&format!("{path}.name"))));
        }
        names.push(name);
    }
    Ok(())
}

fn is_template(text: &str) -> bool {
    text.contains("{{")
}

fn not_rendered(manifest: &Manifest, path: &str) -> Problem {
    let fault = ProblemText::new("this is a template that was not rendered");
    let fault = fault.expected("the output of `helm template`");
    fault.at(&manifest.source, manifest.place(path))
}

/// The containers of an object's Pods, init containers first, each with its path.
fn containers(object: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for spec in POD_SPECS {
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
