//! Strategic merge patch: merges maps by field and keyed lists by item, with directives.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`.

use serde_json::{Map, Value, json};

use super::schema;
use crate::api_status::ApiError;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

/// Applies `patch` to `current`.
pub(crate) fn merge(current: &Value, patch: &Value) -> Result<Value, ApiError> {
    let (Value::Object(current), Value::Object(patch)) = (current, patch) else {
        return Err(ApiError::bad_request(
            "a strategic merge patch must be a JSON object",
        ));
    };
    merge_maps(current, patch, &[]).map(Value::Object)
}

type Fields = Map<String, Value>;

fn merge_maps(current: &Fields, patch: &Fields, place: &[&str]) -> Result<Fields, ApiError> {
    match directive(patch)? {
        Some(Directive::Replace) => return Ok(without_directives(patch)),
        // The emptied map stays; `null` is what removes it.
        Some(Directive::Delete) => return Ok(Fields::new()),
        None => {}
    }
    let mut next = current.clone();
    // All fields that may stay, for maps with mutually exclusive fields.
    if let Some(keys) = patch.get(RETAIN_KEYS) {
        let keys = list_of(RETAIN_KEYS, keys)?;
        check_retained(keys, patch)?;
        next.retain(|field, _| keys.iter().any(|key| key == field));
    }
    for (field, value) in patch.iter().filter(|(field, _)| !field.starts_with('$')) {
        let inner = [place, &[field.as_str()]].concat();
        match merge_value(next.get(field), value, &inner)? {
            Some(merged) => next.insert(field.clone(), merged),
            None => next.remove(field),
        };
    }
    // After the fields: these directives apply to the merged lists.
    for (name, values) in patch {
        if let Some(field) = name.strip_prefix(DELETE_FROM_LIST) {
            let values = list_of(name, values)?;
            if let Some(list) = next.get_mut(field).and_then(Value::as_array_mut) {
                list.retain(|value| !values.contains(value));
            }
        } else if let Some(field) = name.strip_prefix(SET_ORDER) {
            let order = list_of(name, values)?;
            let key = schema::merge_key(&[place, &[field]].concat());
            check_order(order, patch.get(field), key)?;
            if let Some(list) = next.get_mut(field).and_then(Value::as_array_mut) {
                reorder(list, order, key);
            }
        }
    }
    Ok(next)
}

/// The merged value, or `None` if the patch deletes it.
fn merge_value(
    current: Option<&Value>,
    patch: &Value,
    place: &[&str],
) -> Result<Option<Value>, ApiError> {
    match (current, patch) {
        (_, Value::Null) => Ok(None),
        (Some(Value::Object(current)), Value::Object(patch)) => {
            merge_maps(current, patch, place).map(|merged| Some(Value::Object(merged)))
        }
        // Where there is nothing to replace or delete, a map with a directive is dropped.
        (_, Value::Object(patch)) if patch.contains_key(PATCH) => Ok(None),
        // Merged into nothing rather than copied: its directives must not get into the object.
        (_, Value::Object(patch)) => {
            merge_maps(&Fields::new(), patch, place).map(|merged| Some(Value::Object(merged)))
        }
        (Some(Value::Array(current)), Value::Array(patch)) => {
            merge_lists(current, patch, place).map(|merged| Some(Value::Array(merged)))
        }
        // Without an existing list there is nothing to merge: duplicate items in the patch stay.
        (_, Value::Array(patch)) => {
            let items = patch.iter().filter(|item| item.get(PATCH).is_none());
            let items: Result<Vec<_>, _> =
                items.map(|item| merge_value(None, item, place)).collect();
            items.map(|items| Some(items.into_iter().flatten().collect()))
        }
        (_, simple) => Ok(Some(simple.clone())),
    }
}

fn merge_lists(current: &[Value], patch: &[Value], place: &[&str]) -> Result<Vec<Value>, ApiError> {
    let Some(key) = schema::merge_key(place) else {
        return Ok(if schema::is_set(place) {
            united(current, patch)
        } else {
            patch.to_vec()
        });
    };
    let mut next = current.to_vec();
    let mut is_replaced = false;
    let is_special = |item: &&Value| item.get(PATCH).is_some();
    let (special, items): (Vec<&Value>, Vec<&Value>) = patch.iter().partition(is_special);
    // Wherever they stand: `mergeSliceWithSpecialElements` reads the whole patch before it decides.
    for item in special {
        let directive = item.as_object().map(directive).transpose()?.flatten();
        if directive == Some(Directive::Replace) {
            is_replaced = true;
        } else {
            check_identity(item, key)?;
            next.retain(|it| !is_same(it, item, Some(key)));
        }
    }
    if is_replaced {
        return Ok(items.into_iter().cloned().collect());
    }
    for item in items {
        check_identity(item, key)?;
        let found = next.iter().position(|it| is_same(it, item, Some(key)));
        let merged = merge_value(found.map(|at| &next[at]), item, place)?;
        match (found, merged) {
            (Some(at), Some(merged)) => next[at] = merged,
            (Some(at), None) => drop(next.remove(at)),
            (None, Some(merged)) => next.push(merged),
            (None, None) => {}
        }
    }
    Ok(next)
}

fn check_identity(item: &Value, key: &str) -> Result<(), ApiError> {
    if identity(item, key).is_some() {
        return Ok(());
    }
    let item = go_text(item);
    let message = format!("map: {item} does not contain declared merge key: {key}");
    Err(ApiError::unexpected(message))
}

fn identity<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    item.get(key).filter(|value| !value.is_null())
}

/// Whether two items are the same: equal keys, or equal values in a list without a key.
fn is_same(one: &Value, other: &Value, key: Option<&str>) -> bool {
    match key {
        Some(key) => identity(one, key).is_some() && identity(one, key) == identity(other, key),
        None => one == other,
    }
}

fn united(current: &[Value], patch: &[Value]) -> Vec<Value> {
    let new = patch.iter().filter(|value| !current.contains(value));
    current.iter().chain(new).cloned().collect()
}

/// What a map's `$patch` demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// The map, or the whole list that contains it, has nothing but the patch.
    Replace,
    /// The map is emptied, or the item of a list is removed.
    Delete,
}

/// The directive of a map, if it has one. `merge` is written by no client, and refused as any
/// other word.
///
/// Rule: `strategicpatch/patch.go`, `handleDirectiveInMergeMap`. Its error has no status reason,
/// so the API server answers with 500.
fn directive(patch: &Fields) -> Result<Option<Directive>, ApiError> {
    let Some(found) = patch.get(PATCH) else {
        return Ok(None);
    };
    match found.as_str() {
        Some("replace") => Ok(Some(Directive::Replace)),
        Some("delete") => Ok(Some(Directive::Delete)),
        _ => {
            let (found, map) = (go_text(found), go_text(&json!(patch)));
            let message = format!("unknown patch type: {found} in map: {map}");
            Err(ApiError::unexpected(message))
        }
    }
}

/// A value as Go prints it.
fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(name, value)| format!("{name}:{}", go_text(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

/// Refuses a field that the patch sets and does not retain.
///
/// Rule: `strategicpatch/patch.go`, `applyRetainKeysDirective`.
fn check_retained(keys: &[Value], patch: &Fields) -> Result<(), ApiError> {
    let mut set = patch.iter();
    let is_refused = |(field, value): (&String, &Value)| {
        !value.is_null() && !field.starts_with('$') && !keys.iter().any(|key| key == field)
    };
    if set.any(is_refused) {
        return Err(ApiError::bad_request("invalid patch format of retainKeys"));
    }
    Ok(())
}

fn without_directives(patch: &Fields) -> Fields {
    let mut fields = patch.clone();
    fields.retain(|field, _| !field.starts_with('$'));
    fields
}

/// Refuses an order that lacks an item of the patch, or has two of them the other way round.
///
/// Rule: `strategicpatch/patch.go`, `validatePatchWithSetOrderList`. It is a plain Go error
/// without a status reason, which the API server answers with 500.
fn check_order(order: &[Value], items: Option<&Value>, key: Option<&str>) -> Result<(), ApiError> {
    let items = items
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut order_left = order.iter();
    let mut kept = items.iter().filter(|item| item.get(PATCH).is_none());
    if order.is_empty() || kept.all(|item| order_left.any(|it| is_same(it, item, key))) {
        return Ok(());
    }
    let (items, order) = (json!(items), json!(order));
    let message = format!(
        "the order in patch list:\n{items}\n doesn't match $setElementOrder list:\n{order}"
    );
    Err(ApiError::new(500, "InternalError", message))
}

/// Sorts the items that `order` names; the others stay behind their predecessor.
fn reorder(list: &mut Vec<Value>, order: &[Value], key: Option<&str>) {
    let mut rank = 0;
    let mut ranked: Vec<(usize, Value)> = Vec::new();
    for item in list.drain(..) {
        let position = order.iter().position(|it| is_same(it, &item, key));
        rank = position.unwrap_or(rank);
        ranked.push((rank, item));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    list.extend(ranked.into_iter().map(|(_, item)| item));
}

fn list_of<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], ApiError> {
    let refusal = || ApiError::bad_request(format!("{name} must be a list"));
    value.as_array().map(Vec::as_slice).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::needless_pass_by_value,
        reason = "cases read better without references"
    )]

    use super::*;
    use serde_json::json;

    fn check(current: Value, patch: Value, expected: Value) {
        assert_eq!(merge(&current, &patch).unwrap(), expected, "{patch}");
    }

    fn pod(containers: Value) -> Value {
        json!({"spec": {"containers": containers}})
    }

    #[test]
    fn maps_merge_and_null_deletes() {
        check(
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"b": null, "d": 3}}),
            json!({"a": {"c": 2, "d": 3}}),
        );
        check(json!({}), json!({"a": {"b": null}}), json!({"a": {}}));
    }

    #[test]
    fn containers_merge_by_name() {
        let current = pod(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]));
        let patch = pod(json!([{"name": "b", "image": "2"}, {"name": "c", "image": "3"}]));
        let expected = json!([
            {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"},
        ]);
        check(current, patch, pod(expected));
    }

    #[test]
    fn a_probe_of_one_container_can_be_edited() {
        let probe =
            |path: &str| json!({"httpGet": {"path": path, "port": 8081}, "periodSeconds": 2});
        let current =
            pod(json!([{"name": "a"}, {"name": "b", "readinessProbe": probe("/readyz")}]));
        let patch = pod(json!([{"name": "b", "readinessProbe": {"httpGet": {"path": "/hehe"}}}]));
        check(
            current,
            patch,
            pod(json!([{"name": "a"}, {"name": "b", "readinessProbe": probe("/hehe")}])),
        );
    }

    #[test]
    fn items_are_deleted_by_directive() {
        let current = pod(json!([{"name": "a"}, {"name": "b"}]));
        let patch = pod(json!([{"name": "a", "$patch": "delete"}]));
        check(current, patch, pod(json!([{"name": "b"}])));
    }

    #[test]
    fn lists_and_maps_can_be_replaced() {
        let patch = pod(json!([{"name": "c"}, {"$patch": "replace"}]));
        check(
            pod(json!([{"name": "a"}])),
            patch,
            pod(json!([{"name": "c"}])),
        );
        check(
            json!({"a": {"b": 1}}),
            json!({"a": {"$patch": "replace", "c": 2}}),
            json!({"a": {"c": 2}}),
        );
        check(
            json!({"a": {"b": 1}}),
            json!({"a": {"$patch": "delete"}}),
            json!({"a": {}}),
        );
        check(json!({}), json!({"a": {"$patch": "delete"}}), json!({}));
        check(
            json!({}),
            json!({"a": {"$patch": "replace", "b": 1}}),
            json!({}),
        );
    }

    #[test]
    fn a_replaced_list_keeps_no_item_with_a_directive() {
        let patch = pod(json!([
            {"name": "c"}, {"name": "a", "$patch": "delete"}, {"$patch": "replace"},
        ]));
        check(
            pod(json!([{"name": "a"}])),
            patch,
            pod(json!([{"name": "c"}])),
        );
    }

    #[test]
    fn deletions_come_before_merges() {
        let patch = pod(json!([{"name": "a", "image": "2"}, {"name": "a", "$patch": "delete"}]));
        let current = pod(json!([{"name": "a", "args": ["x"]}]));
        check(current, patch, pod(json!([{"name": "a", "image": "2"}])));
    }

    #[test]
    fn ports_merge_by_their_number() {
        let container = |ports: Value| pod(json!([{"name": "a", "ports": ports}]));
        check(
            container(json!([{"containerPort": 80, "name": "x"}])),
            container(json!([{"containerPort": 80, "name": "y"}])),
            container(json!([{"containerPort": 80, "name": "y"}])),
        );
        check(
            json!({"spec": {"ports": [{"port": 80, "targetPort": 1}]}}),
            json!({"spec": {"ports": [{"port": 81}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 81}]}}),
        );
    }

    /// Seen on 1.36.3.
    #[test]
    fn a_list_that_was_not_there_is_taken_as_it_is() {
        let container = |ports: Value| pod(json!([{"name": "a", "ports": ports}]));
        let twice = json!([{"containerPort": 9}, {"containerPort": 9, "name": "q"}]);
        let patch = json!([
            {"containerPort": 9}, {"containerPort": 8, "$patch": "delete"}, {"containerPort": 9,
                "name": "q"},
        ]);
        check(
            pod(json!([{"name": "a"}])),
            container(patch.clone()),
            container(twice),
        );
        check(
            container(json!([{"containerPort": 9}])),
            container(patch),
            container(json!([{"containerPort": 9, "name": "q"}])),
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced() {
        let container = |args: Value| pod(json!([{"name": "a", "args": args}]));
        check(
            container(json!(["x", "y"])),
            container(json!(["z"])),
            container(json!(["z"])),
        );
    }

    #[test]
    fn finalizers_are_a_set() {
        let metadata = |fields: Value| json!({"metadata": fields});
        let current = || metadata(json!({"finalizers": ["a", "b"]}));
        check(
            current(),
            metadata(json!({"finalizers": ["b", "c"]})),
            metadata(json!({"finalizers": ["a", "b", "c"]})),
        );
        check(
            current(),
            metadata(json!({"$deleteFromPrimitiveList/finalizers": ["a"]})),
            metadata(json!({"finalizers": ["b"]})),
        );
    }

    #[test]
    fn retained_keys_exclude_the_others() {
        let current = json!({"spec": {"strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1}}}});
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        check(
            current,
            patch,
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        );
    }

    /// As `kubectl apply` sends it when a container is inserted before another one.
    #[test]
    fn items_follow_the_given_order() {
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "containers": [{"name": "b", "image": "2"}],
        }});
        let expected = pod(json!([{"name": "b", "image": "2"}, {"name": "a"}]));
        check(pod(json!([{"name": "a"}])), patch, expected);
    }

    #[test]
    fn an_order_has_all_items_of_the_patch_in_their_order() {
        let check = |names: &[&str], order: &[&str], fits: bool| {
            let named = |names: &[&str]| -> Vec<Value> {
                names.iter().map(|name| json!({"name": name})).collect()
            };
            let patch = json!({"spec": {
                "containers": named(names), "$setElementOrder/containers": named(order),
            }});
            let merged = merge(&pod(json!([{"name": "a"}, {"name": "b"}])), &patch);
            let code = merged.err().map(|refusal| refusal.code);
            assert_eq!(code, (!fits).then_some(500), "{names:?} in {order:?}");
        };
        check(&["b"], &["a", "b"], true);
        check(&["a", "b"], &["a", "b"], true);
        check(&["a", "b"], &["b", "a"], false);
        check(&["c"], &["a", "b"], false);
        check(&[], &["c"], true);
        check(&["c"], &[], true);
    }

    #[test]
    fn malformed_patches_are_refused() {
        let check = |patch: Value, code| {
            let error = merge(&pod(json!([{"name": "a"}])), &patch).unwrap_err();
            assert_eq!(error.code, code, "{patch}");
        };
        check(json!([]), 400);
        check(pod(json!([{"image": "1"}])), 500);
        check(pod(json!([{"$patch": "delete"}])), 500);
        check(pod(json!([{"name": "a", "$patch": "merge"}])), 500);
        check(json!({"spec": {"$patch": "merge"}}), 500);
        check(json!({"spec": {"$patch": "forget"}}), 500);
        check(json!({"spec": {"$retainKeys": "type"}}), 400);
        check(json!({"spec": {"$retainKeys": ["type"], "a": 1}}), 400);
    }
}
