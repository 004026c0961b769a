//! Lanes over time: from records to the states and marks of objects, without any markup.
//!
//! The present is folded by the one [`Snapshot`]; what is kept here is since when it looks the way
//! it does. The HTML report and `watch` draw the same lanes.

mod containers;
mod extent;
mod lane;
mod marks;
mod requests;
mod track;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::input::experiment::{Rate, TrafficClient};
use crate::report::record_changes::changes;
use crate::timeline::snapshot::{EndpointFacts, FlipFacts, Snapshot, service_of};
use crate::timeline::{Hit, Micros, Record, What};
pub(crate) use containers::USERS;
use containers::{ContainerTracks, endpoints_shown, flip_rows, pod_shown};
pub(crate) use extent::Extent;
pub(crate) use lane::{Group, Lane, Level, Mark, MarkLook, Row, Span, SpanLook, Subject};
use marks::Marks;
pub(crate) use track::Shown;
use track::Track;

/// The interval of which a live lane keeps one mark of each look.
const LIVE: Micros = Micros(100_000);

/// The lanes of the records taken so far.
#[derive(Default)]
pub(crate) struct Lanes {
    snapshot: Snapshot,
    /// By name: a Pod that takes the place of another of its name goes on in its lane.
    pods: BTreeMap<String, PodTracks>,
    /// The changes of each Service's endpoints.
    services: BTreeMap<String, Vec<(Micros, EndpointFacts)>>,
    /// Changes, by the name of their object.
    marks: BTreeMap<String, Marks>,
    /// The kinds whose watches broke.
    broken: BTreeSet<String>,
    /// Marks of one row and look in an interval of this length are kept as one.
    thinned: Micros,
    /// The traffic clients that are followed.
    followed: BTreeSet<String>,
}

#[derive(Default)]
struct PodTracks {
    state: Track,
    containers: BTreeMap<String, ContainerTracks>,
}

impl Lanes {
    /// The lanes of a run with these traffic clients.
    pub(crate) fn new(traffic: &[TrafficClient]) -> Self {
        Self {
            snapshot: Snapshot::new(traffic),
            ..Self::default()
        }
    }

    /// The lanes of a namespace that is watched for as long as one likes. They keep one mark where
    /// several are too close to be told apart on a terminal.
    pub(crate) fn live() -> Self {
        Self {
            thinned: LIVE,
            ..Self::default()
        }
    }

    /// The state after the records taken so far.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes a record. A request that a target answered is taken by [`Self::take_hit`].
    pub(crate) fn take(&mut self, record: &Record) {
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
            What::Flip(flip) => {
                look = MarkLook::Flip;
                self.container(&flip.target.pod, &flip.target.container);
            }
            What::Healed { .. } => look = MarkLook::Flip,
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
            let marks = self.marks.entry(line.object);
            marks
                .or_insert_with(|| Marks::thinned(self.thinned))
                .push(mark);
        }
    }

    /// Takes a request that a target answered and that was read at this time. It is placed by the
    /// target's clock, as far as that is known, and left out if it began before the timeline.
    pub(crate) fn take_hit(&mut self, read: Micros, hit: &Hit) {
        let began = self.snapshot.time_of(&hit.target.instance, hit.began);
        // A journal begins with its process.
        if began == Some(Micros::ZERO) {
            return;
        }
        let tracks = self.container(&hit.target.pod, &hit.target.container);
        tracks.take_hit(began.unwrap_or(read), hit);
    }

    fn container(&mut self, pod: &str, container: &str) -> &mut ContainerTracks {
        let pod = self.pods.entry(pod.to_owned()).or_default();
        let tracks = pod.containers.entry(container.to_owned());
        tracks.or_insert_with(|| ContainerTracks::thinned(self.thinned))
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
            let tracks = pod.containers.entry(name.clone());
            let tracks = tracks.or_insert_with(|| ContainerTracks::thinned(self.thinned));
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

    /// Keeps the requests of a traffic client.
    pub(crate) fn follow_client(&mut self, name: &str, rate: Rate, timeout: Duration) {
        self.snapshot.follow_client(name, rate, timeout);
        self.followed.insert(name.to_owned());
    }

    /// Forgets the changes so far, but not the states: that something existed before is no change.
    pub(crate) fn begin(&mut self) {
        self.marks.clear();
    }

    /// Forgets what was over before this time.
    pub(crate) fn forget(&mut self, before: Micros) {
        self.snapshot.forget(before);
        for changes in self.services.values_mut() {
            // The last change before then says what was the state.
            let over = changes.partition_point(|(at, _)| *at < before);
            changes.drain(..over.saturating_sub(1));
        }
        self.services.retain(|_, changes| {
            let last = changes.last();
            last.is_some_and(|(at, facts)| *at >= before || facts.ready_count().1 > 0)
        });
        self.marks.retain(|_, marks| {
            marks.forget(before);
            !marks.is_empty()
        });
        self.pods.retain(|_, pod| {
            pod.state.forget(before);
            pod.containers.retain(|_, tracks| {
                tracks.forget(before);
                !tracks.is_empty()
            });
            !pod.state.is_empty() || !pod.containers.is_empty()
        });
    }

    /// The lane of a Service, Pod, container or other object.
    pub(crate) fn lane(&self, subject: &Subject, extent: &Extent) -> Option<Lane> {
        let lanes = match subject {
            Subject::Service(_) => self.services(extent).lanes,
            Subject::Pod(pod) | Subject::Container { pod, .. } => {
                self.pod(pod, self.pods.get(pod)?, extent)
            }
            Subject::Other(_) => self.others(extent).lanes,
            Subject::Client(_) => self.followed_clients(extent).lanes,
            Subject::Run | Subject::Expectation(..) | Subject::Answer(..) => return None,
        };
        lanes.into_iter().find(|lane| lane.subject == *subject)
    }

    /// How often a container had been restarted.
    pub(crate) fn restarts(&self, pod: &str, container: &str, at: Micros) -> i64 {
        let pod = self.pods.get(pod);
        let tracks = pod.and_then(|pod| pod.containers.get(container));
        tracks.map_or(0, |tracks| tracks.restarts_at(at))
    }

    /// The requests of these traffic clients.
    pub(crate) fn clients(&self, clients: &[TrafficClient], extent: &Extent) -> Group {
        let lanes = clients.iter().filter_map(|client| {
            let name = &client.name.value;
            let label = format!("traffic {name} to {}", client.service.value);
            self.client(name, label, extent)
        });
        group("Traffic", lanes)
    }

    /// The requests of the traffic clients that are followed.
    pub(crate) fn followed_clients(&self, extent: &Extent) -> Group {
        let lanes = self.followed.iter().filter_map(|name| {
            let label = format!("traffic {name}");
            self.client(name, label, extent)
        });
        group("Traffic", lanes)
    }

    fn client(&self, name: &str, label: String, extent: &Extent) -> Option<Lane> {
        let row = requests::row(self.snapshot.client(name)?, extent);
        let subject = Subject::Client(name.to_owned());
        Some(Lane::new(label, subject, vec![row]))
    }

    /// The endpoints of all Services.
    pub(crate) fn services(&self, extent: &Extent) -> Group {
        let lanes = self.services.iter().map(|(name, changes)| {
            let label = service_name(name);
            let row = Row {
                spans: self.endpoint_spans(changes, extent),
                marks: self.marks_of(&label, extent),
                ..Row::new("ready")
            };
            Lane::new(label, Subject::Service(name.clone()), vec![row])
        });
        group("Services", lanes)
    }

    /// Ready endpoints as a part of the most that a run had; live, of those at the time.
    fn endpoint_spans(&self, changes: &[(Micros, EndpointFacts)], extent: &Extent) -> Vec<Span> {
        let all = |facts: &EndpointFacts| facts.ready_count().1;
        let most = changes.iter().map(|(_, facts)| all(facts)).max();
        let most = most.filter(|_| self.thinned == Micros::ZERO);
        let mut track = Track::default();
        for (at, facts) in changes {
            track.set(
                *at,
                endpoints_shown(facts, most.unwrap_or_else(|| all(facts))),
            );
        }
        track.spans(extent)
    }

    /// The lanes of each Pod: its own and those of its containers.
    pub(crate) fn pods(&self, extent: &Extent) -> Vec<Vec<Lane>> {
        let pods = self.pods.iter();
        pods.map(|(name, pod)| self.pod(name, pod, extent))
            .collect()
    }

    fn pod(&self, name: &str, pod: &PodTracks, extent: &Extent) -> Vec<Lane> {
        let label = pod_name(name);
        let row = Row {
            spans: pod.state.spans(extent),
            marks: self.marks_of(&label, extent),
            ..Row::new("state")
        };
        let mut lanes = vec![Lane::new(label, Subject::Pod(name.to_owned()), vec![row])];
        for (container, tracks) in &pod.containers {
            let label = container_name(name, container);
            let flips = flip_rows(self.flips(name, container), extent);
            let rows = tracks.rows(flips, self.marks_of(&label, extent), extent);
            let subject = Subject::Container {
                pod: name.to_owned(),
                container: container.clone(),
            };
            lanes.push(Lane::new(label, subject, rows));
        }
        lanes
    }

    /// The flips that the targets of a container acknowledged.
    fn flips(&self, pod: &str, container: &str) -> impl Iterator<Item = &FlipFacts> {
        self.snapshot.flips().iter().filter(move |flip| {
            let target = &flip.record.target;
            target.pod == pod && target.container == container
        })
    }

    /// Everything else, such as Deployments and broken watches.
    pub(crate) fn others(&self, extent: &Extent) -> Group {
        let gaps = self.broken.iter().map(|kind| {
            let label = format!("watch {kind}");
            (label, gaps(&self.snapshot, kind, extent))
        });
        let mut gaps: BTreeMap<String, Row> = gaps.collect();
        let named = self.names();
        let others = self.marks.keys().filter(|label| !named.contains(*label));
        let lanes = others.map(|label| {
            let row = Row {
                marks: self.marks_of(label, extent),
                ..Row::new("changes")
            };
            let rows = gaps.remove(label).into_iter().chain([row]).collect();
            Lane::new(label, Subject::Other(label.clone()), rows)
        });
        group("Everything else", lanes)
    }

    /// The names of all Services, Pods and containers.
    fn names(&self) -> BTreeSet<String> {
        let services = self.services.keys().map(|name| service_name(name));
        let pods = self.pods.keys().map(|name| pod_name(name));
        let containers = self.pods.iter().flat_map(|(pod, tracks)| {
            let containers = tracks.containers.keys();
            containers.map(|name| container_name(pod, name))
        });
        services.chain(pods).chain(containers).collect()
    }

    fn marks_of(&self, label: &str, extent: &Extent) -> Vec<Mark> {
        let marks = self.marks.get(label);
        marks.map_or_else(Vec::new, |marks| marks.seen(extent, 1))
    }
}

/// When changes of objects of a kind may have been missed.
fn gaps(snapshot: &Snapshot, kind: &str, extent: &Extent) -> Row {
    let gaps = snapshot.gaps(kind).map(|gap| {
        let text = format!("changes of {kind} objects may have been missed");
        Shown::full(SpanLook::Gap, text).between(gap.from, gap.to.min(extent.to))
    });
    Row {
        spans: gaps
            .filter(|span| extent.meets(span.from, span.to))
            .collect(),
        ..Row::new("missed")
    }
}

/// The name of a Service's endpoints in the lines of changes.
fn service_name(service: &str) -> String {
    format!("endpoints {service}")
}

/// The name of a Pod in the lines of changes.
fn pod_name(pod: &str) -> String {
    format!("pod {pod}")
}

/// The name of a container in the lines of changes.
fn container_name(pod: &str, container: &str) -> String {
    format!("container {pod}/{container}")
}

/// The lanes that have something to show, with a heading.
fn group(title: &str, lanes: impl Iterator<Item = Lane>) -> Group {
    Group {
        title: title.to_owned(),
        lanes: lanes.filter(|lane| !lane.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests;
