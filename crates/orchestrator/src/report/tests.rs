//! One small run, told in every way.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

use expect_test::{expect, expect_file};

use super::summary::{counts, summary};
use super::table::verdicts;
use super::*;
use crate::exit::Exit;
use crate::input::experiment::{Experiment, Source};
use crate::input::load::load;
use crate::judge::{Judgement, Verdict, judge};
use crate::timeline::RequestOutcome::{Ok, Refused};
use crate::timeline::scripted_timeline::ScriptedTimeline;
use crate::timeline::{Change, Micros, Timeline, What};

/// `within` decides whether the first expectation holds.
fn experiment(within: &str) -> Experiment {
    let text = format!(
        "apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: small }}
spec:
  workload: {{ files: [deploy.yaml] }}
  traffic: [{{ name: users-a, service: web-a, port: 80, rate: 10/s }}]
  steadyState: {{ require: [{{ pod: deploy/web, that: {{ ready: 2/2 }} }}] }}
  steps:
    - name: one
      flip: {{ pod: deploy/web, container: b, probe: readiness, to: 404 }}
      expect:
        - {{ id: pod-1-of-2, pod: deploy/web, that: {{ ready: 1/2 }}, eventually: {{ within: {within}, hold: 1s }} }}
        - {{ id: a-stays-ready, pod: deploy/web, container: a, that: {{ ready: true }}, always: {{}} }}
        - {{ id: users-refused, traffic: [users-a], that: {{ outcome: refused }}, observe: {{}} }}
    - name: two
      flip: {{ pod: deploy/web, container: b, probe: readiness, to: pass }}
      expect: [{{ id: pod-2-of-2, pod: deploy/web, that: {{ ready: 2/2 }}, eventually: {{ within: 5s }} }}]
"
    );
    let source = Source {
        path: "small.yaml".into(),
        text: text.into(),
    };
    load(&source)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .experiments
        .remove(0)
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
        .event(
            "Warning",
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 404\nmore",
        )
        .after(1_300)
        .event("Normal", "Killing", "Container b failed liveness probe")
        .event("Normal", "Pulled", "not worth a line")
        .after(5_104)
        .ready(true, false)
        .after(5_110)
        .endpoints("web-a", &[("10.0.0.1", false)])
        .after(6_500)
        .requests("users-a", 9_000, 15_150, Ok)
        .requests("users-a", 15_200, 16_400, Refused)
        .end(0)
        .reverting()
        .after(6_600)
        .replaced()
        .done()
}

fn told(within: &str) -> (Experiment, Timeline, Judgement) {
    let (experiment, timeline) = (experiment(within), timeline());
    let judgement = judge(&experiment, &timeline);
    (experiment, timeline, judgement)
}

#[test]
fn a_terminal_is_told_everything() {
    let told = told("10s");
    expect![[r#"
        small: until the steady state
            +0.000 s  replicaset web   created
            +0.000 s  pod web-1        created, ready 2/2
            +0.000 s  endpoints web-a  ready 1/1, was 0/0
            +1.000 s  steady state     reached
            +9.000 s  traffic users-a  ok

        step 1, one: at 0 the readiness probe of b in deploy/web gets `404`
            +0.000 s  container web-1/b  readiness gets 404 (:8081/readyz, leased)
            +1.200 s  pod web-1          Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404
            +1.300 s  pod web-1          Killing: Container b failed liveness probe
            +5.104 s  container web-1/b  not ready
            +5.104 s  pod web-1          ready 1/2, was 2/2
            +5.110 s  endpoints web-a    ready 0/1, was 1/1
            +5.200 s  traffic users-a    refused, was ok
            +6.500 s  step 1             decided

        afterwards: flips reverted, objects deleted
            +0.100 s  pod web-1  deleted
            +0.100 s  pod web-2  created, ready 2/2

         step   expectation     verdict      at        expected
        ───────────────────────────────────────────────────────────────────────────────────────────────────
         one    pod-1-of-2      ✔ pass       5.104 s   deploy/web ready 1/2, eventually within 10s, for 1s
                a-stays-ready   ✔ pass                 deploy/web container a ready, always
                users-refused   · observed             requests of users-a refused, observed
                                                       users-a 12 of 64 failed, longest failure 1.200 s
         two    pod-2-of-2      – not run              deploy/web ready 2/2, eventually within 5s

        one: flip → NotReady 5.104 s → endpoint 5.110 s → first lost 5.200 s

        · observed users-refused (one)
          seen      users-a ok until 5.200 s, then refused

        ? inconclusive small on virtual in 16.600 s: 2 of 3 expectations held, 1 not run
    "#]].assert_eq(&(shown(&told, None).0 + "\n"));
}

/// Everything about a run, and the story of what did not hold, at this width.
fn shown(
    (experiment, timeline, judgement): &(Experiment, Timeline, Judgement),
    width: Option<u16>,
) -> (String, String) {
    let text = RunText {
        experiment,
        sections: &sections(experiment, timeline),
        timeline,
        judgement,
        width,
    };
    (text.everything(), text.around_failure())
}

#[test]
fn a_failure_is_told_with_its_step() {
    let text = shown(&told("4s"), Some(120)).1;
    expect![[r#"
        step 1, one: at 0 the readiness probe of b in deploy/web gets `404`
            +0.000 s  container web-1/b  readiness gets 404 (:8081/readyz, leased)
            +1.200 s  pod web-1          Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404
            +1.300 s  pod web-1          Killing: Container b failed liveness probe
            +5.104 s  container web-1/b  not ready
            +5.104 s  pod web-1          ready 1/2, was 2/2
            +5.110 s  endpoints web-a    ready 0/1, was 1/1
            +5.200 s  traffic users-a    refused, was ok
            +6.500 s  step 1             decided

         step   expectation     verdict      at   expected
        ─────────────────────────────────────────────────────────────────────────────────────────────
         one    pod-1-of-2      ✘ fail            deploy/web ready 1/2, eventually within 4s, for 1s
                a-stays-ready   ✔ pass            deploy/web container a ready, always
                users-refused   · observed        requests of users-a refused, observed
                                                  users-a 12 of 64 failed, longest failure 1.200 s
         two    pod-2-of-2      – not run         deploy/web ready 2/2, eventually within 5s

        one: flip → NotReady 5.104 s → endpoint 5.110 s → first lost 5.200 s

        ✘ fail pod-1-of-2 (one)
          expected  deploy/web ready 1/2, eventually within 4s, for 1s
          seen      not true in time: web-1 ready 2/2 until 5.104 s, then ready 1/2

        · observed users-refused (one)
          seen      users-a ok until 5.200 s, then refused

        ✘ fail small on virtual in 16.600 s: 1 of 3 expectations held, 1 failed, 1 not run"#]].assert_eq(&text);
    // Without a step that did not pass, the last one tells how the run ended.
    let mut told = told("10s");
    told.2.steps.truncate(1);
    let text = shown(&told, None).1;
    assert!(text.starts_with("step 1, one: at 0"), "{text}");
}

#[test]
fn a_narrow_terminal_gets_a_verdict_in_two_lines() {
    let text = shown(&told("4s"), Some(60)).1;
    expect![[r#"
        step 1, one: at 0 the readiness probe of b in deploy/web
        gets `404`
          +0.000 s  container web-1/b
            readiness gets 404 (:8081/readyz, leased)
          +1.200 s  pod web-1
            Unhealthy: Readiness probe failed: HTTP probe failed
            with statuscode: 404
          +1.300 s  pod web-1
            Killing: Container b failed liveness probe
          +5.104 s  container web-1/b  not ready
          +5.104 s  pod web-1  ready 1/2, was 2/2
          +5.110 s  endpoints web-a  ready 0/1, was 1/1
          +5.200 s  traffic users-a  refused, was ok
          +6.500 s  step 1  decided

        one
          ✘ fail      pod-1-of-2
              deploy/web ready 1/2, eventually within 4s, for 1s
          ✔ pass      a-stays-ready
              deploy/web container a ready, always
          · observed  users-refused
              requests of users-a refused, observed
              users-a 12 of 64 failed, longest failure 1.200 s
        two
          – not run   pod-2-of-2
              deploy/web ready 2/2, eventually within 5s

        one: flip → NotReady 5.104 s → endpoint 5.110 s
          → first lost 5.200 s

        ✘ fail pod-1-of-2 (one)
          expected  deploy/web ready 1/2, eventually within 4s, for
                    1s
          seen      not true in time: web-1 ready 2/2 until 5.104 s,
                    then ready 1/2

        · observed users-refused (one)
          seen      users-a ok until 5.200 s, then refused

        ✘ fail small on virtual in 16.600 s: 1 of 3 expectations
        held, 1 failed, 1 not run"#]]
    .assert_eq(&text);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in (10..=200).step_by(5) {
        let told = told("4s");
        let text = shown(&told, Some(width)).0;
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(usize::from(width.max(20))), "{text}");
    }
}

#[test]
fn a_client_that_flickers_has_one_line_a_step() {
    let flicker = |mut script: ScriptedTimeline, from: u64| {
        for at in (from..from + 5_000).step_by(100) {
            let outcome = if at % 200 == 0 { Ok } else { Refused };
            script = script.requests("users-a", at, at + 1, outcome);
        }
        script
    };
    let script = ScriptedTimeline::new()
        .at(1_000)
        .clock("users-a", 0)
        .steady()
        .step(0, 10_000)
        .after(5_000);
    let script = flicker(script, 10_000).end(0).step(1, 20_000).at(25_000);
    let timeline = flicker(script, 20_000).end(1).done();
    let experiment = experiment("4s");
    let steps = sections(&experiment, &timeline);
    let steps: Vec<_> = steps
        .iter()
        .filter(|it| it.title.starts_with("step"))
        .collect();
    assert_eq!(steps.len(), 2);
    for step in steps {
        let lines = step.lines.iter();
        let lines: Vec<_> = lines.filter(|it| it.object == "traffic users-a").collect();
        let flickers = |change: &str| {
            change.starts_with("ok and refused, ") || change.starts_with("refused and ok, ")
        };
        let sums: Vec<_> = lines.iter().filter(|it| flickers(&it.change)).collect();
        let ([sum], true) = (&sums[..], lines.len() <= 2) else {
            panic!("{step}")
        };
        let end = " changes by +4.900 s, refused last";
        assert!(sum.change.ends_with(end), "{step}");
    }
}

#[test]
fn what_many_pods_do_alike_is_told_once() {
    let mut timeline = Timeline::new(timeline().header().clone());
    for (at, change, ready) in [(0, Change::Added, false), (1_000, Change::Modified, true)] {
        for number in 1..=5 {
            let pod = serde_json::json!({
                "kind": "Pod",
                "metadata": {
                    "name": format!("web-{number}"),
                    "uid": format!("uid-{number}"),
                    "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}],
                },
                "spec": {"containers": [{"name": "a"}]},
                "status": {"containerStatuses": [{"name": "a", "ready": ready && number < 5}]},
            });
            timeline.push(Micros((at + number) * 1_000), What::watched(change, pod));
        }
    }
    let text: Vec<_> = sections(&experiment("4s"), &timeline)
        .iter()
        .map(ToString::to_string)
        .collect();
    expect![[r#"
        small: until the steady state
            +0.001 s  pod web-*          created, ready 0/1 (5 Pods by +0.005 s)
            +1.001 s  container web-*/a  ready (4 Pods by +1.004 s)
            +1.001 s  pod web-*          ready 1/1, was 0/1 (4 Pods by +1.004 s)"#]]
    .assert_eq(&text.join("\n"));
}

/// What a terminal would obey: it clears the screen, sets the title and turns the line around.
const EVIL: &str = "\x1b[2J\x1b]0;title\x07\u{202e}";

#[test]
fn control_characters_are_told_as_escapes_and_kept_for_machines() {
    let seen = r"\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}";
    let experiment = experiment("10s");
    let timeline = ScriptedTimeline::new()
        .at(1_000)
        .clock("users-a", 0)
        .steady()
        .step(0, 10_000)
        .event("Warning", "Unhealthy", EVIL)
        .after(11_000)
        .end(0)
        .done();
    let mut judgement = judge(&experiment, &timeline);
    judgement.missing.push(EVIL.into());
    judgement.steps[0].name = format!("{EVIL}\nforged");
    judgement.steps[0].findings[0].verdict = Some(Verdict::Fail);
    judgement.steps[0].findings[0].seen = format!("{EVIL}\nforged");
    let told = (experiment, timeline, judgement);
    let text = shown(&told, None).0;
    let (experiment, timeline, judgement) = told;
    let unsafe_ =
        |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
    assert!(!text.contains(unsafe_), "{text:?}");
    for told in [
        format!("Unhealthy: {seen}"),
        format!("not reached: {seen}"),
        format!("({seen}\\nforged)"),
        format!("seen      {seen}\\nforged"),
    ] {
        assert!(text.contains(&told), "{told} in {text}");
    }
    let json = serde_json::to_value(json::Run::new(&experiment, &timeline, &judgement)).unwrap();
    assert_eq!(json["missing"][0], EVIL);
    let event = timeline.records().iter().find_map(|record| {
        let record = serde_json::to_value(record).unwrap();
        record.pointer("/object/message").cloned()
    });
    assert_eq!(event.unwrap(), EVIL);
}

#[test]
fn what_did_not_hold_is_explained() {
    let (experiment, timeline, judgement) = told("4s");
    let parts = [
        verdicts(&judgement, Some(100)),
        details(&judgement, Some(100)).join("\n\n"),
    ];
    expect![[r#"
         step   expectation     verdict      at   expected
        ─────────────────────────────────────────────────────────────────────────────────────────────
         one    pod-1-of-2      ✘ fail            deploy/web ready 1/2, eventually within 4s, for 1s
                a-stays-ready   ✔ pass            deploy/web container a ready, always
                users-refused   · observed        requests of users-a refused, observed
                                                  users-a 12 of 64 failed, longest failure 1.200 s
         two    pod-2-of-2      – not run         deploy/web ready 2/2, eventually within 5s

        ✘ fail pod-1-of-2 (one)
          expected  deploy/web ready 1/2, eventually within 4s, for 1s
          seen      not true in time: web-1 ready 2/2 until 5.104 s, then ready 1/2

        · observed users-refused (one)
          seen      users-a ok until 5.200 s, then refused"#]]
    .assert_eq(&parts.join("\n\n"));
    let summary = Paint::Colour.all(&summary(&experiment, &timeline, &judgement));
    expect!["ESC[31m✘ failESC[0m small on virtual in 16.600 s: 1 of 3 expectations held, 1 failed, 1 not run"].assert_eq(&summary.replace('\x1b', "ESC"));
}

#[test]
fn who_only_observes_expects_nothing() {
    let mut judgement = told("4s").2;
    judgement.steps.truncate(1);
    judgement.steps[0].findings.drain(..2);
    assert_eq!(counts(&judgement), "nothing was expected");
}

#[test]
fn colour_changes_no_word_and_no_width() {
    let (_, _, judgement) = told("4s");
    let plain = verdicts(&judgement, None);
    let colour = Paint::Colour.all(&plain);
    assert_eq!(Paint::Plain.all(&plain), plain);
    assert_ne!(plain, colour);
    let codes = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"];
    assert_eq!(
        codes
            .iter()
            .fold(colour, |text, code| text.replace(code, "")),
        plain
    );
}

#[test]
fn machines_are_told_the_same() {
    let (experiment, timeline, judgement) = told("4s");
    let mut outcomes = Outcomes::none_of(["small", "other"].map(str::to_owned));
    outcomes.ended("small", Exit::Failed);
    let report = json::Report::new(
        Exit::Failed,
        outcomes,
        vec![json::Run::new(&experiment, &timeline, &judgement)],
        vec![],
        vec![],
    );
    expect_file!["tests/report.json"]
        .assert_eq(&(serde_json::to_string_pretty(&report).unwrap() + "\n"));
}

#[test]
fn the_json_report_has_a_schema() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let verdict = &schema["$defs"]["Expectation"]["properties"]["verdict"];
    assert_eq!(
        verdict["description"],
        "Null if its step did not run, or if it is only observed."
    );
    // What may be null is written nevertheless.
    let required = schema["$defs"]["Expectation"]["required"]
        .as_array()
        .unwrap();
    assert!(required.contains(&"verdict".into()), "{required:?}");
}

#[test]
fn every_time_in_the_schema_has_its_unit() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    assert_eq!(definitions["Micros"]["description"], "Whole microseconds.");
    let mut times = 0;
    for (name, definition) in definitions.iter().chain([(&String::new(), &schema)]) {
        let fields = definition["properties"].as_object().into_iter().flatten();
        for (field, value) in fields {
            assert!(
                value["description"].is_string(),
                "{name}.{field} is not described"
            );
            if value.to_string().contains("#/$defs/Micros") {
                let description = value["description"].as_str().unwrap();
                assert!(
                    description.contains("in microseconds"),
                    "{name}.{field}: {description}"
                );
                times += 1;
            }
        }
    }
    assert_eq!(times, 18);
}
