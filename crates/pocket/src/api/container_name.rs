//! The container that a request about a Pod means.

use k8s_openapi::api::core::v1::Pod;

use crate::api_status::ApiError;

/// The container that is `asked` for, or the only one.
///
/// Rule: `pkg/registry/core/pod/strategy.go`, `validateContainer`.
pub(super) fn resolve(pod: &Pod, name: &str, asked: Option<&str>) -> Result<String, ApiError> {
    let spec = pod.spec.as_ref();
    let main = spec.map_or(&[][..], |spec| &spec.containers);
    let init = spec.and_then(|spec| spec.init_containers.as_deref());
    let all = init.unwrap_or_default().iter().chain(main);
    let all: Vec<&str> = all.map(|container| container.name.as_str()).collect();
    match (asked.filter(|asked| !asked.is_empty()), main) {
        (None, [only]) => Ok(only.name.clone()),
        (None, _) => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
        (Some(asked), _) if all.contains(&asked) => Ok(asked.to_owned()),
        (Some(asked), _) => Err(ApiError::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        ))),
    }
}
