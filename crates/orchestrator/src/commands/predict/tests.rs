//! The exit code of a prediction.

use std::time::Duration;

use super::exit;
use crate::{
    cli::predict::FailOn,
    exit::Exit,
    predict::{Answer, SeverityReason},
    timeline::Micros,
};

#[track_caller]
fn check(fail_on: &str, reason: SeverityReason, expected: Exit) {
    let answer = Answer::example(reason);
    let fail_on: FailOn = fail_on.parse().unwrap();
    assert_eq!(exit(&[answer], Some(fail_on)), expected, "{fail_on:?}");
}

fn outage(seconds: u64, to_the_end: bool) -> SeverityReason {
    SeverityReason::NoRequestSucceeds {
        lasts: Micros::from(Duration::from_secs(seconds)),
        to_the_end,
        service: "web".to_owned(),
    }
}

#[test]
fn an_outage_fails_by_its_length() {
    check("outage", outage(1, false), Exit::Failed);
    check("outage=5s", outage(5, false), Exit::Failed);
    check("outage=5s", outage(4, false), Exit::Held);
    // It would have lasted for longer than it was observed.
    check("outage=5m", outage(100, true), Exit::Failed);
    check("outage", SeverityReason::NoProbeNotices, Exit::Held);
}

#[test]
fn the_worse_fails_too() {
    let restarted = || SeverityReason::Restarted {
        container: "web".to_owned(),
    };
    check("restart", restarted(), Exit::Failed);
    check("restart", outage(1, false), Exit::Failed);
    check("unnoticed", SeverityReason::NoProbeNotices, Exit::Failed);
    check("unnoticed", restarted(), Exit::Held);
    check("restart", SeverityReason::NotReady, Exit::Held);
    let why = "unknown".to_owned();
    check("restart", SeverityReason::NotJudged { why }, Exit::Held);
    assert_eq!(exit(&[Answer::example(outage(1, false))], None), Exit::Held);
}

#[test]
fn other_words_are_no_severity() {
    for text in ["none", "degraded", "outage=", "outage=soon", "restart=5s"] {
        text.parse::<FailOn>().unwrap_err();
    }
}
