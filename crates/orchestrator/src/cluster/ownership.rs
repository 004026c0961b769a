//! The ownership label `probeflip.dev/run`, which every object that a run creates carries.
//!
//! The label goes on the object's own metadata. In a Pod template it would cause a rollout.

use kube::core::ObjectMeta;
use serde_json::{Map, Value};

/// The label's key. Its value is the run's ID, or `up` for objects of `probeflip up`.
pub(crate) const LABEL: &str = "probeflip.dev/run";

/// The fixed run ID of `probeflip up`, so that repeating the command finds its own objects.
pub(crate) const UP: &str = "up";

/// Sets the label on an object.
pub(crate) fn stamp(object: &mut Value, run: &str) {
    let metadata = entry(object, "metadata");
    entry(metadata, "labels")[LABEL] = run.into();
}

/// The ID of the run that created an object, if any.
pub(crate) fn run_of(metadata: &ObjectMeta) -> Option<&str> {
    metadata.labels.as_ref()?.get(LABEL).map(String::as_str)
}

/// The field as a JSON object. Any other value is replaced; the API would reject it anyway.
fn entry<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    let field = &mut value[name];
    if !field.is_object() {
        *field = Value::Object(Map::new());
    }
    field
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_template_stays_as_it_is() {
        let template = json!({ "metadata": { "labels": { "app": "web" } } });
        let mut deployment = json!({
            "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": { "template": template },
        });
        stamp(&mut deployment, "r1");
        assert_eq!(
            deployment["metadata"]["labels"],
            json!({ "app": "web", LABEL: "r1" })
        );
        assert_eq!(deployment["spec"]["template"], template);
    }

    #[test]
    fn labels_need_not_be_there() {
        let mut service = json!({ "metadata": { "name": "web", "labels": null } });
        stamp(&mut service, "r1");
        let metadata: ObjectMeta = serde_json::from_value(service["metadata"].clone()).unwrap();
        assert_eq!(run_of(&metadata), Some("r1"));
        assert_eq!(run_of(&ObjectMeta::default()), None);
    }
}
