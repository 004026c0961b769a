//! The running target, shared by its tasks: state, journal and counters, with change notifications.
//! `state.rs` makes all decisions; this module notifies the tasks about them.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::model::answer::{Ack, Memory, State};
use crate::model::identity::Identity;
use crate::model::location::Location;
use crate::model::plan::{self, Plan};
use crate::net::tls::Tls;
use crate::state::journal::Journal;
use crate::state::persistence::Persistence;
use crate::state::request_stats::RequestStats;
use crate::state::{Change, ChangeError, Effective, Fate, TargetState, WantedPort};
use crate::target::backend::{Backend, CallError, ChangeFuture, JournalEntry};

pub(crate) mod backend;
pub(crate) mod exchange;
mod requests;

/// The running target, shared by its tasks.
pub(crate) struct Target {
    pub(crate) clock: Clock,
    pub(crate) identity: Identity,
    pub(crate) tls: Tls,
    /// Limits the connections to data ports.
    pub(crate) room: Arc<Semaphore>,
    world: Mutex<TargetState>,
    tally: Mutex<RequestStats>,
    log: Journal<JournalEntry>,
    changed: watch::Sender<()>,
    settled: watch::Sender<Vec<Settled>>,
    draining: watch::Sender<bool>,
    memory: Mutex<Memory>,
    keeper: Option<Persistence>,
}

/// What a port's task has applied last.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
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
        room: Arc<Semaphore>,
        world: TargetState,
        journal: usize,
        keeper: Option<Persistence>,
    ) -> Self {
        Self {
            clock,
            identity,
            tls,
            room,
            world: Mutex::new(world),
            tally: Mutex::default(),
            log: Journal::new(journal),
            changed: watch::Sender::new(()),
            settled: watch::Sender::new(Vec::new()),
            draining: watch::Sender::new(false),
            memory: Mutex::default(),
            keeper,
        }
    }

    /// How a port is to be configured, and the revision that decides it.
    pub(crate) fn wanted(&self, port: u16) -> (Option<WantedPort>, u64) {
        let mut world = self.world();
        (world.wanted(self.clock.now(), port), world.revision())
    }

    /// All ports of the state.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.world().ports()
    }

    /// Stores what a port's task has applied; `None` when the task ends.
    pub(crate) fn settle(&self, port: u16, settled: Option<Settled>) {
        self.settled.send_modify(|all| {
            all.retain(|known| known.port != port);
            all.extend(settled);
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

    /// Becomes true when the drain begins.
    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Begins the drain.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Waits until every one of `ports` has applied `revision`; returns an error of one of them.
    async fn settled(&self, revision: u64, ports: &[u16]) -> Option<String> {
        let acted = |all: &[Settled], port: u16| match of(all, port) {
            Some(settled) => revision <= settled.revision,
            None => self.wanted(port).0.is_none(),
        };
        let mut settled = self.settled.subscribe();
        let all = settled
            .wait_for(|all| ports.iter().all(|port| acted(all, *port)))
            .await
            .ok()?;
        let mut touched = ports.iter().filter_map(|port| of(&all, *port));
        touched.find_map(|settled| settled.error.clone())
    }

    /// What must happen to the process now.
    pub(crate) fn fate(&self) -> Fate {
        self.world().fate(self.clock.now())
    }

    /// Handles SIGTERM.
    pub(crate) fn terminate(&self) {
        self.world().terminate(self.clock.now());
        self.changed.send_replace(());
    }

    /// The memory that is held.
    pub(crate) fn memory(&self) -> Memory {
        lock(&self.memory).clone()
    }

    /// Stores how much memory is held.
    pub(crate) fn hold(&self, memory: Memory) {
        *lock(&self.memory) = memory;
    }

    /// Applies a change; returns the acknowledgement, the ports that must apply it, and an error of
    /// persisting it.
    fn take(&self, change: Change) -> Result<(Ack, Vec<u16>, Option<io::Error>), ChangeError> {
        let now = self.clock.now();
        let mut world = self.world();
        let before = world.ports();
        let (mut ports, place) = match &change {
            Change::Open(port, _) | Change::Unopen(port) => {
                (vec![*port], Some(Location::Port(*port)))
            }
            // These may change whether ports accept connections, which is up to each port's task.
            Change::Heal | Change::Afflict(_) | Change::Unafflict(_) => (before, None),
            Change::Lay(port, route, _) | Change::Unlay(port, route) => {
                let place = Location::Route(Some(*port), route.clone());
                (Vec::new(), Some(place))
            }
            Change::Lease(_) => (Vec::new(), None),
        };
        let agent = match &change {
            Change::Lay(_, _, behaviour) => behaviour.agent.clone(),
            _ => None,
        };
        let port = place.as_ref().and_then(Location::port).unwrap_or_default();
        let state = world.wanted(now, port).map(|wanted| wanted.state);
        world.change(now, change)?;
        if world.wanted(now, port).map(|wanted| wanted.state) != state {
            // A flip of a route has set or removed the port's state.
            ports = vec![port];
        }
        let effective = match place {
            Some(Location::Port(port)) => world.effective_of_port(now, port),
            Some(Location::Route(_, route)) => {
                let agent = agent.unwrap_or_default();
                world.effective_of_route(now, port, &route, &agent)
            }
            None => Effective::default(),
        };
        let ack = Ack {
            instance: self.identity.instance.clone(),
            revision: world.revision(),
            at: now,
            effective: effective.word,
            because: effective.because,
        };
        let kept = self
            .keeper
            .as_ref()
            .map(|keeper| keeper.keep(|| world.kept()));
        Ok((ack, ports, kept.and_then(Result::err)))
    }

    fn world(&self) -> MutexGuard<'_, TargetState> {
        lock(&self.world)
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

    fn revision(&self) -> u64 {
        self.world().revision()
    }

    fn state(&self) -> State {
        let now = self.clock.now();
        let mut world = self.world();
        let mut ports = world.shown(now);
        let settled = self.settled.borrow();
        for (number, port) in &mut ports {
            if let Some(settled) = of(&settled, *number) {
                port.listening = settled.listening;
                port.error.clone_from(&settled.error);
            }
        }
        lock(&self.tally).show(&mut ports);
        State {
            instance: self.identity.instance.clone(),
            revision: world.revision(),
            uptime: now,
            boot: self.identity.boot,
            pod: self.identity.pod.clone(),
            container: self.identity.container.clone(),
            lease: world.lease(now),
            process: world.afflicted(now),
            draining: world.draining(),
            memory: Some(self.memory()).filter(|memory| *memory != Memory::default()),
            ports,
            journal: self.log.recorded(),
            traffic: None,
        }
    }

    fn plan(&self) -> Option<Plan> {
        Some(self.world().plan(self.clock.now()))
    }

    fn log(&self) -> &Journal<JournalEntry> {
        &self.log
    }

    fn change(&self, change: Change) -> ChangeFuture<'_> {
        Box::pin(async {
            // A port that fails to listen for other reasons does not make a process fault fail.
            let of_process = matches!(change, Change::Afflict(_) | Change::Unafflict(_));
            let (mut ack, ports, unkept) = self.take(change)?;
            self.changed.send_replace(());
            let failed = self.settled(ack.revision, &ports).await;
            if let Some(error) = failed.filter(|_| !of_process) {
                return Err(CallError::new(StatusCode::CONFLICT, "", error));
            }
            if let Some(error) = unkept {
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
    fn from(denied: ChangeError) -> Self {
        match denied {
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

fn of(all: &[Settled], port: u16) -> Option<&Settled> {
    all.iter().find(|settled| settled.port == port)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
