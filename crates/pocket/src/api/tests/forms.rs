//! Objects as tables and as metadata alone, in answers and in watches.

use expect_test::expect;
use hyper::header::ACCEPT;

use super::*;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

impl Client {
    async fn accepted(&self, path: &str, accept: &str) -> Response {
        let request = Request::builder().uri(path).header(ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get_as(&self, path: &str, accept: &str) -> Value {
        let body = self.accepted(path, accept).await.into_body();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
}

fn headings(table: &Value) -> String {
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let names = columns.map(|column| column["name"].as_str().unwrap());
    names.collect::<Vec<_>>().join(" | ")
}

#[tokio::test(start_paused = true)]
async fn kubectl_gets_a_table_of_a_list_and_of_an_object() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    client.post(PODS, &pod("b")).await;
    let list = client.get_as(PODS, TABLE).await;
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"))
    );
    expect![
        "Name | Ready | Status | Restarts | Age | IP | Node | Nominated Node | Readiness Gates"
    ]
    .assert_eq(&headings(&list));
    assert_eq!(list["rows"].as_array().unwrap().len(), 2);
    let row = &list["rows"][1];
    expect![[r#"["b","0/1","Pending","0","0s","<none>","<none>","<none>","<none>"]"#]]
        .assert_eq(&row["cells"].to_string());
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["name"], "b");
    let one = client.get_as(&format!("{PODS}/b"), TABLE).await;
    assert_eq!(one["rows"], json!([row]));
}

#[tokio::test(start_paused = true)]
async fn a_row_carries_as_much_of_its_object_as_asked() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let object = async |include: &str| {
        let path = format!("{PODS}?includeObject={include}");
        client.get_as(&path, TABLE).await["rows"][0]["object"].clone()
    };
    assert_eq!(object("None").await, Value::Null);
    assert_eq!(object("Metadata").await["spec"], Value::Null);
    assert_eq!(object("Object").await["spec"]["containers"][0]["name"], "a");
    let refusal = client
        .get_as(&format!("{PODS}?includeObject=All"), TABLE)
        .await;
    assert_eq!(refusal["code"], 400);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_table_of_a_watch_names_its_columns() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let path = format!("{PODS}?watch=true&allowWatchBookmarks=true");
    let body = client.accepted(&path, TABLE).await.into_body();
    client.post(PODS, &pod("b")).await;
    let events = body.into_data_stream().take(3);
    let events = events.map(|line| serde_json::from_slice::<Value>(&line.unwrap()).unwrap());
    let events: Vec<Value> = events.collect().await;
    let shown = |event: &Value| {
        let table = &event["object"];
        format!(
            "{} {} {:?}",
            event["type"],
            table["rows"][0]["cells"][0],
            !headings(table).is_empty()
        )
    };
    let shown: Vec<String> = events.iter().map(shown).collect();
    expect![[r#""ADDED" "a" true, "ADDED" "b" false, "BOOKMARK" "" false"#]]
        .assert_eq(&shown.join(", "));
}

#[tokio::test(start_paused = true)]
async fn metadata_alone_is_given_if_asked() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let list = client.get_as(PODS, METADATA).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    let item = &list["items"][0];
    assert_eq!(
        (&item["kind"], &item["spec"]),
        (&json!("PartialObjectMetadata"), &Value::Null)
    );
    let one = client.get_as(&format!("{PODS}/a"), METADATA).await;
    assert_eq!(one["metadata"]["labels"]["app"], "a");
    assert_eq!(&one, item);
}

#[tokio::test(start_paused = true)]
async fn the_first_form_that_is_served_counts() {
    let client = Client::new();
    let check = async |accept: &str, kind: &str| {
        assert_eq!(client.get_as(PODS, accept).await["kind"], kind, "{accept}");
    };
    check("application/json", "PodList").await;
    check(
        "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
        "PodList",
    )
    .await;
    check(
        "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, */*",
        "PodList",
    )
    .await;
    check("application/json;as=Table;v=v1beta1;g=meta.k8s.io", "Table").await;
    check("", "PodList").await;
    let refusal = client
        .get_as(PODS, "application/json;as=Sheet;v=v1;g=meta.k8s.io")
        .await;
    assert_eq!(refusal["reason"], "NotAcceptable");
}
