//! Sets of field paths that managers own, and their `FieldsV1` encoding in `managedFields`.
//!
//! Rule: `sigs.k8s.io/structured-merge-diff/fieldpath` and the format `FieldsV1`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema::{self, Key, List};

/// A set of fields by path: simple values, atomic lists and maps, and items of lists.
pub(crate) type Fields = BTreeSet<Path>;

/// The path from the object to a field.
pub(crate) type Path = Vec<PathStep>;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathStep {
    /// A field of a map.
    Field(String),
    /// The item of a list with these key fields, as JSON.
    Item(String),
    /// The member of a set, as JSON.
    Member(String),
}

/// Fields without an owner: they identify the object, are written by the registry, or belong to the
/// status, which is not recorded.
const NOBODYS: [&[&str]; 12] = [
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
pub(crate) fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    collect(object, &mut Vec::new(), &mut fields);
    fields.retain(|path| place(path) != ["metadata"] && !is_nobodys(path));
    fields
}

/// The value at a path.
pub(crate) fn get<'a>(object: &'a Value, path: &[PathStep]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| match step {
        PathStep::Field(name) => value.get(name),
        PathStep::Item(_) | PathStep::Member(_) => {
            value.as_array()?.iter().find(|item| leads_to(step, item))
        }
    })
}

/// Removes the value at a path. Lists and maps around it stay, even if they become empty.
pub(crate) fn remove(object: &mut Value, path: &[PathStep]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match (object, first, rest) {
        (Value::Object(map), PathStep::Field(name), []) => drop(map.remove(name)),
        (Value::Object(map), PathStep::Field(name), rest) => {
            if let Some(inner) = map.get_mut(name) {
                remove(inner, rest);
            }
        }
        (Value::Array(list), step, []) => list.retain(|item| !leads_to(step, item)),
        (Value::Array(list), step, rest) => {
            list.iter_mut()
                .filter(|item| leads_to(step, item))
                .for_each(|item| remove(item, rest));
        }
        _ => {}
    }
}

/// The field names on a path, which is the form the schema uses.
pub(crate) fn place(path: &[PathStep]) -> Vec<&str> {
    let names = path.iter().filter_map(|step| match step {
        PathStep::Field(name) => Some(name.as_str()),
        PathStep::Item(_) | PathStep::Member(_) => None,
    });
    names.collect()
}

/// A path as in messages: `.spec.containers[name="a"].image`.
pub(crate) fn display(path: &[PathStep]) -> String {
    let step = |step: &PathStep| match step {
        PathStep::Field(name) => format!(".{name}"),
        PathStep::Member(value) => format!("[={value}]"),
        PathStep::Item(keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("[{}]", keys.join(","))
        }
    };
    path.iter().map(step).collect()
}

/// Encodes the set as `fieldsV1`.
pub(crate) fn encode(fields: &Fields) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut at = &mut root;
        for step in path {
            let name = match step {
                PathStep::Field(name) => format!("f:{name}"),
                PathStep::Item(keys) => format!("k:{keys}"),
                PathStep::Member(value) => format!("v:{value}"),
            };
            at = &mut at[name];
            if at.is_null() {
                *at = json!({});
            }
        }
        at["."] = json!({});
    }
    without_lonely_dots(&mut root);
    root
}

/// Decodes `fieldsV1` as written by [`encode`] or another API server.
pub(crate) fn decode(tree: &Value) -> Fields {
    let mut fields = Fields::new();
    read(tree, &mut Vec::new(), &mut fields);
    fields
}

/// The step to an item of a keyed list; `None` if the item has no key.
pub(super) fn item_step(item: &Value, keys: &[Key]) -> Option<PathStep> {
    let mut found = Map::new();
    for key in keys {
        let default = || serde_json::from_str(key.default?).ok();
        if let Some(value) = item.get(key.name).cloned().or_else(default) {
            found.insert(key.name.to_owned(), value);
        }
    }
    (!found.is_empty()).then(|| PathStep::Item(Value::Object(found).to_string()))
}

fn collect(value: &Value, path: &mut Path, fields: &mut Fields) {
    match value {
        Value::Object(map) if !map.is_empty() && !schema::is_atomic_map(&place(path)) => {
            for (name, inner) in map.iter().filter(|(_, inner)| !inner.is_null()) {
                descend(PathStep::Field(name.clone()), inner, path, fields);
            }
        }
        Value::Array(list) => match schema::list(&place(path)) {
            List::Atomic => drop(fields.insert(path.clone())),
            List::Set => {
                for member in list {
                    fields.insert(joined(path, PathStep::Member(member.to_string())));
                }
            }
            List::Keyed(keys) => {
                for (step, item) in list
                    .iter()
                    .filter_map(|item| Some((item_step(item, keys)?, item)))
                {
                    fields.insert(joined(path, step.clone()));
                    descend(step, item, path, fields);
                }
            }
        },
        _ => drop(fields.insert(path.clone())),
    }
}

fn descend(step: PathStep, value: &Value, path: &mut Path, fields: &mut Fields) {
    path.push(step);
    collect(value, path, fields);
    path.pop();
}

fn joined(path: &Path, step: PathStep) -> Path {
    let mut path = path.clone();
    path.push(step);
    path
}

fn is_nobodys(path: &[PathStep]) -> bool {
    NOBODYS.iter().any(|nobodys| starts_with(path, nobodys))
}

fn starts_with(path: &[PathStep], names: &[&str]) -> bool {
    names.len() <= path.len()
        && path
            .iter()
            .zip(names)
            .all(|(step, name)| matches!(step, PathStep::Field(field) if field == name))
}

fn leads_to(step: &PathStep, item: &Value) -> bool {
    match step {
        PathStep::Field(_) => false,
        PathStep::Member(value) => {
            serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item)
        }
        PathStep::Item(keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let same = |(key, value): (&String, &Value)| match item.get(key) {
                Some(found) => found == value,
                None => is_default(key, value),
            };
            keys.iter().all(same)
        }
    }
}

/// Whether `value` is the default of a key.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "protocol" => value == "TCP",
        _ => value == "" || value == 0,
    }
}

/// Encodes a field without subfields as `{}` instead of `{".": {}}`.
fn without_lonely_dots(tree: &mut Value) {
    let Some(map) = tree.as_object_mut() else {
        return;
    };
    if map.len() == 1 {
        map.remove(".");
    }
    map.values_mut().for_each(without_lonely_dots);
}

fn read(tree: &Value, path: &mut Path, fields: &mut Fields) {
    let Some(map) = tree.as_object() else { return };
    if map.is_empty() || map.contains_key(".") {
        fields.insert(path.clone());
    }
    for (name, inner) in map {
        let step = match name.split_once(':') {
            Some(("f", name)) => PathStep::Field(name.to_owned()),
            Some(("k", keys)) => PathStep::Item(keys.to_owned()),
            Some(("v", value)) => PathStep::Member(value.to_owned()),
            _ => continue,
        };
        path.push(step);
        read(inner, path, fields);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn object() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["x/y"]},
            "spec": {"containers": [{"name": "a", "args": ["--x"], "ports": [{"containerPort": 80}]}]},
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
