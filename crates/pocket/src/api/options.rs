//! The options of a write, and of a list or a watch: which values are refused.
//!
//! Rule: `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`.

use super::query::{Query, RAW_MATCHES};
use crate::api_status::{ApiError, FieldErrors};
use serde_json::json;

const LONGEST_MANAGER: usize = 128;
const VALIDATIONS: [&str; 4] = ["", "Ignore", "Strict", "Warn"];

impl Query {
    /// Checks the options of a creation (`CreateOptions`) or a replacement (`UpdateOptions`).
    pub(super) fn check_write(&self, options: &str) -> Result<(), ApiError> {
        self.check_options(options, |_| {})
    }

    /// Checks the options of a patch.
    pub(super) fn check_patch(&self, is_apply: bool) -> Result<(), ApiError> {
        self.check_options("PatchOptions", |errors| {
            let manager = self.field_manager.as_deref().unwrap_or_default();
            if is_apply && manager.is_empty() {
                errors.required("fieldManager", "is required for apply patch");
            }
            if !is_apply && self.force.is_some() {
                errors.forbidden("force", "may not be specified for non-apply patch");
            }
        })
    }

    fn check_options(
        &self,
        options: &str,
        check_more: impl FnOnce(&mut FieldErrors),
    ) -> Result<(), ApiError> {
        let mut errors = FieldErrors::default();
        check_more(&mut errors);
        check_manager(
            self.field_manager.as_deref().unwrap_or_default(),
            &mut errors,
        );
        check_dry_run(&self.dry_runs, &mut errors);
        if !VALIDATIONS.contains(&self.validation_text.as_str()) {
            errors.unsupported("fieldValidation", &self.validation_text, &VALIDATIONS);
        }
        refuse(options, errors)
    }

    /// Checks the options of a list or a watch.
    ///
    /// Rule: `apimachinery/pkg/apis/meta/internalversion/validation/validation.go`.
    pub(super) fn check_list(&self) -> Result<(), ApiError> {
        let mut errors = FieldErrors::default();
        let wanted = self.version_match.as_str();
        let is_not_older = wanted == "NotOlderThan";
        let mut forbid = |field: &str, is_refused: bool, why: &str| {
            if is_refused {
                errors.forbidden(field, why);
            }
        };
        let field = "resourceVersionMatch";
        let with_continue = "resourceVersionMatch is forbidden when continue is provided";
        if self.watch {
            let starts = self.send_initial_events.is_some();
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            forbid(field, starts && !is_not_older, why);
            if !wanted.is_empty() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is \
                           provided";
                forbid(field, !starts, why);
                if !is_not_older {
                    errors.unsupported(field, wanted, &["NotOlderThan"]);
                }
                if self.continue_token.is_some() {
                    errors.forbidden(field, with_continue);
                }
            }
        } else {
            if !wanted.is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                forbid(field, self.version_text.is_none(), why);
                forbid(field, self.continue_token.is_some(), with_continue);
                if !RAW_MATCHES.contains(&wanted) {
                    let supported = ["Exact", "NotOlderThan", ""];
                    errors.unsupported(field, wanted, &supported);
                }
                let is_any = self.version_text.as_deref() == Some("0");
                if wanted == "Exact" && is_any {
                    let why =
                        "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                    errors.forbidden(field, why);
                }
            }
            if self.send_initial_events.is_some() {
                let why = "sendInitialEvents is forbidden for list";
                errors.forbidden("sendInitialEvents", why);
            }
        }
        refuse("ListOptions", errors)
    }
}

/// Reports each value of `dryRun` but `All`.
pub(super) fn check_dry_run(values: &[String], errors: &mut FieldErrors) {
    if values.iter().any(|value| value != "All") {
        errors.unsupported_shown("dryRun", &json!(values).to_string(), &["All"]);
    }
}

/// The error about these options, if there is one.
pub(super) fn refuse(options: &str, errors: FieldErrors) -> Result<(), ApiError> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid_options(options, errors))
    }
}

fn check_manager(manager: &str, errors: &mut FieldErrors) {
    if manager.len() > LONGEST_MANAGER {
        errors.too_long("fieldManager", LONGEST_MANAGER);
    }
    if let Some((place, sign)) = manager.char_indices().find(|(_, sign)| sign.is_control()) {
        let why = format!(
            "invalid character U+{:04X} (at position {place})",
            u32::from(sign)
        );
        errors.invalid("fieldManager", manager, &why);
    }
}
