//! `probeflip predict`: the severities of a chart's failures.

use serde_json::Value;

use crate::program::run;

#[test]
fn the_failures_of_a_chart_have_the_severities_of_its_key() {
    let ended = run([
        "predict",
        "tests/shapes/web.yaml",
        "--mode=readiness,frozen,rollout",
        "--samples=2",
        "--output=json",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answers: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = answers["rows"].as_array().unwrap().iter();
    let severities: Vec<String> = rows
        .map(|row| {
            let words = ["fails", "pods", "severity"].map(|field| row[field].as_str().unwrap());
            words.join(", ")
        })
        .collect();
    let expected = [
        "readiness, one of 3, degraded",
        "readiness, all 3, outage",
        "frozen, one of 3, restart",
        "frozen, all 3, outage",
        "rollout, all 3, none",
    ];
    assert_eq!(severities, expected);
}
