//! Builder of timelines for tests: a Pod `web-1` of Deployment `web` with containers `a` and `b`.

use serde_json::{Value, json};

use super::{
    BoundPod, Change, FORMAT, FlipRecord, Gap, Header, Hit, JournalRead, Micros, Patched, Place,
    RequestOutcome, Sample, StateCall, Target, Timeline, What,
};

/// A timeline under construction. Times are in milliseconds.
pub(crate) struct ScriptedTimeline {
    timeline: Timeline,
    at: u64,
    pod: Value,
    /// The Pods of `deploy/web` at steady state.
    bound: Vec<BoundPod>,
    /// The Pods that the next steps flip.
    flipped: Vec<BoundPod>,
}

impl ScriptedTimeline {
    /// A timeline whose workload was just applied and whose Pod is ready.
    pub(crate) fn new() -> Self {
        Self::of(pod("web-1", "u1"))
    }

    /// Like [`Self::new`], where the Pod and its ReplicaSet name their owners by UID.
    pub(crate) fn owned() -> Self {
        let owner = |uid: &str| json!([{ "uid": uid, "controller": true }]);
        let mut pod = pod("web-1", "u1");
        pod["metadata"]["ownerReferences"] = owner("r1");
        let mut script = Self::of(pod);
        let metadata = json!({ "name": "web", "uid": "r1", "ownerReferences": owner("d1") });
        script.watched(
            Change::Modified,
            json!({ "kind": "ReplicaSet", "metadata": metadata }),
        );
        let metadata = json!({ "name": "web", "uid": "d1" });
        script.watched(
            Change::Added,
            json!({ "kind": "Deployment", "metadata": metadata }),
        );
        script
    }

    /// Like [`Self::new`], where container b has this probe: `readinessProbe`.
    pub(crate) fn probed(probe: &str, spec: &Value) -> Self {
        let mut pod = pod("web-1", "u1");
        pod["spec"]["containers"][1][probe] = spec.clone();
        Self::of(pod)
    }

    fn of(pod: Value) -> Self {
        let mut script = Self {
            timeline: Timeline::new(header()),
            at: 0,
            pod,
            bound: vec![bound("web-1", "u1")],
            flipped: Vec::new(),
        };
        let set = json!({ "kind": "ReplicaSet", "metadata": { "name": "web", "ownerReferences": [owner("Deployment")] } });
        script.push(What::Applied);
        script.watched(Change::Added, set);
        script.ready(true, true)
    }

    /// A timeline in steady state from the start whose only step begins at 10 s. Observed changes
    /// are reported in times of the step.
    pub(crate) fn in_step() -> Self {
        Self::new().steady().step(0, 10_000)
    }

    /// The steady state is reached.
    pub(crate) fn steady(mut self) -> Self {
        self.push(What::Bound {
            subject: "deploy/web".into(),
            pods: self.bound.clone(),
        });
        self.push(What::Steady);
        self
    }

    /// Like [`Self::in_step`], with a second Pod `web-0`. The step flips only `web-1`.
    pub(crate) fn in_step_of_two() -> Self {
        let mut script = Self::new();
        script.bound.insert(0, bound("web-0", "u0"));
        script.flipped.push(bound("web-1", "u1"));
        script.other_ready(true).steady().step(0, 10_000)
    }

    /// Like [`Self::in_step`], where the step flips the Pod.
    pub(crate) fn in_step_of_one() -> Self {
        let mut script = Self::new();
        script.flipped.push(bound("web-1", "u1"));
        script.steady().step(0, 10_000)
    }

    /// So many more Pods of `deploy/web` are observed: `more-0`, `more-1`, ….
    pub(crate) fn more_pods(mut self, number: usize) -> Self {
        for index in 0..number {
            let (name, uid) = (format!("more-{index}"), format!("m{index}"));
            self.watched(Change::Added, pod(&name, &uid));
            self.bound.push(bound(&name, &uid));
        }
        self
    }

    /// The Pod `web-0` is observed ready or not, with both of its containers.
    pub(crate) fn other_ready(mut self, ready: bool) -> Self {
        let mut pod = pod("web-0", "u0");
        for index in 0..2 {
            pod["status"]["containerStatuses"][index]["ready"] = ready.into();
        }
        self.watched(Change::Modified, pod);
        self
    }

    /// A step begins; its action is sent and acknowledged at once.
    pub(crate) fn step(self, step: usize, at: u64) -> Self {
        self.step_taking(step, at, 0)
    }

    /// A step begins; its action is sent at once and acknowledged after `took`.
    pub(crate) fn step_taking(mut self, step: usize, at: u64, took: u64) -> Self {
        self = self.begun(step, at);
        self.at += took;
        let patched = None;
        self.push(What::Acknowledged { step, patched });
        self
    }

    /// A step begins, and its action is sent.
    pub(crate) fn begun(mut self, step: usize, at: u64) -> Self {
        self.at = at;
        self.push(What::StepStart {
            step,
            name: ["one", "two"][step].to_owned(),
            pods: self.flipped.clone(),
        });
        self.push(What::Sending { step });
        self
    }

    /// The Deployment is patched. The response arrives `took` after the last record and has this
    /// generation.
    pub(crate) fn patched(mut self, step: usize, took: u64, generation: Option<i64>) -> Self {
        self.at += took;
        self.push(What::Acknowledged {
            step,
            patched: Some(Patched {
                kind: "Deployment".into(),
                name: "web".into(),
                uid: "d1".into(),
                generation,
            }),
        });
        self
    }

    /// Sets the time of the following records.
    pub(crate) fn at(mut self, at: u64) -> Self {
        self.at = at;
        self
    }

    /// Sets the time of the following records, relative to the step's beginning at 10 s.
    pub(crate) fn after(self, ms: u64) -> Self {
        self.at(10_000 + ms)
    }

    /// The Pod is observed with its containers ready or not.
    pub(crate) fn ready(mut self, a: bool, b: bool) -> Self {
        for (index, ready) in [a, b].into_iter().enumerate() {
            self.pod["status"]["containerStatuses"][index]["ready"] = ready.into();
        }
        let condition = if a && b { "True" } else { "False" };
        self.pod["status"]["conditions"] = json!([{ "type": "Ready", "status": condition }]);
        self.seen()
    }

    /// Container b is observed with this restart count.
    pub(crate) fn restarts(mut self, number: i64) -> Self {
        self.pod["status"]["containerStatuses"][1]["restartCount"] = number.into();
        self.seen()
    }

    /// Container b is observed running, and started or not.
    pub(crate) fn running(mut self, started: bool) -> Self {
        let status = &mut self.pod["status"]["containerStatuses"][1];
        status["state"] = json!({ "running": {} });
        status["started"] = started.into();
        self.seen()
    }

    /// The Pod is observed with a deletion timestamp.
    pub(crate) fn deleting(mut self) -> Self {
        self.pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        self.seen()
    }

    /// The kubelet emits a `Killing` event for container b.
    pub(crate) fn killing(self) -> Self {
        self.killing_of("web-1", "u1")
    }

    /// The same for container b of another Pod.
    pub(crate) fn killing_of(mut self, name: &str, uid: &str) -> Self {
        let about =
            json!({ "kind": "Pod", "name": name, "uid": uid, "fieldPath": "spec.containers{b}" });
        let event = json!({
            "kind": "Event", "metadata": { "name": "e2" }, "type": "Normal", "involvedObject": about,
            "reason": "Killing", "message": "Container b failed liveness probe, will be restarted",
        });
        self.watched(Change::Added, event);
        self
    }

    /// Container b is observed waiting, with this reason.
    pub(crate) fn waiting(mut self, reason: &str) -> Self {
        self.pod["status"]["containerStatuses"][1]["state"] =
            json!({ "waiting": { "reason": reason } });
        self.seen()
    }

    /// The Pod is observed with another IP.
    pub(crate) fn ip(mut self, ip: &str) -> Self {
        self.pod["status"]["podIP"] = ip.into();
        self.seen()
    }

    /// The Pod is deleted, and another one is added.
    pub(crate) fn replaced(mut self) -> Self {
        let object = self.pod.clone();
        let owners = object["metadata"]["ownerReferences"].clone();
        self.watched(Change::Deleted, object);
        self.pod = pod("web-2", "u2");
        self.pod["metadata"]["ownerReferences"] = owners;
        self.seen()
    }

    fn seen(mut self) -> Self {
        let object = self.pod.clone();
        self.watched(Change::Modified, object);
        self
    }

    /// A Service's endpoints are observed.
    pub(crate) fn endpoints(mut self, service: &str, endpoints: &[(&str, bool)]) -> Self {
        let endpoints: Vec<Value> = endpoints
            .iter()
            .map(|(address, ready)| json!({ "addresses": [address], "conditions": { "ready": ready } }))
            .collect();
        let metadata =
            json!({ "name": service, "labels": { "kubernetes.io/service-name": service } });
        let slice =
            json!({ "kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints });
        self.watched(Change::Modified, slice);
        self
    }

    /// The Deployment is observed with this generation and status.
    pub(crate) fn deployment(mut self, generation: i64, status: &Value) -> Self {
        let metadata = json!({ "name": "web", "generation": generation });
        let deployment = json!({ "kind": "Deployment", "metadata": metadata, "status": status });
        self.watched(Change::Modified, deployment);
        self
    }

    /// A traffic client answers a `state` call after `round_trip`. Its process began with the
    /// timeline.
    pub(crate) fn clock(mut self, client: &str, round_trip: u64) -> Self {
        let sent = Micros((self.at - round_trip) * 1_000);
        let uptime = Micros(self.at * 1_000 - round_trip * 500);
        self.push(What::State(StateCall {
            target: traffic(client),
            sent,
            uptime,
        }));
        self
    }

    /// Records of requests arrive that a client sent every 100 ms between `from` and `to`.
    pub(crate) fn requests(
        self,
        client: &str,
        from: u64,
        to: u64,
        outcome: RequestOutcome,
    ) -> Self {
        self.requests_every(100, client, from..to, outcome)
    }

    /// The same, of requests sent every so many milliseconds.
    pub(crate) fn requests_every(
        mut self,
        period: usize,
        client: &str,
        times: std::ops::Range<u64>,
        outcome: RequestOutcome,
    ) -> Self {
        for sent in times.step_by(period) {
            self.push(What::Traffic(Sample {
                client: client.into(),
                instance: "i1".into(),
                sent: Micros(sent * 1_000),
                took: Micros(1_000),
                outcome,
                status: None,
            }));
        }
        self
    }

    /// A client's journal is read; `lost` of its records were lost.
    pub(crate) fn journal(mut self, client: &str, lost: u64) -> Self {
        let through = Micros(self.at * 1_000);
        self.push(What::Journal(JournalRead {
            target: traffic(client),
            through,
            lost,
        }));
        self
    }

    /// A watch works again that was down since `since`; changes were missed.
    pub(crate) fn gap(mut self, kind: &str, since: u64) -> Self {
        self.push(What::Gap(Gap {
            kind: kind.into(),
            since: Micros(since * 1_000),
        }));
        self
    }

    /// A watch broke; it was last known to work at `since`.
    pub(crate) fn down(mut self, kind: &str, since: u64) -> Self {
        self.push(What::Down(Gap {
            kind: kind.into(),
            since: Micros(since * 1_000),
        }));
        self
    }

    /// A broken watch works again, and no object had changed.
    pub(crate) fn unbroken(mut self, kind: &str) -> Self {
        self.push(What::Unbroken { kind: kind.into() });
        self
    }

    /// Container b acknowledges a flip of its readiness probe, in the format of older recordings.
    pub(crate) fn flipped(self, to: &str) -> Self {
        self.flip(|flip| (flip.to, flip.since) = (to.into(), None))
    }

    /// Container b acknowledges a flip of its readiness probe to 503, as modified by `change`. Its
    /// process began with the timeline.
    pub(crate) fn flip(mut self, change: impl FnOnce(&mut FlipRecord)) -> Self {
        let mut flip = FlipRecord {
            target: b(),
            container: None,
            probe: "readiness".into(),
            port: Some(8081),
            path: Some("/readyz".into()),
            to: "503".into(),
            sent: Micros(self.at * 1_000),
            since: Some(Micros(self.at * 1_000)),
            leased: true,
            agent: None,
            after: None,
            lasts: None,
            count: None,
        };
        change(&mut flip);
        self.push(What::Flip(Box::new(flip)));
        self
    }

    /// Container b answers a request for a path on port 8081, now.
    pub(crate) fn asked(mut self, path: &str, agent: &str) -> Self {
        self.push(What::Hit(Box::new(Hit {
            target: b(),
            began: Micros(self.at * 1_000),
            port: 8081,
            path: path.into(),
            agent: Some(agent.into()),
            reply: "200".into(),
        })));
        self
    }

    /// Adds the record that the journal of container b was read, and that `lost` requests are
    /// missing from it.
    pub(crate) fn journal_of_b(mut self, lost: u64) -> Self {
        let through = Micros(self.at * 1_000);
        self.push(What::Journal(JournalRead {
            target: b(),
            through,
            lost,
        }));
        self
    }

    /// Adds the record that container b was healed.
    pub(crate) fn healed(mut self) -> Self {
        self.push(What::Healed { target: b() });
        self
    }

    /// A component emits an event about the Pod, `Normal` or `Warning`.
    pub(crate) fn event(mut self, severity: &str, reason: &str, message: &str) -> Self {
        let about = json!({ "kind": "Pod", "name": "web-1" });
        let event = json!({
            "kind": "Event", "metadata": { "name": "e1" }, "type": severity,
            "involvedObject": about, "reason": reason, "message": message,
        });
        self.watched(Change::Added, event);
        self
    }

    /// The step ends.
    pub(crate) fn end(mut self, step: usize) -> Self {
        self.push(What::StepEnd { step });
        self
    }

    /// A signal ends the run, and the clean-up begins.
    pub(crate) fn interrupted(mut self) -> Self {
        self.push(What::Interrupted);
        self.reverting()
    }

    /// The clean-up begins.
    pub(crate) fn reverting(mut self) -> Self {
        self.push(What::Reverting);
        self
    }

    /// The finished timeline.
    pub(crate) fn done(self) -> Timeline {
        self.timeline
    }

    fn watched(&mut self, change: Change, object: Value) {
        self.push(What::watched(change, object));
    }

    fn push(&mut self, what: What) {
        self.timeline.push(Micros(self.at * 1_000), what);
    }
}

/// A header for tests.
pub(crate) fn header() -> Header {
    Header {
        timeline: FORMAT,
        experiment: "test".into(),
        place: Place::Virtual,
        kubernetes: "v1.36.3".into(),
        probeflip: "0.1.0".into(),
        run: "abcde".into(),
        namespace: "test".into(),
        seed: Some(1),
        started: "2026-01-01T00:00:00Z".into(),
    }
}

fn owner(kind: &str) -> Value {
    json!({ "kind": kind, "name": "web", "controller": true })
}

fn pod(name: &str, uid: &str) -> Value {
    let status = |name: &str| json!({ "name": name, "ready": true, "started": true, "restartCount": 0, "state": { "running": {} } });
    json!({
        "kind": "Pod",
        "metadata": { "name": name, "uid": uid, "ownerReferences": [owner("ReplicaSet")] },
        "spec": { "containers": [{ "name": "a" }, { "name": "b" }] },
        "status": { "podIP": "10.0.0.1", "containerStatuses": [status("a"), status("b")] },
    })
}

fn bound(name: &str, uid: &str) -> BoundPod {
    BoundPod {
        name: name.into(),
        uid: uid.into(),
    }
}

fn b() -> Target {
    Target {
        pod: "web-1".into(),
        uid: "u1".into(),
        container: "b".into(),
        instance: "i2".into(),
    }
}

fn traffic(client: &str) -> Target {
    Target {
        pod: "probeflip-traffic".into(),
        uid: "t1".into(),
        container: client.into(),
        instance: "i1".into(),
    }
}
