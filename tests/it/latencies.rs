//! What chance decides in virtual time, over many seeds: the order of things, and what is seen.

use std::{collections::BTreeSet, sync::LazyLock};

use orchestrator::timeline::{Change, Micros, Record, What};
use serde_json::{Value, json};

use crate::program::{Recorded, record, record_virtual};

const FLAP: &str = "tests/it/latencies/flap.yaml";
const REPLICAS: &str = "tests/it/latencies/replicas.yaml";

/// The runs of [`FLAP`] with the seeds from 1 on, as many as a test needs.
static FLAPS: LazyLock<Vec<Recorded>> = LazyLock::new(|| runs(FLAP, 60));

/// The same of [`REPLICAS`].
static REPLICATED: LazyLock<Vec<Recorded>> = LazyLock::new(|| runs(REPLICAS, 10));

#[test]
fn a_not_ready_that_is_undone_at_once_is_seen_with_some_seeds() {
    let seen = FLAPS[..30].iter().filter(|ran| ran.ended.code == 0);
    let seen = seen.count();
    // On a node 12 of 18.
    assert!((10..=27).contains(&seen), "{seen} of 30");
}

#[test]
fn the_trigger_of_the_first_attempt_is_lost_with_some_seeds() {
    let late = |ran: &&Recorded| {
        let since = |reached: fn(&Value) -> bool| first(ran, "Pod", reached);
        let running = since(|pod| !state(pod)["running"].is_null());
        let ready = since(|pod| condition(pod, "Ready") == json!("True"));
        ready.since(running).as_millis() > 1_500
    };
    let lost = FLAPS.iter().filter(late).count();
    // On a node 13 of 92.
    assert!((3..=18).contains(&lost), "{lost} of 60");
}

#[test]
fn replicas_become_ready_one_after_the_other() {
    for (seed, ran) in (1..).zip(&*REPLICATED) {
        let counts: BTreeSet<usize> = endpoints(ran, "one").map(|it| ready(&it)).collect();
        assert!(
            counts.contains(&1) || counts.contains(&2),
            "{counts:?} with seed {seed}"
        );
    }
}

#[test]
fn which_of_two_services_changes_first_depends_on_the_seed() {
    let is_one_first = |ran| {
        let since = |service| {
            first(ran, "EndpointSlice", |slice| {
                label(slice) == service && ready(&conditions(slice)) > 0
            })
        };
        since("one") < since("two")
    };
    let firsts: BTreeSet<bool> = REPLICATED.iter().map(is_one_first).collect();
    assert_eq!(firsts.len(), 2, "{firsts:?}");
}

#[test]
fn a_deleted_pod_ends_in_one_update_and_leaves_the_service_before_it_is_gone() {
    for (seed, ran) in (1..).zip(&*REPLICATED) {
        let deleted = |pod: &Value| !pod["metadata"]["deletionTimestamp"].is_null();
        let mut pods: BTreeSet<String> = BTreeSet::new();
        for pod in records(ran).filter_map(|record| object(record, "Pod")) {
            pods.insert(pod["metadata"]["name"].as_str().unwrap().to_owned());
        }
        for name in pods {
            let mut states: Vec<String> = Vec::new();
            for record in records(ran) {
                let pod = object(record, "Pod").filter(|pod| pod["metadata"]["name"] == name);
                let Some(pod) = pod.filter(|pod| deleted(pod)) else {
                    continue;
                };
                let state = describe(record, &pod);
                if states.last() != Some(&state) {
                    states.push(state);
                }
            }
            assert_eq!(
                states,
                [
                    "Running, running, Ready True, sandbox True, grace 30",
                    "Succeeded, terminated, Ready PodCompleted, sandbox False, grace 30",
                    "Succeeded, terminated, Ready PodCompleted, sandbox False, grace 0",
                    "gone",
                ],
                "seed {seed}"
            );
        }
        for endpoints in endpoints(ran, "one") {
            for conditions in endpoints {
                if conditions["terminating"] == true {
                    assert_eq!(conditions["ready"], false, "seed {seed}");
                    assert_eq!(conditions["serving"], true, "seed {seed}");
                }
            }
        }
    }
}

#[test]
fn a_pod_has_its_address_from_its_first_running_container_on() {
    for (seed, ran) in (1..).zip(&FLAPS[..10]) {
        let sandbox = |pod: &Value| condition(pod, "PodReadyToStartContainers") == json!("True");
        let sandbox = first(ran, "Pod", sandbox);
        let address = first(ran, "Pod", |pod| pod["status"]["podIP"].is_string());
        let running = first(ran, "Pod", |pod| !state(pod)["running"].is_null());
        assert_eq!(address, running);
        let waited = address.since(sandbox).as_millis();
        assert!((20..=500).contains(&waited), "{waited} ms with seed {seed}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    let text = |seed, latencies| {
        let seed = u32::to_string(&seed);
        let options = ["--on", "virtual", "--seed", &seed, "--latencies", latencies];
        record([REPLICAS].into_iter().chain(options)).text
    };
    assert_eq!(text(7, "node"), text(7, "node"));
    assert_ne!(text(7, "node"), text(7, "none"));
}

fn runs(experiment: &str, seeds: u32) -> Vec<Recorded> {
    (1..=seeds)
        .map(|seed| record_virtual(experiment, seed))
        .collect()
}

/// The records until the clean-up.
fn records(ran: &Recorded) -> impl Iterator<Item = &Record> {
    let records = ran.timelines[0].records().iter();
    records.take_while(|record| record.what != What::Reverting)
}

/// The object of a watch event of this kind.
fn object(record: &Record, kind: &str) -> Option<Value> {
    match &record.what {
        What::Watch { object, .. } if object.kind() == kind => Some(object.value()),
        _ => None,
    }
}

/// When an object of this kind was first seen so.
fn first(ran: &Recorded, kind: &str, reached: impl Fn(&Value) -> bool) -> Micros {
    let mut reached =
        records(ran).filter(|record| object(record, kind).is_some_and(|object| reached(&object)));
    reached.next().unwrap().at
}

fn state(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["state"]
}

/// A condition's status, or why it is not True.
fn condition(pod: &Value, kind: &str) -> Value {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let condition = conditions.find(|condition| condition["type"] == kind);
    condition.map_or(Value::Null, |condition| match &condition["reason"] {
        Value::Null => condition["status"].clone(),
        reason => reason.clone(),
    })
}

fn describe(record: &Record, pod: &Value) -> String {
    if matches!(
        record.what,
        What::Watch {
            change: Change::Deleted,
            ..
        }
    ) {
        return "gone".to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{}, {}, Ready {}, sandbox {}, grace {}",
        text(&pod["status"]["phase"]),
        state(pod).as_object().unwrap().keys().next().unwrap(),
        text(&condition(pod, "Ready")),
        text(&condition(pod, "PodReadyToStartContainers")),
        pod["metadata"]["deletionGracePeriodSeconds"],
    )
}

fn label(slice: &Value) -> &str {
    let name = &slice["metadata"]["labels"]["kubernetes.io/service-name"];
    name.as_str().unwrap_or_default()
}

/// The conditions of a Service's endpoints, in each version of its slice.
fn endpoints(ran: &Recorded, service: &str) -> impl Iterator<Item = Vec<Value>> {
    let slices = records(ran).filter_map(|record| object(record, "EndpointSlice"));
    let slices = slices.filter(move |slice| label(slice) == service);
    slices.map(|slice| conditions(&slice))
}

fn conditions(slice: &Value) -> Vec<Value> {
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let conditions = endpoints.map(|endpoint| endpoint["conditions"].clone());
    conditions.collect()
}

fn ready(conditions: &[Value]) -> usize {
    let ready = conditions.iter().filter(|it| it["ready"] == true);
    ready.count()
}
