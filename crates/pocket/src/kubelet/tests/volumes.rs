//! The lifetime of `emptyDir` volumes.

use serde_json::{Value, json};

use super::SECOND;
use super::world::{World, container, pod};

/// A container that records its starts in `/state/note` of the volume `state`.
fn noting(name: &str, port: u16, mount: &Value) -> Value {
    let mut mounted = json!({"name": "state", "mountPath": "/state"});
    let fields = mount.as_object().unwrap().clone();
    mounted.as_object_mut().unwrap().extend(fields);
    let mut container = container(name, port, &json!({"volumeMounts": [mounted]}));
    let note = json!({"name": "NOTE", "value": "/state/note"});
    container["env"].as_array_mut().unwrap().push(note);
    container
}

fn create(world: &World, containers: &Value) {
    let volumes = json!([{"name": "state", "emptyDir": {}}]);
    world.create(pod(
        &json!({"containers": containers, "volumes": volumes, "terminationGracePeriodSeconds": 1}),
    ));
}

#[tokio::test(start_paused = true)]
async fn a_directory_outlives_the_container_and_not_the_pod() {
    let world = World::new();
    let containers = json!([noting("a", 8080, &json!({}))]);
    create(&world, &containers);
    world.advance(5 * SECOND).await;
    world.crash("a", 1);
    world.until(|world| world.restarts() == [1]).await;
    world.run("a");
    world.until(|world| world.notes("a").len() == 3).await;
    assert_eq!(world.notes("a"), ["", "a", "aa"]);
    world.delete(None);
    world.until(|world| world.find().is_none()).await;
    create(&world, &containers);
    world.until(|world| world.notes("a").len() == 4).await;
    assert_eq!(world.notes("a")[3], "");
}

#[tokio::test(start_paused = true)]
async fn containers_share_a_directory_but_for_what_a_mount_says() {
    let world = World::new();
    create(
        &world,
        &json!([
            noting("a", 8080, &json!({})),
            noting("b", 8081, &json!({"mountPath": "/state/"})),
            noting("c", 8082, &json!({"subPath": "own"})),
            noting("d", 8083, &json!({"readOnly": true})),
            noting("e", 8084, &json!({"mountPath": "/elsewhere"})),
        ]),
    );
    world.advance(5 * SECOND).await;
    assert_eq!(world.notes("a"), [""]);
    assert_eq!(world.notes("b"), ["a"]);
    assert_eq!(world.notes("c"), [""]);
    assert_eq!(world.notes("d"), ["Read-only file system (os error 30)"]);
    assert_eq!(world.notes("e"), ["No such file or directory (os error 2)"]);
}

#[tokio::test(start_paused = true)]
async fn the_root_is_empty_at_each_start_and_may_be_read_only() {
    let world = World::new();
    let mut own = noting("a", 8080, &json!({}));
    own["env"][1]["value"] = "note".into();
    own["workingDir"] = "/state".into();
    let mut root = noting("b", 8081, &json!({}));
    root["env"][1]["value"] = "/note".into();
    let mut read_only = root.clone();
    read_only["name"] = "c".into();
    read_only["env"][0]["value"] = "c".into();
    read_only["args"][1] = "8082".into();
    read_only["securityContext"] = json!({"readOnlyRootFilesystem": true});
    create(&world, &json!([own, root, read_only]));
    world.advance(5 * SECOND).await;
    for name in ["a", "b", "c"] {
        world.crash(name, 1);
    }
    world.until(|world| world.restarts() == [1, 1, 1]).await;
    assert_eq!(world.notes("a"), ["", "a"]);
    assert_eq!(world.notes("b"), ["", ""]);
    let refused = "Read-only file system (os error 30)";
    assert_eq!(world.notes("c"), [refused; 2]);
}
