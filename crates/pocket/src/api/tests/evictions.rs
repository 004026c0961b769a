//! Evictions and PodDisruptionBudgets, as `kubectl drain` asks for them.

use expect_test::expect;

use super::*;
use crate::kinds::Kind;

const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

fn eviction(pod: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod, "namespace": "default"},
    })
}

/// As recorded on a node.
#[tokio::test(start_paused = true)]
async fn an_eviction_is_created_at_its_pod() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let path = format!("{PODS}/a/eviction");
    let mut dry = eviction("a");
    dry["deleteOptions"] = json!({"dryRun": ["All"]});
    let success = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    assert_eq!(client.post(&path, &dry).await, (201, success.clone()));
    assert!(
        client
            .registry
            .get_stored(Kind::find("", "pods").unwrap(), "default", "a")
            .is_some()
    );
    let other = client.post(&path, &eviction("b")).await;
    check_refused(
        &other,
        &expect!["400 BadRequest: name in URL does not match name in Eviction object"],
    );
    let stale = json!({"preconditions": {"resourceVersion": "1"}});
    let mut stale_eviction = eviction("a");
    stale_eviction["deleteOptions"] = stale;
    assert_eq!(client.post(&path, &stale_eviction).await.0, 409);
    // The Pod is pending, so that no budget is asked.
    assert_eq!(client.post(&path, &eviction("a")).await, (201, success));
    let gone = client.post(&path, &eviction("a")).await;
    check_refused(&gone, &expect![[r#"404 NotFound: pods "a" not found"#]]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_new_is_not_known_yet() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let running = json!({"status": {"phase": "Running"}});
    client
        .send("PATCH", &format!("{PODS}/a/status"), MERGE, &running)
        .await;
    let budget = json!({
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}},
    });
    let (code, created) = client.post(BUDGETS, &budget).await;
    let none = json!({
        "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
    });
    assert_eq!((code, &created["status"]), (201, &none));
    let body = eviction("a").to_string().into();
    let path = format!("{PODS}/a/eviction");
    let refused = client
        .response("POST", &path, "application/json", body)
        .await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "10");
    let (_, status) = client.post(&path, &eviction("a")).await;
    let text = "The disruption budget web is still being processed by the server.";
    let cause = json!([{"reason": "DisruptionBudget", "message": text}]);
    assert_eq!(
        status["details"],
        json!({"causes": cause, "retryAfterSeconds": 10})
    );
}

/// The messages are those of a node.
#[tokio::test(start_paused = true)]
async fn a_budget_has_one_bound() {
    let client = Client::new();
    let check = async |spec: Value, expected: &Expect| {
        let budget = json!({"metadata": {"name": "bad"}, "spec": spec});
        check_refused(&client.post(BUDGETS, &budget).await, expected);
    };
    check(
        json!({"minAvailable": 1, "maxUnavailable": 1}),
        &expect![[
            r#"422 Invalid: PodDisruptionBudget.policy "bad" is invalid: spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set"#
        ]],
    )
    .await;
    let selector = json!({
        "matchLabels": {"a b": "c"},
        "matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Is"}],
    });
    check(
        json!({"minAvailable": "x%", "selector": selector, "unhealthyPodEvictionPolicy": "Foo"}),
        &expect![[
            r#"422 Invalid: PodDisruptionBudget.policy "bad" is invalid: [spec.minAvailable: Invalid value: "x%": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%'), spec.selector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.selector.matchExpressions[1].operator: Invalid value: "Is": not a valid selector operator, spec.unhealthyPodEvictionPolicy: Unsupported value: "Foo": supported values: "AlwaysAllow", "IfHealthyBudget"]"#
        ]],
    )
    .await;
    check(
        json!({"maxUnavailable": "101%"}),
        &expect![[
            r#"422 Invalid: PodDisruptionBudget.policy "bad" is invalid: spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%"#
        ]],
    )
    .await;
}
