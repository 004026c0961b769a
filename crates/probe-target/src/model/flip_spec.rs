//! A flip as users write it, parsed once: from a word, an object, or options.
//!
//! An experiment has the response or fault in `to` (or the fault in `process`), and what ends and
//! narrows it beside that. On a command line, every option is beside the word.

use std::fmt;

use serde_json::{Map, Value};

use crate::model::behaviour::{Behaviour, Effect};
use crate::model::fault::Fault;
use crate::model::field::{
    AGENT, BODY, DELAY, FAULT, Field, FieldType, HEADERS, LEASED, PROCESS, PROTOCOL, ROUTE,
    SEQUENCE, STATE, STATUS,
};
use crate::model::fields::{Fields, invalid};
use crate::model::parse_error::{ParseError, join};
use crate::model::port_spec::{PortSpec, PortState};
use crate::model::process_fault::ProcessFault;
use crate::model::shorthand::Shorthand;

/// A flip of what a probe meets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlipSpec {
    /// The word that stands for it, if it was written as one.
    pub word: Option<Shorthand>,
    /// The flip.
    pub flip: Flip,
}

/// A flip of a port or a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Flip {
    /// A flip of a port.
    Port(PortSpec),
    /// A flip of a route.
    Route(Behaviour),
}

/// The values of options, as fields.
pub type Options = Map<String, Value>;

const TO: &str = "to";

impl FlipSpec {
    /// Parses `to`, which is a word, a status or an object, with the fields beside it. Errors name
    /// a field by its path, such as `to.bytes` or `for`.
    pub fn read(to: Value, beside: Options) -> Result<Self, ParseError> {
        let (word, object) = match to {
            Value::Object(object) => (None, object),
            word => {
                let word = Shorthand::read(&word, TO)?;
                (Some(word), Flip::from(word).write())
            }
        };
        check_places(TO, &object, &beside)?;
        let is_of_port = [STATE, PROTOCOL]
            .iter()
            .any(|field| object.contains_key(field.name));
        let fields = Fields::merged(object, TO, beside);
        let flip = if is_of_port {
            Flip::Port(PortSpec::whole(fields)?)
        } else {
            Flip::Route(Behaviour::whole(fields)?)
        };
        Ok(Self { word, flip })
    }

    /// The value of `to` for a word of a command line, which may be a sequence: `503,503,200`.
    pub fn words(text: &str) -> Value {
        if !text.contains(',') {
            return text.into();
        }
        let words = text.split(',').map(|word| Value::from(word.trim()));
        let mut object = Map::new();
        SEQUENCE.write(&mut object, Some(words.collect::<Value>()));
        object.into()
    }

    /// The effect on a probe that only connects; `None` if the flip is about responses.
    pub fn on_connections(&self) -> Result<Option<PortSpec>, ParseError> {
        let behaviour = match &self.flip {
            Flip::Port(spec) => return Ok(Some(spec.clone())),
            Flip::Route(behaviour) => behaviour,
        };
        let state = match self.word {
            Some(Shorthand::Pass) => PortState::Open,
            Some(Shorthand::Fail) => PortState::Closed,
            Some(Shorthand::Fault(Fault::Reset)) => PortState::Reset,
            _ => return Ok(None),
        };
        let fields = behaviour.write();
        let mut of_responses = [DELAY, AGENT, HEADERS, BODY].into_iter();
        if let Some(field) = of_responses.find(|field| fields.contains_key(field.name)) {
            let reason = format!("means nothing beside `{self}`, which is about connections");
            return Err(ParseError::misplaced(field.name, reason));
        }
        let spec = PortSpec {
            bounds: behaviour.bounds.clone(),
            ..PortSpec::new(state)
        };
        spec.check()?;
        Ok(Some(spec))
    }

    /// Its fields, except the one that its word stands for.
    pub fn details(&self) -> Map<String, Value> {
        let mut fields = self.flip.write();
        for field in [STATUS, FAULT, SEQUENCE, STATE] {
            fields.remove(field.name);
        }
        fields
    }
}

impl ProcessFault {
    /// Parses `process`, which is a name or an object, with the fields beside it. Errors name a
    /// field by its path, such as `process.code` or `for`.
    pub fn read_beside(process: Value, beside: Options) -> Result<Self, ParseError> {
        let root = "process";
        let object = match process {
            Value::Object(object) => object,
            Value::String(name) => {
                let name = Self::known(&name).map_err(|reason| ParseError::of(root, reason))?;
                Map::from_iter([(PROCESS.name.to_owned(), name.into())])
            }
            value => return Err(invalid(root.to_owned(), FieldType::Object, &value)),
        };
        check_places(root, &object, &beside)?;
        Self::named(Fields::merged(object, root, beside))
    }
}

/// Rejects fields inside the object at `root` that belong beside it or that a program sets.
fn check_places(root: &str, object: &Options, beside: &Options) -> Result<(), ParseError> {
    for name in object.keys() {
        let own = match name {
            _ if name == LEASED.name => "is set by probeflip, for every flip".to_owned(),
            _ if name == ROUTE.name && root == TO => {
                "is set by probeflip: it is the path that the probe asks".to_owned()
            }
            // It describes what a request gets, so it may be inside as well.
            _ if name == DELAY.name && !beside.contains_key(name) => continue,
            _ if name == DELAY.name => format!("stands beside `{root}` already"),
            _ if Field::beside(name).is_some() => format!("stands beside `{root}`, not in it"),
            _ => continue,
        };
        return Err(ParseError::misplaced(join(root, name), own));
    }
    Ok(())
}

impl Field {
    /// The value of its option, given these texts. An invalid number stays text, which the parser
    /// rejects.
    pub fn value(&self, texts: Vec<String>) -> Result<Value, ParseError> {
        let last = texts.last().map(String::as_str).unwrap_or_default();
        Ok(match self.takes {
            FieldType::Number { .. } | FieldType::Share | FieldType::Size { .. } => last
                .parse::<serde_json::Number>()
                .map_or_else(|_| last.into(), Value::Number),
            FieldType::Flag => (!matches!(last, "false" | "0")).into(),
            FieldType::Locations => texts.into(),
            FieldType::Headers => {
                let headers = texts.iter().map(|text| header(text));
                headers.collect::<Result<Map<_, _>, _>>()?.into()
            }
            _ => last.into(),
        })
    }
}

/// Parses `NAME: VALUE`.
fn header(text: &str) -> Result<(String, Value), ParseError> {
    let (name, value) = text.split_once(':').ok_or_else(|| {
        ParseError::new(HEADERS.name, format!("must be NAME: VALUE, not `{text}`"))
    })?;
    Ok((name.trim().to_owned(), value.trim().into()))
}

impl Flip {
    pub(crate) fn is_leased(&self) -> bool {
        match self {
            Self::Port(spec) => spec.leased,
            Self::Route(behaviour) => behaviour.leased,
        }
    }

    pub(crate) fn write(&self) -> Map<String, Value> {
        match self {
            Self::Port(spec) => spec.write(),
            Self::Route(behaviour) => behaviour.write(),
        }
    }
}

impl From<Shorthand> for Flip {
    /// Words such as `refuse` become a flip of the port even for a route.
    fn from(word: Shorthand) -> Self {
        match Effect::of(word) {
            Some(effect) => Self::Route(Behaviour::new(effect)),
            None => Self::Port(PortSpec::new(word.on_port().unwrap_or_default())),
        }
    }
}

/// One word, or one word for each request of a sequence.
impl fmt::Display for FlipSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.word, &self.flip) {
            (Some(word), _) => word.fmt(f),
            (None, Flip::Port(spec)) => f.write_str(spec.state.name()),
            (None, Flip::Route(behaviour)) => f.write_str(&behaviour.word()),
        }
    }
}
