//! Tests of discovery, of `/version`, and of equal answers to equal requests.

use hyper::header::ACCEPT;

use super::*;

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
    assert_eq!(
        names,
        [
            "apps",
            "batch",
            "coordination.k8s.io",
            "discovery.k8s.io",
            "policy",
            "events.k8s.io"
        ]
    );
    let core = client.get("/api/v1").await;
    let deletes_all = |plural: &str| {
        let mut resources = core["resources"].as_array().unwrap().iter();
        let found = resources.find(|it| it["name"] == plural).unwrap();
        let verbs = found["verbs"].as_array().unwrap();
        verbs.contains(&json!("deletecollection"))
    };
    assert!(deletes_all("pods") && !deletes_all("namespaces"));
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
