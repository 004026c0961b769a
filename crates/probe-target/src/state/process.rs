//! The process faults of a target in both layers, and a SIGTERM whose drain is pending.

use std::collections::BTreeMap;

use crate::model::answer;
use crate::model::moment::Moment;
use crate::model::process_fault::{AFTER_ANSWER, ProcessAction, ProcessFault, Sigterm};
use crate::model::process_fault_name::{SIGTERM, STOP_ACCEPTING};
use crate::process::Ending;
use crate::state::layers::{Held, Layers, Now};
use crate::state::ordered_map;

/// The process faults of a target, and a SIGTERM whose drain has not begun.
#[derive(Debug, Default)]
pub(super) struct ProcessState {
    faults: BTreeMap<&'static str, Layers<ProcessFault>>,
    /// When the drain of a received SIGTERM begins.
    draining: Option<Moment>,
}

/// What must happen to the process now, and when time alone may change that.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DesiredProcess {
    /// How the process ends, if it does, with its termination message.
    pub(crate) end: Option<(ProcessEnd, Option<String>)>,
    /// The number of bytes to hold.
    pub(crate) memory: u64,
    pub(crate) until: Option<Moment>,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ProcessEnd {
    /// By a drain.
    Drain,
    /// At once, by an exit code or signal.
    Immediate(Ending),
}

impl ProcessState {
    pub(super) fn new(base: Vec<ProcessFault>) -> Self {
        let mut process = Self::default();
        for fault in base {
            process.faults.insert(fault.name(), Layers::new(fault));
        }
        process
    }

    pub(super) fn flip(&mut self, at: Moment, fault: ProcessFault) {
        let layers = self.faults.entry(fault.name()).or_default();
        layers.flip = Some(Held::new(fault, at));
    }

    /// Removes the flip of this name, or all. Without its `sigterm` flip, a scheduled drain begins
    /// as soon as the acknowledgement is sent.
    pub(super) fn heal(&mut self, at: Moment, name: Option<&str>) {
        let matches = |known: &str| name.is_none_or(|name| name == known);
        for (known, layers) in &mut self.faults {
            if matches(known) && layers.flip.take().is_some() && *known == SIGTERM {
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
            .get(SIGTERM)
            .and_then(|layers| layers.current(now));
        let fault = held.and_then(|held| match &held.set.act {
            ProcessAction::Sigterm(sigterm) => {
                Some((sigterm.clone(), held.until(now), held.set.leased))
            }
            _ => None,
        });
        let delay = match &fault {
            None => Some(std::time::Duration::ZERO),
            Some((sigterm, ..)) => sigterm.delay,
        };
        let due = delay.map(|delay| now.at + delay);
        // A second SIGTERM may bring the drain forward, never put it off.
        self.draining = [self.draining, due].into_iter().flatten().min();
        fault
    }

    /// When the drain of a received SIGTERM begins.
    pub(super) fn draining(&self) -> Option<Moment> {
        self.draining
    }

    /// Whether `stop-accepting` is in force, so that no port accepts connections.
    pub(super) fn stops_accepting(&self, now: Now) -> bool {
        let layers = self.faults.get(STOP_ACCEPTING);
        layers.is_some_and(|layers| layers.current(now).is_some())
    }

    /// The next moment at which time alone may change anything.
    pub(super) fn until(&self, now: Now) -> Option<Moment> {
        let faults = self.faults.values().filter_map(|layers| layers.until(now));
        faults.chain(self.draining).min()
    }

    pub(super) fn desired(&self, now: Now) -> DesiredProcess {
        let mut desired = DesiredProcess {
            until: self.until(now),
            ..DesiredProcess::default()
        };
        if self.draining.is_some_and(|due| due <= now.at) {
            desired.end = Some((ProcessEnd::Drain, None));
        }
        for layers in self.faults.values() {
            let Some(held) = layers.current(now) else {
                continue;
            };
            let (ending, message) = match &held.set.act {
                ProcessAction::Exit { code, message } => (Ending::Code(*code), message),
                ProcessAction::Signal { signal, message } => (Ending::Signal(*signal), message),
                ProcessAction::Memory { bytes } => {
                    desired.memory = *bytes;
                    continue;
                }
                ProcessAction::Sigterm(_) | ProcessAction::StopAccepting => continue,
            };
            desired.end = Some((ProcessEnd::Immediate(ending), message.clone()));
        }
        desired
    }

    /// The process faults as `state` shows them.
    pub(super) fn shown(&self, now: Now) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        let faults = self.faults.iter();
        ordered_map::collect(faults.map(|(name, layers)| ((*name).to_owned(), layers.shown(now))))
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
