//! Reviews of what a client may do itself: everything, as the API knows no users.
//!
//! Rule: `pkg/registry/authorization/selfsubjectaccessreview/rest.go` and
//! `pkg/apis/authorization/validation/validation.go`.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::json;

use super::{answer, body};
use crate::api_status::{ApiError, FieldErrors};

pub(super) const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const TYPE: (&str, &str) = ("authorization.k8s.io/v1", "SelfSubjectAccessReview");

/// Answers a review; nothing is stored.
pub(super) async fn create(request: Request) -> Result<Response, ApiError> {
    let mut review = body::typed(TYPE, request).await?;
    let attributes = ["resourceAttributes", "nonResourceAttributes"];
    let given = attributes.map(|field| review["spec"][field].is_object());
    if given[0] == given[1] {
        let mut errors = FieldErrors::default();
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let found = review["spec"]["resourceAttributes"].clone();
        errors.invalid("spec.resourceAttributes", found, why);
        return Err(ApiError::invalid_review(errors));
    }
    review["status"] = json!({"allowed": true, "reason": "pocket allows everything"});
    Ok(answer::json(StatusCode::CREATED, &review))
}
