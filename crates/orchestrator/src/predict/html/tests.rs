//! The lanes of small answers, and the links of a page.

use std::collections::BTreeSet;

use super::{
    super::tests::hostile::page,
    lanes::{by_subject, picture},
};
use crate::{
    input::experiment::Probe,
    predict::{
        Answer, SeverityReason,
        answer::{EffectBounds, EffectTimes, ProbeWindow},
        experiment::Effect,
    },
    report::lanes::Subject,
    timeline::Micros,
};

fn times(effect: Effect, earliest: u64, latest: u64) -> EffectTimes {
    EffectTimes {
        effect,
        earliest: Micros(earliest * 1_000_000),
        latest: Micros(latest * 1_000_000),
        seen: 1,
        bounds: None,
    }
}

#[test]
fn effects_are_drawn_from_the_fault_on() {
    let web = || "web".to_owned();
    let bounded = EffectTimes {
        bounds: Some(EffectBounds {
            after: Micros(10_000_000),
            within: Micros(15_000_000),
        }),
        ..times(Effect::NotReady, 11, 14)
    };
    let answer = Answer {
        windows: vec![ProbeWindow {
            probe: Probe::Readiness,
            after: Micros(10_000_000),
            within: Micros(14_000_000),
        }],
        effects: vec![
            bounded,
            times(Effect::None(web()), 12, 14),
            times(Effect::Some(web()), 5, 6),
            times(Effect::Reverted, 1, 2),
        ],
        ..Answer::example(SeverityReason::NotReady)
    };
    let unknown = Answer::example(SeverityReason::NotJudged { why: web() });
    let answers = [unknown, answer];
    let subjects = by_subject(&answers);
    let picture = picture(0, &subjects[0]);
    let [group] = &picture.groups[..] else {
        panic!("{picture:?}");
    };
    let [lane] = &group.lanes[..] else {
        panic!("{group:?}");
    };
    assert_eq!(
        (&*group.title, &lane.subject),
        ("deploy/web/app", &Subject::Answer(0, 1))
    );
    let spans = lane.rows.iter().flat_map(|row| {
        let seconds = |at: Micros| at.0 / 1_000_000;
        let spans = row.spans.iter();
        spans.map(move |span| (row.name.as_str(), seconds(span.from), seconds(span.to)))
    });
    let expected = [
        ("readiness decides", 10, 14),
        ("not ready", 10, 15),
        ("not ready", 11, 14),
        ("web: no endpoint", 12, 14),
        // An endpoint comes 5 to 6 s after there was none.
        ("web: an endpoint", 17, 20),
    ];
    assert_eq!(spans.collect::<Vec<_>>(), expected);
    assert_eq!(picture.end, Micros(21_000_000));
}

#[test]
fn every_link_leads_somewhere() {
    let page = page("");
    let values = |start: &str| -> BTreeSet<String> {
        let parts = page.split(start).skip(1);
        parts
            .map(|part| part[..part.find('"').unwrap()].to_owned())
            .collect()
    };
    let (links, places) = (values("href=\"#"), values("id=\""));
    let missing: Vec<&String> = links.difference(&places).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for link in ["p-1-2", "p-1-2-row"] {
        assert!(links.contains(link), "{links:?}");
    }
}
