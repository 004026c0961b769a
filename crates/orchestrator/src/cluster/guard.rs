//! Guards clusters against accidental writes: only test clusters need no explicit `--context`.
//!
//! A flip breaks things on purpose, so every other cluster must be named on the command line.
//! Reading and healing are not guarded.

use crate::exit::{Exit, HasExitCode};

/// The context is the kubeconfig's current one and not a test cluster by its name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the current context `{context}` is not a test cluster by its name; to use it, say `--context \
     {context}`"
)]
pub(crate) struct NotNamed {
    context: String,
}

impl HasExitCode for NotNamed {
    fn exit(&self) -> Exit {
        Exit::Refused
    }
}

/// Rejects writing to `context` unless the user `named` it or its name is one of a test cluster.
pub(crate) fn may_write(context: &str, named: bool) -> Result<(), NotNamed> {
    if named || is_sandbox(context) {
        return Ok(());
    }
    Err(NotNamed {
        context: context.to_owned(),
    })
}

/// Whether the context's name is one that kind, k3d, minikube or the embedded cluster uses.
fn is_sandbox(context: &str) -> bool {
    ["minikube", "pocket", "virtual"].contains(&context)
        || ["kind-", "k3d-"]
            .iter()
            .any(|prefix| context.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(context: &str, named: bool, allowed: bool) {
        assert_eq!(
            may_write(context, named).is_ok(),
            allowed,
            "{context}, named: {named}"
        );
    }

    #[test]
    fn sandboxes_need_no_naming() {
        let contexts = [
            "kind-kind",
            "kind-probes",
            "k3d-dev",
            "minikube",
            "pocket",
            "virtual",
        ];
        for context in contexts {
            check(context, false, true);
        }
    }

    #[test]
    fn everything_else_must_be_named() {
        for context in [
            "production",
            "minikube-prod",
            "my-kind-cluster",
            "kind",
            "pocket-prod",
            "",
        ] {
            check(context, false, false);
            check(context, true, true);
        }
    }
}
