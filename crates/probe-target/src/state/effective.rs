//! What a port or route does after a change, and why, if another layer overrides the change.

use super::TargetState;
use super::port::StateSource;
use crate::model::moment::Moment;
use crate::model::port_spec::PortState;
use crate::model::route_path::RoutePath;

/// What a port or a route does now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Effective {
    /// A port's state; for a route, the port's state if it is not open, else the next reply or
    /// fault.
    pub(crate) word: Option<String>,
    /// Why the port or route does not do what its own layers say, in one sentence without full
    /// stop.
    pub(crate) because: Option<String>,
}

impl TargetState {
    /// What a port does now; empty if it does not exist.
    pub(crate) fn effective_of_port(&self, at: Moment, number: u16) -> Effective {
        let Some(port) = self.ports.get(&number) else {
            return Effective::default();
        };
        let state = self.port_state(port, self.now(at));
        // The process only stops ports that are open otherwise.
        let of_process = state != port.state(self.now(at)).0;
        Effective {
            word: Some(state.name().to_owned()),
            because: of_process.then(|| STOPPED.to_owned()),
        }
    }

    /// What a route does now for clients with this user agent. For a wildcard, it is what its
    /// prefix as a path does.
    pub(crate) fn effective_of_route(
        &self,
        at: Moment,
        number: u16,
        route: &RoutePath,
        agent: &str,
    ) -> Effective {
        let now = self.now(at);
        let Some(port) = self.ports.get(&number) else {
            return Effective::default();
        };
        let state = self.port_state(port, now);
        if state == PortState::Open {
            let (effect, _) = self.peek(at, number, route.decoded(), agent);
            let wider = port.routes.wider_flip(now, route, agent);
            return Effective {
                word: Some(effect.word()),
                because: wider.map(|wider| format!("a flip of {wider} answers it")),
            };
        }
        let name = state.name();
        let because = match port.state(now) {
            (of_port, Some(source)) if of_port == state => {
                format!("port {number} is {name}, {}", by(source))
            }
            _ => STOPPED.to_owned(),
        };
        Effective {
            word: Some(name.to_owned()),
            because: Some(because),
        }
    }
}

const STOPPED: &str = "the process accepts on no port, by stop-accepting";

fn by(source: StateSource<'_>) -> String {
    match source {
        StateSource::Flip => "by a flip of the port".to_owned(),
        StateSource::FlipOf(route) => format!("by a flip of {route}"),
        StateSource::Base(None) => "in the base".to_owned(),
        StateSource::Base(Some(route)) => format!("in the base, for {route}"),
    }
}
