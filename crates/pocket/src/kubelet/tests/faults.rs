//! The status of a process that was killed or never started: code, reason, message, restarts.
//! All as seen on a node, 1.36.3.

use k8s_openapi::api::core::v1::ContainerStateTerminated;
use serde_json::Value;

use super::world::World;
use super::*;

fn one(policy: &str, fields: &Value) -> Value {
    pod(&json!({
        "restartPolicy": policy,
        "terminationGracePeriodSeconds": 5,
        "containers": [container("a", 8080, fields)],
    }))
}

/// Exit code, reason and message of a termination.
fn told(end: &ContainerStateTerminated) -> (i32, &str, Option<&str>) {
    let reason = end.reason.as_deref().unwrap_or_default();
    (end.exit_code, reason, end.message.as_deref())
}

impl World {
    /// Waits until the container `a` has ended for good.
    async fn end(&self) -> ContainerStateTerminated {
        let terminated = |world: &Self| world.status("a").state.and_then(|state| state.terminated);
        self.until(|world| terminated(world).is_some()).await;
        terminated(self).unwrap()
    }
}

const LIMIT: &str = "32Mi";

fn limited() -> Value {
    json!({"resources": {"limits": {"memory": LIMIT}}})
}

#[tokio::test(start_paused = true)]
async fn a_termination_has_its_code_and_message() {
    for (code, reason) in [
        (0, "Completed"),
        (3, "Error"),
        (137, "Error"),
        (139, "Error"),
    ] {
        let world = World::new();
        world.say("a", "why", "said\n");
        world.crash("a", code);
        world.create(one("Never", &json!({})));
        assert_eq!(told(&world.end().await), (code, reason, Some("why")));
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_replaces_the_message_of_a_failed_process() {
    for (code, expected) in [(4, Some("said\n")), (0, None)] {
        let world = World::new();
        world.say("a", "why", "said\n");
        world.crash("a", code);
        let fields = json!({"terminationMessagePath": "/dev/other",
            "terminationMessagePolicy": "FallbackToLogsOnError"});
        world.create(one("Never", &fields));
        assert_eq!(told(&world.end().await).2, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn too_much_memory_kills_and_almost_too_much_does_not() {
    let world = World::new();
    world.say("a", "http on 8080", "");
    world.take("a", 31 << 20);
    world.create(one("Never", &limited()));
    let killed = (137, "OOMKilled", Some("http on 8080"));
    assert_eq!(told(&world.end().await), killed);

    for (bytes, fields) in [(30 << 20, limited()), (1 << 40, json!({}))] {
        let world = World::new();
        world.take("a", bytes);
        world.create(one("Never", &fields));
        world.until(|world| world.ready() == "True").await;
        world.advance(SECOND * 3600).await;
        assert_eq!(world.ready(), "True", "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_killed_for_memory_is_restarted() {
    let world = World::new();
    world.take("a", 1 << 30);
    world.create(one("Always", &limited()));
    world.until(|world| world.restarts() == [2]).await;
    let last = world.status("a").last_state.unwrap().terminated.unwrap();
    assert_eq!(told(&last), (137, "OOMKilled", None));
    assert!(
        world
            .seen()
            .contains(&"Running a:CrashLoopBackOff".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ignores_sigterm_is_killed_after_its_grace_period() {
    let world = World::new();
    world.linger("a", SECOND * 3600);
    world.create(one("Never", &json!({
        "livenessProbe": probe(8080, "/livez", &json!({"periodSeconds": 1, "failureThreshold": 1})),
    })));
    world.until(|world| world.ready() == "True").await;
    world.answer("8080/livez", 500);
    let end = world.end().await;
    assert_eq!(told(&end), (137, "Error", None));
    let told = world.terminations("a")[0].since_start();
    let ended = end.finished_at.unwrap().0;
    let epoch = "2026-01-02T03:04:05Z".parse().unwrap();
    let ended = ended.duration_since(epoch).unsigned_abs();
    assert_eq!(ended.as_secs(), (told + SECOND * 5).as_secs());
}

const NO_PROGRAM: &str = "failed to create containerd task: failed to create shim task: OCI \
                          runtime create failed: runc create failed: \
     unable to start container process: exec: \"nosuch\": executable file not found in $PATH: \
     unknown";

#[tokio::test(start_paused = true)]
async fn a_container_without_its_program_fails_to_start() {
    let world = World::new();
    world.create(one("Never", &json!({"command": ["nosuch"]})));
    let end = world.end().await;
    assert_eq!(told(&end), (128, "StartError", Some(NO_PROGRAM)));
    assert_eq!(end.started_at.unwrap().0.as_second(), 0);
    assert_eq!(world.restarts(), [0]);
    assert_eq!(world.reasons("a"), ["Pulled", "Created", "Failed"]);
    assert_eq!(
        world.message_of("a", "Failed"),
        format!("Error: {NO_PROGRAM}")
    );
    let failed = |world: &World| world.pod().status.unwrap().phase.as_deref() == Some("Failed");
    world.until(failed).await;
}

#[tokio::test(start_paused = true)]
async fn a_container_without_its_program_backs_off_like_a_crash() {
    let world = World::new();
    world.create(one("Always", &json!({"command": ["nosuch"]})));
    world.until(|world| world.restarts() == [3]).await;
    assert_eq!(
        world.seen(),
        [
            "Pending a:ContainerCreating",
            "Running a:RunContainerError",
            "Running a:CrashLoopBackOff",
            "Running a:RunContainerError",
            "Running a:CrashLoopBackOff",
            "Running a:RunContainerError",
        ]
    );
    let status = world.status("a");
    let waiting = status.state.unwrap().waiting.unwrap();
    assert_eq!(waiting.message.as_deref(), Some(NO_PROGRAM));
    let last = status.last_state.unwrap().terminated.unwrap();
    assert_eq!(
        (told(&last), status.ready, status.started),
        ((128, "StartError", Some(NO_PROGRAM)), false, Some(false))
    );
}
