//! The lanes of one small run, and pages whose texts are hostile.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

use std::sync::LazyLock;

use expect_test::expect;
use proptest::prelude::*;
use serde_json::Value;

use super::picture::{Picture, picture};
use super::skeleton::{skeleton, spike};
use super::*;
use crate::exit::Exit;
use crate::input::experiment::{Experiment, Source};
use crate::input::load::load;
use crate::judge::judge;
use crate::report::lanes::Lane;
use crate::report::repetition::{Repetition, RunSum};
use crate::timeline::RequestOutcome::{Ok, Refused};
use crate::timeline::scripted_timeline::ScriptedTimeline;
use crate::timeline::{Place, Timeline, file};

fn experiment() -> Experiment {
    let text = "\
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: { name: small }
spec:
  description: A small run.
  workload: { files: [deploy.yaml] }
  traffic: [{ name: users-a, service: web-a, port: 80, rate: 10/s }]
  steadyState: { require: [{ pod: deploy/web, that: { ready: 2/2 } }] }
  steps:
    - name: one
      flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
      expect:
        - id: pod-1-of-2
          pod: deploy/web
          that: { ready: 1/2 }
          eventually: { notBefore: 3s, within: 10s, hold: 1s }
        - { id: same, pod: deploy/web, that: { restarts: { delta: 0 } }, always: {} }
    - name: two
      flip: { pod: deploy/web, container: b, probe: readiness, to: pass }
      expect:
        - { id: pod-2-of-2, pod: deploy/web, that: { ready: 2/2 }, eventually: { within: 5s } }
";
    let source = Source {
        path: "small.yaml".into(),
        text: text.into(),
    };
    let loaded = load(&source).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.experiments.into_iter().next().unwrap()
}

fn timeline() -> Timeline {
    ScriptedTimeline::new()
        .endpoints("web-a", &[("10.0.0.1", true)])
        .at(1_000)
        .clock("users-a", 0)
        .steady()
        .step(0, 10_000)
        .flipped("404")
        .after(1_200)
        .asked("/readyz", "kube-probe/1.36")
        .event("Warning", "Unhealthy", "Readiness probe failed")
        .after(5_104)
        .ready(true, false)
        .after(5_110)
        .endpoints("web-a", &[("10.0.0.1", false)])
        .after(5_500)
        .gap("Event", 15_400)
        .after(6_500)
        .requests("users-a", 9_000, 15_150, Ok)
        .requests("users-a", 15_200, 16_400, Refused)
        .restarts(1)
        .end(0)
        .reverting()
        .after(6_600)
        .replaced()
        .done()
}

fn small_picture() -> Picture {
    let (experiment, timeline) = (experiment(), timeline());
    picture(&experiment, &timeline, &judge(&experiment, &timeline))
}

/// The lane in lines: its label, then its spans and marks.
fn lines(lane: &Lane) -> Vec<String> {
    let mut lines = vec![format!("  {}", lane.label)];
    for row in &lane.rows {
        let name = &row.name;
        lines.extend(row.spans.iter().map(|span| {
            let (from, to, level) = (span.from, span.to, span.level);
            let height = match (level.low, level.high, level.of) {
                (0, 1, 1) => String::new(),
                (low, high, of) => format!(" {low}-{high}/{of}"),
            };
            format!(
                "    {name}: {from} to {to} {:?}{height}: {}",
                span.look, span.text
            )
        }));
        lines.extend(row.marks.iter().map(|mark| {
            let (at, number, texts) = (mark.at, mark.number, mark.texts.join("; "));
            format!("    {name}: {at} {:?} ×{number}: {texts}", mark.look)
        }));
    }
    lines
}

#[test]
fn a_run_has_a_lane_for_each_object() {
    let groups = small_picture().groups;
    let lines = groups.iter().flat_map(|group| {
        let lanes = group.lanes.iter().flat_map(lines);
        [group.title.clone()].into_iter().chain(lanes)
    });
    let lines: Vec<String> = lines.collect();
    expect![[r#"
        Run
          steps
            steps: 0.000 to 1.000 Phase: until the steady state
            steps: 10.000 to 16.500 Phase: step 1, one
            steps: 16.500 to 16.600 Phase: clean-up
        Expectations of step 1, one
          pod-1-of-2
            window: 10.000 to 13.000 TooEarly: too early: expected from 3.000 s on
            window: 13.000 to 20.000 Window: expected to become true 3.000 s to 10.000 s after the action
            window: 15.104 to 16.104 Hold 0-1/3: must stay true for 1.000 s
            window: 15.104 Held ×1: true from here on: web-1 ready 2/2 until 5.104 s, then ready 1/2
          same
            window: 10.000 to 16.500 Window: always: deploy/web 0 restarts, always
        Traffic
          traffic users-a to web-a
            requests: 9.000 to 15.200 Requests(Ok): each request: ok
            requests: 15.200 to 16.400 Requests(Refused): each request: refused
        Services
          endpoints web-a
            ready: 0.000 to 15.110 Endpoints: 1/1 ready: 10.0.0.1
            ready: 15.110 to 16.600 NotReady: 0/1 ready: 10.0.0.1
            ready: 0.000 Change ×1: ready 1/1, was 0/0
            ready: 15.110 Change ×1: ready 0/1, was 1/1
        Pods
          pod web-1
            state: 0.000 to 15.104 Ready: ready 2/2
            state: 15.104 to 16.600 NotReady: not ready 1/2
            state: 0.000 Change ×1: created, ready 2/2
            state: 11.200 Event ×1: Unhealthy: Readiness probe failed
            state: 15.104 Change ×1: ready 1/2, was 2/2
            state: 16.600 Change ×1: deleted
          container web-1/a
            state: 0.000 to 16.600 Running: running, started
            ready: 0.000 to 16.600 Ready: ready
          container web-1/b
            flip of readiness: 10.000 to 16.500 Flip: readiness gets 404, unless its process or its bounds ended it before
            state: 0.000 to 16.600 Running: running, started
            state: 10.000 Flip ×1: readiness gets 404 (:8081/readyz, leased)
            state: 15.104 Change ×1: not ready
            state: 16.500 Restart ×1: restarted, 1 in all
            ready: 0.000 to 15.104 Ready: ready
            answers: 11.200 Passed ×1: :8081/readyz gets 200, asked by kube-probe/1.36
          pod web-2
            state: 16.600 Change ×1: created, ready 2/2
        Everything else
          replicaset web
            changes: 0.000 Change ×1: created
          watch Event
            missed: 15.400 to 15.500 Gap: changes of Event objects may have been missed
            changes: 15.500 Change ×1: changes were missed since 15.400 s of the timeline
    "#]].assert_eq(&(lines.join("\n") + "\n"));
}

/// Appends `spike` to every name and message of a run.
fn page_of(spike: &str) -> String {
    let (mut experiment, timeline) = (experiment(), spiked_timeline(spike));
    let mut judgement = judge(&experiment, &timeline);
    let add = |text: &mut String| text.push_str(spike);
    add(&mut experiment.name.value);
    add(experiment.description.as_mut().unwrap());
    experiment.source = Source {
        path: format!("small.yaml{spike}").into(),
        text: format!("{}{spike}", experiment.source.text).into(),
    };
    judgement.missing.push(spike.to_owned());
    judgement.causes.push(spike.to_owned());
    for step in &mut judgement.steps {
        add(&mut step.name);
        step.unreached.push(spike.to_owned());
        step.other_action = Some(spike.to_owned());
        for finding in &mut step.findings {
            add(&mut finding.id);
            add(&mut finding.expected);
            add(&mut finding.seen);
        }
    }
    let manifest = experiment.source.clone();
    let mut repetition = Repetition::new(&experiment, &timeline.header().place, 1);
    let run = RunSum {
        number: 1,
        seed: None,
        exit: Exit::Failed,
    };
    repetition.add(run, &judgement);
    let mut page = Page::default();
    for files in [&[&manifest][..], &[]] {
        let run = Run {
            experiment: &experiment,
            timeline: &timeline,
            judgement: &judgement,
            files,
            again: spike,
        };
        page.push(page.entry(&run).with_sum(&repetition));
    }
    page.html(&End {
        total: spike,
        not_run: &[spike],
        errors: &[spike.to_owned()],
    })
}

/// What a cluster, a user or a target chooses.
const CHOSEN: [&str; 12] = [
    "web-1",
    "web-2",
    "web",
    "a",
    "b",
    "10.0.0.1",
    "404",
    "/readyz",
    "kube-probe/1.36",
    "readiness",
    "Readiness probe failed",
    "Unhealthy",
];

fn spiked_timeline(spike: &str) -> Timeline {
    let mut bytes = Vec::new();
    file::write(&timeline(), &mut bytes).unwrap();
    let lines = String::from_utf8(bytes).unwrap();
    let lines = lines.lines().map(|line| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        add_spike(&mut value, spike);
        if value.get("timeline").is_some() {
            for field in [
                "experiment",
                "kubernetes",
                "probeflip",
                "run",
                "namespace",
                "started",
            ] {
                value[field] = format!("x{spike}").into();
            }
            value["place"] = serde_json::to_value(Place::Cluster(spike.to_owned())).unwrap();
        }
        value.to_string() + "\n"
    });
    file::read(&lines.collect::<String>()).unwrap().remove(0)
}

fn add_spike(value: &mut Value, spike: &str) {
    match value {
        Value::String(text) if CHOSEN.contains(&text.as_str()) => text.push_str(spike),
        Value::Array(items) => items.iter_mut().for_each(|item| add_spike(item, spike)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| add_spike(field, spike)),
        _ => {}
    }
}

/// The skeleton of a page without hostile texts.
static TAME: LazyLock<Vec<String>> = LazyLock::new(|| unfolded(&skeleton(&page_of("x"))));

/// The skeleton in which no text is folded: whether one is depends on its length.
fn unfolded(skeleton: &[String]) -> Vec<String> {
    let folded = ["details", "summary", "small", "small"];
    let mut rest = skeleton;
    let mut kept = Vec::new();
    while let Some(first) = rest.first() {
        let is_folded = rest.len() >= folded.len() && rest[..folded.len()] == folded;
        let (taken, element) = if is_folded {
            (folded.len(), "small")
        } else {
            (1, first.as_str())
        };
        kept.push(element.to_owned());
        rest = &rest[taken..];
    }
    kept
}

proptest! {
    // A page takes a hundredth of a second.
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_out_of_its_place(spike in spike()) {
        let page = page_of(&spike);
        prop_assert_eq!(&unfolded(&skeleton(&page)), &*TAME);
        let is_control = |character: char| character.is_control() && character != '\n';
        prop_assert!(!page.contains(is_control));
        let unseen = ['\u{2028}', '\u{202e}', '\u{feff}'];
        prop_assert!(!page.contains(unseen));
    }
}

#[test]
fn a_page_loads_nothing() {
    let page = page_of("");
    for reference in [
        "src=", "http://", "https://", "@import", "url(http", "fetch(",
    ] {
        assert!(!page.contains(reference), "{reference}");
    }
}
