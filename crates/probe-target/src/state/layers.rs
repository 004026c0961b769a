//! A base and a flip over it, of a route, port or process fault, with what is used of their bounds.
//! Ports and paths are unknown here, and time is an argument.

use crate::model::answer;
use crate::model::behaviour::Behaviour;
use crate::model::bound::{Bounds, Phase, Used};
use crate::model::moment::Moment;
use crate::model::port_spec::PortSpec;
use crate::model::process_fault::ProcessFault;

/// A base and a flip over it; either may be absent.
#[derive(Debug)]
pub(crate) struct Layers<B> {
    pub(crate) base: Option<Held<B>>,
    pub(crate) flip: Option<Held<B>>,
}

/// A behaviour, port spec or process fault in force since a moment.
#[derive(Debug)]
pub(crate) struct Held<B> {
    pub(crate) set: B,
    since: Moment,
    used: Used,
    /// The number of requests that `probability` has been evaluated for.
    drawn: u64,
    /// Whether the layer applies from SIGTERM on. It is not persisted.
    until_exit: bool,
}

/// A type with bounds and the field `leased`.
pub(crate) trait Bounded: Clone {
    fn bounds(&self) -> &Bounds;
    fn bounds_mut(&mut self) -> &mut Bounds;
    fn leased(&self) -> bool;
    fn leased_mut(&mut self) -> &mut bool;
}

/// The current time and the end of the running lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Moment,
    pub(crate) lease: Option<Moment>,
}

impl<B: Bounded> Layers<B> {
    /// A base in force from the start of the process, without flip.
    pub(crate) fn new(base: B) -> Self {
        Self {
            base: Some(Held::new(base, Moment::START)),
            flip: None,
        }
    }

    /// The layer in force; the flip goes before the base.
    pub(crate) fn current(&self, now: Now) -> Option<&Held<B>> {
        let mut layers = [&self.flip, &self.base].into_iter().flatten();
        layers.find(|held| held.in_force(now))
    }

    /// Both layers, the flip before the base, each with whether it is the flip.
    pub(crate) fn held_mut(&mut self) -> impl Iterator<Item = (&mut Held<B>, bool)> {
        let flip = self.flip.as_mut().map(|held| (held, true));
        let base = self.base.as_mut().map(|held| (held, false));
        flip.into_iter().chain(base)
    }

    /// The layer for a request or connection among those that satisfy `wanted`, how many requests
    /// it was given to before in this window, and whether it is a flip. Counts the request.
    pub(crate) fn select(
        &mut self,
        now: Now,
        wanted: impl Fn(&B) -> bool,
    ) -> Option<(&B, u64, bool)> {
        self.held_mut().find_map(|(held, flipped)| {
            let (set, number) = held.select(now, &wanted)?;
            Some((set, number, flipped))
        })
    }

    /// The next moment at which time alone may change which layer is in force.
    pub(crate) fn until(&self, now: Now) -> Option<Moment> {
        let layers = [&self.flip, &self.base].into_iter().flatten();
        layers.filter_map(|held| held.until(now)).min()
    }

    /// Removes layers that have ended; returns whether any is left.
    pub(crate) fn prune(&mut self, now: Now) -> bool {
        for layer in [&mut self.base, &mut self.flip] {
            if layer.as_ref().is_some_and(|held| held.has_ended(now)) {
                *layer = None;
            }
        }
        self.base.is_some() || self.flip.is_some()
    }

    /// Both layers as `state` shows them.
    pub(crate) fn shown(&self, now: Now) -> answer::Layered<B> {
        let layer = |held: &Option<Held<B>>| held.as_ref().and_then(|held| held.shown(now));
        answer::Layered {
            base: layer(&self.base),
            flip: layer(&self.flip),
        }
    }

    /// What is left of both layers at `now`, as a base for a new start.
    pub(crate) fn flattened(&self, now: Now) -> Option<B> {
        let mut layers = [&self.flip, &self.base].into_iter().flatten();
        layers
            .find(|held| !held.has_ended(now))
            .map(|held| held.remaining(now))
    }
}

impl<B> Default for Layers<B> {
    fn default() -> Self {
        Self {
            base: None,
            flip: None,
        }
    }
}

impl<B: Bounded> Held<B> {
    /// A layer in force from `since`, with nothing counted.
    pub(crate) fn new(set: B, since: Moment) -> Self {
        Self {
            set,
            since,
            used: Used::default(),
            drawn: 0,
            until_exit: false,
        }
    }

    /// A layer that applies from SIGTERM on. It is not persisted.
    pub(crate) fn until_exit(set: B, since: Moment) -> Self {
        Self {
            until_exit: true,
            ..Self::new(set, since)
        }
    }

    pub(crate) fn in_force(&self, now: Now) -> bool {
        !self.has_ended(now) && matches!(self.phase(now.at), Phase::Open { .. })
    }

    /// The number of requests that were given this layer in this window.
    pub(crate) fn given(&self, now: Now) -> u64 {
        self.set.bounds().given(self.since, self.used, now.at)
    }

    /// The layer for a request or connection, if it is in force, satisfies `wanted` and its
    /// probability selects the request, with how many requests it was given to before in this
    /// window. Counts the request.
    pub(crate) fn select(&mut self, now: Now, wanted: impl Fn(&B) -> bool) -> Option<(&B, u64)> {
        // Drawn last: only requests that could get the layer advance the sequence of draws.
        if !self.in_force(now) || !wanted(&self.set) || !self.is_drawn() {
            return None;
        }
        let number = self.count(now.at);
        Some((&self.set, number))
    }

    /// Counts one request or connection; returns how many there were before it in this window.
    fn count(&mut self, now: Moment) -> u64 {
        self.set.bounds().give(self.since, &mut self.used, now);
        self.used.given - 1
    }

    /// Whether the probability selects the next request.
    fn is_drawn(&mut self) -> bool {
        let number = self.drawn;
        let Some(probability) = self.set.bounds().probability else {
            return true;
        };
        self.drawn += 1;
        probability.selects(number)
    }

    pub(crate) fn has_ended(&self, now: Now) -> bool {
        // Without a lease nothing leased is in force, also if none was ever started.
        let lapsed = self.set.leased() && now.lease.is_none_or(|end| end <= now.at);
        lapsed || self.phase(now.at) == Phase::Over
    }

    /// The next moment at which time alone may end or begin it.
    pub(crate) fn until(&self, now: Now) -> Option<Moment> {
        let lease = now.lease.filter(|_| self.set.leased());
        let ends = match self.phase(now.at) {
            Phase::Open { until } => until,
            Phase::Closed { until } => Some(until),
            Phase::Over => return None,
        };
        [ends, lease].into_iter().flatten().min()
    }

    /// The layer as `state` shows it; `None` if it has ended.
    pub(crate) fn shown(&self, now: Now) -> Option<answer::InForce<B>> {
        if self.has_ended(now) {
            return None;
        }
        let (until, opens) = match self.phase(now.at) {
            Phase::Open { until } => (until, None),
            Phase::Closed { until } => (None, Some(until)),
            Phase::Over => return None,
        };
        let bounds = self.set.bounds();
        Some(answer::InForce {
            set: self.set.clone(),
            since: self.since,
            until,
            opens,
            left: bounds.left(self.since, self.used, now.at),
        })
    }

    pub(crate) fn remaining(&self, now: Now) -> B {
        let mut set = self.set.clone();
        let mut bounds = set.bounds().remaining(self.since, self.used, now.at);
        if let Some(end) = now.lease.filter(|_| set.leased()) {
            bounds.end(end - now.at);
        }
        *set.bounds_mut() = bounds;
        // The new start has no lease; its time limit stands for it.
        *set.leased_mut() = false;
        set
    }

    /// Whether only a change ends the layer, so that it can be persisted.
    pub(crate) fn lasts(&self) -> bool {
        !self.until_exit && !self.set.leased() && self.set.bounds().is_endless()
    }

    fn phase(&self, now: Moment) -> Phase {
        self.set.bounds().phase(self.since, self.used, now)
    }
}

/// All layer types have the fields `bounds` and `leased`.
macro_rules! bounded {
    ($type:ty) => {
        impl Bounded for $type {
            fn bounds(&self) -> &Bounds {
                &self.bounds
            }

            fn bounds_mut(&mut self) -> &mut Bounds {
                &mut self.bounds
            }

            fn leased(&self) -> bool {
                self.leased
            }

            fn leased_mut(&mut self) -> &mut bool {
                &mut self.leased
            }
        }
    };
}

bounded!(Behaviour);
bounded!(PortSpec);
bounded!(ProcessFault);
