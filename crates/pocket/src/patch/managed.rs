//! Reads and writes `metadata.managedFields`, the record of which manager owns which field.
//!
//! Rule: `sigs.k8s.io/structured-merge-diff/merge` and
//! `k8s.io/apimachinery/pkg/util/managedfields`. Writes by pocket's own components and writes of a
//! status are not recorded.

use serde_json::{Value, json};

use super::fields::{self, Fields, Path};

/// The decoded entry of one manager.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) operation: Operation,
    /// The time as JSON. An entry that does not change keeps its time.
    time: Value,
    pub(super) fields: Fields,
}

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// The manager of a write, and its time.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) manager: String,
    /// The time as JSON, in published form.
    pub(crate) time: Value,
}

/// Decodes an object's entries.
pub(super) fn read(object: &Value) -> Vec<Entry> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    entries
        .map(|entry| Entry {
            manager: entry["manager"].as_str().unwrap_or_default().to_owned(),
            operation: if entry["operation"] == "Apply" {
                Operation::Apply
            } else {
                Operation::Update
            },
            time: entry["time"].clone(),
            fields: fields::decode(&entry["fieldsV1"]),
        })
        .collect()
}

/// Writes the entries into an object, without those that own nothing.
pub(super) fn write(object: &mut Value, entries: &[Entry]) {
    let version = object["apiVersion"].clone();
    let entries: Vec<Value> = entries
        .iter()
        .filter(|entry| !entry.fields.is_empty())
        .map(|entry| {
            json!({
                "manager": entry.manager,
                "operation": if entry.operation == Operation::Apply { "Apply" } else { "Update" },
                "apiVersion": version, "time": entry.time, "fieldsType": "FieldsV1",
                "fieldsV1": fields::encode(&entry.fields),
            })
        })
        .collect();
    if entries.is_empty() {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
    } else {
        object["metadata"]["managedFields"] = entries.into();
    }
}

/// Records a write other than apply: its author owns the fields that changed, and removed fields
/// lose their owners.
pub(crate) fn record_update(before: Option<&Value>, object: &mut Value, author: &Author) {
    let now = fields::of(object);
    let old = before.map(fields::of).unwrap_or_default();
    let differs = |path: &Path| before.is_some_and(|it| fields::differ(it, object, path));
    let is_changed = |path: &&Path| !old.contains(*path) || differs(path);
    let changed: Fields = now.iter().filter(is_changed).cloned().collect();
    let mut entries = before.map(read).unwrap_or_default();
    for entry in &mut entries {
        entry
            .fields
            .retain(|path| now.contains(path) && !changed.contains(path));
    }
    change_fields(&mut entries, author, Operation::Update, |fields| {
        fields.extend(changed);
    });
    write(object, &entries);
}

/// Changes the fields that a manager owns. The entry's time changes only if the fields do.
pub(super) fn change_fields(
    entries: &mut Vec<Entry>,
    author: &Author,
    operation: Operation,
    change: impl FnOnce(&mut Fields),
) {
    let is_authors = |entry: &Entry| entry.is_of(author, operation);
    let at = entries.iter().position(is_authors).unwrap_or_else(|| {
        entries.push(Entry {
            manager: author.manager.clone(),
            operation,
            // An entry that stays without fields is not written.
            time: Value::Null,
            fields: Fields::new(),
        });
        entries.len() - 1
    });
    let entry = &mut entries[at];
    // Otherwise applying the same object twice would write it twice.
    let before = entry.fields.clone();
    change(&mut entry.fields);
    if entry.fields != before {
        entry.time = author.time.clone();
    }
}

impl Entry {
    pub(super) fn is_of(&self, author: &Author, operation: Operation) -> bool {
        self.manager == author.manager && self.operation == operation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(manager: &str) -> Author {
        Author {
            manager: manager.to_owned(),
            time: "2026-01-01T00:00:00Z".into(),
        }
    }

    fn owned(object: &Value, manager: &str) -> Vec<String> {
        let entries = read(object);
        let entry = entries.iter().find(|entry| entry.manager == manager);
        entry
            .into_iter()
            .flat_map(|entry| &entry.fields)
            .map(|path| fields::display(path))
            .collect()
    }

    #[test]
    fn a_changed_field_gets_a_new_owner() {
        let mut first = json!({"apiVersion": "v1", "metadata": {}, "spec": {"a": 1, "b": 1}});
        record_update(None, &mut first, &author("one"));
        assert_eq!(owned(&first, "one"), [".spec.a", ".spec.b"]);

        let mut second = first.clone();
        second["spec"]["b"] = json!(2);
        record_update(Some(&first), &mut second, &author("two"));
        assert_eq!(owned(&second, "one"), [".spec.a"]);
        assert_eq!(owned(&second, "two"), [".spec.b"]);
    }

    #[test]
    fn an_item_stays_with_its_maker() {
        let mut first =
            json!({"metadata": {}, "spec": {"containers": [{"name": "a", "image": "1"}]}});
        record_update(None, &mut first, &author("one"));
        let mut second = first.clone();
        second["spec"]["containers"][0]["image"] = "2".into();
        record_update(Some(&first), &mut second, &author("two"));
        assert_eq!(
            owned(&second, "two"),
            [".spec.containers[name=\"a\"].image"]
        );
        assert!(owned(&second, "one").contains(&".spec.containers[name=\"a\"]".to_owned()));
    }

    #[test]
    fn a_write_that_changes_nothing_records_nothing() {
        let mut first = json!({"metadata": {}, "spec": {"a": 1}});
        record_update(None, &mut first, &author("one"));
        let mut second = first.clone();
        record_update(Some(&first), &mut second, &author("two"));
        assert_eq!(first, second);
    }
}
