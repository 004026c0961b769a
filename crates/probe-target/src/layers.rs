//! What is said about one route or one port: a base and perhaps a flip over it, each with what its bounds have used up.
//! It knows neither ports nor paths, and time is an argument.

use crate::behaviour::Behaviour;
use crate::bound::{Bounds, Phase};
use crate::moment::Moment;
use crate::opening::Opening;
use crate::wire;

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
    given: u64,
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

    /// The layer in force, the flip before the base, of those `wanted` holds for.
    pub(crate) fn current(
        &mut self,
        now: Now,
        wanted: impl Fn(&B) -> bool,
    ) -> Option<(&mut Held<B>, bool)> {
        let flip = self.flip.as_mut().map(|held| (held, true));
        let base = self.base.as_mut().map(|held| (held, false));
        flip.into_iter()
            .chain(base)
            .find(|(held, _)| held.in_force(now) && wanted(&held.set))
    }

    /// Forgets what has ended; says whether anything is left.
    pub(crate) fn prune(&mut self, now: Now) -> bool {
        for layer in [&mut self.base, &mut self.flip] {
            if layer.as_ref().is_some_and(|held| !held.in_force(now)) {
                *layer = None;
            }
        }
        self.base.is_some() || self.flip.is_some()
    }

    /// What both layers come to at `now`, as a base for a new start.
    pub(crate) fn flattened(&self, now: Now) -> Option<B> {
        let mut layers = [&self.flip, &self.base].into_iter().flatten();
        layers
            .find(|held| held.in_force(now))
            .map(|held| held.remaining(now.at))
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
            given: 0,
        }
    }

    /// Counts one request or connection that is given it.
    pub(crate) fn give(&mut self) -> &B {
        self.given += 1;
        &self.set
    }

    pub(crate) fn in_force(&self, now: Now) -> bool {
        let held = !self.set.leased() || now.lease.is_some_and(|end| now.at < end);
        held && self.phase(now.at) != Phase::Over
    }

    /// The next moment at which time alone may end it.
    pub(crate) fn until(&self, now: Now) -> Option<Moment> {
        let lease = now.lease.filter(|_| self.set.leased());
        match self.phase(now.at) {
            Phase::Open { until } => [until, lease].into_iter().flatten().min(),
            Phase::Over => None,
        }
    }

    /// What `state` shows of it.
    pub(crate) fn shown(&self, now: Now) -> Option<wire::Laid<B>> {
        let Phase::Open { until } = self.phase(now.at) else {
            return None;
        };
        self.in_force(now).then(|| wire::Laid {
            set: self.set.clone(),
            since: self.since,
            until,
            left: self.set.bounds().left(self.given),
        })
    }

    fn remaining(&self, now: Moment) -> B {
        let mut set = self.set.clone();
        *set.bounds_mut() = set.bounds().remaining(self.since, self.given, now);
        *set.leased_mut() = false;
        set
    }

    fn phase(&self, now: Moment) -> Phase {
        self.set.bounds().phase(self.since, self.given, now)
    }
}

/// Both kinds of layers keep these two in fields of the same name.
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
bounded!(Opening);
