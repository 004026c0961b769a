//! From a judged timeline to the lanes of its picture.
//!
//! The present is folded by the one [`Snapshot`]; what is kept here is since when it looks the way
//! it does.

use std::collections::{BTreeMap, BTreeSet};

use super::containers::{ContainerTracks, endpoints_shown, pod_shown};
use super::expectations;
use super::lane::{Group, Lane, Mark, MarkLook, Picture, Row, Span, SpanLook};
use super::merge::merged;
use super::requests;
use super::track::{Shown, Track};
use super::when::When;
use crate::input::experiment::{Experiment, TrafficClient};
use crate::judge::Judgement;
use crate::report::record_changes::changes;
use crate::timeline::snapshot::{EndpointFacts, Snapshot, service_of};
use crate::timeline::{Hit, Micros, Record, Timeline, What};

/// Number of intervals of which each holds one mark of a row and look at most.
const INTERVALS: u64 = 1000;

/// The picture of one run.
pub(crate) fn picture(
    experiment: &Experiment,
    timeline: &Timeline,
    judgement: &Judgement,
) -> Picture {
    let mut lanes = Lanes {
        snapshot: Snapshot::new(&experiment.traffic),
        ..Lanes::default()
    };
    for record in timeline.records() {
        lanes.take(record);
    }
    let end = timeline.last().max(Micros(1));
    let when = When::new(judgement.steps.iter().map(|step| step.acknowledged));
    let resolution = Micros(end.0 / INTERVALS);
    let mut groups = vec![lanes.phases(judgement, end)];
    groups.extend(expectations::groups(experiment, judgement, end));
    groups.push(lanes.clients(&experiment.traffic, end));
    lanes.finish(resolution, end, &mut groups);
    for group in &mut groups {
        group
            .lanes
            .retain(|lane| lane.rows.iter().any(|row| !row.is_empty()));
    }
    groups.retain(|group| !group.lanes.is_empty());
    Picture {
        end,
        resolution,
        when,
        groups,
    }
}

/// The lanes of the records taken so far.
#[derive(Default)]
struct Lanes<'t> {
    snapshot: Snapshot,
    /// By name: a Pod that takes the place of another of its name goes on in its lane.
    pods: BTreeMap<String, PodTracks>,
    /// The changes of each Service's endpoints.
    services: BTreeMap<String, Vec<(Micros, EndpointFacts)>>,
    /// Changes, by the name of their object.
    marks: BTreeMap<String, Vec<Mark>>,
    /// The kinds whose watches broke.
    broken: BTreeSet<String>,
    /// Requests that targets answered, with the times at which they were read.
    hits: Vec<(Micros, &'t Hit)>,
}

#[derive(Default)]
struct PodTracks {
    state: Track,
    containers: BTreeMap<String, ContainerTracks>,
}

impl<'t> Lanes<'t> {
    fn take(&mut self, record: &'t Record) {
        let lines = changes(&mut self.snapshot, record);
        let mut restarted = Vec::new();
        let mut look = MarkLook::Change;
        match &record.what {
            What::Watch { object, .. } => match object.kind() {
                "Pod" => restarted = self.take_pod(record.at, object.uid()),
                "EndpointSlice" => {
                    let metadata = object.field("metadata");
                    self.take_endpoints(record.at, service_of(&metadata).unwrap_or_default());
                }
                "Event" => look = MarkLook::Event,
                _ => {}
            },
            What::Flip(_) | What::Healed { .. } => look = MarkLook::Flip,
            What::Hit(hit) => self.hits.push((record.at, hit)),
            What::Down(gap) | What::Gap(gap) => {
                self.broken.insert(gap.kind.clone());
            }
            _ => {}
        }
        for line in lines {
            let look = if restarted.contains(&line.object) {
                MarkLook::Restart
            } else {
                look
            };
            let mark = Mark::new(line.at, look, line.change);
            self.marks.entry(line.object).or_default().push(mark);
        }
    }

    /// Takes the state of a Pod. Returns the names of the containers that were started again.
    fn take_pod(&mut self, at: Micros, uid: &str) -> Vec<String> {
        let Some(facts) = self.snapshot.pod(uid) else {
            return Vec::new();
        };
        let pod = self.pods.entry(facts.name.clone()).or_default();
        pod.state.set(at, pod_shown(facts));
        let mut restarted = Vec::new();
        for (name, container) in &facts.containers {
            let tracks = pod.containers.entry(name.clone()).or_default();
            if tracks.take(at, (!facts.gone).then_some(container)) {
                restarted.push(container_name(&facts.name, name));
            }
        }
        restarted
    }

    fn take_endpoints(&mut self, at: Micros, service: &str) {
        let facts = self.snapshot.endpoints(service);
        self.services
            .entry(service.to_owned())
            .or_default()
            .push((at, facts));
    }

    /// The start, the steps and the clean-up.
    fn phases(&self, judgement: &Judgement, end: Micros) -> Group {
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
        } = self.snapshot;
        phase(
            "until the steady state".into(),
            applied,
            steady.or(reverting),
        );
        for (number, step) in judgement.steps.iter().enumerate() {
            let times = self.snapshot.step_times(number);
            let text = format!("step {}, {}", number + 1, step.name);
            phase(
                text,
                times.sent.or(times.started),
                times.ended.or(reverting),
            );
        }
        phase("clean-up".into(), reverting, None);
        Group {
            title: "Run".into(),
            lanes: vec![lane("steps", vec![row])],
        }
    }

    fn clients(&self, clients: &[TrafficClient], end: Micros) -> Group {
        let lanes = clients.iter().filter_map(|client| {
            let name = &client.name.value;
            let row = requests::row(self.snapshot.client(name)?, end);
            let label = format!("traffic {name} to {}", client.service.value);
            (!row.is_empty()).then(|| lane(label, vec![row]))
        });
        Group {
            title: "Traffic".into(),
            lanes: lanes.collect(),
        }
    }

    /// Adds the lanes of Services, Pods and everything else.
    fn finish(mut self, interval: Micros, end: Micros, groups: &mut Vec<Group>) {
        self.place_hits();
        self.place_flips(end);
        let Self {
            snapshot,
            pods,
            services,
            mut marks,
            broken,
            ..
        } = self;
        let mut marks_of =
            |object: &str| merged(marks.remove(object).unwrap_or_default(), interval);
        let services = services.into_iter().map(|(name, changes)| {
            let label = format!("endpoints {name}");
            let row = Row {
                spans: endpoint_spans(&changes, end),
                marks: marks_of(&label),
                ..Row::new("ready")
            };
            lane(label, vec![row])
        });
        groups.push(Group {
            title: "Services".into(),
            lanes: services.collect(),
        });
        let mut pods: Vec<(String, PodTracks)> = pods.into_iter().collect();
        pods.sort_by_key(|(_, pod)| !pod.containers.values().any(ContainerTracks::is_flipped));
        let mut lanes = Vec::new();
        for (name, pod) in pods {
            let label = format!("pod {name}");
            let row = Row {
                spans: pod.state.end(end),
                marks: marks_of(&label),
                ..Row::new("state")
            };
            lanes.push(lane(label, vec![row]));
            for (container, tracks) in pod.containers {
                let label = container_name(&name, &container);
                let rows = tracks.rows(marks_of(&label), interval, end);
                lanes.push(lane(label, rows));
            }
        }
        groups.push(Group {
            title: "Pods".into(),
            lanes,
        });
        let gaps = broken.iter().map(|kind| {
            let label = format!("watch {kind}");
            (label, gaps(&snapshot, kind, end))
        });
        let mut gaps: BTreeMap<String, Row> = gaps.collect();
        let others = marks.into_iter().map(|(label, marks)| {
            let row = Row {
                marks: merged(marks, interval),
                ..Row::new("changes")
            };
            let rows = gaps.remove(&label).into_iter().chain([row]).collect();
            lane(label, rows)
        });
        groups.push(Group {
            title: "Everything else".into(),
            lanes: others.collect(),
        });
    }

    /// Places requests by the clocks of their targets, which are all known at the end.
    fn place_hits(&mut self) {
        for (read, hit) in std::mem::take(&mut self.hits) {
            let began = self.snapshot.time_of(&hit.target.instance, hit.began);
            let pod = self.pods.entry(hit.target.pod.clone()).or_default();
            let tracks = pod
                .containers
                .entry(hit.target.container.clone())
                .or_default();
            tracks.take_hit(began.unwrap_or(read), hit);
        }
    }

    fn place_flips(&mut self, end: Micros) {
        for flip in self.snapshot.flips() {
            let target = &flip.record.target;
            let pod = self.pods.entry(target.pod.clone()).or_default();
            let tracks = pod.containers.entry(target.container.clone()).or_default();
            tracks.take_flip(flip, end);
        }
    }
}

fn endpoint_spans(changes: &[(Micros, EndpointFacts)], end: Micros) -> Vec<Span> {
    let most = changes.iter().map(|(_, facts)| facts.ready_count().1).max();
    let mut track = Track::default();
    for (at, facts) in changes {
        track.set(*at, endpoints_shown(facts, most.unwrap_or(1)));
    }
    track.end(end)
}

/// When changes of objects of a kind may have been missed.
fn gaps(snapshot: &Snapshot, kind: &str, end: Micros) -> Row {
    let gaps = snapshot.gaps(kind).map(|gap| {
        let text = format!("changes of {kind} objects may have been missed");
        Shown::full(SpanLook::Gap, text).between(gap.from, gap.to.min(end))
    });
    Row {
        spans: gaps.collect(),
        ..Row::new("missed")
    }
}

/// The name of a container in the lines of changes.
fn container_name(pod: &str, container: &str) -> String {
    format!("container {pod}/{container}")
}

fn lane(label: impl Into<String>, rows: Vec<Row>) -> Lane {
    Lane {
        label: label.into(),
        expectation: None,
        rows,
    }
}
