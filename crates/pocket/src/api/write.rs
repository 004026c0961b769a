//! Writing whole objects: creation and replacement.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::Value;

use super::path::Subresource;
use super::{Call, answer, body, events, strict};
use crate::patch::managed;
use crate::refusal::Refusal;
use crate::registry::Part;

pub(super) async fn create(call: &Call, request: Request) -> Result<Response, Refusal> {
    let kind = call.target.kind;
    let namespace = call
        .within()
        .filter(|namespace| kind.namespaced != namespace.is_empty());
    let namespace = namespace.ok_or_else(Refusal::method_not_allowed)?;
    let object = events::store(kind, body::object(kind, request).await?);
    let (mut object, warnings) = strict::shape(kind, &object, call.query.validation)?;
    managed::record_update(None, &mut object, &call.author());
    let created = call
        .registry()
        .create_value(kind, namespace, object, call.query.dry_run)?;
    let answer = answer::json(StatusCode::CREATED, &events::present(kind, &created));
    Ok(answer::with_warnings(answer, &warnings))
}

pub(super) async fn replace(call: &Call, request: Request) -> Result<Response, Refusal> {
    let mut object = body::object(call.target.kind, request).await?;
    body::check_name(call.target.name(), &mut object)?;
    let object = events::store(call.target.kind, object);
    call.update(|_| Ok(object))
}

impl Call {
    /// Changes the object or its status, and records whose the changed fields are now.
    pub(super) fn update(
        &self,
        change: impl FnOnce(&Value) -> Result<Value, Refusal>,
    ) -> Result<Response, Refusal> {
        let author = self.author();
        self.write(|current, part| {
            let mut proposed = change(current)?;
            if part == Part::Main {
                managed::record_update(Some(current), &mut proposed, &author);
            }
            Ok(proposed)
        })
    }

    /// Changes the object or its status; the ownership of fields is the caller's to record.
    pub(super) fn write(
        &self,
        change: impl FnOnce(&Value, Part) -> Result<Value, Refusal>,
    ) -> Result<Response, Refusal> {
        let kind = self.target.kind;
        let part = match self.target.part {
            Subresource::Status => Part::Status,
            _ => Part::Main,
        };
        let mut warnings = Vec::new();
        let shaped = |current: &Value| {
            let (proposed, dropped) =
                strict::shape(kind, &change(current, part)?, self.query.validation)?;
            warnings = dropped;
            Ok(proposed)
        };
        let (namespace, name) = (self.target.namespace(), self.target.name());
        let dry_run = self.query.dry_run;
        let written = self
            .registry()
            .update_value(kind, namespace, name, part, dry_run, shaped)?;
        let answer = answer::json(StatusCode::OK, &events::present(kind, &written));
        Ok(answer::with_warnings(answer, &warnings))
    }
}
