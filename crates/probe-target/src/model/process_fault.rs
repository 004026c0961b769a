//! Faults of the process: exit, signal, SIGTERM handling, memory, stop-accepting.
//! `POST /v1/process/…`, plans, the command line and experiments use the same names. The types here
//! only describe a fault; `state.rs` tracks which is in force, `process.rs` has the effects.

mod signal;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::bound::Bounds;
use crate::model::duration;
use crate::model::fields::Fields;
use crate::model::location::Location;
use crate::model::parse_error::{ParseError, join};
pub use signal::Signal;

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

/// The longest termination message that a kubelet shows.
// kubernetes.io/docs › Determine the reason for Pod failure: 4096 bytes a container.
const LONGEST_MESSAGE: usize = 4096;

/// The largest `memory` fault, more than any node has: 1 TiB.
const MOST_MEMORY: u64 = 1 << 40;

/// The default `after` of faults that may end the process, so that the acknowledgement is sent
/// first.
pub(crate) const AFTER_ANSWER: Duration = Duration::from_millis(100);

const EXIT: &str = "exit";
const SIGNAL: &str = "signal";
const SIGTERM: &str = "sigterm";
const MEMORY: &str = "memory";
const STOP_ACCEPTING: &str = "stop-accepting";

impl ProcessFault {
    /// The names of all process faults.
    pub const NAMES: [&'static str; 5] = [EXIT, SIGNAL, SIGTERM, MEMORY, STOP_ACCEPTING];

    /// Parses `{"fault":"exit","code":3,"after":"1s"}`; `path` is its path in the input.
    pub fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut fields = Fields::read(value, path)?;
        let name = fields.text("fault")?;
        let name = name.ok_or_else(|| {
            let message = format!("must be given: one of {}", Self::NAMES.join(", "));
            ParseError::new(fields.path("fault"), message)
        })?;
        Self::fields(&name, fields, "fault")
    }

    /// Parses the request body of `/v1/process/NAME`, which may be empty.
    pub(crate) fn parse(name: &str, body: &[u8]) -> Result<Self, ParseError> {
        Self::fields(name, Fields::parse_or_empty(body)?, "")
    }

    /// Parses the fault `name`; `at` is the field that holds the name, for errors.
    fn fields(name: &str, mut fields: Fields, at: &str) -> Result<Self, ParseError> {
        let fault = match name {
            EXIT => Self::ending(&mut fields, |fields, message| {
                let code = fields.number("code", 0..=255)?.unwrap_or(1);
                let code = u8::try_from(code).expect("a code must be at most 255");
                Ok(ProcessAction::Exit { code, message })
            }),
            SIGNAL => Self::ending(&mut fields, |fields, message| {
                let signal = Signal::read(fields)?;
                Ok(ProcessAction::Signal { signal, message })
            }),
            SIGTERM => Self::lasting(&mut fields, |fields| {
                Sigterm::read(fields).map(ProcessAction::Sigterm)
            }),
            MEMORY => {
                let fault = Self::lasting(&mut fields, memory);
                fault.map(|mut fault| {
                    fault.bounds.after.get_or_insert(AFTER_ANSWER);
                    fault
                })
            }
            STOP_ACCEPTING => Self::lasting(&mut fields, |_| Ok(ProcessAction::StopAccepting)),
            _ => {
                return Err(ParseError::new(fields.path(at), Self::unknown(name)));
            }
        }?;
        fields.finish()?;
        Ok(fault)
    }

    fn ending(
        fields: &mut Fields,
        act: impl FnOnce(&mut Fields, Option<String>) -> Result<ProcessAction, ParseError>,
    ) -> Result<Self, ParseError> {
        let message = message(fields)?;
        Ok(Self {
            act: act(fields, message)?,
            bounds: Bounds {
                after: Some(fields.duration("after")?.unwrap_or(AFTER_ANSWER)),
                ..Bounds::default()
            },
            leased: fields.flag("leased")?,
        })
    }

    fn lasting(
        fields: &mut Fields,
        act: impl FnOnce(&mut Fields) -> Result<ProcessAction, ParseError>,
    ) -> Result<Self, ParseError> {
        Ok(Self {
            act: act(fields)?,
            bounds: Bounds::read_times(fields)?,
            leased: fields.flag("leased")?,
        })
    }

    /// The error message about an unknown name.
    pub(crate) fn unknown(name: &str) -> String {
        let known = Self::NAMES.join(", ");
        format!("no process fault `{name}`, expected one of {known}")
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
        let mut set = |name: &str, value: Value| {
            object.insert(name.to_owned(), value);
        };
        match &self.act {
            ProcessAction::Exit { code, message } => {
                set("code", (*code).into());
                if let Some(text) = message {
                    set("message", text.as_str().into());
                }
            }
            ProcessAction::Signal { signal, message } => {
                set("signal", signal.name().into());
                if let Some(text) = message {
                    set("message", text.as_str().into());
                }
            }
            ProcessAction::Sigterm(Sigterm { delay, fail }) => {
                match delay {
                    None => set("ignore", true.into()),
                    Some(delay) => set("delay", duration::format(*delay).into()),
                }
                if !fail.is_empty() {
                    set(
                        "fail",
                        fail.iter()
                            .map(|place| Value::from(place.as_str()))
                            .collect(),
                    );
                }
            }
            ProcessAction::Memory { bytes } => set("bytes", (*bytes).into()),
            ProcessAction::StopAccepting => {}
        }
        self.bounds.write(&mut object);
        if self.leased {
            object.insert("leased".to_owned(), true.into());
        }
        object
    }
}

/// All process faults with their effects, for help texts.
pub fn table() -> String {
    const ALL: [(&str, &str); 5] = [
        (EXIT, "it ends with --code and --message, without a drain"),
        (SIGNAL, "it dies of --signal"),
        (
            SIGTERM,
            "SIGTERM is lost (--ignore) or followed later (--delay); what --fail names fails from then on",
        ),
        (MEMORY, "it takes --bytes of memory, touches and holds them"),
        (
            STOP_ACCEPTING,
            "no port accepts; the system completes connections until its backlog is full",
        ),
    ];
    let rows = ALL.map(|(name, about)| format!("\n  {name:16} {about}"));
    format!("A fault of the process is one of:{}", rows.concat())
}

impl Sigterm {
    fn read(fields: &mut Fields) -> Result<Self, ParseError> {
        let ignore = fields.flag("ignore")?;
        let delay = fields.duration("delay")?;
        if ignore == delay.is_some() {
            let message = "takes either `ignore` or `delay`";
            return Err(ParseError::new(fields.path(""), message));
        }
        let at = fields.path("fail");
        let mut fail = Vec::new();
        for (number, place) in fields.items("fail")?.into_iter().enumerate() {
            let at = join(&at, &number.to_string());
            let Value::String(place) = place else {
                return Err(ParseError::new(at, "must be a string: [PORT]/PATH or PORT"));
            };
            Location::parse(&place).map_err(|invalid| invalid.within(&at))?;
            fail.push(place);
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

fn message(fields: &mut Fields) -> Result<Option<String>, ParseError> {
    let message = fields.text("message")?;
    match &message {
        Some(text) if text.len() > LONGEST_MESSAGE => {
            let message = format!("has at most {LONGEST_MESSAGE} bytes");
            Err(ParseError::new(fields.path("message"), message))
        }
        _ => Ok(message),
    }
}

fn memory(fields: &mut Fields) -> Result<ProcessAction, ParseError> {
    let bytes = fields.bytes("bytes", 1..=MOST_MEMORY)?;
    let bytes = bytes.ok_or_else(|| {
        let message = "how many must be given: 1048576, or \"1Mi\"";
        ParseError::new(fields.path("bytes"), message)
    })?;
    Ok(ProcessAction::Memory { bytes })
}

impl Serialize for ProcessFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = self.body();
        object.insert("fault".to_owned(), self.name().into());
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
            (error.field.as_str(), error.message.as_str()),
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
            "has at most 4096 bytes",
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
