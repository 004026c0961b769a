//! Whose an object is: the label that everything a run makes carries.
//!
//! It goes on the object's own metadata and never into a Pod template, where it would be a rollout.

use kube::core::ObjectMeta;
use serde_json::{Map, Value};

/// The label; its value is the run's ID, `up` for what `probeflip up` made.
pub const LABEL: &str = "probeflip.dev/run";

/// The ID of everything that `probeflip up` makes, so that it can be repeated.
pub const UP: &str = "up";

/// Puts the label on an object.
pub fn stamp(object: &mut Value, run: &str) {
    let metadata = entry(object, "metadata");
    entry(metadata, "labels")[LABEL] = run.into();
}

/// The run an object belongs to, if any.
pub fn run_of(metadata: &ObjectMeta) -> Option<&str> {
    metadata.labels.as_ref()?.get(LABEL).map(String::as_str)
}

/// The field of that name, as an object; whatever else stood there would be refused by the API anyway.
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
