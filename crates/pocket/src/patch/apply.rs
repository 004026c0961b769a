//! Server-side apply: merges one manager's object with the fields that other managers own.
//!
//! Rule: kubernetes.io › Server-Side Apply, and
//! `sigs.k8s.io/structured-merge-diff/merge/update.go`. Fields that a manager no longer applies are
//! removed, unless another manager owns them. Defaults have no owner.

use serde_json::{Value, json};

use super::fields::{self, Fields, Path, PathStep};
use super::managed::{self, Author, Entry, Operation};
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
    let mine = fields::of(wanted);
    let mut entries = current.map(managed::read).unwrap_or_default();
    let conflicts = conflicts(current, wanted, &mine, author, &entries);
    if !conflicts.is_empty() && !force {
        return Err(refuse(&conflicts));
    }
    take_over(&mut entries, &conflicts, author);
    let mut before = Fields::new();
    managed::own(&mut entries, author, Operation::Apply, |fields| {
        before = std::mem::replace(fields, mine);
    });

    let mut next = current.cloned().unwrap_or_else(|| json!({"metadata": {}}));
    merge(&mut next, wanted, &mut Vec::new());
    let owned: Fields = entries
        .iter()
        .flat_map(|entry| entry.fields.iter().cloned())
        .collect();
    for path in before.iter().filter(|path| !owned.contains(*path)) {
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

fn conflicts(
    current: Option<&Value>,
    wanted: &Value,
    mine: &Fields,
    author: &Author,
    entries: &[Entry],
) -> Vec<Conflict> {
    let Some(current) = current else {
        return Vec::new();
    };
    let differs = |path: &&Path| {
        let is_item = matches!(path.last(), Some(PathStep::Item(_)));
        !is_item && fields::get(current, path) != fields::get(wanted, path)
    };
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| !is_own(entry, author)) {
        let manager = named(entry, wanted);
        for path in mine.intersection(&entry.fields).filter(differs) {
            let (manager, path) = (manager.clone(), path.clone());
            found.push(Conflict { manager, path });
        }
    }
    found.sort_by(|a, b| a.manager.cmp(&b.manager));
    found
}

fn is_own(entry: &Entry, author: &Author) -> bool {
    entry.manager == author.manager && entry.operation == Operation::Apply
}

/// The manager's name in messages. A manager that updates without apply is named with the API
/// version used.
fn named(entry: &Entry, wanted: &Value) -> String {
    let manager = &entry.manager;
    match entry.operation {
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
            let (number, lines) = (several.len(), by_manager(several).join("\n"));
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

/// One line per manager, followed by its fields.
fn by_manager(conflicts: &[Conflict]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, Conflict { manager, path }) in conflicts.iter().enumerate() {
        if index == 0 || conflicts[index - 1].manager != *manager {
            lines.push(format!("conflicts with {manager}:"));
        }
        lines.push(format!("- {}", fields::display(path)));
    }
    lines
}

fn take_over(entries: &mut [Entry], conflicts: &[Conflict], author: &Author) {
    for entry in entries.iter_mut().filter(|entry| !is_own(entry, author)) {
        entry
            .fields
            .retain(|path| !conflicts.iter().any(|conflict| conflict.path == *path));
    }
}

fn merge(current: &mut Value, wanted: &Value, path: &mut Path) {
    match (&mut *current, wanted) {
        (Value::Object(map), Value::Object(fields))
            if !schema::is_atomic_map(&fields::place(path)) =>
        {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                path.push(PathStep::Field(name.clone()));
                merge(map.entry(name).or_insert(Value::Null), value, path);
                path.pop();
            }
        }
        (Value::Array(list), Value::Array(items)) => merge_lists(list, items, path),
        _ => current.clone_from(wanted),
    }
}

fn merge_lists(list: &mut Vec<Value>, items: &[Value], path: &mut Path) {
    match schema::list(&fields::place(path)) {
        List::Atomic => *list = items.to_vec(),
        List::Set => {
            for item in items {
                if !list.contains(item) {
                    list.push(item.clone());
                }
            }
        }
        List::Keyed(keys) => {
            for item in items {
                let step = fields::item_step(item, keys);
                let same = |found: &&mut Value| fields::item_step(found, keys) == step;
                match list.iter_mut().find(same).filter(|_| step.is_some()) {
                    Some(found) => merge(found, item, path),
                    None => list.push(item.clone()),
                }
            }
        }
    }
}

/// The path to remove so that `path` is gone: the outermost place around it without any owned
/// field. What else it contains would be defaults of a field that no longer exists.
fn widened<'a>(path: &'a Path, owned: &Fields) -> &'a [PathStep] {
    let is_free = |length: &usize| {
        let place = &path[..*length];
        let inside_free_map =
            (1..*length).any(|end| schema::is_free_map(&fields::place(&path[..end])));
        let whole = *length == path.len();
        let apart =
            matches!(path[0], PathStep::Field(ref name) if name == "metadata") && *length < 3;
        let holds_free_map = schema::is_free_map(&fields::place(place));
        whole
            || (!inside_free_map
                && !apart
                && !holds_free_map
                && !owned.iter().any(|other| other.starts_with(place)))
    };
    let length = (1..=path.len()).find(is_free).unwrap_or(path.len());
    &path[..length]
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
    fn what_is_no_longer_applied_goes() {
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
    fn what_another_owns_is_a_conflict_unless_forced() {
        let first = applied(None, &pod(&json!([{"name": "a", "image": "1"}])), "one");
        let wanted = pod(&json!([{"name": "a", "image": "2"}]));
        let refusal = apply(Some(&first), &wanted, &author("two"), false).unwrap_err();
        let message = "Apply failed with 1 conflict: conflict with \"one\": .spec.containers[name=\"a\"].image";
        assert_eq!((refusal.code, refusal.message.as_str()), (409, message));

        let second = apply(Some(&first), &wanted, &author("two"), true).unwrap();
        check(&second, &wanted);
        // Now it is the first manager's turn to be refused.
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
    fn several_conflicts_are_told_by_manager() {
        let wanted = json!({"apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"a": 1, "b": 1, "c": 1}});
        let mut first = applied(None, &wanted, "one");
        let mut second = first.clone();
        second["spec"]["c"] = json!(2);
        managed::record_update(Some(&first), &mut second, &author("edit"));
        first = second;
        let other = json!({"apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"a": 3, "b": 3, "c": 3}});
        let refusal = apply(Some(&first), &other, &author("two"), false).unwrap_err();
        let expected = "Apply failed with 3 conflicts: conflicts with \"edit\" using v1:\n- .spec.c\n\
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
    fn ports_are_told_apart_by_protocol() {
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
