//! Snapshots of the interfaces users depend on: names in files, in JSON and on command lines.
//!
//! The changelog must name every difference; `UPDATE_EXPECT=1` writes the new state.

mod control;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect_file;
use orchestrator::exit::Exit;
use serde_json::Value;

use crate::{
    experiments::VIRTUAL,
    program::{probe_target, probeflip, run},
};
use shape::Shape;

#[test]
fn the_schema_of_experiments() {
    let mut schema: Value = serde_json::from_str(&run(["schema"]).stdout).unwrap();
    without_descriptions(&mut schema);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    expect_file!["../contracts/experiment-schema.json"].assert_eq(&text);
}

#[test]
fn the_records_of_a_timeline_and_the_fields_of_json() {
    let mut records: BTreeMap<String, Shape> = BTreeMap::new();
    for line in VIRTUAL.text.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let name = record["record"].as_str().unwrap_or("header").to_owned();
        // The fields of an object are Kubernetes' interface, not ours.
        if let Some(object) = record.get_mut("object") {
            *object = Value::Null;
        }
        records.entry(name).or_default().add(&record);
    }
    let records = records
        .iter()
        .map(|(name, shape)| format!("# {name}\n{shape}"));
    let text = lines(records);
    expect_file!["../contracts/timeline.txt"].assert_eq(&text);

    let fields = Shape::of(&VIRTUAL.report).to_string();
    expect_file!["../contracts/json.txt"].assert_eq(&fields);
}

#[test]
fn the_fields_of_lints_json() {
    let ended = run(["lint", "--output", "json", "tests/shapes/blog.yaml"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    expect_file!["../contracts/lint.txt"].assert_eq(&Shape::of(&report).to_string());

    let schema: Value = serde_json::from_str(&run(["schema", "lint"]).stdout).unwrap();
    let names = |fields: &Value| -> Vec<String> {
        let mut names: Vec<_> = fields.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&schema["properties"]), names(&report));
    let finding = &schema["$defs"]["ReportedFinding"]["properties"];
    assert_eq!(names(finding), names(&report["findings"][0]));
}

#[test]
fn the_fields_of_predictions() {
    let ended = run([
        "predict",
        "tests/shapes/web.yaml",
        "--mode=liveness,crash,frozen,rollout",
        "--scope=all",
        "--samples=1",
        "--output=json",
    ]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    expect_file!["../contracts/predict.txt"].assert_eq(&Shape::of(&report).to_string());

    let mut schema: Value = serde_json::from_str(&run(["schema", "predict"]).stdout).unwrap();
    without_descriptions(&mut schema);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    expect_file!["../contracts/predict-schema.json"].assert_eq(&text);
}

#[test]
fn exit_codes() {
    let codes = [
        Exit::Held,
        Exit::Failed,
        Exit::Usage,
        Exit::Infrastructure,
        Exit::Refused,
        Exit::RevertFailed,
        Exit::Inconclusive,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    let codes = codes.map(|exit| exit as u8);
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 130, 143]);
}

#[test]
fn options_and_environment_variables() {
    let mut text = String::new();
    let help = |program: std::process::Command, words: &[&str]| {
        let mut program = program;
        let output = program.args(words).arg("--help").output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let name = words.join(" ");
        format!("# {name}\n{}", names(&stdout))
    };
    for command in [
        "serve", "exit", "check", "flip", "heal", "state", "journal", "traffic",
    ] {
        text += &help(probe_target(), &[command]);
    }
    for command in [
        "run", "judge", "up", "down", "flip", "heal", "status", "image", "schema", "stand-in",
        "lint", "predict", "check", "explain", "pocket", "watch",
    ] {
        text += &help(probeflip(), &[command]);
    }
    expect_file!["../contracts/options.txt"].assert_eq(&text);
}

/// The options and environment variables that a help text names, in alphabetical order.
fn names(help: &str) -> String {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let words = help.split(|letter| !word(letter));
    let names: BTreeSet<&str> = words
        .filter(|word| {
            word.starts_with("--") && word.len() > 2 || word.starts_with("PROBE_TARGET_")
        })
        .collect();
    lines(names)
}

fn lines(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut lines = String::new();
    for text in texts {
        lines += text.as_ref();
        lines.push('\n');
    }
    lines
}

fn without_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // A field may be named `description`; only a string is a schema description.
            if fields.get("description").is_some_and(Value::is_string) {
                fields.remove("description");
            }
            fields.values_mut().for_each(without_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(without_descriptions),
        _ => {}
    }
}
