//! The `eviction` subresource of Pods: deletion within the disruption budgets, for `kubectl drain`.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::json;

use super::call::Call;
use super::remove::deletion_of;
use super::{answer, body};
use crate::api_status::ApiError;
use crate::kinds::metadata_text;

const TYPE: (&str, &str) = ("policy/v1", "Eviction");

pub(super) async fn create(call: &Call, request: Request) -> Result<Response, ApiError> {
    call.query.check_write("CreateOptions")?;
    let eviction = body::typed(TYPE, request).await?;
    let target = &call.target;
    body::check_namespace(target.namespace(), &eviction)?;
    if metadata_text(&eviction, "name") != target.name() {
        return Err(ApiError::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let mut deletion = deletion_of(target.kind, &eviction["deleteOptions"])?;
    deletion.dry_run |= call.query.dry_run;
    call.registry()
        .evict(target.namespace(), target.name(), &deletion)?;
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    Ok(answer::json(StatusCode::CREATED, &body))
}
