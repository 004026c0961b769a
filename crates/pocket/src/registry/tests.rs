//! The typed interface of the registry.

use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

pub(crate) fn registry() -> Registry {
    let clock = Clock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let registry = Registry::new(clock, fastrand::Rng::with_seed(1));
    let namespace: Namespace = from(json!({"metadata": {"name": "default"}}));
    registry.create(&namespace).unwrap();
    registry
}

pub(crate) fn from<K: Object>(mut value: Value) -> K {
    value["apiVersion"] = K::API_VERSION.into();
    value["kind"] = K::KIND.into();
    serde_json::from_value(value).unwrap()
}

fn pod() -> Pod {
    from(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"nodeName": "pocket", "containers": [{"name": "a", "image": "probe-target"}]},
    }))
}

fn generation(pod: &Pod) -> i64 {
    pod.metadata.generation.unwrap()
}

#[test]
fn a_pod_runs_under_an_account_that_exists() {
    let registry = registry();
    let under = |account: &str| {
        let mut pod = pod();
        pod.metadata.name = Some(format!("of-{account}"));
        pod.spec.as_mut().unwrap().service_account_name = Some(account.to_owned());
        registry.create(&pod)
    };
    assert!(under("default").is_ok());
    let refusal = under("prober").unwrap_err();
    let message = "pods \"of-prober\" is forbidden: error looking up service account \
                   default/prober: \
                   serviceaccount \"prober\" not found";
    assert_eq!((refusal.code, refusal.message.as_str()), (403, message));
    let mut generated = pod();
    generated.metadata.name = None;
    generated.metadata.generate_name = Some("web-".into());
    generated.spec.as_mut().unwrap().service_account_name = Some("prober".into());
    let message = registry.create(&generated).unwrap_err().message;
    assert!(
        message.starts_with("pods \"web-\" is forbidden: "),
        "{message}"
    );
    let metadata = json!({"name": "prober", "namespace": "default"});
    let account: ServiceAccount = from(json!({ "metadata": metadata }));
    registry.create(&account).unwrap();
    assert!(under("prober").is_ok());
}

#[test]
fn a_new_object_gets_its_identity() {
    let pod = registry().create(&pod()).unwrap();
    assert!(pod.metadata.uid.is_some() && pod.metadata.resource_version.is_some());
    assert_eq!(
        pod.metadata.creation_timestamp.unwrap().0.to_string(),
        "2026-01-01T00:00:00Z"
    );
    assert_eq!(pod.metadata.generation, Some(1));
}

#[test]
fn generation_counts_changes_of_the_spec_alone() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    let labelled = registry.edit::<Pod>("default", "web", |pod| {
        pod.metadata
            .labels
            .get_or_insert_default()
            .insert("app".into(), "web".into());
    });
    assert_eq!(generation(&labelled.unwrap()), 1);
    let changed = registry.edit::<Pod>("default", "web", |pod| {
        pod.spec.as_mut().unwrap().containers[0].image = Some("other".into());
    });
    assert_eq!(generation(&changed.unwrap()), 2);
}

#[test]
fn spec_and_status_are_written_apart() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    let both = |pod: &mut Pod| {
        pod.status.get_or_insert_default().message = Some("hello".into());
        pod.spec.as_mut().unwrap().containers[0].image = Some("other".into());
    };
    let image = |pod: &Pod| {
        pod.spec.as_ref().unwrap().containers[0]
            .image
            .clone()
            .unwrap()
    };
    let message = |pod: &Pod| pod.status.clone().unwrap_or_default().message;

    let pod = registry.edit_status("default", "web", both).unwrap();
    assert_eq!(
        (image(&pod), message(&pod)),
        ("probe-target".into(), Some("hello".into()))
    );
    registry
        .edit_status("default", "web", |pod: &mut Pod| pod.status = None)
        .unwrap();
    let pod = registry.edit("default", "web", both).unwrap();
    assert_eq!((image(&pod), message(&pod)), ("other".into(), None));
}

#[test]
fn a_write_that_changes_nothing_keeps_the_version() {
    let registry = registry();
    let before = registry.create(&pod()).unwrap();
    let after = registry.edit::<Pod>("default", "web", |_| ()).unwrap();
    assert_eq!(
        before.metadata.resource_version,
        after.metadata.resource_version
    );
}

#[test]
fn a_bound_pod_is_marked_first() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    registry.delete::<Pod>("default", "web", Some(30)).unwrap();
    let pod: Pod = registry.get("default", "web").unwrap();
    assert_eq!(pod.metadata.deletion_grace_period_seconds, Some(30));
    assert_eq!(
        pod.metadata.deletion_timestamp.unwrap().0.to_string(),
        "2026-01-01T00:00:30Z"
    );
    registry.delete::<Pod>("default", "web", Some(0)).unwrap();
    assert!(registry.get::<Pod>("default", "web").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_second_deletion_only_shortens_the_grace_of_the_first() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    registry.delete::<Pod>("default", "web", Some(30)).unwrap();
    let check = |grace: Option<i64>, expected: (i64, &str)| {
        registry.delete::<Pod>("default", "web", grace).unwrap();
        let metadata = registry.get::<Pod>("default", "web").unwrap().metadata;
        let end = metadata.deletion_timestamp.unwrap().0.to_string();
        let found = (
            metadata.deletion_grace_period_seconds.unwrap(),
            end.as_str(),
        );
        assert_eq!(found, expected, "{grace:?}");
    };
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    check(Some(40), (30, "2026-01-01T00:00:30Z"));
    check(Some(20), (20, "2026-01-01T00:00:20Z"));
    let short = |pod: &mut Pod| pod.status.as_mut().unwrap().phase = Some("Failed".to_owned());
    registry.edit_status("default", "web", short).unwrap();
    check(None, (20, "2026-01-01T00:00:20Z"));
    // A second after the first deletion is over.
    check(Some(-1), (1, "2026-01-01T00:00:05Z"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_goes_on_keeps_its_finalizers() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    let finalizers = |grace, propagation| {
        let deletion = Deletion {
            grace: Some(grace),
            propagation: Some(propagation),
            ..Deletion::default()
        };
        let kind = Kind::of::<Pod>();
        registry
            .delete_value(kind, "default", "web", &deletion)
            .unwrap();
        let pod: Pod = registry.get("default", "web").unwrap();
        pod.metadata.finalizers.unwrap_or_default()
    };
    assert_eq!(
        finalizers(30, Propagation::Foreground),
        ["foregroundDeletion"]
    );
    assert_eq!(finalizers(40, Propagation::Orphan), ["foregroundDeletion"]);
    assert_eq!(finalizers(20, Propagation::Orphan), ["orphan"]);
    assert!(finalizers(10, Propagation::Background).is_empty());
}

#[test]
fn an_unbound_pod_is_removed_at_once() {
    let registry = registry();
    let mut pod = pod();
    pod.spec.as_mut().unwrap().node_name = None;
    registry.create(&pod).unwrap();
    registry.delete::<Pod>("default", "web", None).unwrap();
    assert!(registry.get::<Pod>("default", "web").is_none());
}

#[test]
fn finalizers_hold_an_object_until_the_last_is_gone() {
    let registry = registry();
    let mut pod = pod();
    pod.metadata.finalizers = Some(vec!["example.org/hold".into()]);
    registry.create(&pod).unwrap();
    registry.delete::<Pod>("default", "web", Some(0)).unwrap();
    assert!(registry.get::<Pod>("default", "web").is_some());
    registry
        .edit("default", "web", |pod: &mut Pod| {
            pod.metadata.finalizers = None;
        })
        .unwrap();
    assert!(registry.get::<Pod>("default", "web").is_none());
}

#[test]
fn an_absent_version_may_be_written_as_null() {
    let registry = registry();
    let pod = json!({"metadata": {"name": "a", "resourceVersion": null},
        "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let kind = Kind::of::<Pod>();
    assert!(registry.create_value(kind, "default", pod, false).is_ok());
}

#[test]
fn a_terminating_namespace_refuses_by_the_name_that_was_sent() {
    let registry = registry();
    let namespace = json!({"metadata": {"name": "n", "finalizers": ["example.org/hold"]}});
    registry.create(&from::<Namespace>(namespace)).unwrap();
    registry.delete::<Namespace>("", "n", None).unwrap();
    let mut pod = pod();
    pod.metadata.name = None;
    pod.metadata.generate_name = Some("web-".to_owned());
    pod.metadata.namespace = Some("n".to_owned());
    let error = registry.create(&pod).unwrap_err();
    assert!(error.is_namespace_terminating());
    assert!(
        error.message.starts_with("pods \"web-\" is forbidden: "),
        "{error}"
    );
}

#[test]
fn a_missing_namespace_is_an_error() {
    let mut pod = pod();
    pod.metadata.namespace = Some("nowhere".into());
    let refusal = registry().create(&pod).unwrap_err();
    assert_eq!(refusal.to_string(), "namespaces \"nowhere\" not found");
}

#[test]
fn a_watch_begins_with_existing_objects() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    let mut watch = registry.watch::<Pod>(Some("default"));
    registry.delete::<Pod>("default", "web", Some(0)).unwrap();
    assert!(matches!(watch.try_next(), Some(Change::Added(_))));
    // The deletion first sets the grace period to zero.
    assert!(matches!(watch.try_next(), Some(Change::Modified(_))));
    assert!(matches!(watch.try_next(), Some(Change::Deleted(_))));
    assert_eq!(watch.try_next(), None);
}

#[test]
fn a_watch_that_fell_behind_tells_the_difference() {
    let registry = registry();
    registry.create(&pod()).unwrap();
    let mut watch = registry.watch::<Pod>(None);
    // More than the store's history keeps.
    let large = "x".repeat(64 * 1024);
    for step in 0..200 {
        let label = |pod: &mut Pod| {
            pod.metadata
                .labels
                .get_or_insert_default()
                .insert("step".into(), step.to_string());
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert("large".into(), large.clone());
        };
        registry.edit("default", "web", label).unwrap();
    }
    assert!(matches!(watch.try_next(), Some(Change::Added(_))));
    let Some(Change::Modified(pod)) = watch.try_next() else {
        panic!("the last state is told")
    };
    assert_eq!(pod.metadata.labels.as_ref().unwrap()["step"], "199");
    assert_eq!(watch.try_next(), None);
}
