//! How a port behaves: its protocol, its state, and the bounds that end it.
//! `model/behaviour.rs` has what its routes do.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::bound::Bounds;
use crate::model::fields::Fields;
use crate::model::parse_error::ParseError;
use crate::model::route_path::RoutePath;

/// Whether this binary is built with TLS.
pub(crate) const TLS_PRESENT: bool = cfg!(feature = "tls");

/// The error message about a TLS protocol in a binary without TLS.
pub(crate) const TLS_ABSENT: &str = concat!(
    "needs TLS, which is in the image probe-target:",
    env!("CARGO_PKG_VERSION"),
    "-tls"
);

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

/// The protocol of a port. A binary without TLS rejects `https` and `grpcs`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 without TLS for clients with prior knowledge.
    #[default]
    Http,
    /// HTTP over TLS, with HTTP/2 if the client selects it by ALPN.
    Https,
    /// The gRPC health service over HTTP/2 without TLS; its routes are services.
    Grpc,
    /// The gRPC health service over TLS.
    Grpcs,
    /// Connections are accepted and held; there are no routes.
    Tcp,
}

/// The state of a port, which decides what happens to its connections.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortState {
    /// Connections are served.
    #[default]
    Open,
    /// The port is not listening: new connections are refused, established ones are served as
    /// before.
    Closed,
    /// Connections are accepted and never read; requests on established ones are never answered.
    Blackhole,
    /// The kernel completes connections, but they are not accepted; once the backlog is full, new
    /// ones time out. Established ones are served as before.
    StopAccepting,
    /// Connections are accepted and reset; a request on an established one resets it.
    Reset,
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
        let mut fields = Fields::read(value, path)?;
        let opening = Self::fields(&mut fields)?;
        fields.finish()?;
        Ok(opening)
    }

    /// Parses a port spec from fields of an object that may have more fields.
    pub(crate) fn fields(fields: &mut Fields) -> Result<Self, ParseError> {
        let protocol = match fields.text("protocol")? {
            None => None,
            Some(name) => {
                let wrong = |message| ParseError::new(fields.path("protocol"), message);
                Some(Protocol::named(&name).map_err(wrong)?)
            }
        };
        let state = match fields.text("state")? {
            None => PortState::default(),
            Some(name) => PortState::named(&name).ok_or_else(|| {
                ParseError::new(
                    fields.path("state"),
                    format!("no state `{name}`, expected one of {}", PortState::names()),
                )
            })?,
        };
        let route = match fields.text("route")? {
            None => None,
            Some(text) => {
                let wrong = |message: String| ParseError::new(fields.path("route"), message);
                Some(text.parse().map_err(wrong)?)
            }
        };
        let opening = Self {
            protocol,
            state,
            route,
            bounds: Bounds::read(fields)?,
            leased: fields.flag("leased")?,
        };
        opening.check(fields)?;
        Ok(opening)
    }

    /// Rejects a count or probability for states in which no connection or request is counted.
    pub(crate) fn check(&self, fields: &Fields) -> Result<(), ParseError> {
        let counted = [
            ("count", self.bounds.count.is_some()),
            ("probability", self.bounds.probability.is_some()),
        ];
        if let Some((name, _)) = counted.iter().find(|(_, given)| *given)
            && self.state != PortState::Reset
        {
            let message = format!(
                "nothing can be counted on a port that is {}",
                self.state.name()
            );
            return Err(ParseError::misplaced(fields.path(name), message));
        }
        self.bounds.check_every(fields)
    }

    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = Map::new();
        if let Some(protocol) = self.protocol {
            object.insert("protocol".to_owned(), protocol.name().into());
        }
        object.insert("state".to_owned(), self.state.name().into());
        if let Some(route) = &self.route {
            object.insert("route".to_owned(), route.to_string().into());
        }
        self.bounds.write(&mut object);
        if self.leased {
            object.insert("leased".to_owned(), true.into());
        }
        object
    }
}

impl Protocol {
    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Grpc, Self::Grpcs, Self::Tcp];

    /// The protocol's name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Grpc => "grpc",
            Self::Grpcs => "grpcs",
            Self::Tcp => "tcp",
        }
    }

    /// The protocol of that name; an error if it is unknown or needs TLS in a binary without it.
    pub fn named(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|known| known.name() == name);
        match named {
            Some(protocol) if protocol.is_secured() && !TLS_PRESENT => {
                Err(format!("`{name}` {TLS_ABSENT}"))
            }
            Some(protocol) => Ok(protocol),
            None => Err(format!(
                "no protocol `{name}`, expected http, https, grpc, grpcs or tcp"
            )),
        }
    }

    /// Whether it uses TLS.
    pub const fn is_secured(self) -> bool {
        matches!(self, Self::Https | Self::Grpcs)
    }

    /// Its URL scheme.
    pub(crate) const fn scheme(self) -> &'static str {
        if self.is_secured() { "https" } else { "http" }
    }

    /// Whether it has routes.
    pub const fn has_routes(self) -> bool {
        !matches!(self, Self::Tcp)
    }

    /// Whether its routes are gRPC services.
    pub const fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::Grpcs)
    }
}

impl PortState {
    /// The state's name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Blackhole => "blackhole",
            Self::StopAccepting => "stop-accepting",
            Self::Reset => "reset",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// All names, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    const ALL: [Self; 5] = [
        Self::Open,
        Self::Closed,
        Self::Blackhole,
        Self::StopAccepting,
        Self::Reset,
    ];
}

/// Serialises an enum as its name.
macro_rules! word {
    ($type:ty, $read:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                let read: Result<Self, String> = $read(&name);
                read.map_err(serde::de::Error::custom)
            }
        }
    };
}

word!(Protocol, Self::named);
word!(PortState, |name: &str| Self::named(name)
    .ok_or_else(|| format!("no state `{name}`")));

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
            (error.field.as_str(), error.message.as_str()),
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
            "no protocol `quic`, expected http, https, grpc, grpcs or tcp",
        );
        check(
            json!({"state": "shut"}),
            "state",
            "no state `shut`, expected one of open, closed, blackhole, stop-accepting, reset",
        );
    }
}
