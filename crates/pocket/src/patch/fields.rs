//! Sets of the field paths that managers own, in the encoding of `managedFields`.
//!
//! A step of a path is a key of `FieldsV1`: `f:NAME` is a field of a map, `k:KEYS` the item of a
//! list with these key fields, `v:VALUE` the member of a set.
//!
//! Rule: `sigs.k8s.io/structured-merge-diff/fieldpath/serialize-pe.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema::{self, List};

/// A set of fields by path: simple values, atomic lists and maps, and items of lists.
pub(super) type Fields = BTreeSet<Path>;

/// The steps from the object to a field.
pub(super) type Path = Vec<String>;

/// Fields without an owner: they identify the object, are written by the registry, or belong to the
/// status, which is not recorded.
///
/// Rule: `k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go`.
const UNOWNED: [&[&str]; 12] = [
    &["apiVersion"],
    &["kind"],
    &["status"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "uid"],
    &["metadata", "resourceVersion"],
    &["metadata", "creationTimestamp"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "deletionTimestamp"],
    &["metadata", "deletionGracePeriodSeconds"],
];

/// All fields of an object that can be owned.
pub(super) fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    collect(object, &mut Vec::new(), &mut fields);
    fields.retain(|path| {
        let names = place(path);
        names != ["metadata"] && !UNOWNED.iter().any(|unowned| names.starts_with(unowned))
    });
    fields
}

/// Whether two objects have different values at a path. An item of a list never differs: the fields
/// in it do.
pub(super) fn differ(one: &Value, other: &Value, path: &[String]) -> bool {
    let is_item = path.last().is_some_and(|step| step.starts_with("k:"));
    !is_item && get(one, path) != get(other, path)
}

/// Removes the value at a path. The list or map around it stays, even if it becomes empty.
pub(super) fn remove(object: &mut Value, path: &[String]) {
    let Some((step, around)) = path.split_last() else {
        return;
    };
    let list = schema::list(&place(around));
    let around = pointer(object, around).and_then(|pointer| object.pointer_mut(&pointer));
    match (around, field(step)) {
        (Some(Value::Object(map)), Some(name)) => drop(map.remove(name)),
        (Some(Value::Array(items)), None) => {
            items.retain(|item| step_to(item, list).as_ref() != Some(step));
        }
        _ => {}
    }
}

/// The field names on a path, which is the form the schema uses.
pub(super) fn place(path: &[String]) -> Vec<&str> {
    path.iter().filter_map(|step| field(step)).collect()
}

/// A path as in messages: `.spec.containers[name="a"].image`.
pub(super) fn display(path: &[String]) -> String {
    let step = |step: &String| match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some((_, keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys = keys.iter().map(|(key, value)| format!("{key}={value}"));
            format!("[{}]", keys.collect::<Vec<_>>().join(","))
        }
        None => String::new(),
    };
    path.iter().map(step).collect()
}

/// Encodes the set as `fieldsV1`. A field that is owned together with fields in it is marked with
/// `.`; one without is an empty map.
pub(super) fn encode(fields: &Fields) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut node = &mut root;
        for (depth, step) in path.iter().enumerate() {
            if fields.contains(&path[..depth]) {
                node["."] = json!({});
            }
            node = &mut node[step];
            if node.is_null() {
                *node = json!({});
            }
        }
    }
    root
}

/// Decodes `fieldsV1`.
pub(super) fn decode(tree: &Value) -> Fields {
    let mut fields = Fields::new();
    read(tree, &mut Vec::new(), &mut fields);
    fields
}

/// The step to an item of a list; `None` for an atomic list, and for an item without any key.
pub(super) fn step_to(item: &Value, list: List) -> Option<String> {
    let keys = match list {
        List::Atomic => return None,
        List::Set => return Some(format!("v:{item}")),
        List::Keyed(keys) => keys,
    };
    let keys = keys.iter().filter_map(|key| {
        let default = || serde_json::from_str(key.default?).ok();
        let value = item.get(key.name).cloned().or_else(default)?;
        Some((key.name.to_owned(), value))
    });
    let keys: Map<String, Value> = keys.collect();
    (!keys.is_empty()).then(|| format!("k:{}", Value::Object(keys)))
}

fn collect(value: &Value, path: &mut Path, fields: &mut Fields) {
    let place = place(path);
    let list = schema::list(&place);
    match value {
        Value::Object(map) if !map.is_empty() && !schema::is_atomic_map(&place) => {
            for (name, inner) in map.iter().filter(|(_, inner)| !inner.is_null()) {
                path.push(format!("f:{name}"));
                collect(inner, path, fields);
                path.pop();
            }
        }
        Value::Array(items) if list != List::Atomic => {
            for item in items {
                // Without a key no path can name the item, so it has no owner.
                let Some(step) = step_to(item, list) else {
                    continue;
                };
                path.push(step);
                // The item itself is owned too: it goes when its owner no longer applies it.
                fields.insert(path.clone());
                collect(item, path, fields);
                path.pop();
            }
        }
        _ => drop(fields.insert(path.clone())),
    }
}

fn read(tree: &Value, path: &mut Path, fields: &mut Fields) {
    let Some(map) = tree.as_object() else { return };
    if map.is_empty() || map.contains_key(".") {
        fields.insert(path.clone());
    }
    for (step, inner) in map.iter().filter(|(step, _)| *step != ".") {
        path.push(step.clone());
        read(inner, path, fields);
        path.pop();
    }
}

fn get<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    object.pointer(&pointer(object, path)?)
}

/// The JSON pointer to the value at a path; `None` if an item on the path is missing.
fn pointer(object: &Value, path: &[String]) -> Option<String> {
    let mut pointer = String::new();
    for (depth, step) in path.iter().enumerate() {
        if let Some(name) = field(step) {
            // The order matters: the second escape of RFC 6901 adds a `~` that must stay.
            pointer.extend(["/", &name.replace('~', "~0").replace('/', "~1")]);
        } else {
            let list = schema::list(&place(&path[..depth]));
            let mut items = object.pointer(&pointer)?.as_array()?.iter();
            let index = items.position(|item| step_to(item, list).as_ref() == Some(step))?;
            pointer.extend(["/", &index.to_string()]);
        }
    }
    Some(pointer)
}

/// The name of the field that a step leads to; `None` for an item of a list.
fn field(step: &str) -> Option<&str> {
    step.strip_prefix("f:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn object() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["x/y"]},
            "spec": {"containers": [{"name": "a", "args": ["--x"],
            "ports": [{"containerPort": 80}]}]},
        })
    }

    #[test]
    fn fields_are_paths_to_what_can_be_owned() {
        let shown: Vec<String> = of(&object()).iter().map(|path| display(path)).collect();
        expect![[r#"
            .metadata.finalizers[="x/y"]
            .metadata.labels.app
            .spec.containers[name="a"]
            .spec.containers[name="a"].args
            .spec.containers[name="a"].name
            .spec.containers[name="a"].ports[containerPort=80,protocol="TCP"]
            .spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].containerPort"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn the_kept_form_reads_back() {
        let fields = of(&object());
        let encoded = encode(&fields);
        assert_eq!(decode(&encoded), fields);
        let container = &encoded["f:spec"]["f:containers"][r#"k:{"name":"a"}"#];
        assert_eq!(
            (&container["."], &container["f:args"]),
            (&json!({}), &json!({}))
        );
    }

    #[test]
    fn paths_lead_to_values_and_away() {
        for path in of(&object()) {
            let mut object = object();
            assert!(get(&object, &path).is_some(), "{}", display(&path));
            remove(&mut object, &path);
            assert!(get(&object, &path).is_none(), "{}", display(&path));
        }
    }
}
