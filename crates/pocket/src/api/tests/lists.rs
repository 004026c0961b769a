//! Lists in parts.

use super::*;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn create(client: &Client, names: &[&str]) {
    for name in names {
        let map = json!({"metadata": {"name": name, "labels": {"name": name}}});
        client.post(MAPS, &map).await;
    }
}

/// The token of a list's next part.
fn token(list: &Value) -> &str {
    list["metadata"]["continue"].as_str().unwrap()
}

/// The counts and the parts are those of a node.
#[tokio::test(start_paused = true)]
async fn a_list_in_parts_is_of_one_moment() {
    let client = Client::new();
    create(&client, &["cm1", "cm2", "cm3", "cm4", "cm5"]).await;
    let first = client.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(names(&first), ["cm1", "cm2"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    // What happens now is not seen by the rest of the list.
    client.delete(&format!("{MAPS}/cm3"), &Value::Null).await;
    create(&client, &["cm35"]).await;
    let next = |list: &Value| format!("{MAPS}?limit=2&continue={}", token(list));
    let second = client.get(&next(&first)).await;
    assert_eq!(names(&second), ["cm3", "cm4"]);
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let third = client.get(&next(&second)).await;
    assert_eq!(names(&third), ["cm5"]);
    let rest = ["continue", "remainingItemCount"].map(|field| third["metadata"][field].is_null());
    assert_eq!(rest, [true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_selection_is_cut_without_a_count_and_any_version_is_whole() {
    let client = Client::new();
    create(&client, &["cm1", "cm2", "cm3"]).await;
    let selected = client
        .get(&format!("{MAPS}?limit=1&labelSelector=name!=cm1"))
        .await;
    assert_eq!(names(&selected), ["cm2"]);
    assert!(selected["metadata"]["remainingItemCount"].is_null());
    let next = format!(
        "{MAPS}?limit=1&labelSelector=name!=cm1&continue={}",
        token(&selected)
    );
    assert_eq!(names(&client.get(&next).await), ["cm3"]);
    let any = client
        .get(&format!("{MAPS}?limit=1&resourceVersion=0"))
        .await;
    assert_eq!(names(&any).len(), 3);
}

/// The text is that of upstream's source.
#[tokio::test(start_paused = true)]
async fn a_list_whose_history_is_gone_goes_on_with_the_present() {
    let client = Client::new();
    create(&client, &["cm1", "cm2", "cm3"]).await;
    let first = client.get(&format!("{MAPS}?limit=1")).await;
    let long = "x".repeat(900_000);
    for number in 0..12 {
        let patch = json!({"data": {"a": format!("{number}{long}")}});
        client
            .send("PATCH", &format!("{MAPS}/cm3"), MERGE, &patch)
            .await;
    }
    client.delete(&format!("{MAPS}/cm2"), &Value::Null).await;
    let next = |token: &str| format!("{MAPS}?limit=5&continue={token}");
    let (code, expired) = client
        .send("GET", &next(token(&first)), "", &Value::Null)
        .await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let message = expired["message"].as_str().unwrap();
    assert!(
        message.starts_with("The provided continue parameter is too old to display a consistent"),
        "{message}"
    );
    let rest = client.get(&next(token(&expired))).await;
    assert_eq!(names(&rest), ["cm3"]);
}
