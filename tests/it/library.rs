//! pocket as a library: a small controller of kube-rs, tested in virtual time.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Error, ResourceExt as _,
    api::{DeleteParams, PostParams},
    runtime::{Controller, controller::Action, wait, watcher},
};
use pocket::{
    Pocket,
    image::{Exit, Image},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

/// Deletes a Pod whose container was restarted twice.
async fn reconcile(pod: Arc<Pod>, client: Arc<Client>) -> Result<Action, Error> {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| &status.container_statuses);
    let restarts = statuses
        .flatten()
        .map(|container| container.restart_count)
        .max();
    if restarts >= Some(2) && pod.metadata.deletion_timestamp.is_none() {
        let pods: Api<Pod> = Api::default_namespaced((*client).clone());
        pods.delete(&pod.name_any(), &DeleteParams::default())
            .await?;
    }
    Ok(Action::await_change())
}

/// Tries again in a second.
fn retry(_: Arc<Pod>, _: &Error, _: Arc<Client>) -> Action {
    Action::requeue(Duration::from_secs(1))
}

// docs/pocket.md shows the lines from here to the end of the function.
#[tokio::test(start_paused = true)]
async fn a_pod_that_was_restarted_twice_is_deleted() {
    let crash = |_| {
        sleep(Duration::from_secs(30))
            .map(|()| Exit::code(1))
            .boxed()
    };
    let pocket = Pocket::builder()
        .image("crashing", Image::new("/crashing", crash))
        .start();
    let client = Client::new(pocket.api(), "default");

    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let controller = Controller::new(pods.clone(), watcher::Config::default());
    let controller = controller.run(reconcile, retry, Arc::new(client));
    tokio::spawn(controller.for_each(|_| future::ready(())));

    let pod = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "image": "crashing:1"}]},
    }));
    let pod = pods
        .create(&PostParams::default(), &pod.unwrap())
        .await
        .unwrap();
    let created = Instant::now();
    let uid = pod.uid().unwrap();
    let deleted = wait::conditions::is_deleted(&uid);
    wait::await_condition(pods, "web", deleted).await.unwrap();
    // Two runs of 30 s, 10 s of back-off, and the grace period of 30 s; the kubelet looks for what
    // has ended once a second.
    assert_eq!(created.elapsed().as_secs(), 102);
}

#[test]
fn the_page_shows_this_test() {
    let whole = include_str!("library.rs");
    let (_, test) = whole.split_once("// docs/pocket.md shows").unwrap();
    let (_, test) = test.split_once('\n').unwrap();
    let (test, _) = test.split_once("\n}\n").unwrap();
    let page = include_str!("../../docs/pocket.md");
    assert!(page.contains(test), "docs/pocket.md must show:\n{test}\n}}");
}
