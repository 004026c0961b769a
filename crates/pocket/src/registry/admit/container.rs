//! Admission of containers: defaults and checks.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Container`, and
//! `pkg/apis/core/validation/validation.go`, `validateContainers`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvFromSource, EnvVar, Lifecycle};

use super::names::{self, Names};
use super::probe::Role;
use super::{fields, probe};
use crate::api_status::FieldErrors;

pub(super) fn complete(container: &mut Container) {
    let image = container.image.clone().unwrap_or_default();
    fields::text(&mut container.image_pull_policy, pull_policy(&image));
    fields::text(
        &mut container.termination_message_path,
        "/dev/termination-log",
    );
    fields::text(&mut container.termination_message_policy, "File");
    // No pointer in Go, so always written, if only as `{}`.
    container.resources.get_or_insert_default();
    for port in container.ports.iter_mut().flatten() {
        fields::text(&mut port.protocol, "TCP");
    }
    for variable in container.env.iter_mut().flatten() {
        let source = variable.value_from.as_mut();
        if let Some(field) = source.and_then(|source| source.field_ref.as_mut()) {
            fields::text(&mut field.api_version, "v1");
        }
    }
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    probes.into_iter().flatten().for_each(probe::complete);
    if let Some(lifecycle) = &mut container.lifecycle {
        let hooks = [&mut lifecycle.post_start, &mut lifecycle.pre_stop];
        hooks.into_iter().flatten().for_each(probe::complete_hook);
    }
}

/// Copies limits to requests where a request is missing.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Pod`.
pub(super) fn request_limits(container: &mut Container) {
    if let Some(resources) = &mut container.resources
        && let Some(mut requests) = resources.limits.clone()
    {
        requests.extend(resources.requests.take().unwrap_or_default());
        resources.requests = Some(requests);
    }
}

/// Checks a container of any role, of a Pod with this grace period in seconds.
pub(super) fn check(container: &Container, grace: Option<i64>, errors: &mut FieldErrors) {
    check_name(&container.name, errors);
    let image = container.image.as_deref().unwrap_or_default();
    if image.trim().is_empty() {
        errors.required("image", "");
    } else if image.trim() != image {
        errors.invalid(
            "image",
            image,
            "must not have leading or trailing whitespace",
        );
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = container.image_pull_policy.as_ref();
    fields::check_choice("imagePullPolicy", policy, &policies, errors);
    let mut port_names = BTreeSet::new();
    errors.each("ports", container.ports.iter().flatten(), |port, errors| {
        check_port(port, &mut port_names, errors);
    });
    errors.each("env", container.env.iter().flatten(), check_variable);
    errors.each("envFrom", container.env_from.iter().flatten(), check_prefix);
    let mut resized = BTreeSet::new();
    let policies = container.resize_policy.iter().flatten();
    errors.each("resizePolicy", policies, |policy, errors| {
        if !resized.insert(&policy.resource_name) {
            errors.duplicate("", policy.resource_name.as_str());
        }
    });
    if let Some(lifecycle) = &container.lifecycle {
        errors.within("lifecycle", |errors| check_hooks(lifecycle, grace, errors));
    }
    check_probes(container, errors);
    check_restart(container, errors);
}

/// Refuses fields of init containers that only sidecars may have.
pub(super) fn check_init(container: &Container, errors: &mut FieldErrors) {
    if container.restart_policy.as_deref() == Some("Always") {
        return;
    }
    let fields = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, set)| *set) {
        let why = "may not be set for init containers without restartPolicy=Always";
        errors.forbidden(field, why);
    }
}

/// Reports host ports used twice among containers that run at the same time.
///
/// Rule: `AccumulateUniqueHostPorts`.
pub(super) fn check_host_ports(list: &str, containers: &[Container], errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    errors.each(list, containers, |container, errors| {
        errors.each("ports", container.ports.iter().flatten(), |port, errors| {
            let Some(number) = port.host_port.filter(|port| *port != 0) else {
                return;
            };
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let port = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            if !seen.insert(port.clone()) {
                errors.duplicate("hostPort", port);
            }
        });
    });
}

/// The default pull policy: an image without a tag, or tagged `latest`, may have changed; a digest
/// cannot.
fn pull_policy(image: &str) -> &'static str {
    // After the last slash: the name of a registry may have a port, which follows a colon too.
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map_or("latest", |(_, tag)| tag);
    if tag == "latest" && !last.contains('@') {
        "Always"
    } else {
        "IfNotPresent"
    }
}

fn check_name(name: &str, errors: &mut FieldErrors) {
    if name.is_empty() {
        errors.required("name", "");
    } else {
        names::refused("name", name, &Names::Label.refuse(name), errors);
    }
}

fn check_port<'a>(
    port: &'a ContainerPort,
    names: &mut BTreeSet<&'a str>,
    errors: &mut FieldErrors,
) {
    // Zero is what Go decodes an absent number to.
    if port.container_port == 0 {
        errors.required("containerPort", "");
    } else {
        fields::check_port("containerPort", port.container_port, errors);
    }
    if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
        fields::check_port("hostPort", host_port, errors);
    }
    fields::check_protocol(port.protocol.as_ref(), errors);
    let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) else {
        return;
    };
    let problems = names::refuse_port_name(name);
    for why in &problems {
        errors.invalid("name", name, why);
    }
    if problems.is_empty() && !names.insert(name) {
        errors.duplicate("name", name);
    }
}

/// Rule: `ValidateEnv` and `validateEnvVarValueFrom`.
fn check_variable(variable: &EnvVar, errors: &mut FieldErrors) {
    if variable.name.is_empty() {
        errors.required("name", "");
    } else {
        check_variable_name("name", &variable.name, errors);
    }
    let Some(source) = &variable.value_from else {
        return;
    };
    let sources = [
        source.field_ref.is_some(),
        source.resource_field_ref.is_some(),
        source.config_map_key_ref.is_some(),
        source.secret_key_ref.is_some(),
        source.file_key_ref.is_some(),
    ];
    let why = match sources.into_iter().filter(|set| *set).count() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or \
             `secretKeyRef`"
        }
        _ if variable
            .value
            .as_ref()
            .is_some_and(|value| !value.is_empty()) =>
        {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.invalid("valueFrom", "", why);
}

fn check_prefix(source: &EnvFromSource, errors: &mut FieldErrors) {
    check_variable_name(
        "prefix",
        source.prefix.as_deref().unwrap_or_default(),
        errors,
    );
}

/// Rule: `k8s.io/apimachinery/pkg/util/validation/validation.go`, `IsRelaxedEnvVarName`.
fn check_variable_name(field: &str, name: &str, errors: &mut FieldErrors) {
    if !name.chars().all(|c| matches!(c, ' '..='~') && c != '=') {
        let why = "a valid environment variable name must consist only of printable ASCII \
                   characters other than '='";
        errors.invalid(field, name, why);
    }
}

/// Rule: `validateContainerRestartPolicy`.
fn check_restart(container: &Container, errors: &mut FieldErrors) {
    let policies = ["Always", "Never", "OnFailure"];
    let policy = container.restart_policy.as_ref();
    fields::check_choice("restartPolicy", policy, &policies, errors);
    let rules = container.restart_policy_rules.iter().flatten();
    if policy.is_none() && rules.clone().next().is_some() {
        let why = "must specify restartPolicy when restart rules are used";
        errors.required("restartPolicy", why);
    }
    fields::check_count("restartPolicyRules", rules.clone().count(), 20, errors);
    errors.each("restartPolicyRules", rules, |rule, errors| {
        let actions = ["Restart", "RestartAllContainers"];
        fields::check_choice("action", Some(&rule.action), &actions, errors);
        let Some(codes) = &rule.exit_codes else {
            return errors.required("exitCodes", "must be specified");
        };
        errors.within("exitCodes", |errors| {
            fields::check_choice("operator", Some(&codes.operator), &["In", "NotIn"], errors);
            let count = codes.values.iter().flatten().count();
            fields::check_count("values", count, 255, errors);
        });
    });
}

fn check_hooks(lifecycle: &Lifecycle, grace: Option<i64>, errors: &mut FieldErrors) {
    let hooks = [
        ("postStart", &lifecycle.post_start),
        ("preStop", &lifecycle.pre_stop),
    ];
    for (field, hook) in hooks {
        if let Some(hook) = hook {
            errors.within(field, |errors| probe::check_hook(hook, grace, errors));
        }
    }
}

fn check_probes(container: &Container, errors: &mut FieldErrors) {
    let probes = [
        ("livenessProbe", Role::Liveness, &container.liveness_probe),
        (
            "readinessProbe",
            Role::Readiness,
            &container.readiness_probe,
        ),
        ("startupProbe", Role::Startup, &container.startup_probe),
    ];
    for (field, role, spec) in probes {
        if let Some(spec) = spec {
            errors.within(field, |errors| probe::check(spec, role, errors));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusals(fields: &serde_json::Value) -> Vec<String> {
        let mut container = json!({"name": "a", "image": "b"});
        let own = fields.as_object().unwrap().clone();
        container.as_object_mut().unwrap().extend(own);
        let mut errors = FieldErrors::default();
        let container = serde_json::from_value(container).unwrap();
        check(&container, Some(10), &mut errors);
        let errors = errors.into_vec().into_iter();
        errors
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect()
    }

    /// Recorded from an API server 1.36.3.
    #[test]
    fn a_variable_has_one_source() {
        let variable =
            |value: &str, from| json!({"env": [{"name": "A", "value": value, "valueFrom": from}]});
        let field = json!({"fieldRef": {"fieldPath": "metadata.name"}});
        assert!(refusals(&variable("", field.clone())).is_empty());
        let expected = "env[0].valueFrom: Invalid value: \"\": \
                        may not be specified when `value` is not empty";
        assert_eq!(refusals(&variable("x", field.clone())), [expected]);
        let expected = "env[0].valueFrom: Invalid value: \"\": must specify one of: \
                        `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
        assert_eq!(refusals(&variable("", json!({}))), [expected]);
        let mut two = field;
        two["secretKeyRef"] = json!({"name": "s", "key": "k"});
        let expected = "env[0].valueFrom: Invalid value: \"\": \
                        may not have more than one field specified at a time";
        assert_eq!(refusals(&variable("", two)), [expected]);
    }

    #[test]
    fn the_name_of_a_variable_is_printable_and_has_no_equals_sign() {
        let why = "a valid environment variable name must consist only of printable ASCII \
                   characters other than '='";
        let check = |name: &str, good: bool| {
            let found = refusals(&json!({"env": [{"name": name}]}));
            let expected = format!("env[0].name: Invalid value: {}: {why}", json!(name));
            assert_eq!(found, if good { vec![] } else { vec![expected] });
        };
        check("my env.name-1", true);
        check("1:2", true);
        check("A=B", false);
        check("é", false);
        check("a\tb", false);
        let prefix = json!({"envFrom": [{"prefix": "A=", "secretRef": {"name": "s"}}]});
        let expected = format!("envFrom[0].prefix: Invalid value: \"A=\": {why}");
        assert_eq!(refusals(&prefix), [expected]);
    }

    #[test]
    fn a_resource_has_one_resize_policy() {
        let policy = |resource| json!({"resourceName": resource, "restartPolicy": "NotRequired"});
        let policies = json!([policy("cpu"), policy("memory"), policy("cpu")]);
        let found = refusals(&json!({"resizePolicy": policies}));
        assert_eq!(found, ["resizePolicy[2]: Duplicate value: \"cpu\""]);
    }

    /// Recorded from an API server 1.36.3.
    #[test]
    fn a_hook_has_one_handler_and_sleeps_within_the_grace_period() {
        let check = |hook: serde_json::Value, expected: &[&str]| {
            assert_eq!(refusals(&json!({"lifecycle": {"preStop": hook}})), expected);
        };
        check(json!({"sleep": {"seconds": 10}}), &[]);
        check(json!({"sleep": {"seconds": 0}}), &[]);
        check(json!({"tcpSocket": {"port": 80}}), &[]);
        let too_long = "lifecycle.preStop.sleep: Invalid value: 11: must be non-negative and less \
                        than terminationGracePeriodSeconds (10)";
        check(json!({"sleep": {"seconds": 11}}), &[too_long]);
        let none = "lifecycle.preStop: Required value: must specify a handler type";
        check(json!({}), &[none]);
        let two = "lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type";
        let both = json!({"exec": {"command": ["a"]}, "sleep": {"seconds": 1}});
        check(both, &[two]);
    }

    #[test]
    fn restart_rules_need_a_policy_and_exit_codes() {
        let check = |policy: Option<&str>, rules: serde_json::Value, expected: &[&str]| {
            let mut fields = json!({"restartPolicyRules": rules});
            if let Some(policy) = policy {
                fields["restartPolicy"] = policy.into();
            }
            assert_eq!(refusals(&fields), expected);
        };
        let codes = |operator: &str, count: i32| {
            let values: Vec<i32> = (0..count).collect();
            json!({"operator": operator, "values": values})
        };
        let rule = |action: &str, codes| json!({"action": action, "exitCodes": codes});
        let good = || rule("Restart", codes("In", 255));
        check(Some("Never"), json!([good()]), &[]);
        check(Some("OnFailure"), json!(vec![good(); 20]), &[]);
        // Recorded from an API server 1.36.3.
        let none = "restartPolicy: Required value: must specify restartPolicy when restart rules \
                    are used";
        check(None, json!([good()]), &[none]);
        let many = "restartPolicyRules: Too many: 21: must have at most 20 items";
        check(Some("Never"), json!(vec![good(); 21]), &[many]);
        let values = "restartPolicyRules[0].exitCodes.values: Too many: 256: \
                      must have at most 255 items";
        check(
            Some("Never"),
            json!([rule("Restart", codes("In", 256))]),
            &[values],
        );
        let operator = "restartPolicyRules[0].exitCodes.operator: Unsupported value: \"Of\": \
                        supported values: \"In\", \"NotIn\"";
        check(
            Some("Never"),
            json!([rule("Restart", codes("Of", 1))]),
            &[operator],
        );
        let action = "restartPolicyRules[0].action: Unsupported value: \"Stop\": \
                      supported values: \"Restart\", \"RestartAllContainers\"";
        let missing = "restartPolicyRules[0].exitCodes: Required value: must be specified";
        check(
            Some("Never"),
            json!([{"action": "Stop"}]),
            &[action, missing],
        );
        let policy = "restartPolicy: Unsupported value: \"Once\": \
                      supported values: \"Always\", \"Never\", \"OnFailure\"";
        check(Some("Once"), json!([]), &[policy]);
    }

    #[test]
    fn the_pull_policy_follows_the_tag() {
        let check = |image, policy| assert_eq!(pull_policy(image), policy, "{image}");
        check("probe-target", "Always");
        check("probe-target:latest", "Always");
        check("probe-target:0.1.0", "IfNotPresent");
        check("registry:5000/probe-target", "Always");
        check("probe-target@sha256:00", "IfNotPresent");
        check("probe-target:latest@sha256:00", "IfNotPresent");
    }
}
