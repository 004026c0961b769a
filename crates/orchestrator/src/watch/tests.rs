//! The picture of one small timeline, at several widths, and what keys make of it.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them"
)]

mod keys;
mod pictures;

use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json};

use super::{Signs, View, draw};
use crate::{
    report::lanes::Lanes,
    timeline::{Micros, Timeline, What, file, scripted_timeline::ScriptedTimeline},
};

const UNICODE: Signs = Signs {
    ascii: false,
    colour: true,
};

const ASCII: Signs = Signs {
    ascii: true,
    colour: false,
};

/// When the pictures are drawn.
const NOW: Micros = Micros(40_000_000);

/// A flip of b's readiness, which fails and is restarted, and the answers of its target.
fn timeline() -> Timeline {
    let readiness = json!({ "httpGet": { "port": 8081, "path": "/readyz" }, "periodSeconds": 2 });
    let mut script = ScriptedTimeline::probed("readinessProbe", &readiness)
        .endpoints("web-a", &[("10.0.0.1", true), ("10.0.0.2", true)])
        .endpoints("web-b", &[("10.0.0.1", true)]);
    for at in (1..9).map(|number| number * 2_000) {
        script = script.at(at).asked("/readyz", "kube-probe/1.36");
    }
    script = script.at(18_000).flipped("503");
    for at in [18_500, 20_500, 22_500] {
        script = script.at(at).asked("/failing", "kube-probe/1.36");
    }
    let script = script
        .at(22_600)
        .event("Warning", "Unhealthy", "Readiness probe failed: 503")
        .ready(true, false)
        .at(22_700)
        .endpoints("web-a", &[("10.0.0.1", false), ("10.0.0.2", true)])
        .endpoints("web-b", &[("10.0.0.1", false)])
        .at(24_000)
        .asked("/users", "probe-target-traffic/0.1")
        .at(30_000)
        .healed()
        .at(31_000)
        .asked("/readyz", "kube-probe/1.36")
        .ready(true, true)
        .endpoints("web-a", &[("10.0.0.1", true), ("10.0.0.2", true)])
        .endpoints("web-b", &[("10.0.0.1", true)])
        .at(34_000)
        .restarts(1)
        .at(35_000)
        .gap("Event", 34_500);
    changed(&script.done(), |record| {
        if let Some(containers) = record.pointer_mut("/object/spec/containers") {
            containers[1]["image"] = "probe-target:0.1.0".into();
            containers[1]["args"] = json!(["--port=8081"]);
        }
        if record["path"] == "/failing" {
            record["reply"] = "503".into();
        }
    })
}

/// The timeline with each record changed as JSON.
fn changed(timeline: &Timeline, change: impl Fn(&mut Value)) -> Timeline {
    let mut bytes = Vec::new();
    file::write(timeline, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let lines = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        change(&mut record);
        record.to_string() + "\n"
    });
    file::read(&lines.collect::<String>()).unwrap().remove(0)
}

fn lanes_of(timeline: &Timeline) -> Lanes {
    let mut lanes = Lanes::live();
    for record in timeline.records() {
        lanes.take(record);
        if let What::Hit(hit) = &record.what {
            lanes.take_hit(record.at, hit);
        }
    }
    lanes
}

fn view() -> View {
    View::new("kind-kind/shop".to_owned())
}

/// What is on a terminal of this size, each line behind a bar and without the blanks at its end.
fn screen(view: &View, lanes: &Lanes, size: (u16, u16), signs: Signs) -> String {
    let terminal = drawn(view, lanes, size, signs);
    let text = terminal.backend().to_string();
    let rows = text.lines().map(|row| row.trim_matches('"').trim_end());
    rows.fold(String::new(), |text, row| text + "|" + row + "\n")
}

fn drawn(view: &View, lanes: &Lanes, size: (u16, u16), signs: Signs) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| draw(view, lanes, NOW, signs, frame))
        .unwrap();
    terminal
}
