//! PodDisruptionBudgets and evictions.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};

use super::*;
use crate::api_status::ApiError;
use crate::registry::Deletion;
use crate::registry::tests::from;

impl Cluster {
    /// Creates a budget for the Pods with the label `app: web`.
    fn guard(&self, spec: &serde_json::Value) {
        let mut budget = json!({
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
        });
        json_patch::merge(&mut budget["spec"], spec);
        let budget: PodDisruptionBudget = from(budget);
        self.registry.create(&budget).unwrap();
    }

    fn budget(&self) -> PodDisruptionBudgetStatus {
        let budget: PodDisruptionBudget = self.registry.get(NAMESPACE, "web").unwrap();
        budget.status.unwrap()
    }

    /// `expectedPods`, `desiredHealthy`, `currentHealthy` and `disruptionsAllowed`.
    fn budget_counts(&self) -> [i32; 4] {
        let status = self.budget();
        [
            status.expected_pods,
            status.desired_healthy,
            status.current_healthy,
            status.disruptions_allowed,
        ]
        .map(Option::unwrap)
    }

    /// Status, reason and message of the budget's condition.
    fn budget_condition(&self) -> String {
        let [condition] = self.budget().conditions.unwrap().try_into().unwrap();
        let (status, reason) = (condition.status, condition.reason);
        format!("{status} {reason} {}", condition.message)
    }

    fn evict(&self, pod: &str) -> Result<(), ApiError> {
        self.registry.evict(NAMESPACE, pod, &Deletion::default())
    }

    /// The message and the cause of a refused eviction.
    fn refused(&self, pod: &str) -> String {
        let status = self.evict(pod).unwrap_err().status();
        let cause = &status["details"]["causes"][0];
        format!("{} {}", status["code"], cause["message"])
    }

    fn lone_pod(&self, name: &str, image: &str) {
        let container = json!({"name": "a", "image": image});
        let pod: Pod = from(json!({
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "web"}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 2},
        }));
        self.registry.create(&pod).unwrap();
    }
}

/// The statuses, the refusal and the order of them are those of a node.
#[tokio::test(start_paused = true)]
async fn a_budget_lets_pods_go_one_after_the_other() {
    let cluster = Cluster::start();
    cluster.guard(&json!({"minAvailable": 1}));
    at_once().await;
    assert_eq!(cluster.budget_counts(), [0, 1, 0, 0]);
    assert_eq!(cluster.budget_condition(), "False InsufficientPods ");
    cluster.deploy("one", &json!({"replicas": 2}));
    at_once().await;
    assert_eq!(cluster.budget_counts(), [2, 1, 2, 1]);
    assert_eq!(cluster.budget_condition(), "True SufficientPods ");
    let [first, second] = cluster.names::<Pod>().try_into().unwrap();
    cluster.evict(&first).unwrap();
    let evicted: Pod = cluster.registry.get(NAMESPACE, &first).unwrap();
    let conditions = evicted.status.unwrap().conditions.unwrap();
    let target = conditions.last().unwrap();
    assert_eq!(target.type_, "DisruptionTarget");
    // Even before the controller has seen it.
    let needs = "The disruption budget web needs 1 healthy pods and has";
    assert_eq!(cluster.budget_condition(), "False InsufficientPods ");
    assert!(cluster.evict(&second).is_err());
    at_once().await;
    assert_eq!(cluster.budget_counts()[3], 1, "a replacement is Ready");
    cluster.set_ready(&second, false);
    at_once().await;
    let ready = cluster.names::<Pod>();
    let ready = ready.iter().find(|it| **it != first && **it != second);
    let refusal = cluster.refused(ready.unwrap());
    assert_eq!(refusal, format!("429 \"{needs} 1 currently\""));
    // One that is not Ready takes nothing from the budget.
    cluster.evict(&second).unwrap();
}

#[tokio::test(start_paused = true)]
async fn shares_are_of_what_the_owners_want() {
    let cluster = Cluster::start();
    cluster.deploy("one", &json!({"replicas": 3}));
    cluster.guard(&json!({"maxUnavailable": "30%"}));
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.budget_counts(), [3, 2, 3, 1]);
    cluster.lone_pod("lone", "one");
    settle(Duration::from_secs(1)).await;
    assert_eq!(cluster.budget_counts(), [3, 2, 4, 2]);
    let [unmanaged] = cluster.said("UnmanagedPods").try_into().unwrap();
    let selector = "&LabelSelector{MatchLabels:map[string]string{app: web,},\
                    MatchExpressions:[]LabelSelectorRequirement{},}";
    assert!(
        unmanaged.contains(&format!("(selector: {selector})")),
        "{unmanaged}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_share_of_pods_without_replicas_cannot_be_told() {
    let cluster = Cluster::start();
    cluster.guard(&json!({"minAvailable": "50%"}));
    at_once().await;
    let container = json!({"name": "a", "image": "one"});
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    });
    let job: k8s_openapi::api::batch::v1::Job = from(json!({
        "metadata": {"name": "web", "namespace": NAMESPACE}, "spec": {"template": template},
    }));
    cluster.registry.create(&job).unwrap();
    settle(Duration::from_secs(1)).await;
    let why = "jobs.batch does not implement the scale subresource";
    assert_eq!(
        cluster.budget_condition(),
        format!("False SyncFailed {why}")
    );
    let [pod] = cluster.names::<Pod>().try_into().unwrap();
    let failed = "does not allow evicting pods currently because it failed sync";
    assert_eq!(
        cluster.refused(&pod),
        format!("429 \"The disruption budget web {failed}: {why}\"")
    );
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_pod_goes_always_if_its_budget_says_so() {
    let cluster = Cluster::start();
    cluster.guard(&json!({"minAvailable": 1}));
    cluster.lone_pod("sick", SICK);
    at_once().await;
    assert!(cluster.refused("sick").starts_with("429 "));
    let always = |budget: &mut PodDisruptionBudget| {
        let spec = budget.spec.as_mut().unwrap();
        spec.unhealthy_pod_eviction_policy = Some("AlwaysAllow".to_owned());
    };
    cluster.registry.edit(NAMESPACE, "web", always).unwrap();
    cluster.evict("sick").unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_budgets_of_one_pod_are_one_too_many() {
    let cluster = Cluster::start();
    cluster.guard(&json!({"minAvailable": 0}));
    let other: PodDisruptionBudget = from(json!({
        "metadata": {"name": "other", "namespace": NAMESPACE}, "spec": {"selector": {}},
    }));
    cluster.registry.create(&other).unwrap();
    cluster.lone_pod("lone", "one");
    at_once().await;
    let status = cluster.evict("lone").unwrap_err().status();
    assert_eq!(
        (&status["code"], &status["reason"]),
        (&json!(500), &json!(null))
    );
    let [said] = cluster
        .said("MultiplePodDisruptionBudgets")
        .try_into()
        .unwrap();
    assert_eq!(
        said,
        "Pod \"n\"/\"lone\" matches multiple PodDisruptionBudgets.  Chose \"other\" arbitrarily."
    );
}
