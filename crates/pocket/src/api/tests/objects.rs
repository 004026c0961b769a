//! Creation, reads and deletion of objects.

use expect_test::expect;

use super::*;

#[tokio::test(start_paused = true)]
async fn objects_are_created_read_listed_and_deleted() {
    let client = Client::new();
    let (code, created) = client.post(PODS, &pod("a")).await;
    assert_eq!(
        (code, &created["metadata"]["namespace"]),
        (201, &json!("default"))
    );
    client.post(PODS, &pod("b")).await;
    assert_eq!(client.get(&format!("{PODS}/a")).await, created);

    let list = client.get("/api/v1/pods?labelSelector=app%3Db").await;
    assert_eq!(
        (list["kind"].as_str(), names(&list)),
        (Some("PodList"), vec!["b"])
    );
    let list = client
        .get(&format!("{PODS}?fieldSelector=metadata.name%3Da"))
        .await;
    assert_eq!(names(&list), ["a"]);

    assert_eq!(
        client.delete(&format!("{PODS}/a"), &Value::Null).await.0,
        200
    );
    assert_eq!(names(&client.get(PODS).await), ["b"]);
    assert_eq!(client.delete(PODS, &Value::Null).await.0, 200);
    assert!(names(&client.get(PODS).await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_have_two_names() {
    let client = Client::new();
    let path = "/apis/events.k8s.io/v1/namespaces/default/events";
    let body = json!({
        "metadata": {"name": "e"}, "note": "hello", "regarding": {"kind": "Pod", "name": "a",
        "namespace": "default"},
    });
    let (code, created) = client.post(path, &body).await;
    assert_eq!(
        (code, &created["note"]),
        (201, &json!("hello")),
        "{created}"
    );
    let stored = client.get("/api/v1/namespaces/default/events/e").await;
    assert_eq!(
        (&stored["message"], &stored["involvedObject"]["name"]),
        (&json!("hello"), &json!("a"))
    );
    assert_eq!(
        client.get(path).await["items"][0]["apiVersion"],
        "events.k8s.io/v1"
    );
}

#[tokio::test(start_paused = true)]
async fn services_keep_their_address_through_a_replacement() {
    let client = Client::new();
    let mut body = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
    let (_, created) = client.post(SERVICES, &body).await;
    body["spec"]["ports"][0]["port"] = json!(81);
    let (code, replaced) = client
        .send("PUT", &format!("{SERVICES}/web"), "application/json", &body)
        .await;
    assert_eq!(
        (code, &replaced["spec"]["clusterIP"]),
        (200, &created["spec"]["clusterIP"])
    );
}

#[tokio::test(start_paused = true)]
async fn namespaces_close_before_they_go() {
    let client = Client::new();
    client
        .post("/api/v1/namespaces", &json!({"metadata": {"name": "x"}}))
        .await;
    let (code, marked) = client.delete("/api/v1/namespaces/x", &Value::Null).await;
    assert_eq!(
        (code, &marked["status"]["phase"]),
        (200, &json!("Terminating"))
    );
    let late = client.post("/api/v1/namespaces/x/pods", &pod("a")).await;
    check_refused(
        &late,
        &expect![[
            r#"403 Forbidden: pods "a" is forbidden: unable to create new content in namespace x because it is being terminated"#
        ]],
    );
    let end = json!({"metadata": {"name": "x"}, "spec": {"finalizers": []}});
    client
        .send(
            "PUT",
            "/api/v1/namespaces/x/finalize",
            "application/json",
            &end,
        )
        .await;
    assert_eq!(
        client.get("/api/v1/namespaces/x").await["reason"],
        "NotFound"
    );
}

#[tokio::test(start_paused = true)]
async fn the_query_may_ask_for_foreground_deletion() {
    let client = Client::new();
    client.post(DEPLOYMENTS, &deployment()).await;
    let path = format!("{DEPLOYMENTS}/web?propagationPolicy=Foreground");
    let (code, marked) = client.delete(&path, &Value::Null).await;
    assert_eq!(
        (code, &marked["metadata"]["finalizers"]),
        (200, &json!(["foregroundDeletion"]))
    );
}

/// As `kubectl scale sts web` does it.
#[tokio::test(start_paused = true)]
async fn stateful_sets_are_served_and_scaled() {
    let client = Client::new();
    let sets = "/apis/apps/v1/namespaces/default/statefulsets";
    let apply = format!("{sets}/web?fieldManager=test");
    let mut set = deployment();
    set["kind"] = json!("StatefulSet");
    let (code, applied) = client.send("PATCH", &apply, APPLY, &set).await;
    assert_eq!((code, &applied["spec"]["replicas"]), (201, &json!(1)));

    let scale = format!("{sets}/web/scale");
    let change = json!({"spec": {"replicas": 3}});
    let (code, scaled) = client.send("PATCH", &scale, MERGE, &change).await;
    assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(3)));
    let selector = client.get(&scale).await["status"]["selector"].clone();
    assert_eq!(selector, "app=web");
    assert_eq!(
        client.get(&format!("{sets}/web")).await["metadata"]["generation"],
        2
    );

    let apps = client.get("/apis/apps/v1").await;
    let served: Vec<&Value> = apps["resources"].as_array().unwrap().iter().collect();
    let named = |name: &str| served.iter().find(|it| it["name"] == name).unwrap();
    assert_eq!(named("statefulsets")["shortNames"], json!(["sts"]));
    assert_eq!(named("statefulsets/scale")["kind"], "Scale");
    assert_eq!(named("controllerrevisions")["kind"], "ControllerRevision");
}
