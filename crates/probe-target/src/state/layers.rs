//! What is said about one route, one port or the process: a base and perhaps a flip over it, each with what its bounds have used up.
//! It knows neither ports nor paths, and time is an argument.

use crate::model::answer;
use crate::model::behaviour::Behaviour;
use crate::model::bound::{Bounds, Phase, Used};
use crate::model::moment::Moment;
use crate::model::port_spec::PortSpec;
use crate::model::process_fault::ProcessFault;

/// A base and a flip over it.
#[derive(Debug)]
pub(crate) struct Layers<B> {
    pub(crate) base: Option<Held<B>>,
    pub(crate) flip: Option<Held<B>>,
}

/// Something in force since a moment.
#[derive(Debug)]
pub(crate) struct Held<B> {
    pub(crate) set: B,
    since: Moment,
    used: Used,
    /// Requests a probability was asked about.
    drawn: u64,
    /// Whether it ends with the process at the latest, whatever may be kept.
    passing: bool,
}

/// What can end by itself.
pub(crate) trait Bounded: Clone {
    fn bounds(&self) -> &Bounds;
    fn bounds_mut(&mut self) -> &mut Bounds;
    fn leased(&self) -> bool;
    fn leased_mut(&mut self) -> &mut bool;
}

/// The moment asked about, with the lease that runs then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Moment,
    pub(crate) lease: Option<Moment>,
}

impl<B: Bounded> Layers<B> {
    /// A base from the start of the process.
    pub(crate) fn new(base: B) -> Self {
        Self {
            base: Some(Held::new(base, Moment::START)),
            flip: None,
        }
    }

    /// The layer in force, the flip before the base.
    pub(crate) fn current(&self, now: Now) -> Option<&Held<B>> {
        self.current_of(now, |_| true)
    }

    /// The same of those `wanted` holds for.
    pub(crate) fn current_of(&self, now: Now, wanted: impl Fn(&B) -> bool) -> Option<&Held<B>> {
        let mut layers = [&self.flip, &self.base].into_iter().flatten();
        layers.find(|held| held.in_force(now) && wanted(&held.set))
    }

    /// Both layers, the flip before the base, and whether each is the flip.
    pub(crate) fn held_mut(&mut self) -> impl Iterator<Item = (&mut Held<B>, bool)> {
        let flip = self.flip.as_mut().map(|held| (held, true));
        let base = self.base.as_mut().map(|held| (held, false));
        flip.into_iter().chain(base)
    }

    /// What a request or connection is given, of the layers `wanted` holds for, how many were given it before in this window,
    /// and whether it is a flip. It is counted.
    pub(crate) fn give(
        &mut self,
        now: Now,
        wanted: impl Fn(&B) -> bool,
    ) -> Option<(&B, u64, bool)> {
        self.held_mut().find_map(|(held, flipped)| {
            let (set, number) = held.given_if(now, &wanted)?;
            Some((set, number, flipped))
        })
    }

    /// The next moment at which time alone may change what is in force.
    pub(crate) fn until(&self, now: Now) -> Option<Moment> {
        let layers = [&self.flip, &self.base].into_iter().flatten();
        layers.filter_map(|held| held.until(now)).min()
    }

    /// Forgets what has ended; says whether anything is left.
    pub(crate) fn prune(&mut self, now: Now) -> bool {
        for layer in [&mut self.base, &mut self.flip] {
            if layer.as_ref().is_some_and(|held| held.has_ended(now)) {
                *layer = None;
            }
        }
        self.base.is_some() || self.flip.is_some()
    }

    /// What both layers come to at `now`, as a base for a new start.
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
    /// In force from `since`, given to nobody yet.
    pub(crate) fn new(set: B, since: Moment) -> Self {
        Self {
            set,
            since,
            used: Used::default(),
            drawn: 0,
            passing: false,
        }
    }

    /// The same of what belongs to the end of this process, and is nothing to the next.
    pub(crate) fn passing(set: B, since: Moment) -> Self {
        Self {
            passing: true,
            ..Self::new(set, since)
        }
    }

    pub(crate) fn in_force(&self, now: Now) -> bool {
        !self.has_ended(now) && matches!(self.phase(now.at), Phase::Open { .. })
    }

    /// How many requests were given it in this window.
    pub(crate) fn given(&self, now: Now) -> u64 {
        self.set.bounds().given(self.since, self.used, now.at)
    }

    /// What a request or connection is given of it, if it is in force, `wanted` holds and chance means this one, and how many were given it
    /// before in this window. It is counted.
    pub(crate) fn given_if(&mut self, now: Now, wanted: impl Fn(&B) -> bool) -> Option<(&B, u64)> {
        if !self.in_force(now) || !wanted(&self.set) || !self.draw() {
            return None;
        }
        let number = self.give(now.at);
        Some((&self.set, number))
    }

    /// Counts one request or connection that is given it; how many were before it in this window.
    fn give(&mut self, now: Moment) -> u64 {
        self.set.bounds().give(self.since, &mut self.used, now);
        self.used.given - 1
    }

    /// Whether the next request is meant.
    fn draw(&mut self) -> bool {
        let number = self.drawn;
        let Some(chance) = self.set.bounds().probability else {
            return true;
        };
        self.drawn += 1;
        chance.means(number)
    }

    pub(crate) fn has_ended(&self, now: Now) -> bool {
        let lapsed = self.set.leased() && now.lease.is_none_or(|end| end <= now.at);
        lapsed || self.phase(now.at) == Phase::Over
    }

    /// The next moment at which time alone may end it.
    pub(crate) fn until(&self, now: Now) -> Option<Moment> {
        let lease = now.lease.filter(|_| self.set.leased());
        let own = match self.phase(now.at) {
            Phase::Open { until } => until,
            Phase::Closed { until } => Some(until),
            Phase::Over => return None,
        };
        [own, lease].into_iter().flatten().min()
    }

    /// What `state` shows of it.
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
        *set.leased_mut() = false;
        set
    }

    /// Whether nothing but a change ends it, not even the process.
    pub(crate) fn lasts(&self) -> bool {
        !self.passing && !self.set.leased() && self.set.bounds().is_endless()
    }

    fn phase(&self, now: Moment) -> Phase {
        self.set.bounds().phase(self.since, self.used, now)
    }
}

/// All kinds of layers keep these two in fields of the same name.
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
