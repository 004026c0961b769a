//! Kinds that a user must not read.

use serde_json::json;

use super::super::session::tests::{instead, on_virtual};
use super::*;

/// What opening all watches returns if these objects must not be listed.
fn opened(forbidden: &'static str) -> CommandResult {
    let (outcome, _) = on_virtual(async |session| {
        let client = instead(session.cluster.client.clone(), move |request| {
            let path = request.uri().path();
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
                "reason": "Forbidden", "message": "must not be listed",
            });
            path.ends_with(forbidden).then_some((403, status))
        });
        let header = session.cluster.header("", RUN, &session.namespace, None);
        let recorder = Recorder::start(header);
        watches::open_all(&client, &session.namespace, &recorder).await?;
        Ok(Exit::Held)
    });
    outcome
}

#[test]
fn kinds_that_only_some_workloads_have_may_be_forbidden() {
    assert_eq!(opened("/statefulsets").unwrap(), Exit::Held);
    let failure = opened("/pods").unwrap_err();
    assert_eq!(failure.exit, Exit::Infrastructure);
    assert!(failure.error.to_string().starts_with("cannot list pods"));
}
