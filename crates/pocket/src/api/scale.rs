//! The `scale` subresource: replicas as a `Scale` of `autoscaling/v1`.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::call::Call;
use super::{answer, body, patch};
use crate::api_status::ApiError;
use crate::kinds::selector;
use crate::patch::managed;
use crate::registry::Part;

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let object = call.object()?;
    Ok(answer::json(StatusCode::OK, &shown(&object.value())))
}

pub(super) async fn put(call: &Call, request: Request) -> Result<Response, ApiError> {
    let scale = body::options(request, ("autoscaling/v1", "Scale")).await?;
    write(call, |_| Ok(scale))
}

pub(super) async fn patch(call: &Call, request: Request) -> Result<Response, ApiError> {
    let media_type = body::media_type(&request);
    let change = body::patch(request).await?;
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
        next["spec"]["replicas"] = replicas(&scale)?;
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
fn replicas(scale: &Value) -> Result<Value, ApiError> {
    match &scale["spec"]["replicas"] {
        Value::Null => Ok(json!(0)),
        number @ Value::Number(_) => Ok(number.clone()),
        other => Err(ApiError::bad_request(format!(
            "spec.replicas must be a number, not {other}"
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
