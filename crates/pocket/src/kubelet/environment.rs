//! Builds the environment that a container's process starts with, with all references resolved.
//!
//! Rule: `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`.

mod services;

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{
    ConfigMap, EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, Secret, Service,
};

use rules::expansion::expand;

use super::spec::Container;
use crate::kinds::node;
use crate::registry::Registry;
use services::Variables;

/// The sources of a Pod's environment variables.
pub(super) struct Sources<'a> {
    pub(super) pod: &'a Pod,
    pub(super) ip: IpAddr,
    pub(super) registry: &'a Registry,
}

impl Sources<'_> {
    /// The environment of a container, or why it cannot be built. It lacks `HOSTNAME`: the runtime
    /// adds that later, so no variable can refer to it.
    pub(super) fn environment(&self, container: &Container) -> Result<Variables, String> {
        // Services come first: others may refer to their variables, and replace them.
        let mut variables = self.services();
        for from in &container.environment_from {
            variables.extend(self.all_from(from)?);
        }
        for variable in &container.environment {
            if let Some(value) = self.value(variable, &variables)? {
                variables.insert(variable.name.clone(), value);
            }
        }
        Ok(variables)
    }

    /// The variables of the namespace's Services, unless `enableServiceLinks` is false, and of the
    /// Service of the API server.
    fn services(&self) -> Variables {
        let of_api: Option<Service> = self.registry.get("default", "kubernetes");
        let mut services: Vec<Service> = of_api.into_iter().collect();
        let spec = self.pod.spec.as_ref();
        if spec.and_then(|spec| spec.enable_service_links) != Some(false) {
            // Last: a Service of the same name in the Pod's own namespace replaces it.
            services.extend(self.registry.list::<Service>(Some(self.namespace())));
        }
        services::variables(&services)
    }

    /// Rule: `pkg/kubelet/kubelet_pods.go`, `GeneratePodHostNameAndDomain`, and Linux's limit on
    /// host names.
    pub(super) fn hostname(&self) -> String {
        let hostname = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.hostname.clone());
        let hostname = hostname.filter(|name| !name.is_empty());
        let name = hostname
            .or_else(|| self.pod.metadata.name.clone())
            .unwrap_or_default();
        let limited: String = name.chars().take(63).collect();
        limited.trim_end_matches(['-', '.']).to_owned()
    }

    fn value(&self, variable: &EnvVar, before: &Variables) -> Result<Option<String>, String> {
        match &variable.value_from {
            None => {
                let text = variable.value.as_deref().unwrap_or_default();
                Ok(Some(expand(text, before)))
            }
            Some(source) => self.resolve(source),
        }
    }

    fn resolve(&self, source: &EnvVarSource) -> Result<Option<String>, String> {
        if let Some(field) = &source.field_ref {
            return self.field(field).map(Some);
        }
        if let Some(key) = &source.config_map_key_ref {
            let data = self.config_map(&key.name, key.optional == Some(true))?;
            let what = format!("ConfigMap {}/{}", self.namespace(), key.name);
            return pick(data, &key.key, key.optional == Some(true), &what);
        }
        if let Some(key) = &source.secret_key_ref {
            let data = self.secret(&key.name, key.optional == Some(true))?;
            let what = format!("Secret {}/{}", self.namespace(), key.name);
            return pick(data, &key.key, key.optional == Some(true), &what);
        }
        Err("pocket resolves no resourceFieldRef and no fileKeyRef".to_owned())
    }

    /// Rule: `pkg/fieldpath/fieldpath.go` and `podFieldSelectorRuntimeValue`.
    fn field(&self, field: &ObjectFieldSelector) -> Result<String, String> {
        let metadata = &self.pod.metadata;
        let spec = self.pod.spec.as_ref();
        let path = field.field_path.as_str();
        let keyed = |map: &Option<Variables>, key: &str| {
            map.as_ref()
                .and_then(|map| map.get(key))
                .cloned()
                .unwrap_or_default()
        };
        // A label that does not exist gives an empty value, not an error.
        if let Some(key) = subscript(path, "metadata.labels") {
            return Ok(keyed(&metadata.labels, key));
        }
        if let Some(key) = subscript(path, "metadata.annotations") {
            return Ok(keyed(&metadata.annotations, key));
        }
        let value = match path {
            "metadata.name" => metadata.name.clone(),
            "metadata.namespace" => metadata.namespace.clone(),
            "metadata.uid" => metadata.uid.clone(),
            "spec.nodeName" => Some(node::NAME.to_owned()),
            "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
            "status.podIP" | "status.podIPs" => Some(self.ip.to_string()),
            "status.hostIP" | "status.hostIPs" => Some(self.registry.subnets().node().to_string()),
            _ => return Err(format!("unsupported fieldPath: {path}")),
        };
        Ok(value.unwrap_or_default())
    }

    fn all_from(&self, from: &EnvFromSource) -> Result<Variables, String> {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let data = match (&from.config_map_ref, &from.secret_ref) {
            (Some(map), _) => self.config_map(&map.name, map.optional == Some(true))?,
            (None, Some(secret)) => self.secret(&secret.name, secret.optional == Some(true))?,
            (None, None) => None,
        };
        let pairs = data.unwrap_or_default().into_iter();
        Ok(pairs
            .map(|(key, value)| (format!("{prefix}{key}"), value))
            .collect())
    }

    fn config_map(&self, name: &str, optional: bool) -> Result<Option<Variables>, String> {
        match self.registry.get::<ConfigMap>(self.namespace(), name) {
            Some(map) => Ok(Some(map.data.unwrap_or_default())),
            None if optional => Ok(None),
            None => Err(format!("configmap \"{name}\" not found")),
        }
    }

    fn secret(&self, name: &str, optional: bool) -> Result<Option<Variables>, String> {
        let Some(secret) = self.registry.get::<Secret>(self.namespace(), name) else {
            return if optional {
                Ok(None)
            } else {
                Err(format!("secret \"{name}\" not found"))
            };
        };
        let data = secret.data.unwrap_or_default().into_iter();
        // A node passes the bytes on; here an environment is text.
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(
            data.map(|(key, value)| (key, text(value.0))).collect(),
        ))
    }

    fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or_default()
    }
}

fn pick(
    data: Option<Variables>,
    key: &str,
    optional: bool,
    what: &str,
) -> Result<Option<String>, String> {
    match data.and_then(|mut data| data.remove(key)) {
        Some(value) => Ok(Some(value)),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in {what}")),
    }
}

/// The key in `metadata.labels['key']`, where `map` is `metadata.labels`.
fn subscript<'a>(path: &'a str, map: &str) -> Option<&'a str> {
    path.strip_prefix(map)?
        .strip_prefix("['")?
        .strip_suffix("']")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::kubelet::spec::PodSpec;

    fn environment(env: &serde_json::Value) -> Result<Variables, String> {
        environment_with(true, env)
    }

    /// The environment in a namespace with a Service `web-b`.
    fn environment_with(links: bool, env: &serde_json::Value) -> Result<Variables, String> {
        let containers = json!([{"name": "a", "image": "i", "env": env}]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "n", "labels": {"app": "web"}},
            "spec": {"enableServiceLinks": links, "containers": containers},
        }))
        .unwrap();
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let registry = Registry::new(clock, fastrand::Rng::with_seed(1));
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("n".to_owned());
        registry.create(&namespace).unwrap();
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "web-b", "namespace": "n"},
            "spec": {"clusterIP": "10.96.0.7", "ports": [{"port": 80}]},
        }))
        .unwrap();
        registry.create(&service).unwrap();
        let spec = PodSpec::parse(pod.spec.as_ref().unwrap()).unwrap();
        let sources = Sources {
            pod: &pod,
            ip: "10.244.0.2".parse().unwrap(),
            registry: &registry,
        };
        sources.environment(&spec.containers[0])
    }

    #[tokio::test(start_paused = true)]
    async fn values_may_refer_to_the_pod_and_to_those_before() {
        let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
        let variables = environment(&json!([
            {"name": "POD", "valueFrom": field("metadata.name")},
            {"name": "APP", "valueFrom": field("metadata.labels['app']")},
            {"name": "IP", "valueFrom": field("status.podIP")},
            {"name": "BOTH", "value": "$(POD)/$(IP)/$(LATER)/$(HOSTNAME)"},
            {"name": "LATER", "value": "x"},
        ]))
        .unwrap();
        let both = "web/10.244.0.2/$(LATER)/$(HOSTNAME)";
        assert_eq!(variables["BOTH"], both);
        assert_eq!(variables["APP"], "web");
    }

    #[tokio::test(start_paused = true)]
    async fn service_variables_can_be_switched_off_and_replaced() {
        let env = json!([
            {"name": "URL", "value": "http://$(WEB_B_SERVICE_HOST):$(WEB_B_SERVICE_PORT)"},
            {"name": "WEB_B_PORT", "value": "mine"},
        ]);
        let variables = environment(&env).unwrap();
        assert_eq!(variables["URL"], "http://10.96.0.7:80");
        assert_eq!(variables["WEB_B_PORT"], "mine");
        let variables = environment_with(false, &env).unwrap();
        assert_eq!(variables.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn missing_references_are_errors() {
        let source = |optional: bool| {
            let key = json!({"name": "m", "key": "k", "optional": optional});
            json!([{"name": "A", "valueFrom": {"configMapKeyRef": key}}])
        };
        let missing = environment(&source(false));
        assert_eq!(missing, Err("configmap \"m\" not found".to_owned()));
        assert!(!environment(&source(true)).unwrap().contains_key("A"));
    }
}
