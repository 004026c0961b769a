//! A run as a picture: groups of lanes over one time axis, without any markup.

use super::expectations;
use super::when::When;
use crate::input::experiment::Experiment;
use crate::judge::Judgement;
use crate::report::lanes::{Extent, Group, Lane, Lanes, Row, Shown, SpanLook, Subject};
use crate::timeline::snapshot::Snapshot;
use crate::timeline::{Micros, Timeline, What};

/// Number of intervals of which each holds one mark of a row and look at most.
const INTERVALS: u64 = 1000;

/// All lanes of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The end of the time axis; it begins at zero.
    pub(crate) end: Micros,
    /// Marks of one row and look that are closer than this are one mark with their number.
    pub(crate) resolution: Micros,
    /// Time 0 of each step that ran.
    pub(crate) when: When,
    /// The lanes, from top to bottom.
    pub(crate) groups: Vec<Group>,
}

/// The picture of one run.
pub(super) fn picture(
    experiment: &Experiment,
    timeline: &Timeline,
    judgement: &Judgement,
) -> Picture {
    let lanes = lanes(experiment, timeline);
    let end = timeline.last().max(Micros(1));
    let resolution = Micros(end.0 / INTERVALS);
    let extent = Extent {
        from: Micros::ZERO,
        to: end,
        interval: resolution,
    };
    let mut groups = vec![phases(lanes.snapshot(), judgement, end)];
    groups.extend(expectations::groups(experiment, judgement, end));
    groups.push(lanes.clients(&experiment.traffic, &extent));
    groups.push(lanes.services(&extent));
    groups.push(pods(&lanes, &extent));
    groups.push(lanes.others(&extent));
    groups.retain(|group| !group.lanes.is_empty());
    Picture {
        end,
        resolution,
        when: When::new(judgement.steps.iter().map(|step| step.acknowledged)),
        groups,
    }
}

fn lanes(experiment: &Experiment, timeline: &Timeline) -> Lanes {
    let mut lanes = Lanes::new(&experiment.traffic);
    for record in timeline.records() {
        lanes.take(record);
    }
    // Only now, as the clocks of all targets are known at the end.
    for record in timeline.records() {
        if let What::Hit(hit) = &record.what {
            lanes.take_hit(record.at, hit);
        }
    }
    lanes
}

/// The start, the steps and the clean-up.
fn phases(snapshot: &Snapshot, judgement: &Judgement, end: Micros) -> Group {
    let mut row = Row::new("steps");
    let mut phase = |text: String, from: Option<Micros>, to: Option<Micros>| {
        if let Some(from) = from {
            let shown = Shown::full(SpanLook::Phase, text);
            row.spans.push(shown.between(from, to.unwrap_or(end)));
        }
    };
    let Snapshot {
        applied,
        steady,
        reverting,
        ..
    } = snapshot;
    phase(
        "until the steady state".into(),
        *applied,
        steady.or(*reverting),
    );
    for (number, step) in judgement.steps.iter().enumerate() {
        let times = snapshot.step_times(number);
        let text = format!("step {}, {}", number + 1, step.name);
        phase(
            text,
            times.sent.or(times.started),
            times.ended.or(*reverting),
        );
    }
    phase("clean-up".into(), *reverting, None);
    let lanes = if row.is_empty() {
        Vec::new()
    } else {
        vec![Lane::new("steps", Subject::Run, vec![row])]
    };
    Group {
        title: "Run".into(),
        lanes,
    }
}

/// The lanes of Pods and containers; those of flipped ones come first.
fn pods(lanes: &Lanes, extent: &Extent) -> Group {
    let mut pods = lanes.pods(extent);
    pods.sort_by_key(|lanes| !lanes.iter().any(Lane::is_flipped));
    let lanes = pods.into_iter().flatten();
    Group {
        title: "Pods".into(),
        lanes: lanes.filter(|lane| !lane.is_empty()).collect(),
    }
}
