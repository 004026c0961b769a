//! The process faults of a target in both layers, and a SIGTERM whose drain is pending.

use std::collections::BTreeMap;

use super::TargetState;
use super::port::Port;
use crate::model::answer;
use crate::model::behaviour::Behaviour;
use crate::model::bound::Bounds;
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::port_spec::{PortSpec, PortState};
use crate::model::process_fault::{AFTER_ANSWER, ProcessAction, ProcessFault, Sigterm};
use crate::process::Ending;
use crate::state::layers::{Held, Layers, Now};

/// The process faults of a target, and a SIGTERM whose drain has not begun.
#[derive(Debug, Default)]
pub(super) struct Process {
    faults: BTreeMap<&'static str, Layers<ProcessFault>>,
    /// When the drain of a received SIGTERM begins.
    draining: Option<Moment>,
}

/// What must happen to the process now, and when time alone may change that.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fate {
    /// How the process ends, if it does, with its termination message.
    pub(crate) end: Option<(End, Option<String>)>,
    /// The number of bytes to hold.
    pub(crate) memory: u64,
    pub(crate) until: Option<Moment>,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// By a drain.
    Drain,
    /// At once, by an exit code or signal.
    Sudden(Ending),
}

impl TargetState {
    /// What must happen to the process.
    pub(crate) fn fate(&mut self, at: Moment) -> Fate {
        self.prune(at);
        self.process.fate(self.now(at))
    }

    /// Handles SIGTERM: begins the drain now, schedules it or ignores it, and makes the locations
    /// in `fail` fail.
    pub(crate) fn terminate(&mut self, at: Moment) {
        self.prune(at);
        let Some((sigterm, until, leased)) = self.process.terminate(self.now(at)) else {
            return;
        };
        // If SIGTERM is ignored, the locations fail only as long as the fault is in force.
        let until = until.filter(|_| sigterm.delay.is_none());
        let bounds = Bounds {
            length: until.map(|until| until - at),
            ..Bounds::default()
        };
        for place in sigterm.places() {
            self.fail(at, &place, &bounds, leased);
        }
        self.revision += 1;
    }

    /// When the drain of a received SIGTERM begins.
    pub(crate) fn draining(&self) -> Option<Moment> {
        self.process.draining()
    }

    /// The process faults as `state` shows them.
    pub(crate) fn afflicted(&self, at: Moment) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        self.process.shown(self.now(at))
    }

    /// The state of a port, with `stop-accepting` of the process taken into account.
    pub(super) fn port_state(&self, port: &Port, now: Now) -> PortState {
        match port.state(now).0 {
            PortState::Open if self.process.stops_accepting(now) => PortState::StopAccepting,
            state => state,
        }
    }

    /// Makes a location fail: a route answers 503, a port is closed.
    fn fail(&mut self, at: Moment, place: &Location, bounds: &Bounds, leased: bool) {
        let mut behaviour = Behaviour::status(503);
        behaviour.bounds = bounds.clone();
        behaviour.leased = leased;
        let opening = PortSpec {
            bounds: bounds.clone(),
            leased,
            ..PortSpec::new(PortState::Closed)
        };
        for (number, port) in &mut self.ports {
            match place {
                Location::Port(meant) if meant == number => {
                    port.by_routes.clear();
                    port.opening.flip = Some(Held::passing(opening.clone(), at));
                }
                Location::Route(meant, route) if meant.is_none_or(|meant| meant == *number) => {
                    port.lay(route, Held::passing(behaviour.clone(), at));
                }
                _ => {}
            }
        }
    }
}

impl Process {
    pub(super) fn new(base: Vec<ProcessFault>) -> Self {
        let mut process = Self::default();
        for fault in base {
            process.faults.insert(fault.name(), Layers::new(fault));
        }
        process
    }

    pub(super) fn lay(&mut self, at: Moment, fault: ProcessFault) {
        let layers = self.faults.entry(fault.name()).or_default();
        layers.flip = Some(Held::new(fault, at));
    }

    /// Removes the flip of this name, or all. Without its `sigterm` flip, a scheduled drain begins
    /// as soon as the acknowledgement is sent.
    pub(super) fn heal(&mut self, at: Moment, name: Option<&str>) {
        let meant = |known: &str| name.is_none_or(|name| name == known);
        for (known, layers) in &mut self.faults {
            if meant(known) && layers.flip.take().is_some() && *known == "sigterm" {
                self.draining = self.draining.map(|due| due.min(at + AFTER_ANSWER));
            }
        }
    }

    pub(super) fn prune(&mut self, now: Now) {
        self.faults.retain(|_, layers| layers.prune(now));
    }

    /// Schedules the drain; returns the `sigterm` fault in force, when time may end it, and whether
    /// it is leased.
    pub(super) fn terminate(&mut self, now: Now) -> Option<(Sigterm, Option<Moment>, bool)> {
        let held = self
            .faults
            .get("sigterm")
            .and_then(|layers| layers.current(now));
        let told = held.and_then(|held| match &held.set.act {
            ProcessAction::Sigterm(sigterm) => {
                Some((sigterm.clone(), held.until(now), held.set.leased))
            }
            _ => None,
        });
        let delay = match &told {
            None => Some(std::time::Duration::ZERO),
            Some((sigterm, ..)) => sigterm.delay,
        };
        let due = delay.map(|delay| now.at + delay);
        self.draining = [self.draining, due].into_iter().flatten().min();
        told
    }

    /// When the drain of a received SIGTERM begins.
    pub(super) fn draining(&self) -> Option<Moment> {
        self.draining
    }

    /// Whether `stop-accepting` is in force, so that no port accepts connections.
    pub(super) fn stops_accepting(&self, now: Now) -> bool {
        let layers = self.faults.get("stop-accepting");
        layers.is_some_and(|layers| layers.current(now).is_some())
    }

    /// The next moment at which time alone may change anything.
    pub(super) fn until(&self, now: Now) -> Option<Moment> {
        let faults = self.faults.values().filter_map(|layers| layers.until(now));
        faults.chain(self.draining).min()
    }

    pub(super) fn fate(&self, now: Now) -> Fate {
        let mut fate = Fate {
            until: self.until(now),
            ..Fate::default()
        };
        if self.draining.is_some_and(|due| due <= now.at) {
            fate.end = Some((End::Drain, None));
        }
        for layers in self.faults.values() {
            let Some(held) = layers.current(now) else {
                continue;
            };
            let (ending, message) = match &held.set.act {
                ProcessAction::Exit { code, message } => (Ending::Code(*code), message),
                ProcessAction::Signal { signal, message } => (Ending::Signal(*signal), message),
                ProcessAction::Memory { bytes } => {
                    fate.memory = *bytes;
                    continue;
                }
                ProcessAction::Sigterm(_) | ProcessAction::StopAccepting => continue,
            };
            fate.end = Some((End::Sudden(ending), message.clone()));
        }
        fate
    }

    /// The process faults as `state` shows them.
    pub(super) fn shown(&self, now: Now) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        let faults = self.faults.iter();
        super::ordered(faults.map(|(name, layers)| ((*name).to_owned(), super::shown(layers, now))))
    }

    /// What is in force, as process faults for a new start.
    pub(super) fn planned(&self, now: Now) -> Vec<ProcessFault> {
        let faults = self.faults.values();
        let planned = faults.filter_map(|layers| layers.flattened(now));
        planned
            .map(|mut fault| {
                // `exit` and `signal` take no `for`, which flattening a leased flip sets.
                if fault.ends() {
                    fault.bounds.length = None;
                }
                fault
            })
            .collect()
    }
}
