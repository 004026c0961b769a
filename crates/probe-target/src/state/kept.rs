//! The flips that outlive a process: what is kept of the state, and how the next process begins with it. Where it is kept is not known here.

use super::{Change, ChangeError, TargetState};
use crate::model::flips::{Flip, Flips};
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::port_spec::PortSpec;

impl TargetState {
    /// The flips that nothing but a change ends.
    pub(crate) fn kept(&self) -> Flips {
        let mut flips = Flips::default();
        for (number, port) in &self.ports {
            if let Some(held) = port.opening.flip.as_ref().filter(|held| held.lasts()) {
                let flip = Flip::Port(held.set.clone());
                flips.0.push((Location::Port(*number), flip));
            }
            // The newest last, as they are laid again in this order.
            for held in port.by_routes.iter().rev().filter(|held| held.lasts()) {
                let Some(route) = held.set.route.clone() else {
                    continue;
                };
                let place = Location::Route(Some(*number), route);
                let opening = PortSpec {
                    route: None,
                    ..held.set.clone()
                };
                flips.0.push((place, Flip::Port(opening)));
            }
            for (route, layers) in port.routes.iter() {
                if let Some(held) = layers.flip.as_ref().filter(|held| held.lasts()) {
                    let place = Location::Route(Some(*number), route);
                    flips.0.push((place, Flip::Route(held.set.clone())));
                }
            }
        }
        flips
    }

    /// Lays what was [kept](Self::kept) over the base of a target that has not taken a change yet.
    pub(crate) fn restore(&mut self, mut flips: Flips) -> Result<(), ChangeError> {
        // States of routes come last: a 200 that is laid after one opens the port.
        let is_state = |(place, flip): &(Location, Flip)| {
            matches!((place, flip), (Location::Route(..), Flip::Port(_)))
        };
        flips.0.sort_by_key(is_state);
        for (place, flip) in flips.0 {
            match (place, flip) {
                (Location::Port(port), Flip::Port(opening)) => {
                    self.change(Moment::START, Change::Open(port, opening))?;
                }
                // The port may speak something without routes for now.
                (Location::Route(Some(port), route), Flip::Route(behaviour)) => {
                    self.lay(Moment::START, port, &route, behaviour)?;
                }
                (Location::Route(Some(port), route), Flip::Port(opening)) => {
                    let route = Some(route);
                    self.open(Moment::START, port, PortSpec { route, ..opening })?;
                }
                // Nothing is kept about every port at once.
                (..) => {}
            }
        }
        self.revision = 0;
        Ok(())
    }
}
