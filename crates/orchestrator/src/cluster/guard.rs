//! Which clusters may be written to without asking.
//!
//! A flip breaks things on purpose, so a cluster that is not plainly somebody's own sandbox must be
//! named on the command line. Reading and healing are never guarded.

use crate::exit::{Exit, HasExitCode};

/// A context was picked up from the kubeconfig and is not one made for tests.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the current context `{context}` is not a test cluster by its name; to use it, say `--context {context}`"
)]
pub struct NotNamed {
    context: String,
}

impl HasExitCode for NotNamed {
    fn exit(&self) -> Exit {
        Exit::Refused
    }
}

/// Refuses to write to `context` unless it is `named` by the user or made for tests.
pub fn may_write(context: &str, named: bool) -> Result<(), NotNamed> {
    if named || is_sandbox(context) {
        return Ok(());
    }
    Err(NotNamed {
        context: context.to_owned(),
    })
}

/// The names that kind, k3d, minikube and the embedded cluster give the contexts they write.
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
