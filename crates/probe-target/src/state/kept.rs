//! Which flips of the state outlive the process, and how the next process restores them.

use super::{Change, ChangeError, TargetState};
use crate::model::flip_spec::Flip;
use crate::model::flips::Flips;
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::port_spec::PortSpec;

impl TargetState {
    /// The flips that only a change ends.
    pub(crate) fn kept(&self) -> Flips {
        let mut flips = Flips::default();
        for (number, port) in &self.ports {
            if let Some(held) = port.spec.flip.as_ref().filter(|held| held.lasts()) {
                let flip = Flip::Port(held.set.clone());
                flips.0.push((Location::Port(*number), flip));
            }
            // The newest comes last, as `restore` applies them in this order.
            for held in port.set_by_routes.iter().rev().filter(|held| held.lasts()) {
                let Some(route) = held.set.route.clone() else {
                    continue;
                };
                let location = Location::Route(Some(*number), route);
                let spec = PortSpec {
                    route: None,
                    ..held.set.clone()
                };
                flips.0.push((location, Flip::Port(spec)));
            }
            for (route, layers) in port.routes.iter() {
                if let Some(held) = layers.flip.as_ref().filter(|held| held.lasts()) {
                    let location = Location::Route(Some(*number), route);
                    flips.0.push((location, Flip::Route(held.set.clone())));
                }
            }
        }
        flips
    }

    /// Applies [kept](Self::kept) flips to a target that has not applied any change yet.
    pub(crate) fn restore(&mut self, mut flips: Flips) -> Result<(), ChangeError> {
        // Port states set by routes come last, as a 200 on another route after them would open the
        // port.
        let is_state = |(location, flip): &(Location, Flip)| {
            matches!((location, flip), (Location::Route(..), Flip::Port(_)))
        };
        flips.0.sort_by_key(is_state);
        for (location, flip) in flips.0 {
            match (location, flip) {
                (Location::Port(port), Flip::Port(spec)) => {
                    self.change(Moment::START, Change::FlipPort(port, spec))?;
                }
                // Bypasses the check for routes: the port may speak tcp for now.
                (Location::Route(Some(port), route), Flip::Route(behaviour)) => {
                    self.flip_route(Moment::START, port, &route, behaviour)?;
                }
                (Location::Route(Some(port), route), Flip::Port(spec)) => {
                    let route = Some(route);
                    self.flip_port(Moment::START, port, PortSpec { route, ..spec })?;
                }
                // `kept` always names a port.
                (..) => {}
            }
        }
        self.revision = 0;
        Ok(())
    }
}
