//! Reviews of what a client may do itself: everything, as the API knows no users.
//!
//! Rule: `pkg/registry/authorization/selfsubjectaccessreview/rest.go` and
//! `pkg/apis/authorization/validation/validation.go`.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::json;

use super::{answer, body};
use crate::api_status::ApiError;

pub(super) const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const TYPE: (&str, &str) = ("authorization.k8s.io/v1", "SelfSubjectAccessReview");

/// Answers a review; nothing is stored.
pub(super) async fn create(request: Request) -> Result<Response, ApiError> {
    let mut review = body::options(request, TYPE).await?;
    let is_review = review["kind"] == TYPE.1 && review["apiVersion"] == TYPE.0;
    let attributes = ["resourceAttributes", "nonResourceAttributes"];
    let given = attributes.map(|field| review["spec"][field].is_object());
    if !is_review || given[0] == given[1] {
        return Err(ApiError::bad_request(
            "expected a SelfSubjectAccessReview of authorization.k8s.io/v1 with exactly one of \
             nonResourceAttributes and resourceAttributes",
        ));
    }
    review["status"] = json!({"allowed": true, "reason": "pocket allows everything"});
    Ok(answer::json(StatusCode::CREATED, &review))
}
