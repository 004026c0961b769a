//! Security contexts as Pod Security's level `restricted` demands them.

use k8s_openapi::api::core::v1::{
    Capabilities, PodSecurityContext, SeccompProfile, SecurityContext, Sysctl,
};

/// The security context of a Pod. `opens_low_port` is for ports below 1024.
// kubernetes.io/docs › Pod Security Standards: `restricted` allows this sysctl.
pub(super) fn of_pod(opens_low_port: bool) -> PodSecurityContext {
    let sysctl = Sysctl {
        name: "net.ipv4.ip_unprivileged_port_start".to_owned(),
        value: "0".to_owned(),
    };
    PodSecurityContext {
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        sysctls: opens_low_port.then(|| vec![sysctl]),
        ..PodSecurityContext::default()
    }
}

/// The security context of a container.
pub(super) fn of_container() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..Capabilities::default()
        }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}
