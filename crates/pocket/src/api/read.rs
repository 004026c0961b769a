//! GET requests: one object, or a list.

use std::sync::Arc;

use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::query::VersionMatch;
use super::select::Selection;
use super::{Call, answer, events};
use crate::api_status::ApiError;
use crate::store::{Expired, Version};

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let object = call.object()?;
    let shown = events::present(call.target.kind, &object);
    Ok(answer::json(StatusCode::OK, &shown))
}

/// Lists all objects in one response: the API allows to ignore `limit`.
pub(super) fn list(call: &Call) -> Result<Response, ApiError> {
    let selection = call.selection()?;
    let kind = call.target.kind;
    let (objects, version) = call.registry().list_values(kind, call.within());
    call.check_version(version)?;
    let items: Vec<Value> = objects
        .iter()
        .filter(|object| selection.matches(object))
        .map(|object| events::present(kind, object))
        .collect();
    let body = json!({
        "kind": format!("{}List", kind.name), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": version.to_string()}, "items": items,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

impl Call {
    /// The object that the request names.
    pub(super) fn object(&self) -> Result<Arc<Value>, ApiError> {
        let target = &self.target;
        let found = self
            .registry()
            .get_value(target.kind, target.namespace(), target.name());
        found.ok_or_else(|| ApiError::not_found(target.kind, target.name()))
    }

    pub(super) fn selection(&self) -> Result<Selection, ApiError> {
        Selection::parse(self.target.kind, self.within(), &self.query)
    }

    /// The namespace of a collection, if it is limited to one.
    pub(super) fn within(&self) -> Option<&str> {
        self.target.namespace.as_deref()
    }

    /// Refuses a version that a list at `present` cannot satisfy: a later one, or an exact earlier
    /// one.
    fn check_version(&self, present: Version) -> Result<(), ApiError> {
        let Some(asked) = self.query.version else {
            return Ok(());
        };
        if asked > present {
            let message = format!("Too large resource version: {asked}, current: {present}");
            return Err(ApiError::new(504, "Timeout", message));
        }
        if self.query.version_match == Some(VersionMatch::Exact) && asked != present {
            return Err(ApiError::expired(&Expired {
                asked,
                oldest: present,
            }));
        }
        Ok(())
    }
}
