//! What is written reads back, and what cannot be read says where.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::timeline::{Change, Micros, Place, RequestOutcome, Sample, StateCall, Target, What};

fn timeline() -> Timeline {
    let mut timeline = Timeline::new(Header {
        timeline: FORMAT,
        experiment: "two-services".into(),
        place: Place::Cluster("kind-test".into()),
        kubernetes: "v1.36.3".into(),
        probeflip: "0.1.0".into(),
        run: "abcde".into(),
        namespace: "probeflip-two-services-abcde".into(),
        seed: Some(1),
        started: "2026-11-24T00:00:00Z".into(),
    });
    let target = Target {
        pod: "web-1".into(),
        uid: "u1".into(),
        container: "b".into(),
        instance: "i1".into(),
    };
    timeline.push(Micros(0), What::Applied);
    let pod =
        json!({"kind": "Pod", "metadata": {"name": "web-1", "managedFields": [{"manager": "x"}]}});
    timeline.push(Micros(1_500), What::watched(Change::Added, pod));
    timeline.push(
        Micros(2_000),
        What::State(StateCall {
            target,
            sent: Micros(1_900),
            uptime: Micros(70),
        }),
    );
    let sample = Sample {
        client: "users-a".into(),
        instance: "i2".into(),
        sent: Micros(100),
        took: Micros(7),
        outcome: RequestOutcome::Status,
        status: Some(503),
    };
    timeline.push(Micros(2_500), What::Traffic(sample));
    timeline.push(Micros(2_500), What::End);
    timeline
}

fn written(timeline: &Timeline) -> String {
    let mut bytes = Vec::new();
    write(timeline, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_record_is_a_line() {
    expect![[r#"
        {"timeline":1,"experiment":"two-services","place":{"cluster":"kind-test"},"kubernetes":"v1.36.3","probeflip":"0.1.0","run":"abcde","namespace":"probeflip-two-services-abcde","seed":1,"started":"2026-11-24T00:00:00Z"}
        {"at":0,"record":"applied"}
        {"at":1500,"record":"watch","change":"added","object":{"kind":"Pod","metadata":{"name":"web-1"}}}
        {"at":2000,"record":"state","target":{"pod":"web-1","uid":"u1","container":"b","instance":"i1"},"sent":1900,"uptime":70}
        {"at":2500,"record":"traffic","client":"users-a","instance":"i2","sent":100,"took":7,"outcome":"status","status":503}
        {"at":2500,"record":"end"}
    "#]]
    .assert_eq(&written(&timeline()));
}

#[test]
fn several_timelines_read_back() {
    let text = written(&timeline()).repeat(2);
    assert_eq!(read(&text).unwrap(), [timeline(), timeline()]);
}

fn check_error(text: &str, expected: &Expect) {
    let error = anyhow::Error::from(read(text).unwrap_err());
    expected.assert_eq(&format!("{error:#}"));
}

#[test]
fn what_cannot_be_read_says_where() {
    check_error(
        "hello",
        &expect!["line 1 is no line of a timeline: expected value at line 1 column 1"],
    );
    check_error(
        r#"{"timeline":2}"#,
        &expect!["line 1: timeline format 2; this probeflip reads format 1"],
    );
    check_error(
        r#"{"timeline":1}"#,
        &expect!["line 1 is no header of a timeline: missing field `experiment`"],
    );
    check_error(
        r#"{"at":0,"record":"end"}"#,
        &expect!["line 1: expected a header before the first record"],
    );
    let header = written(&timeline()).lines().next().unwrap().to_owned();
    check_error(
        &format!("{header}\n{}", r#"{"at":0,"record":"step-end"}"#),
        &expect!["line 2 is no record of a timeline: missing field `step` at line 1 column 28"],
    );
    check_error(
        &format!(
            "{header}\n{}\n{}",
            r#"{"at":5,"record":"end"}"#, r#"{"at":4,"record":"end"}"#
        ),
        &expect!["line 3: this record was received before the previous one"],
    );
}
