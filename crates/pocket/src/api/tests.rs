//! The API as a client sees it: requests in, answers out, over the router alone.

use std::time::Duration;

use axum::body::Body;
use expect_test::{Expect, expect};
use futures::StreamExt;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::net::memory::Memory;
use crate::registry::tests::registry;

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// A client of a cluster with the namespace `default` and nobody at work.
struct Client {
    router: Router,
    registry: Registry,
}

impl Client {
    fn new() -> Self {
        let registry = registry();
        let network = Arc::new(Memory::new());
        let server = Server {
            registry: registry.clone(),
            network,
            tasks: Tasks::default(),
        };
        Self {
            router: router(server),
            registry,
        }
    }

    async fn response(&self, method: &str, path: &str, media_type: &str, body: Body) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, media_type)
            .header(USER_AGENT, "test/1.0")
            .body(body)
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, media_type: &str, body: &Value) -> (u16, Value) {
        let response = self
            .response(method, path, media_type, body.to_string().into())
            .await;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, "", &Value::Null).await.1
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, "application/json", body).await
    }

    async fn delete(&self, path: &str, options: &Value) -> (u16, Value) {
        self.send("DELETE", path, "application/json", options).await
    }

    async fn watch(&self, path: &str) -> Lines {
        let response = self.response("GET", path, "", Body::empty()).await;
        assert_eq!(response.status(), 200);
        Lines(response.into_body().into_data_stream())
    }
}

struct Lines(axum::body::BodyDataStream);

impl Lines {
    /// Type, name and version of the next event.
    async fn next(&mut self) -> Option<(String, String, String)> {
        let line = self.0.next().await?.unwrap();
        assert!(line.ends_with(b"\n"));
        let event: Value = serde_json::from_slice(&line).unwrap();
        let text = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Some((
            text("/type"),
            text("/object/metadata/name"),
            text("/object/metadata/resourceVersion"),
        ))
    }

    async fn kinds(&mut self, count: usize) -> String {
        let mut kinds = Vec::new();
        for _ in 0..count {
            let (kind, name, _) = self.next().await.unwrap();
            kinds.push(format!("{kind} {name}"));
        }
        kinds.join(", ")
    }
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "a", "image": "probe-target:1"}]},
    })
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "a", "image": "probe-target:1", "args": ["--port", "8080"]},
                    {"name": "b", "image": "probe-target:1"},
                ]},
            },
        },
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

/// Code, reason and message of a refusal.
fn check_refused((code, status): &(u16, Value), expected: &Expect) {
    assert_eq!(
        (status["kind"].as_str(), status["code"].as_u64()),
        (Some("Status"), Some((*code).into()))
    );
    let (reason, message) = (
        status["reason"].as_str().unwrap(),
        status["message"].as_str().unwrap(),
    );
    expected.assert_eq(&format!("{code} {reason}: {message}"));
}

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
        .send("GET", "/apis/batch/v1/jobs", "", &Value::Null)
        .await;
    check_refused(
        &no_kind,
        &expect!["404 NotFound: the server could not find the requested resource"],
    );
    let other_kind = client.post(PODS, &deployment()).await;
    check_refused(
        &other_kind,
        &expect![
            "400 BadRequest: the API version in the data (apps/v1) does not match the expected API version (v1)"
        ],
    );
    let protobuf = client
        .send(
            "POST",
            PODS,
            "application/vnd.kubernetes.protobuf",
            &Value::Null,
        )
        .await;
    check_refused(
        &protobuf,
        &expect![
            "415 UnsupportedMediaType: the body of the request was in an unknown format (application/vnd.kubernetes.protobuf) - accepted media types include: application/json"
        ],
    );
    let node = client.post("/api/v1/nodes", &json!({})).await;
    check_refused(
        &node,
        &expect![
            "405 MethodNotAllowed: the server does not allow this method on the requested resource"
        ],
    );
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
    assert_eq!(
        (wrong.0, wrong.1["reason"].as_str()),
        (409, Some("Conflict"))
    );
    let orphan = client
        .delete(
            &format!("{PODS}/a"),
            &json!({"propagationPolicy": "Orphan"}),
        )
        .await;
    assert_eq!(orphan.0, 422);
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
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "probe-target:2"}]}}}});
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
            r#"422 Invalid: Deployment.apps "" is invalid: fieldManager: Required value: is required for apply patch"#
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

#[tokio::test(start_paused = true)]
async fn a_watch_from_now_shows_the_present_then_changes() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let mut lines = client.watch(&format!("{PODS}?watch=true")).await;
    assert_eq!(lines.kinds(1).await, "ADDED a");
    client.post(PODS, &pod("b")).await;
    client.delete(&format!("{PODS}/a"), &Value::Null).await;
    assert_eq!(lines.kinds(2).await, "ADDED b, DELETED a");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_shows_what_followed() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let version = client.get(PODS).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    client.post(PODS, &pod("b")).await;
    let path = format!("{PODS}?watch=1&resourceVersion={version}&timeoutSeconds=5");
    let mut lines = client.watch(&path).await;
    assert_eq!(lines.kinds(1).await, "ADDED b");
    assert_eq!(lines.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_a_bookmark() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let path = format!(
        "{PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut lines = client.watch(&path).await;
    assert_eq!(lines.kinds(2).await, "ADDED a, BOOKMARK ");
    let start = tokio::time::Instant::now();
    assert_eq!(lines.kinds(1).await, "BOOKMARK ");
    assert_eq!(start.elapsed(), Duration::from_mins(1));
    let wrong = client
        .send(
            "GET",
            &format!("{PODS}?watch=true&sendInitialEvents=true"),
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(wrong.0, 422);
}

#[tokio::test(start_paused = true)]
async fn what_stops_being_selected_is_deleted_for_the_watch() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let mut lines = client
        .watch(&format!("{PODS}?watch=true&labelSelector=app%3Da"))
        .await;
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});
    let path = format!("{PODS}/a");
    client.send("PATCH", &path, MERGE, &label("other")).await;
    client.post(PODS, &pod("c")).await;
    client.send("PATCH", &path, MERGE, &label("a")).await;
    assert_eq!(lines.kinds(3).await, "ADDED a, DELETED a, ADDED a");
}

#[tokio::test(start_paused = true)]
async fn a_version_out_of_the_window_is_an_error_event() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    for step in 0..3_000 {
        let label = |pod: &mut k8s_openapi::api::core::v1::Pod| {
            pod.metadata
                .labels
                .get_or_insert_default()
                .insert("step".into(), step.to_string());
        };
        client.registry.edit("default", "a", label).unwrap();
    }
    let response = client
        .response(
            "GET",
            &format!("{PODS}?watch=true&resourceVersion=1"),
            "",
            Body::empty(),
        )
        .await;
    assert_eq!(response.status(), 200);
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
}

#[tokio::test(start_paused = true)]
async fn lists_can_only_be_of_the_present() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
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
    assert_eq!(
        code("resourceVersion=1&resourceVersionMatch=Exact").await,
        410
    );
    assert_eq!(code("resourceVersion=99").await, 504);
}

#[tokio::test(start_paused = true)]
async fn events_have_two_names() {
    let client = Client::new();
    let path = "/apis/events.k8s.io/v1/namespaces/default/events";
    let body = json!({
        "metadata": {"name": "e"}, "note": "hello", "regarding": {"kind": "Pod", "name": "a", "namespace": "default"},
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
async fn discovery_has_two_forms() {
    let client = Client::new();
    assert_eq!(client.get("/version").await["gitVersion"], "v1.36.3");
    assert_eq!(client.get("/api").await["kind"], "APIVersions");
    let groups = client.get("/apis").await;
    let names: Vec<&str> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["apps", "discovery.k8s.io", "events.k8s.io"]);
    let apps = client.get("/apis/apps/v1").await;
    let scale = apps["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "deployments/scale")
        .unwrap();
    assert_eq!(
        (&scale["group"], &scale["kind"]),
        (&json!("autoscaling"), &json!("Scale"))
    );

    let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let request = Request::builder()
        .uri("/apis")
        .header(ACCEPT, accept)
        .body(Body::empty())
        .unwrap();
    let response = client.router.clone().oneshot(request).await.unwrap();
    assert!(
        response.headers()[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .contains("as=APIGroupDiscoveryList")
    );
}

/// Same seed, same requests, same bytes.
#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_cluster() {
    async fn story() -> String {
        let client = Client::new();
        let mut told = String::new();
        for body in [json!({"metadata": {"generateName": "a-"}}), pod("b")] {
            let mut body = body;
            body["spec"] = pod("x")["spec"].clone();
            told += &client.post(PODS, &body).await.1.to_string();
        }
        let path = format!("{DEPLOYMENTS}/web?fieldManager=probeflip");
        told += &client
            .send("PATCH", &path, APPLY, &deployment())
            .await
            .1
            .to_string();
        told + &client.get("/api/v1/pods").await.to_string()
    }
    assert_eq!(story().await, story().await);
}
