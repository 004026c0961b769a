//! The routes of one port in both layers, and which of them applies to a request.

use std::collections::BTreeMap;

use crate::model::behaviour::Behaviour;
use crate::model::moment::Moment;
use crate::model::route_path::RoutePath;
use crate::state::layers::{Held, Layers, Now};

/// The routes of one port. Every flip goes before every base. Among flips and among bases, the
/// exact route goes before wildcards, and a longer wildcard before a shorter one.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Exact routes by decoded path.
    exact: BTreeMap<Vec<u8>, Layers<Behaviour>>,
    /// Wildcards by decoded prefix.
    wildcards: BTreeMap<Vec<u8>, Layers<Behaviour>>,
}

impl Routes {
    /// Routes that have a base only.
    pub(super) fn new(planned: BTreeMap<RoutePath, Behaviour>) -> Self {
        let mut routes = Self::default();
        for (route, behaviour) in planned {
            *routes.entry(&route) = Layers::new(behaviour);
        }
        routes
    }

    /// The layers of a route, created if absent.
    pub(super) fn entry(&mut self, route: &RoutePath) -> &mut Layers<Behaviour> {
        let routes = self.of_kind(route);
        routes.entry(route.decoded().to_vec()).or_default()
    }

    /// The layers of a route, if it is configured.
    pub(super) fn get(&self, route: &RoutePath) -> Option<&Layers<Behaviour>> {
        let routes = if route.is_wildcard() {
            &self.wildcards
        } else {
            &self.exact
        };
        routes.get(route.decoded())
    }

    /// The layers of a route for changes, if it is configured.
    pub(super) fn get_mut(&mut self, route: &RoutePath) -> Option<&mut Layers<Behaviour>> {
        self.of_kind(route).get_mut(route.decoded())
    }

    /// The number of configured routes.
    pub(super) fn len(&self) -> usize {
        self.exact.len() + self.wildcards.len()
    }

    /// All configured routes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RoutePath, &Layers<Behaviour>)> {
        let exact = self.exact.iter();
        let wildcards = self.wildcards.iter();
        let exact = exact.map(|(path, layers)| (RoutePath::exact(path.as_slice()), layers));
        exact.chain(wildcards.map(|(prefix, layers)| (RoutePath::below(prefix), layers)))
    }

    /// The layers of all routes.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Layers<Behaviour>> {
        self.exact.values_mut().chain(self.wildcards.values_mut())
    }

    /// Removes what has ended.
    pub(super) fn prune(&mut self, now: Now) {
        for routes in [&mut self.exact, &mut self.wildcards] {
            routes.retain(|_, layers| layers.prune(now));
        }
    }

    /// The behaviour for a request for this decoded path, as [`Layers::select`] returns it.
    pub(super) fn select(
        &mut self,
        now: Now,
        path: &[u8],
        wanted: impl Fn(&Behaviour) -> bool,
    ) -> Option<(&Behaviour, u64, bool)> {
        // The usual case, without allocations.
        if self.wildcards.is_empty() {
            return self.exact.get_mut(path)?.select(now, wanted);
        }
        let exact = self.exact.get_mut(path).into_iter();
        // All matching prefixes start the same path, so a longer one sorts after a shorter one.
        let wildcards = self.wildcards.iter_mut().rev();
        let wildcards = wildcards.filter(|(prefix, _)| path.starts_with(prefix));
        let (mut flips, mut bases) = (Vec::new(), Vec::new());
        for layers in exact.chain(wildcards.map(|(_, layers)| layers)) {
            flips.extend(layers.flip.as_mut().map(|held| (held, true)));
            bases.extend(layers.base.as_mut().map(|held| (held, false)));
        }
        let mut layers = flips.into_iter().chain(bases);
        layers.find_map(|(held, flipped)| {
            let (behaviour, number) = held.select(now, &wanted)?;
            Some((behaviour, number, flipped))
        })
    }

    /// The behaviour for a request for this decoded path now, without counting it.
    pub(super) fn current(&self, now: Now, path: &[u8], agent: &str) -> Option<&Held<Behaviour>> {
        let flips = self
            .matching(path)
            .filter_map(|layers| layers.flip.as_ref());
        let bases = self
            .matching(path)
            .filter_map(|layers| layers.base.as_ref());
        flips.chain(bases).find(|held| may_apply(held, now, agent))
    }

    /// The wildcard whose flip applies to requests for a route that has no flip in force.
    pub(super) fn wider_flip(&self, now: Now, route: &RoutePath, agent: &str) -> Option<RoutePath> {
        let applies = |layers: &Layers<Behaviour>| {
            let flip = layers.flip.as_ref();
            flip.is_some_and(|held| may_apply(held, now, agent))
        };
        if self.get(route).is_some_and(applies) {
            return None;
        }
        let mut wildcards = self.wildcards.iter().rev();
        let wider = wildcards
            .find(|(prefix, layers)| route.decoded().starts_with(prefix) && applies(layers));
        wider.map(|(prefix, _)| RoutePath::below(prefix))
    }

    /// The next moment at which time alone may change the behaviour for a path.
    pub(super) fn until(&self, now: Now, path: &[u8]) -> Option<Moment> {
        let layers = self.matching(path);
        layers.filter_map(|layers| layers.until(now)).min()
    }

    /// Whether a flip in force changes this route or gives any route a 200.
    pub(super) fn overrides_base(&self, now: Now, route: &RoutePath) -> bool {
        let flip = self.get(route).and_then(|layers| layers.flip.as_ref());
        let mut passes = self.flips().filter(|held| held.set.is_pass());
        flip.is_some_and(|held| held.in_force(now)) || passes.any(|held| held.in_force(now))
    }

    /// The next moment at which time alone may begin or end a flip.
    pub(super) fn flips_until(&self, now: Now) -> Option<Moment> {
        self.flips().filter_map(|held| held.until(now)).min()
    }

    fn flips(&self) -> impl Iterator<Item = &Held<Behaviour>> {
        let layers = self.exact.values().chain(self.wildcards.values());
        layers.filter_map(|layers| layers.flip.as_ref())
    }

    /// The layers of the routes that match a decoded path, in order of precedence.
    fn matching(&self, path: &[u8]) -> impl Iterator<Item = &Layers<Behaviour>> {
        let wildcards = self.wildcards.iter().rev();
        let wildcards = wildcards.filter(move |(prefix, _)| path.starts_with(prefix));
        let exact = self.exact.get(path).into_iter();
        exact.chain(wildcards.map(|(_, layers)| layers))
    }

    fn of_kind(&mut self, route: &RoutePath) -> &mut BTreeMap<Vec<u8>, Layers<Behaviour>> {
        if route.is_wildcard() {
            &mut self.wildcards
        } else {
            &mut self.exact
        }
    }
}

/// Whether the layer may get a request of this user agent; a probability above 0 is taken for
/// certain.
fn may_apply(held: &Held<Behaviour>, now: Now, agent: &str) -> bool {
    held.in_force(now) && held.set.is_for(agent) && !held.set.bounds.is_never()
}
