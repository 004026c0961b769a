//! Refused requests, with code, reason and message.

use expect_test::expect;

use super::*;

#[tokio::test(start_paused = true)]
async fn refusals_are_statuses() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let not_found = client
        .send("GET", &format!("{PODS}/x"), "", &Value::Null)
        .await;
    check_refused(
        &not_found,
        &expect![[r#"404 NotFound: pods "x" not found"#]],
    );
    let twice = client.post(PODS, &pod("a")).await;
    check_refused(
        &twice,
        &expect![[r#"409 AlreadyExists: pods "a" already exists"#]],
    );
    let nowhere = client.post("/api/v1/namespaces/x/pods", &pod("a")).await;
    check_refused(
        &nowhere,
        &expect![[r#"404 NotFound: namespaces "x" not found"#]],
    );
    let no_kind = client
        .send("GET", "/apis/batch/v1/cronjobs", "", &Value::Null)
        .await;
    check_refused(
        &no_kind,
        &expect!["404 NotFound: the server could not find the requested resource"],
    );
    let other_kind = client.post(PODS, &deployment()).await;
    check_refused(
        &other_kind,
        &expect![[
            r#"400 BadRequest: Deployment in version "v1" cannot be handled as a Pod: converting (v1.Deployment) to (core.Pod): unknown conversion"#
        ]],
    );
    let cbor = client
        .send("POST", PODS, "application/cbor", &Value::Null)
        .await;
    check_refused(
        &cbor,
        &expect![
            "415 UnsupportedMediaType: the body of the request was in an unknown format - accepted \
             media types include: application/json, application/vnd.kubernetes.protobuf"
        ],
    );
    let default = client
        .delete("/api/v1/namespaces/default", &Value::Null)
        .await;
    check_refused(
        &default,
        &expect![[
            r#"403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted"#
        ]],
    );
    let node = client.post("/api/v1/nodes", &json!({})).await;
    let everywhere = client.delete("/api/v1/pods", &Value::Null).await;
    let namespaces = client.delete("/api/v1/namespaces", &Value::Null).await;
    for refused in [node, everywhere, namespaces] {
        check_refused(
            &refused,
            &expect![
                "405 MethodNotAllowed: the server does not allow this method on the requested \
                 resource"
            ],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_refused_where_asked() {
    let client = Client::new();
    let mut body = pod("a");
    body["spec"]["containers"][0]["imag"] = "x".into();
    let strict = client
        .post(&format!("{PODS}?fieldValidation=Strict"), &body)
        .await;
    check_refused(
        &strict,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imag""#
        ]],
    );
    let response = client
        .response("POST", PODS, "application/json", body.to_string().into())
        .await;
    let warning = response
        .headers()
        .get(hyper::header::WARNING)
        .unwrap()
        .to_str()
        .unwrap();
    assert_eq!(
        warning,
        r#"299 - "unknown field \"spec.containers[0].imag\"""#
    );
}

#[tokio::test(start_paused = true)]
async fn a_replacement_must_know_the_present_version() {
    let client = Client::new();
    let (_, created) = client.post(PODS, &pod("a")).await;
    let mut next = created.clone();
    next["metadata"]["labels"]["x"] = "y".into();
    let path = format!("{PODS}/a");
    assert_eq!(
        client.send("PUT", &path, "application/json", &next).await.0,
        200
    );
    let stale = client.send("PUT", &path, "application/json", &next).await;
    check_refused(
        &stale,
        &expect![[
            r#"409 Conflict: Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again"#
        ]],
    );
}

#[tokio::test(start_paused = true)]
async fn preconditions_protect_from_deleting_the_wrong_one() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let wrong = client
        .delete(
            &format!("{PODS}/a"),
            &json!({"preconditions": {"uid": "x"}}),
        )
        .await;
    let text = wrong.1.to_string();
    assert!(
        text.contains("might have been deleted and then recreated"),
        "{text}"
    );
    assert_eq!(
        (wrong.0, wrong.1["reason"].as_str()),
        (409, Some("Conflict"))
    );
    let wrong = json!({"preconditions": {"resourceVersion": "1"}});
    let wrong = client.delete(&format!("{PODS}/a"), &wrong).await;
    let text = wrong.1["message"].as_str().unwrap();
    let begin =
        r#"Operation cannot be fulfilled on Pod "a": the ResourceVersion in the precondition (1)"#;
    assert!(text.starts_with(begin), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_propagation_policy_is_refused() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let options = json!({"propagationPolicy": "foreground"});
    check_refused(
        &client.delete(&format!("{PODS}/a"), &options).await,
        &expect![[
            r#"422 Invalid: DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "foreground": supported values: "Foreground", "Background", "Orphan", "nil""#
        ]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_propagation_policy_holds_the_object_by_a_finalizer() {
    let client = Client::new();
    let check = async |name: &str, policy: &str, finalizer: &str| {
        client.post(PODS, &pod(name)).await;
        let options = json!({"propagationPolicy": policy});
        let (code, pod) = client.delete(&format!("{PODS}/{name}"), &options).await;
        assert_eq!(
            (code, &pod["metadata"]["finalizers"]),
            (200, &json!([finalizer]))
        );
    };
    check("a", "Foreground", "foregroundDeletion").await;
    check("b", "Orphan", "orphan").await;
}

#[tokio::test(start_paused = true)]
async fn lists_can_be_of_the_past_and_not_of_the_future() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let listed = client.get(PODS).await;
    let version = listed["metadata"]["resourceVersion"].as_str().unwrap();
    client.post(PODS, &pod("b")).await;
    client.delete(&format!("{PODS}/a"), &Value::Null).await;
    let exact = format!("{PODS}?resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(names(&client.get(&exact).await), ["a"]);
    assert_eq!(names(&client.get(PODS).await), ["b"]);
    let code = async |query: &str| {
        client
            .send("GET", &format!("{PODS}?{query}"), "", &Value::Null)
            .await
            .0
    };
    assert_eq!(code("resourceVersion=0").await, 200);
    assert_eq!(
        code("resourceVersion=1&resourceVersionMatch=NotOlderThan").await,
        200
    );
    assert_eq!(code("resourceVersion=99").await, 504);
}
