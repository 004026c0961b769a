//! SIGTERM: schedules the drain as the `sigterm` fault says, and makes its locations fail.

use super::TargetState;
use crate::model::behaviour::Behaviour;
use crate::model::bound::Bounds;
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::port_spec::{PortSpec, PortState};
use crate::state::layers::Held;

impl TargetState {
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
        for location in sigterm.places() {
            self.fail(at, &location, &bounds, leased);
        }
        self.revision += 1;
    }

    /// Makes a location fail: a route answers 503, a port is closed.
    fn fail(&mut self, at: Moment, location: &Location, bounds: &Bounds, leased: bool) {
        let mut behaviour = Behaviour::status(503);
        behaviour.bounds = bounds.clone();
        behaviour.leased = leased;
        let closed = PortSpec {
            bounds: bounds.clone(),
            leased,
            ..PortSpec::new(PortState::Closed)
        };
        for (number, port) in &mut self.ports {
            match location {
                Location::Port(named) if named == number => {
                    port.flip(Held::until_exit(closed.clone(), at));
                }
                Location::Route(named, route) if named.is_none_or(|named| named == *number) => {
                    port.flip_route(route, Held::until_exit(behaviour.clone(), at));
                }
                _ => {}
            }
        }
    }
}
