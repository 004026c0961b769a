//! Lifecycle hooks: what waits for them, what they cost, and what happens when they fail.

use std::time::Duration;

use serde_json::{Value, json};

use super::SECOND;
use super::world::{World, container, exec, pod, probe};

/// A Pod of one container with these hooks and a liveness probe, and with this grace period.
fn hooked(grace: u64, lifecycle: &Value) -> Value {
    let every = json!({"periodSeconds": 1, "failureThreshold": 1});
    let fields = json!({
        "lifecycle": lifecycle,
        "livenessProbe": probe(8080, "/livez", &every),
        "readinessProbe": probe(8080, "/readyz", &every),
    });
    pod(&json!({
        "terminationGracePeriodSeconds": grace,
        "containers": [container("a", 8080, &fields)],
    }))
}

fn sleep(seconds: u64) -> Value {
    json!({"sleep": {"seconds": seconds}})
}

fn get(port: u16, path: &str) -> Value {
    json!({"httpGet": {"port": port, "path": path}})
}

/// The container's own command for a route that its hooks ask.
fn command(route: &str) -> Value {
    exec(&["/target", route], &json!({}))
}

/// A ready Pod with this preStop hook.
async fn with_pre_stop(grace: u64, hook: Value) -> World {
    let world = World::new();
    world.create(hooked(grace, &json!({"preStop": hook})));
    world.until(|world| world.ready() == "True").await;
    world
}

/// Deletes the Pod, and returns the times from the event `Killing` to SIGTERM of each of these
/// containers and to the Pod's end, in tenths of a second.
async fn delete<const N: usize>(world: &World, grace: Option<i64>, names: [&str; N]) -> Vec<u128> {
    world.delete(grace);
    let killed = |world: &World| is_killing(world, names[0]);
    let began = world.until(killed).await;
    let over = |world: &World| world.pod().status.unwrap().phase.unwrap() != "Running";
    let ended = world.until(over).await;
    let terminated = names.map(|name| world.terminations(name)[0]);
    let all = terminated.into_iter().chain([ended]);
    all.map(|moment| tenths(moment - began)).collect()
}

/// The test looks every millisecond, so that a time can be one too short.
fn tenths(time: Duration) -> u128 {
    (time.as_millis() + 50) / 100
}

fn is_killing(world: &World, name: &str) -> bool {
    world.reasons(name).contains(&"Killing".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_pre_stop_comes_before_sigterm_and_the_pod_stays_ready() {
    let world = with_pre_stop(30, sleep(3)).await;
    let live = world.requests("8080/livez").len();
    world.delete(None);
    world.advance(2 * SECOND).await;
    assert_eq!(world.message_of("a", "Killing"), "Stopping container a");
    assert!(world.terminations("a").is_empty());
    assert_eq!(world.ready(), "True");
    // Readiness is still probed, liveness is not.
    world.answer("8080/readyz", 503);
    world.until(|world| world.ready() == "False").await;
    assert_eq!(world.requests("8080/livez").len(), live);
    world.until(|world| world.find().is_none()).await;
    assert_eq!(world.terminations("a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pre_stop_is_taken_from_the_grace_period_up_to_two_seconds() {
    for (grace, hook, ended) in [(30, 4, 300), (10, 9, 110), (3, 3, 50)] {
        let world = with_pre_stop(grace, sleep(hook)).await;
        world.linger("a", Duration::from_hours(1));
        let times = delete(&world, None, ["a"]).await;
        assert_eq!(times, [u128::from(hook) * 10, ended], "{grace} {hook}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pre_stop_that_takes_too_long_is_not_awaited() {
    let hooks = [get(8080, "/hang"), command("8080/hang")];
    for hook in hooks {
        let world = with_pre_stop(4, hook).await;
        world.hang("8080/hang");
        assert_eq!(delete(&world, None, ["a"]).await, [40, 40]);
        // The end of the process ends the hook.
        assert_eq!(
            world.message_of("a", "FailedPreStopHook"),
            "PreStopHook failed"
        );
        assert_eq!(world.requests("8080/hang").len(), 1);
    }
    let world = with_pre_stop(4, sleep(4)).await;
    assert_eq!(delete(&world, Some(1), ["a"]).await, [10, 10]);
    assert!(!world.reasons("a").contains(&"FailedPreStopHook".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_pre_stop_that_fails_only_makes_an_event() {
    world_of_failing(get(9999, "/")).await;
    world_of_failing(command("8080/bad")).await;
    world_of_failing(json!({"exec": {"command": ["nosuch"]}})).await;
    world_of_failing(json!({"tcpSocket": {"port": 8080}})).await;
}

async fn world_of_failing(hook: Value) {
    let world = with_pre_stop(30, hook).await;
    world.answer("8080/bad", 500);
    assert_eq!(delete(&world, None, ["a"]).await, [0, 0]);
    let reasons = world.reasons("a");
    let failed = reasons
        .iter()
        .position(|reason| reason == "FailedPreStopHook");
    let killing = reasons.iter().position(|reason| reason == "Killing");
    assert!(killing.is_some() && killing < failed, "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn any_response_is_a_success() {
    for status in [302, 404, 500] {
        let world = with_pre_stop(30, get(8080, "/bye")).await;
        world.answer("8080/bye", status);
        delete(&world, None, ["a"]).await;
        assert_eq!(world.requests("8080/bye").len(), 1);
        assert!(!world.reasons("a").contains(&"FailedPreStopHook".to_owned()));
    }
    // Asked over TLS, the server answers in HTTP and is asked again.
    let mut https = get(8080, "/bye");
    https["httpGet"]["scheme"] = "HTTPS".into();
    let world = with_pre_stop(30, https).await;
    delete(&world, None, ["a"]).await;
    assert!(!world.reasons("a").contains(&"FailedPreStopHook".to_owned()));
    assert_eq!(world.requests("8080/bye").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_kill_runs_the_pre_stop_within_the_probe_s_grace() {
    let every = json!({
        "periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 2,
    });
    let fields = json!({
        "lifecycle": {"preStop": sleep(5)},
        "livenessProbe": probe(8080, "/livez", &every),
    });
    let world = World::new();
    world.create(pod(&json!({"containers": [container("a", 8080, &fields)]})));
    world.until(|world| world.ready() == "True").await;
    world.answer("8080/livez", 500);
    let began = world.until(|world| is_killing(world, "a")).await;
    world.answer("8080/livez", 200);
    world.advance(SECOND).await;
    assert_eq!(world.ready(), "True", "it serves during its preStop hook");
    world.until(|world| world.starts("a").len() == 2).await;
    assert_eq!(tenths(world.terminations("a")[0] - began), 20);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_by_itself_runs_no_pre_stop() {
    let world = with_pre_stop(30, get(8080, "/bye")).await;
    world.crash("a", 1);
    world.until(|world| world.starts("a").len() == 2).await;
    assert!(world.requests("8080/bye").is_empty());
}

#[tokio::test(start_paused = true)]
async fn all_pre_stops_begin_at_once_and_only_sigterm_has_an_order() {
    let hooked = |name: &str, port, seconds| {
        container(
            name,
            port,
            &json!({"lifecycle": {"preStop": sleep(seconds)}}),
        )
    };
    let mut sidecar = hooked("s", 7000, 4);
    sidecar["restartPolicy"] = "Always".into();
    let world = World::new();
    world.create(pod(&json!({
        "terminationGracePeriodSeconds": 10,
        "initContainers": [sidecar],
        "containers": [hooked("a", 8080, 2)],
    })));
    world.until(|world| world.ready() == "True").await;
    world.linger("a", 5 * SECOND);
    world.linger("s", Duration::from_hours(1));
    // The sidecar's hook takes 4 s and its wait 3 s more, so that it has 3 s of 10 s.
    assert_eq!(delete(&world, None, ["a", "s"]).await, [20, 70, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_post_start_holds_back_the_container_its_probes_and_the_next() {
    let lifecycle = json!({"postStart": sleep(4)});
    let mut spec = hooked(30, &lifecycle);
    let next = container("b", 8081, &json!({}));
    spec["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(next);
    let world = World::new();
    world.create(spec);
    world.until(|world| world.starts("a").len() == 1).await;
    let began = world.now();
    world.advance(3_900 * SECOND / 1000).await;
    let waiting = world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("ContainerCreating"));
    assert!(world.requests("8080/readyz").is_empty() && world.starts("b").is_empty());
    let started = world.until(|world| world.starts("b").len() == 1).await;
    assert_eq!((started - began).as_secs(), 4);
    world.until(|world| world.ready() == "True").await;
    assert_eq!(world.reasons("a"), ["Pulled", "Created", "Started"]);
}

#[tokio::test(start_paused = true)]
async fn a_post_start_that_fails_kills_the_container_and_backs_off() {
    let lifecycle = json!({"postStart": get(9999, "/hook"), "preStop": get(8080, "/bye")});
    let world = World::new();
    world.create(hooked(30, &lifecycle));
    let waits_for = |reason: &'static str| {
        move |world: &World| {
            let state = world.status("a").state.unwrap_or_default();
            state.waiting.and_then(|it| it.reason).as_deref() == Some(reason)
        }
    };
    world.until(waits_for("PostStartHookError")).await;
    let message = world.status("a").state.unwrap().waiting.unwrap().message;
    let uid = world.pod().metadata.uid.unwrap();
    let expected = format!(
        "HTTP lifecycle hook (/hook) for Container \"a\" in Pod \"web_n({uid})\" failed - error: \
         Get \"http://10.244.0.2:9999/hook\": dial tcp 10.244.0.2:9999: connect: connection refused"
    );
    assert_eq!(message, Some(expected));
    let mut reasons = world.reasons("a");
    reasons.sort();
    let expected = [
        "Created",
        "FailedPostStartHook",
        "Killing",
        "Pulled",
        "Started",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(
        world.message_of("a", "FailedPostStartHook"),
        "PostStartHook failed"
    );
    assert_eq!(world.message_of("a", "Killing"), "FailedPostStartHook");
    assert_eq!(
        world.requests("8080/bye").len(),
        world.terminations("a").len()
    );
    world.until(waits_for("CrashLoopBackOff")).await;
    world.until(|world| world.starts("a").len() == 3).await;
    let starts = world.starts("a");
    let gaps = [starts[1] - starts[0], starts[2] - starts[1]];
    assert!(gaps[0] < 2 * SECOND, "{gaps:?}");
    assert!((10..=16).contains(&gaps[1].as_secs()), "{gaps:?}");
    assert_eq!(
        world.pod().status.unwrap().phase.as_deref(),
        Some("Running")
    );
    assert!(world.requests("8080/readyz").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_post_start_may_ask_the_container_itself() {
    for hook in [get(8080, "/hello"), command("8080/hello")] {
        let world = World::new();
        world.create(hooked(30, &json!({"postStart": hook})));
        world.until(|world| world.ready() == "True").await;
        assert_eq!(world.requests("8080/hello").len(), 1);
        assert_eq!(world.restarts(), [0]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_failed_command_has_its_output() {
    let world = World::new();
    world.answer("x", 500);
    world.create(hooked(30, &json!({"postStart": command("x")})));
    let waiting = |world: &World| world.status("a").state.unwrap_or_default().waiting;
    let failed = |world: &World| {
        let reason = waiting(world).and_then(|it| it.reason);
        reason.as_deref() == Some("PostStartHookError")
    };
    world.until(failed).await;
    let message = waiting(&world).unwrap().message.unwrap();
    let end = "failed - error: command '/target x' exited with 1: , message: \"500\\n\"";
    assert!(message.starts_with("Exec lifecycle hook ([/target x]) for Container \"a\""));
    assert!(message.ends_with(end), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_the_post_start() {
    let world = World::new();
    world.create(hooked(30, &json!({"postStart": sleep(9)})));
    world.until(|world| world.starts("a").len() == 1).await;
    let began = world.now();
    world.advance(3 * SECOND).await;
    world.delete(None);
    world
        .until(|world| !world.terminations("a").is_empty())
        .await;
    let took = world.terminations("a")[0] - began;
    assert!((9_000..10_200).contains(&took.as_millis()), "{took:?}");
}
