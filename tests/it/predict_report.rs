//! `predict --report`: its page, and where it goes.

use std::fs;

use tempfile::TempDir;

use crate::program::run;

#[test]
fn a_page_shows_every_row_and_fits_in_300_kilobytes() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (page, json) = (path("page.html"), "--output=json");
    let file = "manifests/chart/shop.yaml";
    let ended = run(["predict", file, json, "--samples=1", "--report", &page]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    for number in 0..rows.len() {
        let place = format!("-{}-row\"", number + 1);
        assert!(page.contains(&place), "{place}");
    }
    // The command is as it was typed, without the page.
    let command = "probeflip predict manifests/chart/shop.yaml --output=json --samples=1<";
    assert!(page.contains(command), "{page}");
}

#[test]
fn a_page_on_standard_output_leaves_the_table_to_stderr() {
    let file = "manifests/chart/shop.yaml";
    let few = ["predict", file, "--mode=readiness", "--samples=1"];
    let ended = run(few.iter().chain(&["--report=-"]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.starts_with("<!DOCTYPE html>"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("\nAssumed: "), "{}", ended.stderr);
    let ended = run(few.iter().chain(&["--report=-", "--output=json"]));
    let said = "error: --output json and --report write to standard output; expected `-` once\n";
    assert_eq!((ended.code, &*ended.stderr), (2, said));
}

#[test]
fn experiments_have_no_page_of_rows() {
    let file = "manifests/seed/readiness.yaml";
    let ended = run(["predict", file, "--report=page.html"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("`probeflip run --on virtual"),
        "{}",
        ended.stderr
    );
}
