//! Server-side apply: merges one manager's object with the fields that other managers own.
//!
//! Fields that a manager no longer applies are removed, unless another manager owns them. Defaults
//! have no owner.
//!
//! Rule: kubernetes.io › Server-Side Apply, and
//! `sigs.k8s.io/structured-merge-diff/merge/update.go`.

use serde_json::{Value, json};

use super::fields::{self, Fields, Path};
use super::managed::{self, Author, Operation};
use super::schema::{self, List};
use crate::api_status::ApiError;

/// The object that results when `author` applies `wanted` to `current`.
///
/// # Errors
/// 409 with one cause per field, if other managers own fields with different values and `force` is
/// not set.
pub(crate) fn apply(
    current: Option<&Value>,
    wanted: &Value,
    author: &Author,
    force: bool,
) -> Result<Value, ApiError> {
    let applied = fields::of(wanted);
    let mut entries = current.map(managed::read).unwrap_or_default();
    let mut conflicts = Vec::new();
    let others = entries.iter_mut();
    for entry in others.filter(|entry| !entry.is_of(author, Operation::Apply)) {
        let manager = shown_manager(&entry.manager, entry.operation, wanted);
        // An equal value is no conflict: both managers own the field from now on.
        let differs = |path: &Path| current.is_some_and(|it| fields::differ(it, wanted, path));
        // The fields leave their old owner at once. If the conflicts are refused, `entries` is not
        // written.
        let lost = entry
            .fields
            .extract_if(.., |path| applied.contains(path) && differs(path));
        conflicts.extend(lost.map(|path| Conflict {
            manager: manager.clone(),
            path,
        }));
    }
    if !conflicts.is_empty() && !force {
        // The message lists conflicts by manager.
        conflicts.sort_by(|one, other| one.manager.cmp(&other.manager));
        return Err(refuse(&conflicts));
    }
    let mut before = Fields::new();
    managed::change_fields(&mut entries, author, Operation::Apply, |fields| {
        before = std::mem::replace(fields, applied);
    });

    let mut next = current.cloned().unwrap_or_else(|| json!({"metadata": {}}));
    // Defaults and the fields of other managers stay as they are in `current`.
    merge(&mut next, wanted, &[]);
    let owned: Fields = entries
        .iter()
        .flat_map(|entry| entry.fields.iter().cloned())
        .collect();
    for path in before.difference(&owned) {
        fields::remove(&mut next, widened(path, &owned));
    }
    managed::write(&mut next, &entries);
    Ok(next)
}

/// A field that another manager owns with a different value.
struct Conflict {
    /// The manager's name in messages.
    manager: String,
    path: Path,
}

/// The manager's name in messages. A manager that updates without apply is named with the API
/// version used.
fn shown_manager(manager: &str, operation: Operation, wanted: &Value) -> String {
    match operation {
        Operation::Apply => format!("{manager:?}"),
        Operation::Update => {
            let version = wanted["apiVersion"].as_str().unwrap_or_default();
            format!("{manager:?} using {version}")
        }
    }
}

/// Rule: `k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go`.
fn refuse(conflicts: &[Conflict]) -> ApiError {
    let causes: Vec<Value> = conflicts.iter().map(cause).collect();
    let message = match conflicts {
        [Conflict { manager, path }] => {
            let path = fields::display(path);
            format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
        }
        several => {
            let by_manager = several.chunk_by(|one, next| one.manager == next.manager);
            let lines = by_manager.map(|conflicts| {
                let fields = conflicts.iter().map(|it| fields::display(&it.path));
                let fields: Vec<String> = fields.map(|field| format!("\n- {field}")).collect();
                format!(
                    "conflicts with {}:{}",
                    conflicts[0].manager,
                    fields.concat()
                )
            });
            let (number, lines) = (several.len(), lines.collect::<Vec<_>>().join("\n"));
            format!("Apply failed with {number} conflicts: {lines}")
        }
    };
    ApiError::new(409, "Conflict", message).with_details(json!({"causes": causes}))
}

fn cause(conflict: &Conflict) -> Value {
    json!({
        "reason": "FieldManagerConflict", "field": fields::display(&conflict.path),
        "message": format!("conflict with {}", conflict.manager),
    })
}

fn merge(current: &mut Value, wanted: &Value, place: &[&str]) {
    match (&mut *current, wanted) {
        (Value::Object(map), Value::Object(fields)) if !schema::is_atomic_map(place) => {
            // Null means absent here. Apply deletes a field when its manager stops applying it.
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let inner = [place, &[name]].concat();
                merge(map.entry(name).or_insert(Value::Null), value, &inner);
            }
        }
        (Value::Array(items), Value::Array(wanted)) if schema::list(place) != List::Atomic => {
            merge_items(items, wanted, place);
        }
        _ => current.clone_from(wanted),
    }
}

fn merge_items(items: &mut Vec<Value>, wanted: &[Value], place: &[&str]) {
    let list = schema::list(place);
    for item in wanted {
        let step = fields::step_to(item, list);
        let is_same = |found: &&mut Value| fields::step_to(found, list) == step;
        // An item without any key field is equal to no other.
        match items.iter_mut().find(is_same).filter(|_| step.is_some()) {
            Some(found) => merge(found, item, place),
            None => items.push(item.clone()),
        }
    }
}

/// The path to remove so that `path` is gone: the outermost place around it without any owned
/// field. What else it contains would be defaults of a field that no longer exists.
///
/// Maps with user-defined keys, such as labels, stay: their other entries are no defaults. So do
/// `metadata` and its fields.
fn widened<'a>(path: &'a [String], owned: &Fields) -> &'a [String] {
    let first = if path[0] == "f:metadata" { 3 } else { 1 };
    (first..path.len())
        .map(|length| &path[..length])
        .take_while(|around| !schema::is_free_map(&fields::place(around)))
        .find(|around| !owned.iter().any(|other| other.starts_with(around)))
        .unwrap_or(path)
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

    fn applied(current: Option<&Value>, wanted: &Value, manager: &str) -> Value {
        apply(current, wanted, &author(manager), false).unwrap()
    }

    fn check(object: &Value, expected: &Value) {
        let mut object = object.clone();
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        assert_eq!(object, *expected);
    }

    fn pod(containers: &Value) -> Value {
        json!({"metadata": {"name": "web"}, "spec": {"containers": containers}})
    }

    #[test]
    fn applying_again_changes_nothing() {
        let wanted = pod(&json!([{"name": "a", "image": "1"}]));
        let first = applied(None, &wanted, "one");
        check(&first, &wanted);
        assert_eq!(applied(Some(&first), &wanted, "one"), first);
    }

    #[test]
    fn fields_no_longer_applied_are_removed() {
        let first = applied(
            None,
            &pod(&json!([{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}])),
            "one",
        );
        let wanted = pod(&json!([{"name": "a", "image": "2"}]));
        check(&applied(Some(&first), &wanted, "one"), &wanted);
    }

    #[test]
    fn defaults_stay_as_long_as_what_they_are_for() {
        let probe = json!([{"name": "a", "readinessProbe": {"httpGet": {"port": 80}}}]);
        let mut first = applied(None, &pod(&probe), "one");
        first["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = json!(10);
        first["spec"]["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
        let again = applied(Some(&first), &pod(&probe), "one");
        assert_eq!(
            again["spec"]["containers"][0]["readinessProbe"]["periodSeconds"],
            10
        );
        let without = applied(Some(&first), &pod(&json!([{"name": "a"}])), "one");
        check(
            &without,
            &pod(&json!([{"name": "a", "terminationMessagePath": "/dev/termination-log"}])),
        );
    }

    #[test]
    fn labels_of_others_stay() {
        let labelled = |labels: Value| json!({"metadata": {"name": "web", "labels": labels}});
        let mut first = applied(None, &labelled(json!({"a": "1"})), "one");
        first["metadata"]["labels"]["z"] = "0".into();
        let second = applied(Some(&first), &labelled(json!({"b": "2"})), "two");
        check(&second, &labelled(json!({"a": "1", "b": "2", "z": "0"})));
        let third = applied(Some(&second), &json!({"metadata": {"name": "web"}}), "one");
        check(&third, &labelled(json!({"b": "2", "z": "0"})));
    }

    #[test]
    fn a_field_of_another_manager_is_a_conflict_unless_forced() {
        let first = applied(None, &pod(&json!([{"name": "a", "image": "1"}])), "one");
        let wanted = pod(&json!([{"name": "a", "image": "2"}]));
        let refusal = apply(Some(&first), &wanted, &author("two"), false).unwrap_err();
        let message = "Apply failed with 1 conflict: conflict with \"one\": \
                       .spec.containers[name=\"a\"].image";
        assert_eq!((refusal.code, refusal.message.as_str()), (409, message));

        let second = apply(Some(&first), &wanted, &author("two"), true).unwrap();
        check(&second, &wanted);
        // From now on the field belongs to the second manager.
        assert!(
            apply(
                Some(&second),
                &pod(&json!([{"name": "a", "image": "1"}])),
                &author("one"),
                false
            )
            .is_err()
        );
    }

    #[test]
    fn several_conflicts_are_listed_by_manager() {
        let wanted = json!({"apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"a": 1,
            "b": 1, "c": 1}});
        let mut first = applied(None, &wanted, "one");
        let mut second = first.clone();
        second["spec"]["c"] = json!(2);
        managed::record_update(Some(&first), &mut second, &author("edit"));
        first = second;
        let other = json!({"apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"a": 3,
            "b": 3, "c": 3}});
        let refusal = apply(Some(&first), &other, &author("two"), false).unwrap_err();
        let expected = "Apply failed with 3 conflicts: conflicts with \"edit\" using v1:\n- \
                        .spec.c\n\
                        conflicts with \"one\":\n- .spec.a\n- .spec.b";
        assert_eq!(refusal.message, expected);
    }

    #[test]
    fn equal_values_can_be_shared() {
        let wanted = pod(&json!([{"name": "a", "image": "1"}]));
        let first = applied(None, &wanted, "one");
        let second = applied(Some(&first), &wanted, "two");
        let third = applied(Some(&second), &json!({"metadata": {"name": "web"}}), "one");
        check(&third, &wanted);
    }

    #[test]
    fn ports_differ_by_protocol() {
        let service = |ports: Value| json!({"metadata": {"name": "web"}, "spec": {"ports": ports}});
        let first = applied(None, &service(json!([{"port": 53}])), "one");
        let mut defaulted = first.clone();
        defaulted["spec"]["ports"][0]["protocol"] = "TCP".into();
        let second = applied(
            Some(&defaulted),
            &service(json!([{"port": 53, "name": "dns"}])),
            "one",
        );
        check(
            &second,
            &service(json!([{"port": 53, "protocol": "TCP", "name": "dns"}])),
        );
    }

    #[test]
    fn selectors_are_one_value() {
        let service =
            |selector: Value| json!({"metadata": {"name": "web"}, "spec": {"selector": selector}});
        let first = applied(
            None,
            &service(json!({"app": "web", "tier": "front"})),
            "one",
        );
        let wanted = service(json!({"app": "web"}));
        check(&applied(Some(&first), &wanted, "one"), &wanted);
    }
}
