//! Lanes that are kept for as long as one likes.

use super::*;
use crate::timeline::{RequestOutcome, scripted_timeline::ScriptedTimeline};

fn all() -> Extent {
    Extent {
        from: Micros::ZERO,
        to: Micros(1_000_000_000),
        interval: Micros(1),
    }
}

#[test]
fn what_was_over_before_a_time_is_forgotten() {
    let timeline = ScriptedTimeline::new()
        .endpoints("web-a", &[("10.0.0.1", true)])
        .endpoints("web-b", &[("10.0.0.1", true)])
        .at(5_000)
        .asked("/early", "kube-probe/1.36")
        .flipped("503")
        .healed()
        .ready(true, false)
        .endpoints("web-b", &[])
        .at(10_000)
        .replaced()
        .at(100_000)
        .ready(false, true)
        .done();
    let mut lanes = Lanes::live();
    for record in timeline.records() {
        lanes.take(record);
        if let What::Hit(hit) = &record.what {
            lanes.take_hit(record.at, hit);
        }
    }
    let labels = |lanes: &Lanes| {
        let pods = lanes.pods(&all()).into_iter().flatten();
        let all = pods.chain(lanes.services(&all()).lanes);
        let all = all.filter(|lane| !lane.is_empty()).map(|lane| lane.label);
        all.collect::<Vec<_>>().join(", ")
    };
    let before = "pod web-1, container web-1/a, container web-1/b, pod web-2, container web-2/a, \
                  container web-2/b, endpoints web-a, endpoints web-b";
    assert_eq!(labels(&lanes), before);
    assert!(lanes.snapshot().pod("u1").is_some());
    lanes.forget(Micros(50_000_000));
    let after = "pod web-2, container web-2/a, container web-2/b, endpoints web-a";
    assert_eq!(labels(&lanes), after);
    assert!(lanes.snapshot().pod("u1").is_none());
    assert!(lanes.snapshot().pod("u2").is_some());
    assert_eq!(lanes.snapshot().flips().len(), 0);
}

#[test]
fn requests_are_kept_of_the_clients_that_are_followed() {
    let timeline = ScriptedTimeline::new()
        .clock("users-a", 0)
        .at(10_000)
        .requests("users-a", 1_000, 3_000, RequestOutcome::Ok)
        .requests("users-a", 3_000, 9_000, RequestOutcome::Refused)
        .done();
    let mut lanes = Lanes::live();
    lanes.follow_client("users-a", "10/s".parse().unwrap(), Duration::from_secs(1));
    for record in timeline.records() {
        lanes.take(record);
    }
    let texts = |lanes: &Lanes| {
        let lanes = lanes.followed_clients(&all()).lanes.into_iter();
        let spans = lanes.flat_map(|lane| lane.rows).flat_map(|row| row.spans);
        let looks: BTreeSet<SpanLook> = spans.map(|span| span.look).collect();
        looks.into_iter().collect::<Vec<_>>()
    };
    let [ok, refused] = [RequestOutcome::Ok, RequestOutcome::Refused].map(SpanLook::Requests);
    assert_eq!(texts(&lanes), [ok, refused]);
    lanes.forget(Micros(5_000_000));
    assert_eq!(texts(&lanes), [refused]);
}
