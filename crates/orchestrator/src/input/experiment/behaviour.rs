//! What a flip makes a probe get: a word or the control API's own object, and beside it what delays, bounds and narrows it.
//!
//! Words, objects and all their rules are probe-target's. Only this is said here: a bound stands beside `to`, and what a
//! request gets stands in it.

use std::fmt;

use probe_target::ParseError;
use probe_target::model::behaviour::{Behaviour as Laid, Effect, Fault};
use probe_target::model::port_spec::{PortSpec, PortState};
use probe_target::model::shorthand::Shorthand;
use serde_json::{Map, Value};

/// What a probe gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    to: To,
    beside: Map<String, Value>,
}

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// In a word, which means what it means to that kind of probe.
    Word(Shorthand),
    /// Spelled out, as the control API takes it for a route, or, with `state` or `protocol`, for a port.
    Object(Map<String, Value>),
}

/// What it comes to where there are routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteEffect {
    /// Something laid over the route.
    Route(Box<Laid>),
    /// Something laid over the whole port.
    Port(PortSpec),
}

/// The fields that may stand beside `to`; all of them the control API's.
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

/// The only one of them that may stand in `to` as well, as it says what a request gets.
const EITHER: &str = "delay";

/// The fields that the word already tells.
const NAMING: [&str; 4] = ["status", "fault", "sequence", "state"];

impl Behaviour {
    /// Reads what can be read without knowing which kind of probe it is for. What is refused is named by its path: `for`, `to.bytes`.
    pub fn new(to: To, beside: Map<String, Value>) -> Result<Self, ParseError> {
        let behaviour = Self { to, beside };
        behaviour.check_places()?;
        behaviour.on_routes()?;
        Ok(behaviour)
    }

    /// The word, and behind it everything else that is said: `` `stall-body` (bytes: 100, for: 10s) ``.
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

    /// What it does to a probe that asks a route, by HTTP or gRPC.
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

    /// What it does to a probe that only connects; nothing, if it is about answers.
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

    /// The same refusal with the path that was written.
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

/// What a route does in one word, or in several if requests get one after another: `503,503,200`.
pub(crate) fn words(laid: &Laid) -> String {
    let effects = [&laid.effect].into_iter().chain(&laid.then);
    let words: Vec<_> = effects.map(Effect::word).collect();
    words.join(",")
}

/// In one word, or in several if requests get one after another.
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
