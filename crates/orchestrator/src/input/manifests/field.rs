//! Finds the source position of the manifest field that an API server's error is about.

use k8s_openapi::api::{apps::v1 as apps, batch::v1 as batch, core::v1 as core};
use kube::core::Status;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::input::{load::Manifest, problem::Problem};

/// The position of the field that an API error is about. A validation error names its field.
/// Server-side apply names an unknown field only in its message; such a field is found as one that
/// the kind's Rust type lacks.
pub(super) fn place(written: &Manifest, refusal: Option<&Status>) -> String {
    let causes = refusal
        .and_then(|status| status.details.as_ref())
        .map_or(&[][..], |details| &details.causes);
    let named = causes.iter().map(|cause| cause.field.as_str());
    let named = named.filter(|field| !field.is_empty()).map(str::to_owned);
    // Upstream reports an unknown field as a plain error, which becomes 500 without causes.
    let unknown = || (refusal?.code >= 500).then(|| unknown(written))?;
    let field = named.into_iter().next().or_else(unknown);
    let span = field.map_or(written.span, |field| written.place(&field));
    written.source.place(span)
}

/// The path of the first field that the object's Rust type does not have.
fn unknown(written: &Manifest) -> Option<String> {
    unknowns(written).into_iter().next()
}

/// The paths of all fields that the object's Rust type does not have. Empty if the kind is not
/// known, or the object does not fit its type.
pub(super) fn unknowns(written: &Manifest) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(Ok(known)) = known(written) {
        add_missing(&written.object, &known, "", &mut missing);
    }
    missing
}

/// Why the object does not fit its Rust type; none if it does, or if the kind is not known.
pub(super) fn misfit(written: &Manifest) -> Option<Problem> {
    known(written)?.err()
}

/// The object reduced to the fields of its Rust type; none if the kind is not known.
fn known(written: &Manifest) -> Option<Result<Value, Problem>> {
    Some(
        match (written.object["apiVersion"].as_str()?, written.kind()) {
            ("v1", "Pod") => shaped::<core::Pod>(written),
            ("v1", "Service") => shaped::<core::Service>(written),
            ("v1", "ConfigMap") => shaped::<core::ConfigMap>(written),
            ("v1", "Secret") => shaped::<core::Secret>(written),
            ("v1", "ServiceAccount") => shaped::<core::ServiceAccount>(written),
            ("apps/v1", "Deployment") => shaped::<apps::Deployment>(written),
            ("apps/v1", "ReplicaSet") => shaped::<apps::ReplicaSet>(written),
            ("apps/v1", "StatefulSet") => shaped::<apps::StatefulSet>(written),
            ("apps/v1", "DaemonSet") => shaped::<apps::DaemonSet>(written),
            ("batch/v1", "CronJob") => shaped::<batch::CronJob>(written),
            ("batch/v1", "Job") => shaped::<batch::Job>(written),
            _ => return None,
        },
    )
}

fn shaped<T: DeserializeOwned + Serialize>(written: &Manifest) -> Result<Value, Problem> {
    let typed = written.typed::<T>();
    let json = |typed| serde_json::to_value(typed).expect("a Kubernetes object must be JSON");
    typed.map(json)
}

fn add_missing(written: &Value, known: &Value, path: &str, missing: &mut Vec<String>) {
    match (written, known) {
        (Value::Object(fields), Value::Object(known)) => {
            let dot = if path.is_empty() { "" } else { "." };
            // A null field is absent from the typed object too.
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{path}{dot}{name}");
                match known.get(name) {
                    Some(known) => add_missing(value, known, &path, missing),
                    None => missing.push(path),
                }
            }
        }
        (Value::Array(items), Value::Array(known)) => {
            for (at, (item, known)) in items.iter().zip(known).enumerate() {
                add_missing(item, known, &format!("{path}[{at}]"), missing);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::{experiment::Source, load::load};

    const TEXT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - name: a
          readinessProbe:
            httpGet: { port: 80, prot: h2 }
";

    fn check(status: Option<&Value>, expected: &str) {
        let source = Source {
            path: "w.yaml".into(),
            text: TEXT.into(),
        };
        let written = load(&source).unwrap().manifests.remove(0);
        let status = status.map(|status| serde_json::from_value(status.clone()).unwrap());
        assert_eq!(place(&written, status.as_ref()), expected);
    }

    #[test]
    fn a_validation_names_its_field() {
        let of = |field: &str| {
            let causes = json!([{ "reason": "FieldValueForbidden", "field": field }]);
            json!({ "code": 422, "reason": "Invalid", "details": { "causes": causes } })
        };
        check(Some(&of("spec.template.spec.hostNetwork")), "w.yaml:7:7");
        check(
            Some(&of("spec.template.spec.containers[0].image")),
            "w.yaml:9:11",
        );
        check(Some(&of("")), "w.yaml:1:13");
    }

    #[test]
    fn server_side_apply_refuses_what_the_type_does_not_have() {
        check(
            Some(&json!({ "code": 500, "message": "failed" })),
            "w.yaml:11:34",
        );
        check(
            Some(&json!({ "code": 403, "message": "no" })),
            "w.yaml:1:13",
        );
        check(None, "w.yaml:1:13");
    }
}
