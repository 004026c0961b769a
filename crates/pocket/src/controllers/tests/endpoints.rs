//! Slices follow the readiness of Pods.

use super::*;

/// Address, ready, serving and terminating of every endpoint.
fn endpoints(slice: &EndpointSlice) -> Vec<(String, [bool; 3])> {
    let endpoints = slice.endpoints.iter().flatten();
    let told = endpoints.map(|endpoint| {
        let conditions = endpoint.conditions.clone().unwrap();
        let told = [conditions.ready, conditions.serving, conditions.terminating];
        (endpoint.addresses[0].clone(), told.map(Option::unwrap))
    });
    told.collect()
}

fn at(ip: &str, ready: bool, serving: bool, terminating: bool) -> (String, [bool; 3]) {
    (ip.to_owned(), [ready, serving, terminating])
}

fn web() -> serde_json::Value {
    json!({"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80,
        "targetPort": "http"}]})
}

#[tokio::test(start_paused = true)]
async fn a_slice_says_whose_it_is_and_what_is_in_it() {
    let cluster = Cluster::start();
    cluster.serve("front", &web());
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [slice] = cluster.list::<EndpointSlice>().try_into().unwrap();
    assert!(name(&slice).starts_with("front-") && name(&slice).len() == 11);
    let labels = slice.metadata.labels.as_ref().unwrap();
    assert_eq!(labels["kubernetes.io/service-name"], "front");
    assert_eq!(
        labels["endpointslice.kubernetes.io/managed-by"],
        "endpointslice-controller.k8s.io"
    );
    assert_eq!(
        slice.metadata.owner_references.as_ref().unwrap()[0].name,
        "front"
    );
    assert_eq!(endpoints(&slice), [at("10.244.0.2", true, true, false)]);
    let endpoint = &slice.endpoints.as_ref().unwrap()[0];
    let [pod] = cluster.list::<Pod>().try_into().unwrap();
    assert_eq!(endpoint.target_ref.as_ref().unwrap().uid, pod.metadata.uid);
    assert_eq!(endpoint.node_name.as_deref(), Some("pocket"));
    let [port] = slice.ports.unwrap().try_into().unwrap();
    assert_eq!(
        (port.name.as_deref(), port.port, port.protocol.as_deref()),
        (Some("http"), Some(8080), Some("TCP"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_s_own_label_makes_no_slice_headless() {
    let cluster = Cluster::start();
    cluster.serve("front", &web());
    let label = |service: &mut Service| {
        let labels = service.metadata.labels.get_or_insert_default();
        labels.insert("service.kubernetes.io/headless".to_owned(), String::new());
        labels.insert("tier".to_owned(), "one".to_owned());
    };
    cluster.registry.edit(NAMESPACE, "front", label).unwrap();
    at_once().await;
    let [slice] = cluster.list::<EndpointSlice>().try_into().unwrap();
    let labels = slice.metadata.labels.unwrap();
    assert!(!labels.contains_key("service.kubernetes.io/headless"));
    assert_eq!(labels["tier"], "one");
}

#[tokio::test(start_paused = true)]
async fn every_slice_over_a_pod_flips_with_it() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    cluster.serve("web-a", &web());
    cluster.serve(
        "web-b",
        &json!({"selector": {"app": "web"}, "ports": [{"port": 81}]}),
    );
    at_once().await;
    let names = cluster.names::<EndpointSlice>();
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    for ready in [false, true] {
        cluster.set_ready(&pod, ready);
        at_once().await;
        let slices = cluster.list::<EndpointSlice>();
        assert_eq!(slices.len(), 2);
        for slice in &slices {
            assert_eq!(endpoints(slice), [at("10.244.0.2", ready, ready, false)]);
        }
    }
    assert_eq!(cluster.names::<EndpointSlice>(), names);
}

#[tokio::test(start_paused = true)]
async fn a_terminating_pod_serves_until_it_is_gone() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    cluster.serve("web", &web());
    at_once().await;
    cluster.edit_deployment(|deployment| deployment.spec.replicas = Some(0));
    at_once().await;
    let told = || endpoints(&cluster.list::<EndpointSlice>()[0]);
    assert_eq!(told(), [at("10.244.0.2", false, true, true)]);
    settle(Duration::from_secs(2)).await;
    assert_eq!(told(), []);
}

#[tokio::test(start_paused = true)]
async fn an_unready_pod_that_ends_stays_in_its_slice_until_another_change() {
    let cluster = Cluster::start();
    // A slice without an owner: a replacement would have another UID.
    let alone = json!({
        "metadata": {"name": "alone", "namespace": NAMESPACE, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": "x", "ports": [{"name": "http",
        "containerPort": 8080}]}]},
    });
    let alone: Pod = serde_json::from_value(alone).unwrap();
    cluster.registry.create(&alone).unwrap();
    cluster.serve("web", &web());
    at_once().await;
    cluster.set_ready("alone", false);
    at_once().await;
    let told = || endpoints(&cluster.list::<EndpointSlice>()[0]);
    let stays = [at("10.244.0.2", false, false, false)];
    assert_eq!(told(), stays);
    let end = |pod: &mut Pod| {
        pod.status.get_or_insert_default().phase = Some("Failed".to_owned());
    };
    cluster
        .registry
        .edit_status(NAMESPACE, "alone", end)
        .unwrap();
    at_once().await;
    assert_eq!(told(), stays);
    let label = |pod: &mut Pod| {
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert("seen".to_owned(), "yes".to_owned());
    };
    cluster.registry.edit(NAMESPACE, "alone", label).unwrap();
    at_once().await;
    assert_eq!(told(), []);
}

#[tokio::test(start_paused = true)]
async fn the_first_slice_of_a_service_is_there_before_its_pods() {
    let cluster = Cluster::start();
    cluster.serve("web", &web());
    at_once().await;
    let [empty] = cluster.names::<EndpointSlice>().try_into().unwrap();
    cluster.deploy("one", &json!({}));
    at_once().await;
    assert_eq!(cluster.names::<EndpointSlice>(), [empty]);
}

#[tokio::test(start_paused = true)]
async fn services_without_a_selector_are_left_alone() {
    let cluster = Cluster::start();
    cluster.serve("by-hand", &json!({"ports": [{"port": 80}]}));
    cluster.deploy("one", &json!({}));
    at_once().await;
    assert!(cluster.names::<EndpointSlice>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_headless_service_has_a_slice_that_says_so() {
    let cluster = Cluster::start();
    cluster.serve(
        "web",
        &json!({"clusterIP": "None", "selector": {"app": "web"}}),
    );
    cluster.deploy("one", &json!({}));
    at_once().await;
    let [slice] = cluster.list::<EndpointSlice>().try_into().unwrap();
    assert!(
        slice
            .metadata
            .labels
            .as_ref()
            .unwrap()
            .contains_key("service.kubernetes.io/headless")
    );
    assert_eq!(endpoints(&slice).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_relabelled_leaves_and_comes_back() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({}));
    cluster.serve(
        "web",
        &json!({"selector": {"app": "web", "in": "yes"}, "ports": [{"port": 80}]}),
    );
    at_once().await;
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    for (label, members) in [("yes", 1), ("no", 0)] {
        let relabel = |pod: &mut Pod| {
            pod.metadata
                .labels
                .get_or_insert_default()
                .insert("in".to_owned(), label.to_owned());
        };
        cluster.registry.edit(NAMESPACE, &pod, relabel).unwrap();
        at_once().await;
        assert_eq!(
            endpoints(&cluster.list::<EndpointSlice>()[0]).len(),
            members
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_slice_tells_when_what_it_is_about_changed() {
    let cluster = Cluster::start();
    cluster.serve("web", &web());
    settle(Duration::from_secs(5)).await;
    let told = || {
        let [slice] = cluster.list::<EndpointSlice>().try_into().unwrap();
        let annotations = slice.metadata.annotations.unwrap_or_default();
        annotations
            .get("endpoints.kubernetes.io/last-change-trigger-time")
            .cloned()
    };
    let at = |second: &str| Some(format!("2026-01-02T03:04:{second}Z"));
    assert_eq!(told(), at("05"), "the Service came");
    cluster.deploy("one", &json!({}));
    at_once().await;
    assert_eq!(told(), at("10"), "its Pod got ready");
    settle(Duration::from_secs(5)).await;
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    cluster.set_ready(&pod, false);
    at_once().await;
    assert_eq!(told(), at("15"));
    cluster.edit_deployment(|deployment| deployment.spec.replicas = Some(0));
    at_once().await;
    assert_eq!(told(), None, "a deletion has no such time");
}
