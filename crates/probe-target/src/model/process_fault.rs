//! Faults of the process: exit, signal, SIGTERM handling, memory, stop-accepting.
//! `POST /v1/process/…`, plans, the command line and experiments use the same names. The types here
//! only describe a fault; `state.rs` tracks which is in force, `process.rs` has the effects.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::bound::Bounds;
use crate::model::duration;
use crate::model::field::{
    self, AFTER, CODE, DELAY, FAIL, Field, IGNORE, LEASED, MESSAGE, PROCESS,
};
use crate::model::fields::Fields;
use crate::model::location::Location;
use crate::model::parse_error::{ParseError, Reason, join};
use crate::model::process_fault_name::{EXIT, MEMORY, NAMES, SIGNAL, SIGTERM, STOP_ACCEPTING};
pub use crate::model::signal::Signal;

/// One process fault with the bounds that end it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessFault {
    /// What the fault does.
    pub act: ProcessAction,
    /// `for`, `after` and `every`; only `after` for `exit` and `signal`. There is no count.
    pub bounds: Bounds,
    /// Whether the fault also ends when the lease expires.
    pub leased: bool,
}

/// What a process fault does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProcessAction {
    /// `exit`: the process exits with a code, without a drain.
    Exit {
        /// The exit code, 0–255; 1 by default.
        code: u8,
        /// The termination message, which the kubelet shows.
        message: Option<String>,
    },
    /// `signal`: the process dies of a signal.
    Signal {
        /// The signal.
        signal: Signal,
        /// The termination message, which the kubelet shows.
        message: Option<String>,
    },
    /// `sigterm`: ignores SIGTERM or delays its drain.
    Sigterm(Sigterm),
    /// `memory`: allocates, touches and holds memory.
    Memory {
        /// Bytes in total; a later fault replaces this one.
        bytes: u64,
    },
    /// `stop-accepting`: no port accepts connections; the kernel completes them until the backlog
    /// is full.
    StopAccepting,
}

/// The response to SIGTERM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sigterm {
    /// The delay between SIGTERM and the drain; `None` ignores SIGTERM.
    pub delay: Option<Duration>,
    /// The locations that fail from SIGTERM on: `8080/readyz`, `/readyz` on every port, `7000` as a
    /// whole.
    pub fail: Vec<String>,
}

/// The default `after` of faults that may end the process, so that the acknowledgement is sent
/// first.
pub(crate) const AFTER_ANSWER: Duration = Duration::from_millis(100);

impl ProcessFault {
    /// The names of all process faults.
    pub const NAMES: [&'static str; 5] = NAMES;

    /// Parses `{"fault":"exit","code":3,"after":"1s"}`; `path` is its path in the input.
    pub fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        Self::named(Fields::read(value, path)?)
    }

    /// Parses an object with the field `fault`.
    pub(crate) fn named(mut fields: Fields) -> Result<Self, ParseError> {
        let name = fields.text(&PROCESS)?;
        let name = required(name, &PROCESS, &fields)?;
        let name = Self::known(&name);
        let name = name.map_err(|reason| ParseError::of(fields.path(PROCESS.name), reason))?;
        Self::fields(name, fields)
    }

    /// Parses the request body of `/v1/process/NAME`, which may be empty.
    pub(crate) fn parse(name: &'static str, body: &[u8]) -> Result<Self, ParseError> {
        Self::fields(name, Fields::parse_or_empty(body)?)
    }

    /// The same name, if it is that of a process fault.
    pub(crate) fn known(name: &str) -> Result<&'static str, Reason> {
        let known = NAMES.iter().find(|known| **known == name);
        known.copied().ok_or_else(|| Reason::NotOneOf {
            what: "process fault",
            found: name.to_owned(),
            known: NAMES.to_vec(),
        })
    }

    /// Parses the fields of the fault with this name.
    fn fields(name: &'static str, mut fields: Fields) -> Result<Self, ParseError> {
        let act = ProcessAction::read(name, &mut fields)?;
        let ends = matches!(name, EXIT | SIGNAL);
        let mut bounds = if ends {
            Bounds {
                after: fields.duration(&AFTER)?,
                ..Bounds::default()
            }
        } else {
            Bounds::read_times(&mut fields)?
        };
        if ends || name == MEMORY {
            bounds.after.get_or_insert(AFTER_ANSWER);
        }
        let leased = fields.flag(&LEASED)?;
        fields.finish()?;
        Ok(Self {
            act,
            bounds,
            leased,
        })
    }

    /// The fault's name, which is also the last segment of its URL: `/v1/process/exit`.
    pub fn name(&self) -> &'static str {
        match self.act {
            ProcessAction::Exit { .. } => EXIT,
            ProcessAction::Signal { .. } => SIGNAL,
            ProcessAction::Sigterm(_) => SIGTERM,
            ProcessAction::Memory { .. } => MEMORY,
            ProcessAction::StopAccepting => STOP_ACCEPTING,
        }
    }

    /// Whether the fault ends the process, so that it cannot be reverted once it has happened.
    pub fn ends(&self) -> bool {
        matches!(
            self.act,
            ProcessAction::Exit { .. } | ProcessAction::Signal { .. }
        )
    }

    /// The request body of its URL: all fields but the name.
    pub fn body(&self) -> Map<String, Value> {
        let mut object = Map::new();
        match &self.act {
            ProcessAction::Exit { code, message } => {
                CODE.write(&mut object, Some(*code));
                MESSAGE.write(&mut object, message.as_deref());
            }
            ProcessAction::Signal { signal, message } => {
                field::SIGNAL.write(&mut object, Some(signal.name()));
                MESSAGE.write(&mut object, message.as_deref());
            }
            ProcessAction::Sigterm(Sigterm { delay, fail }) => {
                IGNORE.write(&mut object, delay.is_none().then_some(true));
                DELAY.write(&mut object, delay.map(duration::format));
                FAIL.write(
                    &mut object,
                    Some(fail.clone()).filter(|fail| !fail.is_empty()),
                );
            }
            ProcessAction::Memory { bytes } => field::MEMORY.write(&mut object, Some(*bytes)),
            ProcessAction::StopAccepting => {}
        }
        self.bounds.write(&mut object);
        LEASED.write(&mut object, self.leased.then_some(true));
        object
    }
}

impl ProcessAction {
    /// Parses the fields of the fault with this name, without its bounds.
    fn read(name: &'static str, fields: &mut Fields) -> Result<Self, ParseError> {
        Ok(match name {
            EXIT => {
                let message = fields.text(&MESSAGE)?;
                let code = fields.number(&CODE)?.unwrap_or(1);
                let code = u8::try_from(code).expect("a code must be at most 255");
                Self::Exit { code, message }
            }
            SIGNAL => {
                let message = fields.text(&MESSAGE)?;
                let signal = fields.name(&field::SIGNAL, Signal::named)?;
                let signal = required(signal, &field::SIGNAL, fields)?;
                Self::Signal { signal, message }
            }
            SIGTERM => Self::Sigterm(Sigterm::read(fields)?),
            MEMORY => {
                let bytes = fields.number(&field::MEMORY)?;
                let bytes = required(bytes, &field::MEMORY, fields)?;
                Self::Memory { bytes }
            }
            _ => Self::StopAccepting,
        })
    }
}

/// The value of a field that must be given.
fn required<T>(value: Option<T>, field: &Field, fields: &Fields) -> Result<T, ParseError> {
    let missing = || ParseError::of(fields.path(field.name), Reason::Missing(field.takes));
    value.ok_or_else(missing)
}

/// All process faults with their effects, for help texts.
pub fn table() -> String {
    const ALL: [(&str, &str); 5] = [
        (EXIT, "it exits with --code and --message, without a drain"),
        (SIGNAL, "it dies of --signal"),
        (
            SIGTERM,
            "it takes --ignore or --delay; --fail fails from then on",
        ),
        (MEMORY, "it takes --bytes of memory, touches and holds them"),
        (
            STOP_ACCEPTING,
            "no port accepts; connections wait in the system's backlog",
        ),
    ];
    let rows = ALL.map(|(name, about)| format!("\n  {name:16} {about}"));
    format!("A fault of the process is one of:{}", rows.concat())
}

impl Sigterm {
    fn read(fields: &mut Fields) -> Result<Self, ParseError> {
        let ignore = fields.flag(&IGNORE)?;
        let delay = fields.duration(&DELAY)?;
        if ignore == delay.is_some() {
            let reason = "takes either `ignore` or `delay`";
            return Err(ParseError::new(fields.path(""), reason));
        }
        let at = fields.path(FAIL.name);
        let mut fail = Vec::new();
        let locations = fields.items(&FAIL)?.unwrap_or_default();
        for (number, location) in locations.into_iter().enumerate() {
            let at = join(&at, &number.to_string());
            let Value::String(location) = location else {
                return Err(ParseError::new(at, "must be a string: [PORT]/PATH or PORT"));
            };
            Location::parse(&location).map_err(|invalid| invalid.within(&at))?;
            fail.push(location);
        }
        Ok(Self { delay, fail })
    }

    /// The locations that fail.
    pub(crate) fn places(&self) -> impl Iterator<Item = Location> {
        self.fail
            .iter()
            .filter_map(|place| Location::parse(place).ok())
    }
}

impl Serialize for ProcessFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = self.body();
        PROCESS.write(&mut object, Some(self.name()));
        object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProcessFault {
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
        let error = ProcessFault::read(value, "process").unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.reason.to_string().as_str()),
            (field, message)
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [
            json!({"fault": "exit", "code": 3, "message": "why", "after": "30s", "leased": true}),
            json!({"fault": "signal", "signal": "SIGSEGV", "after": "100ms"}),
            json!({"fault": "sigterm", "ignore": true, "for": "30s", "after": "1s", "every": "1m"}),
            json!({"fault": "sigterm", "delay": "20s", "fail": ["8080/readyz", "/a", "7000"]}),
            json!({"fault": "memory", "bytes": 1024, "for": "30s", "after": "100ms"}),
            json!({"fault": "stop-accepting", "for": "30s"}),
        ] {
            let fault = ProcessFault::read(value.clone(), "").unwrap();
            assert_eq!(serde_json::to_value(&fault).unwrap(), value);
            let body = serde_json::to_vec(&fault.body()).unwrap();
            assert_eq!(ProcessFault::parse(fault.name(), &body), Ok(fault));
        }
    }

    #[test]
    fn little_has_to_be_said() {
        let read = |text: &str| {
            let fault = ProcessFault::read(serde_json::from_str(text).unwrap(), "").unwrap();
            serde_json::to_string(&fault).unwrap()
        };
        let exit = r#"{"after":"100ms","code":1,"fault":"exit"}"#;
        assert_eq!(read(r#"{"fault":"exit"}"#), exit);
        let memory = r#"{"after":"100ms","bytes":67108864,"fault":"memory"}"#;
        assert_eq!(read(r#"{"fault":"memory","bytes":"64Mi"}"#), memory);
    }

    #[test]
    fn a_refusal_names_the_field_and_what_it_takes() {
        check(json!([]), "process", "must be an object, not a list");
        let names = "exit, signal, sigterm, memory, stop-accepting";
        check(
            json!({}),
            "process.fault",
            &format!("must be given: one of {names}"),
        );
        check(
            json!({"fault": "sulk"}),
            "process.fault",
            &format!("no process fault `sulk`, expected one of {names}"),
        );
        check(
            json!({"fault": "exit", "code": 256}),
            "process.code",
            "must be a whole number from 0 to 255, not 256",
        );
        check(
            json!({"fault": "exit", "message": "x".repeat(4097)}),
            "process.message",
            "must be a string of at most 4096 bytes, not one of 4097",
        );
        check(
            json!({"fault": "exit", "for": "1s"}),
            "process.for",
            "unknown field, expected one of fault, message, code, after, leased",
        );
        check(
            json!({"fault": "sigterm"}),
            "process",
            "takes either `ignore` or `delay`",
        );
        check(
            json!({"fault": "sigterm", "ignore": true, "fail": ["/a", "b"]}),
            "process.fail.1",
            "no route `b`, expected [PORT]/PATH or PORT",
        );
        check(
            json!({"fault": "memory", "bytes": "1Q"}),
            "process.bytes",
            "must be a whole number from 1 to 1099511627776, or one with Ki, Mi or Gi, not \"1Q\"",
        );
        check(
            json!({"fault": "memory", "bytes": 1, "count": 1}),
            "process.count",
            "unknown field, expected one of fault, bytes, for, after, every, leased",
        );
        check(
            json!({"fault": "stop-accepting", "every": "1m"}),
            "process.every",
            "opens again what `for` has closed, which must be given",
        );
    }
}
