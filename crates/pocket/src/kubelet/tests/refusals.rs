//! Containers that cannot be started, and their events.

use serde_json::json;

use super::SECOND;
use super::world::{World, container, pod};

#[tokio::test(start_paused = true)]
async fn an_unknown_image_is_refused_in_the_words_of_a_node() {
    let world = World::new();
    let mut nginx = container("a", 8080, &json!({}));
    nginx["image"] = "nginx:1".into();
    world.create(pod(
        &json!({"containers": [nginx, container("b", 8081, &json!({}))]}),
    ));
    world.advance(SECOND).await;
    let waiting = |world: &World| world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(waiting(&world).reason.as_deref(), Some("ErrImagePull"));
    let message = waiting(&world).message.unwrap();
    assert!(
        message.ends_with("it can run target, under any registry and tag"),
        "{message}"
    );
    assert_eq!(
        world.pod().status.unwrap().phase.as_deref(),
        Some("Pending")
    );
    assert_eq!(world.starts("b").len(), 1, "the other container runs");
    let backs_off = |world: &World| waiting(world).reason.as_deref() == Some("ImagePullBackOff");
    world.until(backs_off).await;
}

#[tokio::test(start_paused = true)]
async fn unsupported_fields_are_configuration_errors() {
    let world = World::new();
    world.create(pod(&json!({
        "activeDeadlineSeconds": 9,
        "containers": [container("a", 8080, &json!({}))],
    })));
    world.advance(SECOND).await;
    let waiting = world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(
        waiting.reason.as_deref(),
        Some("CreateContainerConfigError")
    );
    let message = "spec.activeDeadlineSeconds: pocket ends no Pod by a deadline";
    assert_eq!(waiting.message.as_deref(), Some(message));
    world.delete(None);
    world.advance(3 * SECOND).await;
    assert!(world.find().is_none());
}
