//! The options of a route's fault: how many bytes, how fast, how many redirects.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::duration;
use crate::model::fault::{Fault, Takes};
use crate::model::field::{BYTES, HOPS, PACE};
use crate::model::fields::Fields;
use crate::model::parse_error::ParseError;

/// The options of a fault; `None` stands for the default, which the table names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Details {
    /// `bytes`: how many bytes of the body are sent; the body's size for `large-body`.
    pub bytes: Option<u32>,
    /// `pace`: the time between two bytes.
    pub pace: Option<Duration>,
    /// `hops`: the number of redirects before the 200.
    pub hops: Option<u32>,
}

impl Details {
    /// The time between two bytes.
    pub(crate) fn pace(self) -> Duration {
        self.pace.unwrap_or(Duration::from_secs(1))
    }

    /// The number of bytes sent of a body that is cut off.
    pub(crate) fn sent(self) -> u32 {
        self.bytes.unwrap_or(1)
    }

    /// Parses the options, and rejects those that `fault` does not take.
    pub(crate) fn read(fault: Option<Fault>, fields: &mut Fields) -> Result<Self, ParseError> {
        let details = Self {
            bytes: fields.number(&BYTES)?.map(narrow),
            pace: fields.duration(&PACE)?,
            hops: fields.number(&HOPS)?.map(narrow),
        };
        let takes = fault.map_or(Takes::Nothing, Fault::takes);
        let foreign = [
            (BYTES, details.bytes.is_some(), Takes::Bytes),
            (PACE, details.pace.is_some(), Takes::Pace),
            (HOPS, details.hops.is_some(), Takes::Hops),
        ];
        match foreign.iter().find(|(_, given, by)| *given && *by != takes) {
            None => Ok(details),
            Some((field, ..)) => {
                let what = fault.map_or("a reply", Fault::name);
                let reason = format!("means nothing to {what}");
                Err(ParseError::misplaced(fields.path(field.name), reason))
            }
        }
    }

    pub(crate) fn write(self, object: &mut Map<String, Value>) {
        BYTES.write(object, self.bytes);
        HOPS.write(object, self.hops);
        PACE.write(object, self.pace.map(duration::format));
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).expect("the range must have been checked")
}
