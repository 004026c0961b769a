//! The running target, shared by its tasks: state, journal and counters, with change notifications.
//! `state.rs` makes all decisions; this module notifies the tasks about them.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::model::answer::{Ack, Memory, State};
use crate::model::identity::Identity;
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::plan::{self, Plan};
use crate::mutex::lock;
use crate::net::tls::Tls;
use crate::state::effective::Effective;
use crate::state::journal::Journal;
use crate::state::persistence::Persistence;
use crate::state::process::DesiredProcess;
use crate::state::request_stats::RequestStats;
use crate::state::{Change, ChangeError, DesiredPort, TargetState};
use crate::target::backend::{Backend, CallError, ChangeFuture, JournalEntry};

pub(crate) mod backend;
pub(crate) mod pending_request;
mod requests;

/// The running target, shared by its tasks.
pub(crate) struct Target {
    pub(crate) clock: Clock,
    pub(crate) identity: Identity,
    pub(crate) tls: Tls,
    /// Limits the connections to data ports.
    pub(crate) connection_limit: Arc<Semaphore>,
    state: Mutex<TargetState>,
    stats: Mutex<RequestStats>,
    journal: Journal<JournalEntry>,
    changed: watch::Sender<()>,
    applied: watch::Sender<Vec<AppliedPort>>,
    draining: watch::Sender<bool>,
    memory: Mutex<Memory>,
    persistence: Option<Persistence>,
}

/// What a port's task has applied last.
#[derive(Clone, Debug)]
pub(crate) struct AppliedPort {
    pub(crate) port: u16,
    /// The last revision that the port's task has applied.
    pub(crate) revision: u64,
    /// Whether the port is listening.
    pub(crate) listening: bool,
    /// Why the port is not listening although it should be.
    pub(crate) error: Option<String>,
}

impl Target {
    pub(crate) fn new(
        clock: Clock,
        identity: Identity,
        tls: Tls,
        connection_limit: Arc<Semaphore>,
        state: TargetState,
        journal: usize,
        persistence: Option<Persistence>,
    ) -> Self {
        Self {
            clock,
            identity,
            tls,
            connection_limit,
            state: Mutex::new(state),
            stats: Mutex::default(),
            journal: Journal::new(journal),
            changed: watch::Sender::new(()),
            applied: watch::Sender::new(Vec::new()),
            draining: watch::Sender::new(false),
            memory: Mutex::default(),
            persistence,
        }
    }

    /// How a port is to be configured, and the revision that decides it.
    pub(crate) fn desired_port(&self, port: u16) -> (Option<DesiredPort>, u64) {
        let mut state = self.lock_state();
        (state.desired_port(self.clock.now(), port), state.revision())
    }

    /// All ports of the state.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.lock_state().ports()
    }

    /// Stores what a port's task has applied; `None` when the task ends.
    pub(crate) fn set_applied(&self, port: u16, applied: Option<AppliedPort>) {
        self.applied.send_modify(|all| {
            all.retain(|known| known.port != port);
            all.extend(applied);
        });
    }

    /// Notifies of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether the drain has begun.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits for the drain to begin.
    pub(crate) async fn drained(&self) {
        // The channel closes only with the target, which also ends the waiting task.
        _ = self.draining.subscribe().wait_for(|begun| *begun).await;
    }

    /// Begins the drain.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Waits until every one of `ports` has applied `revision`; returns an error of one of them.
    async fn applied(&self, revision: u64, ports: &[u16]) -> Option<String> {
        let has_applied = |all: &[AppliedPort], port: u16| match find(all, port) {
            Some(applied) => revision <= applied.revision,
            None => self.desired_port(port).0.is_none(),
        };
        let mut applied = self.applied.subscribe();
        let all = applied
            .wait_for(|all| ports.iter().all(|port| has_applied(all, *port)))
            .await
            .ok()?;
        let mut touched = ports.iter().filter_map(|port| find(&all, *port));
        touched.find_map(|applied| applied.error.clone())
    }

    /// What must happen to the process now.
    pub(crate) fn desired_process(&self) -> DesiredProcess {
        self.lock_state().desired_process(self.clock.now())
    }

    /// Handles SIGTERM.
    pub(crate) fn terminate(&self) {
        self.lock_state().terminate(self.clock.now());
        self.changed.send_replace(());
    }

    /// The memory that is held.
    pub(crate) fn memory(&self) -> Memory {
        lock(&self.memory).clone()
    }

    /// Stores how much memory is held.
    pub(crate) fn set_memory(&self, memory: Memory) {
        *lock(&self.memory) = memory;
    }

    /// Applies a change; returns the acknowledgement, the ports that must apply it, and an error of
    /// persisting it.
    fn apply(&self, change: Change) -> Result<(Ack, Vec<u16>, Option<io::Error>), ChangeError> {
        let now = self.clock.now();
        // Locked until all is known, so that the acknowledgement is of this change alone.
        let mut state = self.lock_state();
        let location = change.location();
        let mut ports = match &change {
            Change::FlipPort(port, _) | Change::HealPort(port) => vec![*port],
            // These may change whether ports accept connections, which is up to each port's task.
            Change::Heal | Change::FlipProcess(_) | Change::HealProcess(_) => state.ports(),
            Change::FlipRoute(..) | Change::HealRoute(..) | Change::Lease(_) => Vec::new(),
        };
        let agent = match &change {
            Change::FlipRoute(_, _, behaviour) => behaviour.agent.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let port = location
            .as_ref()
            .and_then(Location::port)
            .unwrap_or_default();
        let port_state = |state: &mut TargetState| {
            let desired = state.desired_port(now, port);
            desired.map(|desired| desired.state)
        };
        let before = port_state(&mut state);
        state.change(now, change)?;
        if port_state(&mut state) != before {
            // A flip of a route has set or removed the port's state.
            ports = vec![port];
        }
        let effective = match location {
            Some(Location::Port(port)) => state.effective_of_port(now, port),
            Some(Location::Route(_, route)) => state.effective_of_route(now, port, &route, &agent),
            None => Effective::default(),
        };
        let ack = Ack {
            instance: self.identity.instance.clone(),
            revision: state.revision(),
            at: now,
            effective: effective.word,
            because: effective.because,
        };
        let persistence = self.persistence.as_ref();
        let saved = persistence.map(|persistence| persistence.keep(|| state.kept()));
        Ok((ack, ports, saved.and_then(Result::err)))
    }

    fn lock_state(&self) -> MutexGuard<'_, TargetState> {
        lock(&self.state)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

impl Backend for Target {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn revision(&self) -> u64 {
        self.lock_state().revision()
    }

    fn state(&self) -> State {
        let now = self.clock.now();
        let mut state = self.lock_state();
        let mut ports = state.shown_ports(now);
        let applied = self.applied.borrow();
        for (number, port) in &mut ports {
            if let Some(applied) = find(&applied, *number) {
                port.listening = applied.listening;
                port.error.clone_from(&applied.error);
            }
        }
        lock(&self.stats).show(&mut ports);
        State {
            instance: self.identity.instance.clone(),
            revision: state.revision(),
            uptime: now,
            boot: self.identity.boot,
            pod: self.identity.pod.clone(),
            container: self.identity.container.clone(),
            lease: state.lease(now),
            process: state.shown_process(now),
            draining: state.draining(),
            memory: Some(self.memory()).filter(|memory| *memory != Memory::default()),
            ports,
            journal: self.journal.recorded(),
            traffic: None,
        }
    }

    fn plan(&self) -> Option<Plan> {
        Some(self.lock_state().plan(self.clock.now()))
    }

    fn journal(&self) -> &Journal<JournalEntry> {
        &self.journal
    }

    fn change(&self, change: Change) -> ChangeFuture<'_> {
        Box::pin(async {
            // A port that fails to listen for other reasons does not make a process fault fail.
            let of_process = matches!(change, Change::FlipProcess(_) | Change::HealProcess(_));
            let (mut ack, ports, unsaved) = self.apply(change)?;
            self.changed.send_replace(());
            let failed = self.applied(ack.revision, &ports).await;
            if let Some(error) = failed.filter(|_| !of_process) {
                return Err(CallError::new(StatusCode::CONFLICT, "", error));
            }
            if let Some(error) = unsaved {
                let message = format!("in force, but not kept: {error}");
                return Err(CallError::new(StatusCode::CONFLICT, "", message));
            }
            // Listening takes time, so the port changes now; routes have changed at once.
            if !ports.is_empty() {
                ack.at = self.clock.now();
            }
            Ok(ack)
        })
    }
}

impl From<ChangeError> for CallError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoLease => Self::new(
                StatusCode::CONFLICT,
                "leased",
                "no lease runs; put one to /v1/lease first",
            ),
            ChangeError::NoPort { port, known } => {
                let known: Vec<_> = known.iter().map(u16::to_string).collect();
                let known = known.join(", ");
                Self::new(
                    StatusCode::NOT_FOUND,
                    "port",
                    format!("there is no port {port} here, only {known}"),
                )
            }
            ChangeError::Control(port) => Self::new(
                StatusCode::BAD_REQUEST,
                "port",
                format!("{port} is the control address's and cannot be probed"),
            ),
            ChangeError::NoRoutes(port) => {
                Self::new(StatusCode::BAD_REQUEST, "port", plan::without_routes(port))
            }
            ChangeError::Full { field, most } => {
                let message = format!("there are {most} already, which is the most");
                Self::new(StatusCode::CONFLICT, field, message)
            }
        }
    }
}

fn find(all: &[AppliedPort], port: u16) -> Option<&AppliedPort> {
    all.iter().find(|applied| applied.port == port)
}
