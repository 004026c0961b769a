//! The `scale` subresource: replicas as a `Scale` of `autoscaling/v1`.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::call::Call;
use super::{answer, body, patch};
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::selector;
use crate::patch::managed;
use crate::registry::Part;

const TYPE: (&str, &str) = ("autoscaling/v1", "Scale");

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let object = call.object()?;
    Ok(answer::json(StatusCode::OK, &shown(&object.value())))
}

pub(super) async fn put(call: &Call, request: Request) -> Result<Response, ApiError> {
    call.query.check_write("UpdateOptions")?;
    let mut scale = body::typed(TYPE, request).await?;
    body::check_name(call.target.name(), &mut scale)?;
    write(call, |_| Ok(scale))
}

pub(super) async fn patch(call: &Call, request: Request) -> Result<Response, ApiError> {
    let media_type = body::media_type(&request);
    call.query.check_patch(false)?;
    let change = body::patch(&media_type, request).await?;
    write(call, |scale| patch::patched(&media_type, scale, change))
}

fn write(
    call: &Call,
    change: impl FnOnce(&Value) -> Result<Value, ApiError>,
) -> Result<Response, ApiError> {
    let target = &call.target;
    let author = call.author();
    let apply = |current: &Value| {
        let mut next = current.clone();
        let scale = change(&shown(current))?;
        next["spec"]["replicas"] = replicas(&scale, target.name())?;
        // The registry compares it: a client that has read an older version gets a conflict.
        next["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
        managed::record_update(Some(current), &mut next, &author);
        Ok(next)
    };
    let (namespace, name, dry_run) = (target.namespace(), target.name(), call.query.dry_run);
    let written =
        call.registry()
            .update_value(target.kind, namespace, name, Part::Main, dry_run, apply)?;
    Ok(answer::json(StatusCode::OK, &shown(&written.value())))
}

/// The number of replicas; an absent number is zero, as in Go.
///
/// Rule: `pkg/apis/autoscaling/validation/validation.go`, `ValidateScale`.
fn replicas(scale: &Value, name: &str) -> Result<Value, ApiError> {
    match &scale["spec"]["replicas"] {
        Value::Null => Ok(json!(0)),
        number if number.as_i64() < Some(0) && number.is_i64() => {
            let mut errors = FieldErrors::default();
            let why = "must be greater than or equal to 0";
            errors.invalid("spec.replicas", number.clone(), why);
            Err(ApiError::invalid_scale(name, errors))
        }
        number @ Value::Number(_) => Ok(number.clone()),
        other => Err(ApiError::bad_request(format!(
            "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas must be a number, \
             not {other}"
        ))),
    }
}

fn shown(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let selector = serde_json::from_value::<LabelSelector>(object["spec"]["selector"].clone());
    let selector = selector.ok().and_then(|selector| selector::of(&selector));
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {
            "replicas": object["status"]["replicas"].as_i64().unwrap_or_default(),
            "selector": selector.map(|selector| selector.to_string()).unwrap_or_default(),
        },
    })
}
