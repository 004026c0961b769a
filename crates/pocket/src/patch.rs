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

use serde_json::Value;

use crate::api_status::ApiError;

/// RFC 7396: maps merge, `null` deletes, everything else replaces.
pub(crate) fn merge(current: &Value, patch: &Value) -> Value {
    let mut next = current.clone();
    json_patch::merge(&mut next, patch);
    next
}

/// RFC 6902: a list of operations, applied all or none.
pub(crate) fn operations(current: &Value, patch: Value) -> Result<Value, ApiError> {
    let patch: json_patch::Patch = serde_json::from_value(patch)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let mut next = current.clone();
    // 422, not 400: the patch is well formed. Upstream:
    // `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `applyJSPatch`.
    json_patch::patch(&mut next, &patch).map_err(|error| {
        let message =
            format!("the server rejected our request due to an error in our request: {error}");
        ApiError::new(422, "Invalid", message)
    })?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failed_test_refuses_all_operations() {
        let patch = json!([
            {"op": "replace", "path": "/a", "value": 2},
            {"op": "test", "path": "/a", "value": 3},
        ]);
        assert_eq!(operations(&json!({"a": 1}), patch).unwrap_err().code, 422);
        assert_eq!(
            operations(&json!({}), json!({"op": "add"}))
                .unwrap_err()
                .code,
            400
        );
    }

    #[test]
    fn null_deletes() {
        assert_eq!(
            merge(&json!({"a": 1, "b": [1]}), &json!({"a": null, "b": [2]})),
            json!({"b": [2]})
        );
    }
}
