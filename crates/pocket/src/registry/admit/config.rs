//! Admission of ConfigMaps and Secrets: checks.
//!
//! Rule: `pkg/apis/core/validation/validation.go`, `ValidateConfigMap` and `ValidateSecret`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::pipeline::Admit;
use crate::api_status::FieldErrors;

const IMMUTABLE: &str = "field is immutable when `immutable` is set";

impl Admit for ConfigMap {
    fn check(&self, errors: &mut FieldErrors) {
        let binary = self.binary_data.as_ref();
        for key in self.data.iter().flatten().map(|(key, _)| key) {
            let field = format!("data[{key}]");
            check_key(&field, key, errors);
            if binary.is_some_and(|binary| binary.contains_key(key)) {
                let why = "duplicate of key present in binaryData";
                errors.invalid(&field, key.as_str(), why);
            }
        }
        check_keys("binaryData", binary, errors);
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        if before.immutable == Some(true) {
            let changes = [
                ("immutable", self.immutable != Some(true)),
                ("data", self.data != before.data),
                ("binaryData", self.binary_data != before.binary_data),
            ];
            forbid(&changes, errors);
        }
    }
}

impl Admit for Secret {
    fn check(&self, errors: &mut FieldErrors) {
        check_keys("data", self.data.as_ref(), errors);
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        if before.immutable == Some(true) {
            let changes = [
                ("immutable", self.immutable != Some(true)),
                ("data", self.data != before.data),
            ];
            forbid(&changes, errors);
        }
    }
}

fn forbid(changes: &[(&str, bool)], errors: &mut FieldErrors) {
    for (field, _) in changes.iter().filter(|(_, is_changed)| *is_changed) {
        errors.forbidden(field, IMMUTABLE);
    }
}

fn check_keys<T>(field: &str, data: Option<&BTreeMap<String, T>>, errors: &mut FieldErrors) {
    for key in data.into_iter().flatten().map(|(key, _)| key) {
        check_key(&format!("{field}[{key}]"), key, errors);
    }
}

/// Rule: `k8s.io/apimachinery/pkg/util/validation/validation.go`, `IsConfigMapKey`.
fn check_key(field: &str, key: &str, errors: &mut FieldErrors) {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if key.len() > 253 {
        errors.invalid(field, key, "must be no more than 253 characters");
    }
    if key.is_empty() || !key.chars().all(is_known) {
        let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
                   (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
                   '[-._a-zA-Z0-9]+')";
        errors.invalid(field, key, why);
    }
    if key == "." || key == ".." {
        errors.invalid(field, key, &format!("must not be '{key}'"));
    } else if key.starts_with("..") {
        errors.invalid(field, key, "must not start with '..'");
    }
}
