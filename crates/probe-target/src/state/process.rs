//! What is done to the process itself, in both layers, and what comes of it at a moment. Pure, as all of the state is.

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

/// The process faults of a target, and the SIGTERM it has not yet followed.
#[derive(Debug, Default)]
pub(super) struct Process {
    faults: BTreeMap<&'static str, Layers<ProcessFault>>,
    /// When a SIGTERM that has come is followed.
    draining: Option<Moment>,
}

/// What is to happen to the process now, and until when at most that holds by time alone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fate {
    /// Its end, with the message it leaves.
    pub(crate) end: Option<(End, Option<String>)>,
    /// How much memory is to be held.
    pub(crate) memory: u64,
    pub(crate) until: Option<Moment>,
}

/// How the process is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// In good order.
    Drain,
    /// On the spot.
    Sudden(Ending),
}

impl TargetState {
    /// What is to happen to the process.
    pub(crate) fn fate(&mut self, at: Moment) -> Fate {
        self.prune(at);
        self.process.fate(self.now(at))
    }

    /// SIGTERM has come: it is followed now or later, or it is lost, and what was to fail then fails.
    pub(crate) fn terminate(&mut self, at: Moment) {
        self.prune(at);
        let Some((sigterm, until, leased)) = self.process.terminate(self.now(at)) else {
            return;
        };
        // Who goes on as before also fails no longer than that.
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

    /// When a SIGTERM that has come is followed.
    pub(crate) fn draining(&self) -> Option<Moment> {
        self.process.draining()
    }

    /// What `state` shows of the process.
    pub(crate) fn afflicted(&self, at: Moment) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        self.process.shown(self.now(at))
    }

    /// What happens to the connections of a port.
    pub(super) fn port_state(&self, port: &Port, now: Now) -> PortState {
        match port.state(now).0 {
            PortState::Open if self.process.stops_accepting(now) => PortState::StopAccepting,
            state => state,
        }
    }

    /// Lays what fails over a place.
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

    /// Takes away the flip of this name, or all; who was told to take his time over SIGTERM then takes little.
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

    /// SIGTERM has come; what it is to do, and until when at most that was so.
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

    /// When a SIGTERM that has come is followed.
    pub(super) fn draining(&self) -> Option<Moment> {
        self.draining
    }

    /// Whether no port accepts.
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

    /// What `state` shows.
    pub(super) fn shown(&self, now: Now) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        let faults = self.faults.iter();
        super::ordered(faults.map(|(name, layers)| ((*name).to_owned(), super::shown(layers, now))))
    }

    /// What is in force, as faults for a new start.
    pub(super) fn planned(&self, now: Now) -> Vec<ProcessFault> {
        let faults = self.faults.values();
        let planned = faults.filter_map(|layers| layers.flattened(now));
        planned
            .map(|mut fault| {
                // What ends the process is not ended.
                if fault.ends() {
                    fault.bounds.length = None;
                }
                fault
            })
            .collect()
    }
}
