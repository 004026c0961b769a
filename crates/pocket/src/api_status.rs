//! API errors with Kubernetes' codes, reasons and messages, and their `Status` objects.
//!
//! The registry returns them, the API sends them. Of HTTP they contain only the status code.

mod field_error;

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::store::{Expired, Version};

pub(crate) use field_error::{FieldError, FieldErrors};

/// The cause of a creation that is refused because its namespace is being deleted.
const TERMINATING: &str = "NamespaceTerminating";

/// A failed call, as Kubernetes' `Status` describes it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// A reason for programs, such as `NotFound`; empty for none.
    pub reason: &'static str,
    /// A message for people.
    pub message: String,
    details: Option<Value>,
    /// By which a client can go on with its list.
    continue_token: Option<String>,
}

impl ApiError {
    /// The object does not exist.
    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(
            404,
            "NotFound",
            format!("{} \"{name}\" not found", kind.qualified()),
        )
        .about(kind, name)
    }

    /// The name is already in use.
    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.qualified());
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    /// The object was changed meanwhile.
    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.qualified()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// A precondition of a deletion does not hold. Upstream names the kind here, not the resource.
    pub(crate) fn failed_precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            qualified(kind.name, kind.group)
        );
        let details = details(name, kind.group, kind.name);
        Self::new(409, "Conflict", message).with_details(details)
    }

    /// The request is valid but not allowed.
    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.qualified());
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    /// The object's namespace is being deleted.
    ///
    /// Rule: the admission plugin `NamespaceLifecycle`.
    pub(crate) fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let message = format!("namespace {namespace} is being terminated");
        let mut error = Self::forbidden(kind, name, &why);
        if let Some(details) = &mut error.details {
            let cause =
                json!({"reason": TERMINATING, "message": message, "field": "metadata.namespace"});
            details["causes"] = json!([cause]);
        }
        error
    }

    /// Whether the object's namespace is being deleted.
    pub(crate) fn is_namespace_terminating(&self) -> bool {
        let details = self.details.as_ref();
        details.is_some_and(|details| details["causes"][0]["reason"] == TERMINATING)
    }

    /// Fields of the object are wrong.
    pub(crate) fn invalid(kind: &Kind, name: &str, errors: FieldErrors) -> Self {
        Self::invalid_of(kind.name, kind.group, name, errors)
    }

    /// A review of access is wrong. Upstream leaves its kind out.
    pub(crate) fn invalid_review(errors: FieldErrors) -> Self {
        Self::invalid_of("", "authorization.k8s.io", "", errors)
    }

    /// A scale is wrong.
    pub(crate) fn invalid_scale(name: &str, errors: FieldErrors) -> Self {
        Self::invalid_of("Scale", "autoscaling", name, errors)
    }

    /// Options of a request are wrong; `options` is their kind.
    pub(crate) fn invalid_options(options: &str, errors: FieldErrors) -> Self {
        Self::invalid_of(options, "meta.k8s.io", "", errors)
    }

    /// A replacement does not name the version that it replaces, which its kind asks for. Upstream
    /// names the resource here, not the kind.
    pub(crate) fn without_version(kind: &Kind, name: &str) -> Self {
        let mut errors = FieldErrors::default();
        errors.invalid(
            "metadata.resourceVersion",
            0,
            "must be specified for an update",
        );
        Self::invalid_of(kind.plural, kind.group, name, errors)
    }

    /// An error for which upstream has no reason: any that its code does not expect.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// The requested version is later than the latest one. Only a list at exactly that version does
    /// not tell when to try again.
    ///
    /// Rule: `apiserver/pkg/storage/errors.go`, `NewTooLargeResourceVersionError`.
    pub(crate) fn too_large_version(asked: Version, present: Version, is_exact: bool) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {present}");
        let cause = json!({
            "reason": "ResourceVersionTooLarge", "message": "Too large resource version",
        });
        let mut details = json!({"causes": [cause]});
        if !is_exact {
            details["retryAfterSeconds"] = json!(1);
        }
        Self::new(504, "Timeout", message).with_details(details)
    }

    pub(crate) fn invalid_log_options(pod: &str, errors: FieldErrors) -> Self {
        Self::invalid_of("PodLogOptions", "", pod, errors)
    }

    fn invalid_of(kind: &str, group: &str, name: &str, errors: FieldErrors) -> Self {
        let errors = errors.into_vec();
        let text = |error: &FieldError| format!("{}: {}", error.field, error.message);
        // Of equal errors the message names one, and `causes` names all.
        let mut texts: Vec<String> = Vec::new();
        for text in errors.iter().map(text) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = match texts.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let cause = |error: &FieldError| {
            let FieldError {
                field,
                reason,
                message,
                is_own: _,
            } = error;
            json!({"reason": reason, "message": message, "field": field})
        };
        let causes: Vec<Value> = errors.iter().map(cause).collect();
        let message = format!("{} \"{name}\" is invalid: {list}", qualified(kind, group));
        // `NewInvalid` names the kind, where the other errors name the resource.
        let mut details = details(name, group, kind);
        details["causes"] = causes.into();
        Self::new(422, "Invalid", message).with_details(details)
    }

    /// The object has neither `name` nor `generateName`.
    pub(crate) fn nameless(kind: &Kind) -> Self {
        let mut errors = FieldErrors::default();
        errors.required("metadata.name", "name or generateName is required");
        Self::invalid(kind, "", errors)
    }

    /// A disruption budget does not allow an eviction, for this cause. A client may try again after
    /// some seconds; 0 leaves that to it.
    ///
    /// Rule: `pkg/registry/core/pod/storage/eviction.go`, `createTooManyRequestsError`.
    pub(crate) fn too_disruptive(cause: &str, retry_after: u32) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
        if retry_after > 0 {
            details["retryAfterSeconds"] = retry_after.into();
        }
        Self::new(429, "TooManyRequests", message).with_details(details)
    }

    /// Several disruption budgets select the Pod of an eviction. The answer has no reason.
    pub(crate) fn several_budgets() -> Self {
        let message = "This pod has more than one PodDisruptionBudget, which the eviction \
                       subresource does not support.";
        Self::unexpected(message)
    }

    /// The status of a disruption budget is out of bounds. Upstream names the kind in lower case
    /// here, not the resource.
    pub(crate) fn impossible_budget(name: &str, why: &str) -> Self {
        let (group, kind) = ("policy", "poddisruptionbudget");
        let message = format!("{kind}.{group} \"{name}\" is forbidden: {why}");
        let details = json!({"name": name, "group": group, "kind": kind});
        Self::new(403, "Forbidden", message).with_details(details)
    }

    /// Seconds after which a client should try again, if the error tells.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?["retryAfterSeconds"].as_u64()
    }

    /// The requested history is no longer available; the client must list again.
    pub(crate) fn expired(expired: &Expired) -> Self {
        Self::new(410, "Expired", expired.to_string())
    }

    /// The history that a list in parts needs is no longer available. `token` continues the list
    /// with what there is now.
    ///
    /// Rule: `apiserver/pkg/storage/etcd3/errors.go`, `handleCompactedErrorForPaging`.
    pub(crate) fn inconsistent_continue(token: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list \
                       result. You can start a new list without the continue parameter, or use the \
                       continue token in this response to retrieve the remainder of the results. \
                       Continuing with the provided token results in an inconsistent list - \
                       objects that were created, modified, or deleted between the time the first \
                       chunk was returned and now may show up in the list.";
        Self {
            continue_token: Some(token.to_owned()),
            ..Self::new(410, "Expired", message)
        }
    }

    /// The path is not served.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with_details(json!({}))
    }

    /// The resource does not support this method.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with_details(json!({}))
    }

    /// The object names another namespace than the path of the request.
    pub(crate) fn other_namespace() -> Self {
        Self::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )
    }

    /// The request is malformed.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// An error of any other kind.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: None,
        }
    }

    /// Adds the details of a `Status`.
    #[must_use]
    pub(crate) fn with_details(self, details: Value) -> Self {
        Self {
            details: Some(details),
            ..self
        }
    }

    /// The `Status` object that a client receives.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if let Some(token) = &self.continue_token {
            status["metadata"]["continue"] = token.clone().into();
        }
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    fn about(self, kind: &Kind, name: &str) -> Self {
        self.with_details(details(name, kind.group, kind.plural))
    }
}

/// What an error is about, without what is empty.
fn details(name: &str, group: &str, kind: &str) -> Value {
    let fields = [("name", name), ("group", group), ("kind", kind)];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    fields
        .map(|(field, value)| (field.to_owned(), value.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A kind with its group, such as `Deployment.apps`.
fn qualified(kind: &str, group: &str) -> String {
    let dot = if group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{group}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_refusal_is_a_status() {
        let kind = Kind::find("apps", "deployments").unwrap();
        let status = ApiError::not_found(kind, "web").status();
        expect![[r#"{"apiVersion":"v1","code":404,"details":{"group":"apps","kind":"deployments","name":"web"},"kind":"Status","message":"deployments.apps \"web\" not found","metadata":{},"reason":"NotFound","status":"Failure"}"#]]
        .assert_eq(&status.to_string());
    }

    #[test]
    fn several_errors_are_one_list() {
        let kind = Kind::find("", "pods").unwrap();
        let mut errors = FieldErrors::default();
        errors.required("a", "");
        errors.within("b", |errors| errors.required("c", ""));
        errors.required("d", "");
        let error = ApiError::invalid(kind, "web", errors);
        expect![[
            r#"Pod "web" is invalid: [a: Required value, b.c: Required value, d: Required value]"#
        ]]
        .assert_eq(&error.message);
    }
}
