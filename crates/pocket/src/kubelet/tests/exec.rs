//! Exec probes of a Pod.

use serde_json::json;

use super::SECOND;
use super::world::{World, container, exec, pod};

#[tokio::test(start_paused = true)]
async fn commands_decide_as_requests_do() {
    let world = World::new();
    let every = json!({"periodSeconds": 2});
    let probes = json!({
        "startupProbe": exec(&["/target", "s"], &every),
        "readinessProbe": exec(&["/target", "r"], &every),
        "livenessProbe": exec(&["/target", "l"], &every),
    });
    world.create(pod(&json!({"containers": [container("a", 8080, &probes)]})));
    world.until(|world| world.ready() == "True").await;
    world.answer("r", 503);
    world.until(|world| world.ready() == "False").await;
    let unhealthy = "Readiness probe failed: 503\n";
    assert_eq!(world.message_of("a", "Unhealthy"), unhealthy);
    world.answer("r", 200);
    world.answer("l", 503);
    world.until(|world| world.restarts() == [1]).await;
    let killing = "Container a failed liveness probe, will be restarted";
    assert_eq!(world.message_of("a", "Killing"), killing);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_there_restarts_nothing_and_readies_nothing() {
    let world = World::new();
    let probes = json!({
        "readinessProbe": exec(&["sh", "-c", "true"], &json!({})),
        "livenessProbe": exec(&["/bin/true"], &json!({"failureThreshold": 1})),
    });
    world.create(pod(&json!({"containers": [container("a", 8080, &probes)]})));
    world.advance(120 * SECOND).await;
    assert_eq!(world.restarts(), [0]);
    assert_eq!(world.ready(), "False");
    // Every message has another process ID, so the limits on events combine them.
    let said = world.message_of("a", "Unhealthy");
    assert!(
        said.contains("probe errored and resulted in unknown state: rpc error: code = Unknown"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn commands_are_given_up_when_their_pod_is_deleted() {
    let world = World::new();
    let readiness = exec(
        &["/target", "r"],
        &json!({"periodSeconds": 1, "failureThreshold": 1}),
    );
    let probes = json!({"readinessProbe": readiness});
    world.create(pod(&json!({"containers": [container("a", 8080, &probes)]})));
    world.until(|world| world.ready() == "True").await;
    world.linger("a", 10 * SECOND);
    world.answer("r", 503);
    world.delete(None);
    world.advance(5 * SECOND).await;
    assert_eq!(world.ready(), "True", "frozen, kubernetes#140881");
    let said = "Readiness probe errored and resulted in unknown state: \
        rpc error: code = Canceled desc = context canceled";
    assert_eq!(world.message_of("a", "Unhealthy"), said);
}
