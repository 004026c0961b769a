//! POST and PUT requests: creation and replacement of whole objects.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::Value;

use super::call::Call;
use super::path::Subresource;
use super::{answer, body, events, strict};
use crate::api_status::ApiError;
use crate::kinds::metadata_text;
use crate::patch::managed;
use crate::registry::Part;

pub(super) async fn create(call: &Call, request: Request) -> Result<Response, ApiError> {
    call.query.check_write("CreateOptions")?;
    let kind = call.target.kind;
    // An object of a namespaced kind is created below its namespace only; others have an empty one.
    let namespace = call
        .within()
        .filter(|namespace| kind.namespaced != namespace.is_empty());
    let namespace = namespace.ok_or_else(ApiError::method_not_allowed)?;
    let object = events::store(kind, body::object(kind, request).await?);
    let (mut object, warnings) = strict::prune(kind, object, call.query.validation)?;
    managed::record_update(None, &mut object, &call.author());
    let created = call
        .registry()
        .create_value(kind, namespace, object, call.query.dry_run)?;
    let answer = answer::object(StatusCode::CREATED, call, &created);
    Ok(answer::with_warnings(answer, &warnings))
}

pub(super) async fn replace(call: &Call, request: Request) -> Result<Response, ApiError> {
    call.query.check_write("UpdateOptions")?;
    let mut object = body::object(call.target.kind, request).await?;
    if metadata_text(&object, "name").is_empty() {
        let name = call.target.name();
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    body::check_name(call.target.name(), &mut object)?;
    body::check_namespace(call.target.namespace(), &object)?;
    let object = events::store(call.target.kind, object);
    call.update(|_| Ok(object))
}

impl Call {
    /// Changes the object or its status, and records the author as manager of the changed fields.
    pub(super) fn update(
        &self,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Response, ApiError> {
        let author = self.author();
        let whole = self.part() == Part::Main;
        self.write(change, |current, proposed| {
            // Owners of a status are not recorded.
            if whole {
                managed::record_update(Some(current), proposed, &author);
            }
        })
    }

    /// Changes the object or its status. `record` receives the current object and the change
    /// without unknown fields.
    pub(super) fn write(
        &self,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
        record: impl FnOnce(&Value, &mut Value),
    ) -> Result<Response, ApiError> {
        let kind = self.target.kind;
        let mut warnings = Vec::new();
        let apply = |current: &Value| {
            let (mut proposed, dropped) =
                strict::prune(kind, change(current)?, self.query.validation)?;
            warnings = dropped;
            record(current, &mut proposed);
            Ok(proposed)
        };
        let (namespace, name) = (self.target.namespace(), self.target.name());
        let (part, dry_run) = (self.part(), self.query.dry_run);
        let written = self
            .registry()
            .update_value(kind, namespace, name, part, dry_run, apply)?;
        let answer = answer::object(StatusCode::OK, self, &written);
        Ok(answer::with_warnings(answer, &warnings))
    }

    fn part(&self) -> Part {
        match self.target.part {
            Subresource::Status => Part::Status,
            _ => Part::Main,
        }
    }
}
