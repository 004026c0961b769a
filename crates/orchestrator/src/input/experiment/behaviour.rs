//! The behaviour in a flip of a probe: `to` (a shorthand or a control API object) and its bounds.
//!
//! probe-target parses shorthands and objects. This module only adds the rule that bounds are
//! fields beside `to`, and that the response or fault is inside it.

use std::fmt;

use probe_target::ParseError;
use probe_target::model::behaviour::{Behaviour as Laid, Effect, Fault};
use probe_target::model::port_spec::{PortSpec, PortState};
use probe_target::model::shorthand::Shorthand;
use serde_json::{Map, Value};

/// The behaviour that a flipped probe meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    to: To,
    beside: Map<String, Value>,
}

/// The value of `to`: what a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A shorthand, whose effect depends on the kind of probe.
    Word(Shorthand),
    /// An object as the control API accepts it for a route or, if it has `state` or `protocol`, for
    /// a port.
    Object(Map<String, Value>),
}

/// The effect on a probe that requests a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteEffect {
    /// A behaviour for the route.
    Route(Box<Laid>),
    /// A state for the whole port.
    Port(PortSpec),
}

/// The control API's fields that may be written beside `to`.
pub const BESIDE: [&str; 8] = [
    "for",
    "count",
    "after",
    "every",
    "probability",
    "seed",
    "agent",
    "delay",
];

/// The only field that may be inside `to` instead, because it describes what a request gets.
const EITHER: &str = "delay";

/// The fields that the one-word form already includes.
const NAMING: [&str; 4] = ["status", "fault", "sequence", "state"];

impl Behaviour {
    /// Validates as much as possible without the kind of probe. Errors name a field by its path in
    /// the flip, such as `for` or `to.bytes`.
    pub fn new(to: To, beside: Map<String, Value>) -> Result<Self, ParseError> {
        let behaviour = Self { to, beside };
        behaviour.check_places()?;
        behaviour.on_routes()?;
        Ok(behaviour)
    }

    /// The word followed by all other fields: `` `stall-body` (bytes: 100, for: 10s) ``.
    pub fn told(&self) -> String {
        let inside = match &self.to {
            To::Word(_) => None,
            To::Object(object) => Some(
                object
                    .iter()
                    .filter(|(name, _)| !NAMING.contains(&name.as_str())),
            ),
        };
        let said = inside.into_iter().flatten().chain(&self.beside);
        let said: Vec<_> = said
            .map(|(name, value)| format!("{name}: {}", plain(value)))
            .collect();
        if said.is_empty() {
            format!("`{self}`")
        } else {
            format!("`{self}` ({})", said.join(", "))
        }
    }

    /// The effect on a probe that requests a route, by HTTP or gRPC.
    pub fn on_routes(&self) -> Result<RouteEffect, ParseError> {
        match &self.to {
            To::Word(word) => {
                if let Some(state) = word.on_port() {
                    return self.opening(&PortSpec::new(state)).map(RouteEffect::Port);
                }
                let laid = word.on_route();
                self.route(object(&laid.expect("a word must be of a route or a port")))
            }
            To::Object(object) if is_of_port(object) => {
                self.port(object.clone()).map(RouteEffect::Port)
            }
            To::Object(object) => self.route(object.clone()),
        }
    }

    /// Whether its probability lets no request have it.
    pub fn is_never(&self) -> bool {
        match self.on_routes() {
            Ok(RouteEffect::Route(laid)) => laid.bounds.is_never(),
            Ok(RouteEffect::Port(_)) | Err(_) => false,
        }
    }

    /// The effect on a probe that only connects; `None` if the behaviour is about responses.
    pub fn on_connections(&self) -> Result<Option<PortSpec>, ParseError> {
        let state = match &self.to {
            To::Object(object) if is_of_port(object) => return self.port(object.clone()).map(Some),
            To::Object(_) => return Ok(None),
            To::Word(Shorthand::Pass) => PortState::Open,
            To::Word(Shorthand::Fail) => PortState::Closed,
            To::Word(Shorthand::Fault(Fault::Reset)) => PortState::Reset,
            To::Word(word) => match word.on_port() {
                Some(state) => state,
                None => return Ok(None),
            },
        };
        self.opening(&PortSpec::new(state)).map(Some)
    }

    fn check_places(&self) -> Result<(), ParseError> {
        let To::Object(object) = &self.to else {
            return Ok(());
        };
        let at = |name: &str| format!("to.{name}");
        for name in BESIDE.into_iter().filter(|name| object.contains_key(*name)) {
            if name != EITHER {
                return Err(ParseError::misplaced(
                    at(name),
                    "stands beside `to`, not in it",
                ));
            }
            if self.beside.contains_key(name) {
                return Err(ParseError::misplaced(
                    at(name),
                    "stands beside `to` already",
                ));
            }
        }
        if object.contains_key("leased") {
            return Err(ParseError::misplaced(
                at("leased"),
                "is said by probeflip, of every flip",
            ));
        }
        if object.contains_key("route") {
            return Err(ParseError::misplaced(
                at("route"),
                "is said by probeflip: it is the path that the probe asks",
            ));
        }
        Ok(())
    }

    fn route(&self, object: Map<String, Value>) -> Result<RouteEffect, ParseError> {
        let read = Laid::read(self.with(object), "").map_err(|invalid| self.placed(invalid))?;
        Ok(RouteEffect::Route(Box::new(read)))
    }

    fn opening(&self, opening: &PortSpec) -> Result<PortSpec, ParseError> {
        self.port(object(opening))
    }

    fn port(&self, object: Map<String, Value>) -> Result<PortSpec, ParseError> {
        for name in ["delay", "agent"] {
            if object.contains_key(name) || self.beside.contains_key(name) {
                let message = format!("means nothing beside `{self}`, which is about connections");
                return Err(self.placed(ParseError::misplaced(name, message)));
            }
        }
        PortSpec::read(self.with(object), "").map_err(|invalid| self.placed(invalid))
    }

    fn with(&self, mut object: Map<String, Value>) -> Value {
        object.extend(self.beside.clone());
        object.into()
    }

    /// The error with the field's path in the flip instead of its path in the control API.
    fn placed(&self, invalid: ParseError) -> ParseError {
        let beside = self.beside.contains_key(&invalid.field);
        if beside {
            invalid
        } else {
            invalid.within("to")
        }
    }
}

fn is_of_port(object: &Map<String, Value>) -> bool {
    object.contains_key("state") || object.contains_key("protocol")
}

fn object(value: &impl serde::Serialize) -> Map<String, Value> {
    let written = serde_json::to_value(value).ok();
    let object = written.and_then(|value| value.as_object().cloned());
    object.expect("what the control API takes must be an object")
}

pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A route's effect in one word, or one word for each request of a sequence: `503,503,200`.
pub(crate) fn words(laid: &Laid) -> String {
    let effects = [&laid.effect].into_iter().chain(&laid.then);
    let words: Vec<_> = effects.map(Effect::word).collect();
    words.join(",")
}

/// One word, or one word for each request of a sequence.
impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Word(word) => word.fmt(f),
            To::Object(object) if is_of_port(object) => {
                let state = object.get("state").and_then(Value::as_str);
                f.write_str(state.unwrap_or_default())
            }
            To::Object(object) => match Laid::read(object.clone().into(), "") {
                Ok(laid) => f.write_str(&words(&laid)),
                Err(_) => f.write_str("what cannot be read"),
            },
        }
    }
}
