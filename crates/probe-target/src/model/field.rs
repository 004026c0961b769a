//! The fields of a flip in one table: name, option, value and help text of each.
//!
//! The parsers of the control API and of plans, the options of both command lines, the experiment
//! format and its JSON Schema use this table. A bound of a value is spelled here only.

use std::fmt;

use serde_json::{Map, Value};

use crate::model::fault::Fault;
use crate::model::port_state::PortState;
use crate::model::process_fault_name;
use crate::model::protocol::Protocol;
use crate::model::signal::Signal;

/// One field of a flip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// The option that sets it; empty if the behaviour's word or the program sets it.
    pub option: &'static str,
    /// Its place in an experiment.
    pub part: Part,
    /// Its value.
    pub takes: FieldType,
    /// The help text, without full stop.
    pub help: &'static str,
}

/// The place of a field in an experiment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Beside `to` or `process`.
    Beside,
    /// Inside `to`.
    To,
    /// Inside `process`.
    Process,
    /// Nowhere: the program sets it.
    Own,
}

/// The values that a field takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldType {
    /// A whole number.
    Number {
        /// The smallest one.
        least: u64,
        /// The largest one; `u64::MAX` for no limit.
        most: u64,
    },
    /// The status of a response.
    Status {
        /// The smallest one.
        least: u64,
        /// The largest one.
        most: u64,
    },
    /// A number of bytes, also as text such as `64Mi`.
    Size {
        /// The smallest one.
        least: u64,
        /// The largest one.
        most: u64,
    },
    /// A number from 0 to 1.
    Share,
    /// A duration above zero.
    Duration,
    /// Text of any length.
    Text,
    /// Text with a maximum length in bytes.
    ShortText(usize),
    /// A path, percent-encoded.
    Route,
    /// `true` or `false`.
    Flag,
    /// One of these names.
    Name(&'static [&'static str]),
    /// An object of strings: HTTP headers.
    Headers,
    /// A list of at least two statuses and faults.
    Sequence,
    /// A list of ports and paths.
    Locations,
    /// An object.
    Object,
    /// A list.
    List,
}

/// The longest termination message that a kubelet shows.
// kubernetes.io/docs › Determine the reason for Pod failure: 4096 bytes a container.
const LONGEST_MESSAGE: usize = 4096;

/// Any whole number from `least` on.
const fn from(least: u64) -> FieldType {
    FieldType::Number {
        least,
        most: u64::MAX,
    }
}

const fn within(least: u64, most: u64) -> FieldType {
    FieldType::Number { least, most }
}

macro_rules! fields {
    ($($id:ident $name:literal $option:literal $part:ident $takes:expr, $help:literal;)*) => {
        use FieldType::*;

        $(
            #[doc = concat!("`", $name, "`: ", $help, ".")]
            pub const $id: Field = Field {
                name: $name,
                option: $option,
                part: Part::$part,
                takes: $takes,
                help: $help,
            };
        )*

        /// All fields, in the order of help texts.
        pub const FIELDS: &[Field] = &[$($id),*];
    };
}

// A status below 200 is interim, and clients wait on; one above 999 has more than three digits.
// Bodies are built in memory, so they have at most 16 MiB. No node has more than 1 TiB of memory.
fields! {
    FOR         "for"         "for"         Beside  Duration,
        "End after this time";
    COUNT       "count"       "count"       Beside  from(1),
        "End after this many requests";
    AFTER       "after"       "after"       Beside  Duration,
        "Begin this long after the acknowledgement";
    EVERY       "every"       "every"       Beside  Duration,
        "Begin again this long after each beginning, once it has ended";
    PROBABILITY "probability" "probability" Beside  Share,
        "Apply to this share of requests only, from 0 to 1";
    SEED        "seed"        "seed"        Beside  from(0),
        "Seed for `probability`; equal seeds select equal requests";
    AGENT       "agent"       "agent"       Beside  Text,
        "Apply only to user agents with this prefix; `kube-probe/` is the kubelet";
    DELAY       "delay"       "delay"       Beside  Duration,
        "Delay each response by this time; sigterm: delay the drain";
    STATUS      "status"      ""            To      Status { least: 200, most: 999 },
        "Status of the response";
    FAULT       "fault"       ""            To      Name(&Fault::NAMES),
        "Fault in place of a response";
    SEQUENCE    "sequence"    ""            To      Sequence,
        "Statuses and faults, one request after another";
    HEADERS     "headers"     "header"      To      Headers,
        "Headers of the response";
    BODY        "body"        "body"        To      Text,
        "Body of the response";
    BYTES       "bytes"       "bytes"       To      within(0, 16 << 20),
        "Body bytes that a fault sends";
    PACE        "pace"        "pace"        To      Duration,
        "Time between two bytes of a slow fault; 1s by default";
    HOPS        "hops"        "hops"        To      within(1, 100),
        "Number of redirects in a chain; 11 by default";
    STATE       "state"       ""            To      Name(&PortState::NAMES),
        "State of the whole port";
    PROTOCOL    "protocol"    "protocol"    To      Name(&Protocol::NAMES),
        "Protocol of the port; an unknown port is opened";
    PROCESS     "fault"       ""            Process Name(&process_fault_name::NAMES),
        "Fault of the process";
    CODE        "code"        "code"        Process within(0, 255),
        "exit: exit code; 1 by default";
    SIGNAL      "signal"      "signal"      Process Name(&Signal::NAMES),
        "signal: name of the signal, such as SIGKILL";
    MESSAGE     "message"     "message"     Process ShortText(LONGEST_MESSAGE),
        "exit and signal: termination message";
    IGNORE      "ignore"      "ignore"      Process Flag,
        "sigterm: ignore SIGTERM; excludes `delay`";
    FAIL        "fail"        "fail"        Process Locations,
        "sigterm: ports and paths that fail from SIGTERM on";
    MEMORY      "bytes"       "bytes"       Process Size { least: 1, most: 1 << 40 },
        "memory: total number of bytes, such as 64Mi";
    ROUTE       "route"       ""            Own     Route,
        "Path whose flip sets the state of its port";
    LEASED      "leased"      ""            Own     Flag,
        "Whether it also ends when the lease expires";
}

impl Field {
    /// A field outside the table.
    pub(crate) const fn new(name: &'static str, takes: FieldType) -> Self {
        Self {
            name,
            option: "",
            part: Part::Own,
            takes,
            help: "",
        }
    }

    /// The field of that name beside `to` and `process`.
    pub fn beside(name: &str) -> Option<&'static Self> {
        let mut beside = FIELDS.iter().filter(|field| field.part == Part::Beside);
        beside.find(|field| field.name == name)
    }

    /// The fields that have an option, each option once.
    pub fn options() -> impl Iterator<Item = &'static Self> {
        let options = FIELDS.iter().enumerate();
        let options = options.filter(|(number, field)| {
            let mut before = FIELDS[..*number].iter();
            !field.option.is_empty() && before.all(|other| other.option != field.option)
        });
        options.map(|(_, field)| field)
    }

    /// The help text of its option, which may set another field of the same name too.
    pub fn option_help(&self) -> String {
        let same = FIELDS.iter().filter(|field| field.option == self.option);
        let texts: Vec<_> = same.map(|field| field.help).collect();
        texts.join("; ")
    }

    /// Sets it in `object` if there is a value.
    pub(crate) fn write(&self, object: &mut Map<String, Value>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            object.insert(self.name.to_owned(), value.into());
        }
    }

    /// Whether its option may be repeated.
    pub const fn is_list(&self) -> bool {
        matches!(self.takes, FieldType::Headers | FieldType::Locations)
    }
}

impl FieldType {
    /// Whether it takes this number.
    pub(crate) const fn contains(self, number: u64) -> bool {
        match self {
            Self::Number { least, most }
            | Self::Status { least, most }
            | Self::Size { least, most } => least <= number && number <= most,
            _ => false,
        }
    }

    /// The placeholder of a value in help texts; empty for a flag.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Number { .. } | Self::Status { .. } | Self::Size { .. } => "N",
            Self::Share => "P",
            Self::Duration => "DURATION",
            Self::Name(_) => "NAME",
            Self::Headers => "NAME: VALUE",
            Self::Locations => "[PORT]/PATH|PORT",
            Self::Flag => "",
            Self::Text
            | Self::ShortText(_)
            | Self::Route
            | Self::Sequence
            | Self::Object
            | Self::List => "TEXT",
        }
    }
}

/// What a value must be: `a whole number from 0 to 255`.
impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number {
                least,
                most: u64::MAX,
            } => write!(f, "a whole number, at least {least}"),
            Self::Number { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Status { least, most } => write!(f, "a status from {least} to {most}"),
            Self::Size { least, most } => write!(
                f,
                "a whole number from {least} to {most}, or one with Ki, Mi or Gi"
            ),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::Duration => f.write_str(
                "a duration above zero such as \"30s\" or \"1m30s\", in whole milliseconds, \
                 8760h at most",
            ),
            Self::Text | Self::Route => f.write_str("a string"),
            Self::ShortText(longest) => write!(f, "a string of at most {longest} bytes"),
            Self::Flag => f.write_str("true or false"),
            Self::Name(names) => write!(f, "one of {}", names.join(", ")),
            Self::Headers | Self::Object => f.write_str("an object"),
            Self::Sequence => f.write_str("a list of at least two"),
            Self::Locations | Self::List => f.write_str("a list"),
        }
    }
}
