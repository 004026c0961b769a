//! Patches of every media type.

use expect_test::expect;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_dry_run_keeps_nothing() {
    let client = Client::new();
    assert_eq!(
        client
            .post(&format!("{PODS}?dryRun=All"), &pod("a"))
            .await
            .0,
        201
    );
    assert!(names(&client.get(PODS).await).is_empty());
    client.post(PODS, &pod("a")).await;
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    let (_, patched) = client
        .send("PATCH", &format!("{PODS}/a?dryRun=All"), MERGE, &patch)
        .await;
    assert_eq!(patched["metadata"]["labels"]["x"], "y");
    assert!(client.get(&format!("{PODS}/a")).await["metadata"]["labels"]["x"].is_null());
    client
        .delete(&format!("{PODS}/a?dryRun=All"), &Value::Null)
        .await;
    assert_eq!(names(&client.get(PODS).await), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_apart() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let change = json!({"status": {"message": "hello"}, "metadata": {"labels": {"x": "y"}}});
    let path = format!("{PODS}/a");
    client.send("PATCH", &path, MERGE, &change).await;
    let pod = client.get(&path).await;
    assert_eq!(
        (&pod["status"]["message"], &pod["metadata"]["labels"]["x"]),
        (&Value::Null, &json!("y"))
    );
    let change = json!({"status": {"message": "hello"}, "metadata": {"labels": {"x": "z"}}});
    client
        .send("PATCH", &format!("{path}/status"), MERGE, &change)
        .await;
    let pod = client.get(&path).await;
    assert_eq!(
        (&pod["status"]["message"], &pod["metadata"]["labels"]["x"]),
        (&json!("hello"), &json!("y"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_edits_one_container() {
    let client = Client::new();
    client.post(DEPLOYMENTS, &deployment()).await;
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "b",
        "image": "probe-target:2"}]}}}});
    let (code, patched) = client
        .send("PATCH", &format!("{DEPLOYMENTS}/web"), STRATEGIC, &patch)
        .await;
    let images: Vec<&Value> = patched["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| &container["image"])
        .collect();
    assert_eq!(
        (code, images),
        (
            200,
            vec![&json!("probe-target:1"), &json!("probe-target:2")]
        )
    );
    assert_eq!(patched["metadata"]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn applying_creates_changes_and_takes_away() {
    let client = Client::new();
    let path = format!("{DEPLOYMENTS}/web?fieldManager=probeflip&force=true");
    let (code, created) = client.send("PATCH", &path, APPLY, &deployment()).await;
    assert_eq!(
        (code, &created["spec"]["strategy"]["type"]),
        (201, &json!("RollingUpdate"))
    );
    assert_eq!(
        created["metadata"]["managedFields"][0]["manager"],
        "probeflip"
    );

    let (code, again) = client.send("PATCH", &path, APPLY, &deployment()).await;
    assert_eq!((code, &again), (200, &created));

    let mut smaller = deployment();
    smaller["spec"]["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    let (_, changed) = client.send("PATCH", &path, APPLY, &smaller).await;
    assert_eq!(
        changed["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = format!("{DEPLOYMENTS}/web?fieldManager=other");
    smaller["spec"]["template"]["spec"]["containers"][0]["image"] = "probe-target:9".into();
    let conflict = client.send("PATCH", &other, APPLY, &smaller).await;
    check_refused(
        &conflict,
        &expect![[
            r#"409 Conflict: Apply failed with 1 conflict: conflict with "probeflip": .spec.template.spec.containers[name="a"].image"#
        ]],
    );
    let nobody = client
        .send("PATCH", &format!("{DEPLOYMENTS}/web"), APPLY, &smaller)
        .await;
    check_refused(
        &nobody,
        &expect![[
            r#"422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#
        ]],
    );
}

#[tokio::test(start_paused = true)]
async fn replicas_can_be_scaled() {
    let client = Client::new();
    client.post(DEPLOYMENTS, &deployment()).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let (code, scale) = client
        .send("PATCH", &path, MERGE, &json!({"spec": {"replicas": 3}}))
        .await;
    assert_eq!(
        (code, &scale["kind"], &scale["spec"]["replicas"]),
        (200, &json!("Scale"), &json!(3))
    );
    assert_eq!(
        client.get(&format!("{DEPLOYMENTS}/web")).await["spec"]["replicas"],
        3
    );
    assert_eq!(client.get(&path).await["status"]["selector"], "app=web");
}

/// Recorded from an API server 1.36.3.
#[tokio::test(start_paused = true)]
async fn a_patch_cannot_move_an_object() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let path = format!("{PODS}/a?fieldManager=m");
    let expected =
        "the namespace of the provided object does not match the namespace sent on the request";
    let with = |namespace: Value| {
        json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "namespace": namespace}})
    };
    for media_type in [MERGE, STRATEGIC, APPLY] {
        let (code, refused) = client
            .send("PATCH", &path, media_type, &with("other".into()))
            .await;
        assert_eq!(
            (code, &refused["message"]),
            (400, &json!(expected)),
            "{media_type}"
        );
    }
    for namespace in [Value::Null, "default".into()] {
        let (code, patched) = client.send("PATCH", &path, MERGE, &with(namespace)).await;
        assert_eq!(
            (code, &patched["metadata"]["namespace"]),
            (200, &json!("default"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_another_shape_is_a_bad_request() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    for metadata in [json!([]), json!("x"), json!(1)] {
        let patch = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        for media_type in [MERGE, STRATEGIC, APPLY] {
            let of_pod = format!("{PODS}/a?fieldManager=x");
            let (code, _) = client.send("PATCH", &of_pod, media_type, &patch).await;
            assert_eq!(code, 400, "{media_type} {patch}");
        }
    }
    for patch in [json!([]), json!(1)] {
        let (code, _) = client
            .send("PATCH", &format!("{PODS}/a"), MERGE, &patch)
            .await;
        assert_eq!(code, 400, "{patch}");
    }
}
