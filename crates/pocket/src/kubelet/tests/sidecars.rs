//! Sidecars: started in order, probed, always restarted, and stopped last.

use serde_json::{Value, json};

use super::SECOND;
use super::world::{World, container, pod, probe};

/// A sidecar with these fields.
fn sidecar(name: &str, port: u16, fields: &Value) -> Value {
    let mut sidecar = container(name, port, fields);
    sidecar["restartPolicy"] = "Always".into();
    sidecar
}

fn main(fields: &Value) -> Value {
    container("a", 8080, fields)
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_holds_the_next_back_until_it_has_started() {
    let world = World::new();
    let every = json!({"periodSeconds": 2, "failureThreshold": 30});
    let probes = json!({
        "startupProbe": probe(7000, "/startz", &every),
        "readinessProbe": probe(7000, "/readyz", &every),
    });
    world.answer("7000/startz", 503);
    world.answer("7000/readyz", 503);
    world.create(pod(&json!({
        "initContainers": [sidecar("s", 7000, &probes), container("i", 7001, &json!({}))],
        "containers": [main(&json!({}))],
    })));
    world.advance(10 * SECOND).await;
    assert_eq!((world.starts("s").len(), world.starts("i").len()), (1, 0));
    let incomplete = "containers with incomplete status: [s i]";
    assert_eq!(world.message("Initialized"), incomplete);
    world.answer("7000/startz", 200);
    world.until(|world| world.starts("i").len() == 1).await;
    world.advance(5 * SECOND).await;
    assert!(world.starts("a").is_empty(), "the init container runs");
    world.crash("i", 0);
    world.until(|world| world.status("a").ready).await;
    assert_eq!(
        world.message("Ready"),
        "containers with unready status: [s]"
    );
    world.answer("7000/readyz", 200);
    world.until(|world| world.ready() == "True").await;
    assert_eq!(world.starts("s").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_is_restarted_by_its_probe_whatever_the_policy() {
    let world = World::new();
    let liveness = probe(7000, "/livez", &json!({"periodSeconds": 2}));
    let probes = json!({"livenessProbe": liveness});
    world.create(pod(&json!({
        "restartPolicy": "Never",
        "initContainers": [sidecar("s", 7000, &probes)],
        "containers": [main(&json!({}))],
    })));
    world.until(|world| world.ready() == "True").await;
    world.answer("7000/livez", 503);
    world.until(|world| world.starts("s").len() == 2).await;
    world.answer("7000/livez", 200);
    world
        .until(|world| world.status("s").restart_count == 1)
        .await;
    assert_eq!(world.starts("a").len(), 1);
    let said = world.message_about("spec.initContainers{s}", "Killing");
    assert_eq!(said, "Init container s failed liveness probe");
    // A sidecar neither keeps the Pod running nor decides its phase.
    world.crash("a", 0);
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    world.until(|world| phase(world) == "Succeeded").await;
    assert_eq!(world.terminations("s").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn sidecars_go_after_the_others_and_in_reverse() {
    let world = World::new();
    let liveness = probe(7000, "/livez", &json!({"periodSeconds": 1}));
    let probes = json!({"livenessProbe": liveness});
    world.create(pod(&json!({
        "initContainers": [sidecar("s", 7000, &probes), sidecar("t", 7001, &json!({}))],
        "containers": [main(&json!({}))],
    })));
    world.until(|world| world.ready() == "True").await;
    world.linger("a", 4 * SECOND);
    world.linger("t", 3 * SECOND);
    let before = world.requests("7000/livez").len();
    world.delete(None);
    world.until(|world| world.find().is_none()).await;
    let told = ["a", "t", "s"].map(|name| world.terminations(name)[0]);
    assert_eq!(
        [told[1] - told[0], told[2] - told[1]],
        [4 * SECOND, 3 * SECOND]
    );
    // Up to 1.37.0 the liveness probe of a sidecar continues meanwhile (kubernetes#141766).
    let asked = world.requests("7000/livez").len() - before;
    assert!((6..=9).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_whose_turn_never_comes_gets_the_least_grace() {
    let world = World::new();
    world.create(pod(&json!({
        "terminationGracePeriodSeconds": 5,
        "initContainers": [sidecar("s", 7000, &json!({}))],
        "containers": [main(&json!({}))],
    })));
    world.until(|world| world.ready() == "True").await;
    world.linger("a", 60 * SECOND);
    world.linger("s", 60 * SECOND);
    world.delete(None);
    world.until(|world| world.find().is_none()).await;
    let [main, sidecar] = ["a", "s"].map(|name| world.terminations(name)[0]);
    assert_eq!(sidecar - main, 5 * SECOND);
    let took = (world.now() - main).as_millis();
    assert!((7_000..8_100).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_s_wait_is_taken_from_its_grace_in_whole_seconds() {
    let world = World::new();
    world.create(pod(&json!({
        "terminationGracePeriodSeconds": 10,
        "initContainers": [sidecar("s", 7000, &json!({}))],
        "containers": [main(&json!({}))],
    })));
    world.until(|world| world.ready() == "True").await;
    world.linger("a", 2_700 * SECOND / 1000);
    world.linger("s", 60 * SECOND);
    world.delete(None);
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    world.until(|world| phase(world) != "Running").await;
    // The main container takes 2.7 s, of which 2 s count: the sidecar gets 8 s from then on.
    let took = (world.now() - world.terminations("a")[0]).as_millis();
    assert!((10_700..10_720).contains(&took), "{took}");
}
