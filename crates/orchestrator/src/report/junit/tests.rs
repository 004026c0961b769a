//! JUnit results of made-up runs, read back by a parser.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quick_xml::{Reader, XmlVersion, events::Event};

use super::xml::attribute;
use super::*;
use crate::exit::Exit;
use crate::judge::Verdict;
use crate::report::json::{Chain, Error, Expectation, Measure, Requests, Run, Step};
use crate::report::{Outcomes, markdown};
use crate::run::exit_of;
use crate::timeline::{Micros, Place};

/// A run with one step, one expectation of this verdict, and this text wherever text can stand.
pub(in crate::report) fn run(text: &str, verdict: Option<Verdict>) -> Run {
    let text = || text.to_owned();
    Run {
        experiment: text(),
        file: text(),
        place: Place::Cluster(text()),
        kubernetes: text(),
        run: text(),
        namespace: text(),
        seed: None,
        started: text(),
        took: Micros(19_580_000),
        verdict: verdict.unwrap_or(Verdict::Inconclusive),
        steady: Some(Micros(4_617_000)),
        missing: vec![text()],
        causes: vec![text()],
        steps: vec![Step {
            name: text(),
            verdict,
            unreached: Vec::new(),
            acknowledged: Some(Micros(4_684_000)),
            ended: Some(Micros(8_433_000)),
            expectations: vec![
                Expectation {
                    id: text(),
                    verdict,
                    observed: false,
                    expected: text(),
                    at: Some(Micros(4_158_000)),
                    already_true: false,
                    seen: text(),
                    requests: vec![Requests {
                        client: text(),
                        sent: 85,
                        failed: 43,
                        longest_failure: Micros(4_208_000),
                    }],
                },
                Expectation {
                    id: text(),
                    verdict: None,
                    observed: true,
                    expected: text(),
                    at: None,
                    already_true: false,
                    seen: text(),
                    requests: Vec::new(),
                },
            ],
            chain: Some(Chain {
                not_ready: Some(Micros(4_158_000)),
                endpoint: None,
                first_lost: None,
                last_lost: None,
                recovery: None,
            }),
        }],
        measures: vec![Measure {
            name: text(),
            from: text(),
            to: text(),
            took: Some(Micros(2_000_000)),
            at_most: None,
            verdict: None,
            why: None,
        }],
    }
}

/// A report of these runs, with an error of this text.
pub(in crate::report) fn report(runs: Vec<Run>, error: Option<&str>) -> Report {
    let errors = error.map(|text| Error {
        experiment: Some(text.to_owned()),
        message: text.to_owned(),
        causes: Vec::new(),
        problems: Vec::new(),
        hints: vec![text.to_owned()],
    });
    let names = runs.iter().map(|run| run.experiment.as_str()).chain(error);
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let mut outcomes = Outcomes::none_of(names);
    for run in &runs {
        outcomes.ended(&run.experiment, exit_of(run.verdict));
    }
    if let Some(name) = error {
        outcomes.ended(name, Exit::Infrastructure);
    }
    Report::new(
        Exit::Failed,
        outcomes,
        runs,
        Vec::new(),
        errors.into_iter().collect(),
    )
}

#[test]
fn every_expectation_is_a_case() {
    let verdicts = [
        Some(Verdict::Pass),
        Some(Verdict::Fail),
        Some(Verdict::Inconclusive),
        None,
    ];
    let runs = verdicts.map(|verdict| run("a", verdict)).to_vec();
    let text = String::from_utf8(junit(&report(runs, Some("b")))).unwrap();
    expect_test::expect_file!["junit.xml"].assert_eq(&text);
}

#[test]
fn what_a_signal_ended_or_kept_from_running_is_no_failure() {
    let mut interrupted = run("a", None);
    interrupted.verdict = Verdict::Error;
    let mut outcomes = Outcomes::none_of(["a", "b"].map(str::to_owned));
    outcomes.ended("a", Exit::Interrupted);
    let report = Report::new(
        Exit::Interrupted,
        outcomes,
        vec![interrupted],
        Vec::new(),
        Vec::new(),
    );
    let text = String::from_utf8(junit(&report)).unwrap();
    assert!(text.contains("a signal ended the run"), "{text}");
    assert!(!text.contains("steady state"), "{text}");
    assert!(
        text.contains(r#"<testsuite name="b" tests="1" failures="0" errors="0" skipped="1""#),
        "{text}"
    );
    let text = markdown(&report);
    assert!(
        text.contains("1 of 2 experiments ended by a signal: a; 1 not run;"),
        "{text}"
    );
    assert!(text.contains("\nNot run: b\n"), "{text}");
}

/// The names of all elements, and the values of their attributes and texts, as a parser reads them.
fn parsed(xml: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = Reader::from_str(xml);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    let mut text = String::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                names.push(element.name().as_ref().to_owned());
                for attribute in element.attributes() {
                    let attribute = attribute.unwrap();
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                    values.push(value.unwrap().into_owned());
                }
            }
            Event::Text(part) => text += &part,
            Event::GeneralRef(entity) => text.extend(["&", &*entity, ";"]),
            Event::End(_) => {
                values.push(quick_xml::escape::unescape(&text).unwrap().into_owned());
                text.clear();
            }
            Event::Eof => return (names, values),
            _ => {}
        }
    }
}

/// Whether XML 1.0 allows a character.
fn is_legal(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
        | '\u{10000}'..)
}

proptest! {
    #[test]
    fn no_text_breaks_out(
        text in prop_oneof![".*", "[\"'<>&|\\]\\[\\\\`\u{0}-\u{1f}\u{fffe}\u{ffff}\u{2028}-]{0,20}"],
        failed in any::<bool>(),
    ) {
        let verdict = if failed { Verdict::Fail } else { Verdict::Pass };
        let of = |text: &str| {
            let report = report(vec![run(text, Some(verdict))], Some(text));
            String::from_utf8(junit(&report)).unwrap()
        };
        let xml = of(&text);
        prop_assert!(xml.chars().all(is_legal));
        let (names, values) = parsed(&xml);
        prop_assert_eq!(names, parsed(&of("plain")).0);
        prop_assert!(values.contains(&attribute(&text)), "{:?} in {}", text, xml);
    }
}

#[test]
fn a_run_that_did_not_pass_has_a_failure_or_an_error() {
    for verdict in [Verdict::Inconclusive, Verdict::Fail, Verdict::Error] {
        let mut run = run("a", Some(Verdict::Pass));
        run.verdict = verdict;
        let text = String::from_utf8(junit(&report(vec![run], None))).unwrap();
        assert!(
            text.contains(r#"failures="0" errors="1" skipped="0""#),
            "{text}"
        );
    }
}
