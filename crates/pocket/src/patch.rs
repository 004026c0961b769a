//! The patch formats, as pure functions over JSON.
//!
//! They are JSON patch (RFC 6902), merge patch (RFC 7396), Kubernetes' strategic merge, and
//! server-side apply with field managers. The registry validates the result.

pub(crate) mod apply;
pub(crate) mod duplicates;
pub(crate) mod fields;
pub(crate) mod managed;
mod schema;
pub(crate) mod strategic;

use serde_json::{Value, json};

use crate::api_status::ApiError;

/// RFC 7396: maps merge, `null` deletes, everything else replaces.
pub(crate) fn merge(current: &Value, patch: &Value) -> Value {
    let mut next = current.clone();
    json_patch::merge(&mut next, patch);
    next
}

/// RFC 6902: a list of operations, applied all or none.
pub(crate) fn operations(current: &Value, patch: Value) -> Result<Value, ApiError> {
    // 422, not 400: the patch is well formed. Upstream says no more than that it failed:
    // `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `applyJSPatch`.
    let refused = || {
        let message = "the server rejected our request due to an error in our request";
        ApiError::new(422, "Invalid", message).with_details(json!({}))
    };
    let patch: Option<json_patch::Patch> = serde_json::from_value(patch).ok();
    let mut next = current.clone();
    let patched = json_patch::patch(&mut next, &patch.ok_or_else(refused)?).ok();
    patched.ok_or_else(refused)?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_refuses_all_operations() {
        let patch = json!([
            {"op": "replace", "path": "/a", "value": 2},
            {"op": "test", "path": "/a", "value": 3},
        ]);
        assert_eq!(operations(&json!({"a": 1}), patch).unwrap_err().code, 422);
        let unknown = json!([{"op": "nothing", "path": "/a"}]);
        assert_eq!(operations(&json!({}), unknown).unwrap_err().code, 422);
    }

    #[test]
    fn null_deletes() {
        assert_eq!(
            merge(&json!({"a": 1, "b": [1]}), &json!({"a": null, "b": [2]})),
            json!({"b": [2]})
        );
    }
}
