//! The probers of one Pod: one task for each probe of each container.
//!
//! Each task waits until an attempt is due, makes it, passes the outcome to its worker and applies
//! the effects. [`rules::probe::Worker`] makes every decision; each [`Handler`] makes its attempts
//! in a file of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rules::container::{ContainerId, Role};
use rules::event_text;
use rules::probe::{Cause, Effect, Next, Observed, ProbeKind, Results, Spec, Verdict, Worker};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::exec::{self, ExecContext};
use super::handler::Handler;
use super::node::{Node, hexadecimal};
use super::process::EndReceiver;
use super::report::Report;
use super::spec::{self, PodSpec};
use super::{grpc, http, tcp};
use crate::events::{Recorder, Severity};
use crate::latencies::{Chance, Work};

/// State that a Pod's probers share with each other and with its syncs.
pub(super) struct Probing {
    node: Arc<Node>,
    uid: String,
    events: Arc<Recorder>,
    results: Mutex<Results>,
    workers: Mutex<BTreeMap<Name, Arc<Wakeups>>>,
    /// The started containers, by name.
    contexts: Mutex<BTreeMap<String, (ExecContext, EndReceiver)>>,
    /// Set to `true` once the Pod is being terminated.
    pod_ends: watch::Sender<bool>,
    /// Notified when the Pod has to be synced.
    changes: Notify,
}

/// Container name and probe kind.
type Name = (String, ProbeKind);

/// The notifications that wake a prober, and its container's role.
#[derive(Debug)]
struct Wakeups {
    /// The role of the prober's container.
    role: Role,
    trigger: Notify,
    stop: Notify,
}

impl Probing {
    pub(super) fn new(node: Arc<Node>, uid: String, events: Arc<Recorder>) -> Self {
        Self {
            node,
            uid,
            events,
            results: Mutex::default(),
            workers: Mutex::default(),
            contexts: Mutex::default(),
            pod_ends: watch::Sender::new(false),
            changes: Notify::new(),
        }
    }

    /// Starts the missing probers, those of sidecars last. Stops at the first prober that already
    /// exists: so a prober that has ended by itself is not restarted while an earlier one lives.
    ///
    /// Rule: `pkg/kubelet/prober/prober_manager.go`, `AddPod`.
    pub(super) fn set_up(
        self: &Arc<Self>,
        spec: &PodSpec,
        deleted: bool,
        random: &mut fastrand::Rng,
        chance: &mut Chance,
        tasks: &mut JoinSet<()>,
    ) {
        let of = |main| {
            let containers = spec.containers.iter();
            containers.filter(move |it| (it.rules.role == Role::Main) == main)
        };
        let all = of(true).chain(of(false));
        let all = all.flat_map(|it| it.rules.probes.iter().map(move |probe| (it, *probe)));
        for (container, probe) in all {
            let name = (container.rules.name.clone(), probe.kind);
            if self.workers().contains_key(&name) {
                return;
            }
            let wakeups = Arc::new(Wakeups {
                role: container.rules.role,
                trigger: Notify::new(),
                stop: Notify::new(),
            });
            self.workers().insert(name.clone(), Arc::clone(&wakeups));
            let handler = container.handlers[&probe.kind].clone();
            let prober = Prober {
                probing: Arc::clone(self),
                part: spec::part(container.rules.role, &name.0),
                worker: Worker::new(probe, self.node.clock.now(), deleted),
                random: matches!(handler, Handler::Exec(_)).then(|| random.fork()),
                chance: chance.fork(),
                handler,
                name,
                wakeups,
            };
            tasks.spawn(prober.run());
        }
    }

    /// Stops the probers of these kinds, of containers of this role or of all.
    pub(super) fn stop(&self, role: Option<Role>, kinds: &[ProbeKind]) {
        let workers = self.workers();
        let stopped = workers.iter().filter(|((_, kind), wakeups)| {
            kinds.contains(kind) && role.is_none_or(|role| wakeups.role == role)
        });
        stopped.for_each(|(_, wakeups)| wakeups.stop.notify_one());
    }

    /// Registers a started container: exec probes can run in it until it has `ended`.
    pub(super) fn enter(&self, container: &str, context: ExecContext, ended: EndReceiver) {
        self.contexts()
            .insert(container.to_owned(), (context, ended));
    }

    /// The context of processes in a container that was started, and its end.
    pub(super) fn context(&self, container: &str) -> Option<(ExecContext, EndReceiver)> {
        self.contexts().get(container).cloned()
    }

    /// Ends running exec attempts and refuses new ones, because the Pod is being terminated.
    pub(super) fn end(&self) {
        self.pod_ends.send_replace(true);
    }

    async fn ended(&self) {
        let mut pod_ends = self.pod_ends.subscribe();
        // `self` owns the sender, so the wait cannot fail.
        drop(pod_ends.wait_for(|pod_ends| *pod_ends).await);
    }

    /// Whether this container has a prober of this kind.
    pub(super) fn exists(&self, container: &str, kind: ProbeKind) -> bool {
        self.workers().contains_key(&(container.to_owned(), kind))
    }

    /// Wakes a container's readiness prober for an attempt now.
    pub(super) fn trigger(&self, container: &str) {
        let name = (container.to_owned(), ProbeKind::Readiness);
        if let Some(wakeups) = self.workers().get(&name) {
            wakeups.trigger.notify_one();
        }
    }

    /// The verdict of a probe on a container instance, if there is one.
    pub(super) fn verdict(&self, kind: ProbeKind, id: &ContainerId) -> Option<Verdict> {
        self.results().get(kind, id)
    }

    /// Completes when a verdict makes a sync necessary.
    pub(super) async fn changes(&self) {
        self.changes.notified().await;
    }

    /// Applies a probe's effect. `ready` and `started` are written before the Pod is synced.
    ///
    /// Rule: `pkg/kubelet/kubelet.go`, `syncLoopIteration`.
    fn apply(&self, kind: ProbeKind, effect: Effect) {
        let (id, verdict) = match &effect {
            Effect::Store(id, verdict) => (id.clone(), *verdict),
            Effect::Forget(id) => (id.clone(), Verdict::Unknown),
        };
        if !self.results().apply(kind, effect) {
            return;
        }
        let succeeded = verdict == Verdict::Success;
        match kind {
            ProbeKind::Readiness => self.node.statuses.set_ready(&self.uid, &id, succeeded),
            ProbeKind::Startup => self.node.statuses.set_started(&self.uid, &id, succeeded),
            // Nothing depends on a success: it is what a new instance begins with.
            ProbeKind::Liveness if verdict != Verdict::Failure => return,
            ProbeKind::Liveness => {}
        }
        self.changes.notify_one();
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contexts(&self) -> MutexGuard<'_, BTreeMap<String, (ExecContext, EndReceiver)>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn workers(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Wakeups>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One probe of one container.
struct Prober {
    probing: Arc<Probing>,
    name: Name,
    /// The part of the Pod that its events are about.
    part: String,
    worker: Worker,
    handler: Handler,
    /// The source of the IDs of exec processes; `None` for other handlers.
    random: Option<fastrand::Rng>,
    chance: Chance,
    wakeups: Arc<Wakeups>,
}

impl Prober {
    async fn run(mut self) {
        let probing = Arc::clone(&self.probing);
        while let Some(cause) = self.wake().await {
            let board = &probing.node.statuses;
            let view = board.view(&probing.uid, &self.name.0);
            let step = self.worker.wake(cause, &view, probing.node.clock.now());
            step.effects
                .into_iter()
                .for_each(|effect| self.apply(effect));
            match step.next {
                Next::Wait => {}
                Next::Probe => self.probe().await,
                Next::Exit => break,
            }
        }
        self.worker
            .exit_effect()
            .into_iter()
            .for_each(|effect| self.apply(effect));
        probing.workers().remove(&self.name);
    }

    /// Waits for the next tick or trigger; `None` when stopped. If several are due, the order below
    /// decides; on a node Go's `select` chooses at random.
    async fn wake(&self) -> Option<Cause> {
        tokio::select! {
            biased;
            () = self.wakeups.stop.notified() => None,
            () = self.probing.node.clock.until(self.worker.due()) => Some(Cause::Tick),
            () = self.wakeups.trigger.notified() => Some(Cause::Trigger),
        }
    }

    async fn probe(&mut self) {
        loop {
            // An error is retried without a pause, and only the last try makes an event. Boxed: a
            // prober waits most of the time, and an attempt is most of its size.
            let report = Box::pin(self.attempt()).await;
            if let Observed::Done(effect) = self.worker.observe(report.outcome) {
                self.record(&report);
                self.chance.spend(Work::Report).await;
                return effect.into_iter().for_each(|effect| self.apply(effect));
            }
        }
    }

    async fn attempt(&mut self) -> Report {
        let probing = &self.probing;
        let node = probing.node.host();
        let status = probing.node.statuses.get(&probing.uid);
        // Probes read the status cache, not the sandbox: before the first status there is no
        // address, which is an error and not a failure.
        let Some(ip) = status.and_then(|status| status.ip) else {
            return Report::unknown("the Pod has no address");
        };
        let Spec { timeout, .. } = *self.worker.spec();
        match &self.handler {
            Handler::Http(get) => http::attempt(get, &node, ip, timeout).await,
            Handler::Tcp(socket) => tcp::attempt(socket, &node, ip, timeout).await,
            Handler::Grpc(call) => grpc::attempt(call, &node, ip, timeout).await,
            Handler::Exec(exec) => {
                let id = self.random.as_mut().map(hexadecimal).unwrap_or_default();
                let Some((context, ended)) = probing.context(&self.name.0) else {
                    return Report::unknown("the container has not been started");
                };
                exec::attempt(exec, context, ended, id, timeout, probing.ended()).await
            }
        }
    }

    fn record(&self, report: &Report) {
        let kind = self.name.1;
        let event = event_text::attempt(kind, report.outcome, report.answered, &report.detail);
        if let Some((reason, message)) = event {
            let events = &self.probing.events;
            events.record_part(&self.part, Severity::Warning, reason, &message);
        }
    }

    fn apply(&self, effect: Effect) {
        self.probing.apply(self.name.1, effect);
    }
}
