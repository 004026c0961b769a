//! Names and reasons that try to break out of what a prediction is written as.

use std::sync::LazyLock;

use proptest::prelude::*;
use rules::probe::Window;
use serde_json::Value;

use crate::{
    input::{experiment::Probe, source::Source},
    predict::{
        Answer, Basis, Comparison, ExpectationTimes, Extras, Finding, ImpactSeverity,
        PredictionPage, SeverityReason, Table,
        answer::{EffectBounds, EffectTimes, ProbeWindow, ServiceRequests},
        expectations_json, expectations_markdown, expectations_text,
        experiment::Effect,
        json, markdown,
    },
    report::html::skeleton::{skeleton, spike},
    stand_in::Settings,
    timeline::Micros,
};

/// Answers in which all that a user or a cluster chooses ends with this text.
fn answers(spike: &str) -> Vec<Answer> {
    let name = |name: &str| format!("{name}{spike}");
    let effects = [
        Effect::NotReady,
        Effect::Restarted(name("app")),
        Effect::None(name("web")),
        Effect::Some(name("web")),
    ];
    let times = |effect| EffectTimes {
        effect,
        earliest: Micros(1_000_000),
        latest: Micros(2_500_000),
        seen: 1,
        bounds: Some(EffectBounds {
            after: Micros(500_000),
            within: Micros(3_000_000),
        }),
    };
    let reasons = [
        SeverityReason::NotJudged { why: name("why") },
        SeverityReason::NoEndpoint {
            service: name("web"),
            lasts: None,
        },
    ];
    let answer = |reason: SeverityReason| Answer {
        workload: name("deploy/web"),
        container: Some(name("app")),
        fails: name("readiness"),
        experiment: Some(name("web-app")),
        also: vec![name("also")],
        windows: vec![ProbeWindow {
            probe: Probe::Readiness,
            after: Micros(500_000),
            within: Micros(2_000_000),
        }],
        effects: effects.clone().map(times).into(),
        requests: vec![ServiceRequests {
            service: name("web"),
            sent: 10,
            least_failed: 1,
            most_failed: 2,
            longest_failure: Micros(100_000),
        }],
        ..Answer::example(reason)
    };
    reasons.map(answer).into()
}

/// The HTML page.
pub(in crate::predict) fn page(spike: &str) -> String {
    let answers = answers(spike);
    let file = Source {
        path: format!("chart.yaml{spike}").into(),
        text: format!("kind: Deployment{spike}").into(),
    };
    let comparison = Comparison {
        before: Some(answers[1].clone()),
        after: None,
    };
    let page = PredictionPage {
        basis: &Basis::new(&Settings::default(), 1, 1, 10),
        answers: &answers,
        findings: &[finding(spike)],
        comparison: Some(&[comparison]),
        advice: Some((spike, spike)),
        notes: &[spike.to_owned()],
        files: &[&file],
        again: spike,
    };
    page.html()
}

fn finding(spike: &str) -> Finding {
    Finding {
        severity: ImpactSeverity::Outage,
        rows: vec![1, 0],
        message: format!("no request succeeds{spike}"),
    }
}

fn times(spike: &str) -> ExpectationTimes {
    let name = format!("x{spike}");
    let window = Window {
        after: std::time::Duration::ZERO,
        within: std::time::Duration::from_secs(2),
    };
    ExpectationTimes::new([&name, &name, &name], Ok(window), &[None])
}

/// Text for people: the tables of answers and of expectations.
fn text(spike: &str) -> String {
    let answers = answers(spike);
    let mut table = Table::new(&[("readiness".to_owned(), "all 3".to_owned())], Some(80));
    let rows: String = answers.iter().map(|answer| table.row(answer)).collect();
    rows + &expectations_text(&[times(spike)], None)
}

fn markdown_of(spike: &str) -> String {
    markdown(&answers(spike)) + &expectations_markdown(&[times(spike)])
}

/// Markdown without escaped characters.
fn unescaped(text: &str) -> String {
    let mut kept = String::new();
    let text = text.replace("&#124;", "");
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
        } else {
            kept.push(character);
        }
    }
    kept
}

static TAME: LazyLock<Vec<String>> = LazyLock::new(|| skeleton(&page("x")));

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_out(spike in spike()) {
        let page = page(&spike);
        prop_assert_eq!(&skeleton(&page), &*TAME);
        let written = [page, text(&spike), markdown_of(&spike)];
        for text in written {
            let is_control = |character: char| character.is_control() && character != '\n';
            prop_assert!(!text.contains(is_control), "{}", text);
            prop_assert!(!text.contains(['\u{2028}', '\u{202e}', '\u{feff}']), "{}", text);
        }
    }

    #[test]
    fn no_text_becomes_markdown(spike in spike()) {
        let (shown, plain) = (unescaped(&markdown_of(&spike)), unescaped(&markdown_of("x")));
        prop_assert_eq!(shown.lines().count(), plain.lines().count());
        for sign in ['|', '<', '>', '`', '*', '[', '#', '~', '_', '&', '$'] {
            prop_assert_eq!(shown.matches(sign).count(), plain.matches(sign).count());
        }
    }

    #[test]
    fn json_has_texts_as_they_are(spike in spike()) {
        let (answers, basis) = (answers(&spike), Basis::new(&Settings::default(), 1, 1, 10));
        let text = json(&basis, &answers, &[], Extras::default(), crate::exit::Exit::Held);
        let report: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&report["rows"][0]["container"], &format!("app{spike}"));
        let report: Value = serde_json::from_str(&expectations_json(&[times(&spike)])).unwrap();
        prop_assert_eq!(&report["expectations"][0]["id"], &format!("x{spike}"));
    }
}
