//! The behaviour of a route: a reply or a fault, a delay before it, and the bounds that end it.
//! The types here only describe it, with the JSON of the control API and the plan. `server`
//! executes it.

use std::collections::BTreeMap;
use std::time::Duration;

use ::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::bound::Bounds;
use crate::model::duration;
pub use crate::model::fault::Fault;
pub use crate::model::fault_details::Details;
use crate::model::field::{AGENT, BODY, COUNT, DELAY, FAULT, HEADERS, LEASED, SEQUENCE, STATUS};
use crate::model::fields::Fields;
use crate::model::parse_error::ParseError;
use crate::model::shorthand::Shorthand;

/// The behaviour of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Behaviour {
    /// The reply or fault of every request, or of the first one if `then` has more.
    pub effect: Effect,
    /// The rest of a `sequence`: each request in a window is given the next effect. The sequence's
    /// length becomes the behaviour's `count`.
    pub then: Vec<Effect>,
    /// The delay before the reply or fault.
    pub delay: Duration,
    /// The bounds that end the behaviour.
    pub bounds: Bounds,
    /// `agent`: a prefix of the user agent. Other requests are neither given the behaviour nor
    /// counted.
    pub agent: Option<String>,
    /// Whether the behaviour also ends when the lease expires.
    pub leased: bool,
}

/// A reply or a fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// `status` with `headers` and `body`.
    Reply(Reply),
    /// `fault` with its details.
    Fault(Fault, Details),
}

/// An HTTP reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status, 200–999.
    pub status: u16,
    /// Response headers; they override the identity headers of the same name.
    pub headers: BTreeMap<String, String>,
    /// The body; by default the status line's text.
    pub body: Option<String>,
}

impl Behaviour {
    /// `effect` without delay, for all clients and without bounds.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            then: Vec::new(),
            delay: Duration::ZERO,
            bounds: Bounds::default(),
            agent: None,
            leased: false,
        }
    }

    /// A plain reply with this status.
    pub fn status(status: u16) -> Self {
        Self::new(status.into())
    }

    /// Parses `{"status":503,"delay":"1s","for":"30s"}`; `path` is its path in the input, for
    /// errors.
    pub fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        Self::whole(Fields::read(value, path)?)
    }

    /// Parses a behaviour from all fields of an object.
    pub(crate) fn whole(mut fields: Fields) -> Result<Self, ParseError> {
        let behaviour = Self::fields(&mut fields)?;
        fields.finish()?;
        Ok(behaviour)
    }

    /// Parses a behaviour from fields of an object that may have more fields.
    fn fields(fields: &mut Fields) -> Result<Self, ParseError> {
        let (effect, then) = Effect::sequence(fields)?;
        let mut behaviour = Self {
            effect,
            then,
            delay: fields.duration(&DELAY)?.unwrap_or_default(),
            bounds: Bounds::read(fields)?,
            agent: fields.text(&AGENT)?,
            leased: fields.flag(&LEASED)?,
        };
        if !behaviour.then.is_empty() {
            if behaviour.bounds.count.is_some() {
                let reason = "means nothing beside `sequence`, which is played once a window";
                return Err(ParseError::misplaced(fields.path(COUNT.name), reason));
            }
            behaviour.bounds.count = Some(behaviour.then.len() as u64 + 1);
        }
        let every = behaviour.bounds.check_every();
        every.map_err(|error| fields.located(error))?;
        Ok(behaviour)
    }

    /// Whether the behaviour is what `pass` stands for: a 200 and no sequence.
    pub(crate) fn is_pass(&self) -> bool {
        let is_200 = matches!(&self.effect, Effect::Reply(reply) if reply.status == 200);
        is_200 && self.then.is_empty()
    }

    /// Whether the behaviour applies to a request with this user agent.
    pub(crate) fn is_for(&self, agent: &str) -> bool {
        let prefix = self.agent.as_deref();
        prefix.is_none_or(|prefix| agent.starts_with(prefix))
    }

    /// The effect for request `number` of a window, from 0.
    pub(crate) fn nth(&self, number: u64) -> &Effect {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let later = number.checked_sub(1).and_then(|later| self.then.get(later));
        later.unwrap_or(&self.effect)
    }

    /// Removes the effects of a sequence that have been used, which its remaining count tells.
    pub(crate) fn unplayed(mut self) -> Self {
        let effects = self.then.len() as u64 + 1;
        let left = self.bounds.count.unwrap_or(effects);
        if !self.then.is_empty() && left < effects {
            self.effect = self.nth(effects - left).clone();
            let played = usize::try_from(effects - left).unwrap_or(usize::MAX);
            self.then.drain(..played.min(self.then.len()));
        }
        self
    }

    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = Map::new();
        if self.then.is_empty() {
            self.effect.write(&mut object);
        } else {
            let effects = self.effects().map(|effect| Value::from(effect.word()));
            SEQUENCE.write(&mut object, Some(effects.collect::<Value>()));
        }
        let delay = Some(self.delay).filter(|delay| !delay.is_zero());
        DELAY.write(&mut object, delay.map(duration::format));
        self.bounds.write(&mut object);
        if !self.then.is_empty() {
            object.remove(COUNT.name);
        }
        AGENT.write(&mut object, self.agent.as_deref());
        LEASED.write(&mut object, self.leased.then_some(true));
        object
    }

    /// Its effect, or all effects of a sequence.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        [&self.effect].into_iter().chain(&self.then)
    }

    /// The effect in one word, or one word for each effect of a sequence: `503,503,200`.
    pub fn word(&self) -> String {
        let words: Vec<_> = self.effects().map(Effect::word).collect();
        words.join(",")
    }
}

impl Effect {
    /// The effect's name in the journal and on the command line: `503`, `hang`, …
    pub fn word(&self) -> String {
        match self {
            Self::Reply(reply) => reply.code().as_str().to_owned(),
            Self::Fault(fault, _) => fault.name().to_owned(),
        }
    }

    /// Parses a `sequence` of at least two effects, or one effect.
    fn sequence(fields: &mut Fields) -> Result<(Self, Vec<Self>), ParseError> {
        let Some(items) = fields.items(&SEQUENCE)? else {
            return Ok((Self::read(fields)?, Vec::new()));
        };
        let path = fields.path(SEQUENCE.name);
        let items = items.iter().map(|item| Self::item(item, &path));
        let mut items = items.collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = items.next().expect("a sequence must not be empty");
        Ok((first, items.collect()))
    }

    fn read(fields: &mut Fields) -> Result<Self, ParseError> {
        let status = fields.number(&STATUS)?;
        let fault = fields.name(&FAULT, Fault::named)?;
        let headers = fields.texts(&HEADERS)?;
        let body = fields.text(&BODY)?;
        match (status, fault) {
            (Some(status), None) => {
                check_headers(&headers, &fields.path(HEADERS.name))?;
                Details::read(None, fields)?;
                Ok(Self::Reply(Reply {
                    status: u16::try_from(status).expect("a status must be at most 999"),
                    headers,
                    body,
                }))
            }
            (None, Some(_)) if body.is_some() || !headers.is_empty() => Err(ParseError::new(
                fields.path(FAULT.name),
                "takes no `headers` and no `body`",
            )),
            (None, Some(fault)) => Ok(Self::Fault(fault, Details::read(Some(fault), fields)?)),
            (Some(_), Some(_)) | (None, None) => Err(ParseError::new(
                fields.path(""),
                "takes either `status` or `fault`",
            )),
        }
    }

    /// Parses an item of a sequence: `503`, `"hang"`.
    fn item(value: &Value, path: &str) -> Result<Self, ParseError> {
        let word = Shorthand::read(value, path)?;
        let whole = || ParseError::new(path, format!("`{word}` is of a whole port"));
        Self::of(word).ok_or_else(whole)
    }

    /// The effect that a word stands for; `None` if it stands for a state of the whole port.
    pub(crate) fn of(word: Shorthand) -> Option<Self> {
        match word {
            Shorthand::Pass => Some(200.into()),
            Shorthand::Fail => Some(503.into()),
            Shorthand::Status(status) => Some(status.into()),
            Shorthand::Fault(fault) => Some(Self::Fault(fault, Details::default())),
            Shorthand::Refuse | Shorthand::Blackhole | Shorthand::StopAccepting => None,
        }
    }

    fn write(&self, object: &mut Map<String, Value>) {
        match self {
            Self::Fault(fault, details) => {
                FAULT.write(object, Some(fault.name()));
                details.write(object);
            }
            Self::Reply(reply) => {
                STATUS.write(object, Some(reply.status));
                if !reply.headers.is_empty() {
                    let headers = reply.headers.iter();
                    let headers = headers.map(|(name, value)| (name.clone(), value.clone()));
                    HEADERS.write(object, Some(headers.collect::<Value>()));
                }
                BODY.write(object, reply.body.as_deref());
            }
        }
    }
}

fn check_headers(headers: &BTreeMap<String, String>, path: &str) -> Result<(), ParseError> {
    for (name, value) in headers {
        let wrong = |message: &str| Err(ParseError::new(format!("{path}.{name}"), message));
        let lower = name.to_ascii_lowercase();
        if ::http::header::HeaderName::try_from(name).is_err() {
            return wrong("not a header name");
        }
        if matches!(
            lower.as_str(),
            "content-length" | "transfer-encoding" | "connection"
        ) {
            return wrong("is the server's own: it says how the reply is framed");
        }
        if ::http::header::HeaderValue::try_from(value).is_err() {
            return wrong("not a header value");
        }
    }
    Ok(())
}

impl From<u16> for Effect {
    /// A plain reply with this status.
    fn from(status: u16) -> Self {
        Self::Reply(status.into())
    }
}

impl Reply {
    /// The status as the `http` crate's type.
    pub(crate) fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).expect("a status must be 200–999")
    }
}

impl From<u16> for Reply {
    /// A plain reply with this status.
    fn from(status: u16) -> Self {
        Self {
            status,
            headers: BTreeMap::new(),
            body: None,
        }
    }
}

impl Serialize for Behaviour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Behaviour {
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
        let error = Behaviour::read(value, "to").unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.reason.to_string().as_str()),
            (field, message)
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [
            json!({"status": 503}),
            json!({"fault": "reset", "delay": "1s", "for": "1m30s", "leased": true}),
            json!({"fault": "stall-body", "bytes": 0}),
            json!({"fault": "slow-head", "pace": "10ms"}),
            json!({"fault": "redirect-chain", "hops": 3}),
            json!({"status": 999, "headers": {"x-a": "b"}, "body": "no", "count": 2, "agent": "kube-probe/"}),
        ] {
            let behaviour = Behaviour::read(value.clone(), "").unwrap();
            assert_eq!(serde_json::to_value(behaviour).unwrap(), value);
        }
    }

    #[test]
    fn a_refusal_names_the_field_and_what_it_takes() {
        check(json!([]), "to", "must be an object, not a list");
        check(json!({}), "to", "takes either `status` or `fault`");
        check(
            json!({"status": 200, "fault": "hang"}),
            "to",
            "takes either `status` or `fault`",
        );
        let number = "must be a status from 200 to 999, not ";
        check(json!({"status": 99}), "to.status", &format!("{number}99"));
        check(
            json!({"status": 1000}),
            "to.status",
            &format!("{number}1000"),
        );
        check(
            json!({"status": "503"}),
            "to.status",
            &format!("{number}\"503\""),
        );
        check(
            json!({"fault": "sulk"}),
            "to.fault",
            &format!(
                "no fault `sulk`, expected one of {}",
                Fault::NAMES.join(", ")
            ),
        );
        check(
            json!({"fault": "hang", "body": ""}),
            "to.fault",
            "takes no `headers` and no `body`",
        );
        check(
            json!({"fault": "hang", "bytes": 3}),
            "to.bytes",
            "means nothing to hang",
        );
        check(
            json!({"status": 200, "headers": {"a b": ""}}),
            "to.headers.a b",
            "not a header name",
        );
        check(
            json!({"status": 200, "headers": {"a": 1}}),
            "to.headers.a",
            "must be a string, not 1",
        );
        check(
            json!({"status": 200, "count": 0}),
            "to.count",
            "must be a whole number, at least 1, not 0",
        );
        check(
            json!({"status": 200, "For": "1s"}),
            "to.For",
            "unknown field, expected one of sequence, status, fault, headers, body, bytes, pace, hops, delay, for, after, every, count, probability, seed, agent, leased",
        );
        let error = Behaviour::read(json!({"status": 503, "": 1}), "").unwrap_err();
        assert_eq!(error.field, "\"\"");
    }
}
