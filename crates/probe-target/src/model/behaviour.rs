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
pub use crate::model::fault::{Details, Fault};
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

    /// The fault without delay and without bounds.
    pub fn fault(fault: Fault) -> Self {
        Self::new(Effect::Fault(fault, Details::default()))
    }

    /// Parses `{"status":503,"delay":"1s","for":"30s"}`; `path` is its path in the input, for
    /// errors.
    pub fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut fields = Fields::read(value, path)?;
        let behaviour = Self::fields(&mut fields)?;
        fields.finish()?;
        Ok(behaviour)
    }

    /// Parses a behaviour from fields of an object that may have more fields.
    pub(crate) fn fields(fields: &mut Fields) -> Result<Self, ParseError> {
        let (effect, then) = Effect::sequence(fields)?;
        let mut behaviour = Self {
            effect,
            then,
            delay: fields.duration("delay")?.unwrap_or_default(),
            bounds: Bounds::read(fields)?,
            agent: fields.text("agent")?,
            leased: fields.flag("leased")?,
        };
        if !behaviour.then.is_empty() {
            if behaviour.bounds.count.is_some() {
                let message = "means nothing beside `sequence`, which is played once a window";
                return Err(ParseError::misplaced(fields.path("count"), message));
            }
            behaviour.bounds.count = Some(behaviour.then.len() as u64 + 1);
        }
        behaviour.bounds.check_every(fields)?;
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
            let items = [&self.effect].into_iter().chain(&self.then);
            let items = items.map(|item| Value::from(item.word()));
            object.insert("sequence".to_owned(), items.collect());
        }
        if !self.delay.is_zero() {
            object.insert("delay".to_owned(), duration::format(self.delay).into());
        }
        self.bounds.write(&mut object);
        if !self.then.is_empty() {
            object.remove("count");
        }
        if let Some(agent) = &self.agent {
            object.insert("agent".to_owned(), agent.as_str().into());
        }
        if self.leased {
            object.insert("leased".to_owned(), true.into());
        }
        object
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
        let Some(items) = fields.list("sequence")? else {
            return Ok((Self::read(fields)?, Vec::new()));
        };
        let path = fields.path("sequence");
        let items = items.iter().map(|item| Self::item(item, &path));
        let mut items = items.collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = items.next().expect("a list must not be empty");
        Ok((first, items.collect()))
    }

    fn read(fields: &mut Fields) -> Result<Self, ParseError> {
        let status = fields.number("status", STATUS)?;
        let fault = match fields.text("fault")? {
            None => None,
            Some(name) => Some(Fault::named(&name).ok_or_else(|| {
                let message = format!("no fault `{name}`, expected one of {}", Fault::names());
                ParseError::new(fields.path("fault"), message)
            })?),
        };
        let headers = fields.texts("headers")?;
        let body = fields.text("body")?;
        match (status, fault) {
            (Some(status), None) => {
                check_headers(&headers, &fields.path("headers"))?;
                Details::read(None, fields)?;
                Ok(Self::Reply(Reply {
                    status: u16::try_from(status).expect("a status must be at most 999"),
                    headers,
                    body,
                }))
            }
            (None, Some(_)) if body.is_some() || !headers.is_empty() => Err(ParseError::new(
                fields.path("fault"),
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
        let word = match value {
            Value::String(word) => word.clone(),
            value => value.to_string(),
        };
        let wrong = |message| ParseError::new(path, message);
        let word: Shorthand = word.parse().map_err(wrong)?;
        let behaviour = word.on_route();
        let whole = || wrong(format!("`{word}` is of a whole port"));
        Ok(behaviour.ok_or_else(whole)?.effect)
    }

    fn write(&self, object: &mut Map<String, Value>) {
        match self {
            Self::Fault(fault, details) => {
                object.insert("fault".to_owned(), fault.name().into());
                details.write(object);
            }
            Self::Reply(reply) => {
                object.insert("status".to_owned(), reply.status.into());
                if !reply.headers.is_empty() {
                    let mut headers = Map::new();
                    for (name, value) in &reply.headers {
                        headers.insert(name.clone(), value.as_str().into());
                    }
                    object.insert("headers".to_owned(), headers.into());
                }
                if let Some(body) = &reply.body {
                    object.insert("body".to_owned(), body.as_str().into());
                }
            }
        }
    }
}

/// Valid statuses. A client takes one below 200 for interim and waits; one above 999 has more than
/// three digits.
pub(crate) const STATUS: std::ops::RangeInclusive<u64> = 200..=999;

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
            (error.field.as_str(), error.message.as_str()),
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
        let number = "must be a whole number from 200 to 999, not ";
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
            &format!("no fault `sulk`, expected one of {}", Fault::names()),
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
            "unknown field, expected one of sequence, status, fault, headers, body, bytes, pace, hops, delay, for, count, after, every, probability, seed, agent, leased",
        );
        let error = Behaviour::read(json!({"status": 503, "": 1}), "").unwrap_err();
        assert_eq!(error.field, "\"\"");
    }
}
