//! The cluster that this program runs in, as a Pod: the context `in-cluster`.
//!
//! Client libraries of Kubernetes know that cluster by two environment variables and the files of
//! the Pod's service account. As for kubectl, a kubeconfig goes first.

use std::{env, io};

use kube::{Config, config::KubeconfigError};

use super::ConnectError;

/// The context's name.
pub(super) const CONTEXT: &str = "in-cluster";

/// Whether this program runs in a Pod, and `error` says that there is no kubeconfig.
///
/// Rule: `staging/src/k8s.io/client-go/rest/config.go`, `InClusterConfig`.
pub(super) fn is_meant(error: &ConnectError) -> bool {
    is_missing(error) && env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

fn is_missing(error: &ConnectError) -> bool {
    match error {
        ConnectError::NoKubeconfig { source, .. } => source.kind() == io::ErrorKind::NotFound,
        ConnectError::Kubeconfig(error) => matches!(**error, KubeconfigError::FindPath),
        _ => false,
    }
}

/// The API server's address, and the Pod's token, namespace and certificates.
pub(super) fn config() -> Result<Config, ConnectError> {
    Config::incluster().map_err(|source| ConnectError::Pod(Box::new(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_goes_first() {
        let unreadable = |kind: io::ErrorKind| ConnectError::NoKubeconfig {
            path: "/root/.kube/config".into(),
            source: kind.into(),
        };
        assert!(is_missing(&unreadable(io::ErrorKind::NotFound)));
        assert!(!is_missing(&unreadable(io::ErrorKind::PermissionDenied)));
        let no_home = ConnectError::Kubeconfig(Box::new(KubeconfigError::FindPath));
        assert!(is_missing(&no_home));
        assert!(!is_missing(&ConnectError::NoContext));
    }
}
