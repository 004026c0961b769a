//! How a port behaves: its protocol, its state, and the bounds that end it.
//! `model/behaviour.rs` has what its routes do.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::bound::Bounds;
use crate::model::field::{COUNT, LEASED, PROBABILITY, PROTOCOL, ROUTE, STATE};
use crate::model::fields::Fields;
use crate::model::parse_error::{ParseError, Reason};
pub use crate::model::port_state::PortState;
pub use crate::model::protocol::Protocol;
pub(crate) use crate::model::protocol::{TLS_ABSENT, TLS_PRESENT};
use crate::model::route_path::RoutePath;

/// How a port behaves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PortSpec {
    /// The protocol; `None` keeps the base's, which is http by default.
    pub protocol: Option<Protocol>,
    /// The state of the port's connections.
    pub state: PortState,
    /// The route whose flip sets the port's state (`refuse` and the like), if any. The state lasts
    /// until that route is given something else or any route is given a 200.
    pub route: Option<RoutePath>,
    /// The bounds that end the spec.
    pub bounds: Bounds,
    /// Whether the spec also ends when the lease expires.
    pub leased: bool,
}

impl PortSpec {
    /// The state without bounds.
    pub fn new(state: PortState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// Parses `{"protocol":"http","state":"closed","for":"30s"}`; `path` is its path in the input.
    pub fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        Self::whole(Fields::read(value, path)?)
    }

    /// Parses a port spec from all fields of an object.
    pub(crate) fn whole(mut fields: Fields) -> Result<Self, ParseError> {
        let spec = Self::fields(&mut fields)?;
        fields.finish()?;
        Ok(spec)
    }

    /// Parses a port spec from fields of an object that may have more fields.
    pub(crate) fn fields(fields: &mut Fields) -> Result<Self, ParseError> {
        let protocol = fields.text(&PROTOCOL)?.map(|name| Protocol::read(&name));
        let protocol = protocol.transpose();
        let spec = Self {
            protocol: protocol
                .map_err(|reason| ParseError::of(fields.path(PROTOCOL.name), reason))?,
            state: fields.name(&STATE, PortState::named)?.unwrap_or_default(),
            route: fields.route(&ROUTE)?,
            bounds: Bounds::read(fields)?,
            leased: fields.flag(&LEASED)?,
        };
        spec.check().map_err(|error| fields.located(error))?;
        Ok(spec)
    }

    /// Rejects a count or probability for states in which no connection or request is counted.
    pub(crate) fn check(&self) -> Result<(), ParseError> {
        let counted = [
            (COUNT, self.bounds.count.is_some()),
            (PROBABILITY, self.bounds.probability.is_some()),
        ];
        if let Some((field, _)) = counted.iter().find(|(_, given)| *given)
            && self.state != PortState::Reset
        {
            let state = self.state.name();
            let reason = format!("nothing can be counted on a port that is {state}");
            return Err(ParseError::misplaced(field.name, reason));
        }
        self.bounds.check_every()
    }

    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = Map::new();
        PROTOCOL.write(&mut object, self.protocol.map(Protocol::name));
        STATE.write(&mut object, Some(self.state.name()));
        ROUTE.write(&mut object, self.route.as_ref().map(RoutePath::to_string));
        self.bounds.write(&mut object);
        LEASED.write(&mut object, self.leased.then_some(true));
        object
    }
}

impl Protocol {
    /// Parses a name; rejects protocols that need TLS in a binary without it.
    pub(crate) fn read(name: &str) -> Result<Self, Reason> {
        match Self::named(name) {
            Some(protocol) if protocol.is_secured() && !TLS_PRESENT => {
                Err(Reason::Other(format!("`{name}` {TLS_ABSENT}")))
            }
            Some(protocol) => Ok(protocol),
            None => Err(Reason::NotOneOf {
                what: PROTOCOL.name,
                found: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }
}

impl Serialize for PortSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PortSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?, "").map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: Value, field: &str, message: &str) {
        let error = PortSpec::read(value, "").unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.reason.to_string().as_str()),
            (field, message)
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [
            json!({"protocol": "http", "state": "open"}),
            json!({"protocol": "http", "state": "closed", "for": "10s", "leased": true}),
            json!({"protocol": "http", "state": "reset", "count": 2}),
            json!({"state": "closed", "route": "/ready%20z", "for": "10s"}),
        ] {
            let opening = PortSpec::read(value.clone(), "").unwrap();
            assert_eq!(serde_json::to_value(opening).unwrap(), value);
        }
    }

    #[test]
    fn a_route_is_named_as_everywhere() {
        let message =
            "`/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path";
        check(
            json!({"state": "closed", "route": "/a?b"}),
            "route",
            message,
        );
    }

    #[test]
    fn connections_never_seen_cannot_be_counted() {
        for state in ["open", "closed", "blackhole"] {
            let message = format!("nothing can be counted on a port that is {state}");
            check(json!({"state": state, "count": 1}), "count", &message);
        }
    }

    #[test]
    fn a_protocol_not_served_is_said_so() {
        if !TLS_PRESENT {
            let image = concat!("probe-target:", env!("CARGO_PKG_VERSION"), "-tls");
            let message = format!("`https` needs TLS, which is in the image {image}");
            check(json!({"protocol": "https"}), "protocol", &message);
        }
        check(
            json!({"protocol": "quic"}),
            "protocol",
            "no protocol `quic`, expected one of http, https, grpc, grpcs, tcp",
        );
        check(
            json!({"state": "shut"}),
            "state",
            "no state `shut`, expected one of open, closed, blackhole, stop-accepting, reset",
        );
    }
}
