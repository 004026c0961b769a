//! `probeflip flip` as it is written, and what that asks for. Every option is a field of the
//! control API, so it is read as one.

use std::str::FromStr;

use clap::Args;
use probe_target::{
    ParseError,
    model::{
        process_fault::ProcessFault,
        shorthand::{self, Shorthand},
    },
};
use serde_json::{Map, Value, json};

use super::Where;
use crate::{
    exit::{Exit, Failure},
    input::{
        experiment::{Behaviour, FlipTarget, ObjectRef, Probe, To},
        problem::ProblemText,
    },
};

/// `probeflip flip`
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub struct Flip {
    /// A Pod, or all Pods of a workload such as `deploy/web`
    #[arg(value_name = "POD|KIND/NAME", value_parser = ObjectRef::of_pods)]
    pub subject: ObjectRef,
    /// The container that is meant
    #[arg(short, long, value_name = "CONTAINER")]
    pub container: String,
    /// `liveness`, `readiness` or `startup`, or `process` for the process itself
    #[arg(value_name = "PROBE")]
    pub probe: Target,
    /// What it gets: one of the words below, or for a probe several with commas between, one
    /// request after another
    #[arg(value_name = "BEHAVIOUR")]
    pub behaviour: String,
    /// Also if other probes or ports are touched
    #[arg(long)]
    pub shared: bool,
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
    /// What ends it, what narrows it
    #[command(flatten, next_help_heading = "Bounds")]
    pub bounds: Bounds,
    /// What else is said of the answer
    #[command(flatten, next_help_heading = "Details")]
    pub details: Details,
}

/// What ends a behaviour, and for whom it is: the fields beside `to` in an experiment.
#[derive(Debug, Args)]
pub struct Bounds {
    /// How long, then return at once; else until Ctrl-C
    #[arg(long = "for", value_name = "30s")]
    pub length: Option<String>,
    /// For how many requests
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Begin so much later
    #[arg(long, value_name = "10s")]
    pub after: Option<String>,
    /// Begin again so long after each beginning, when `--for`, `--count` or a list of behaviours
    /// has ended it
    #[arg(long, value_name = "1m")]
    pub every: Option<String>,
    /// Only for this share of the requests, from 0 to 1
    #[arg(long, value_name = "P")]
    pub probability: Option<f64>,
    /// Which of them: the same seed means the same ones
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Only for callers whose user agent begins so; `kube-probe/` is the kubelet
    #[arg(long, value_name = "PREFIX")]
    pub agent: Option<String>,
    /// Hold each answer back so long
    #[arg(long, value_name = "1s")]
    pub delay: Option<String>,
}

/// What is said of one answer: the fields of an object after `to` in an experiment.
#[derive(Debug, Args)]
pub struct Details {
    /// How many bytes of the body a fault sends; of `memory`, how much in all, such as 64Mi
    #[arg(long, value_name = "N")]
    pub bytes: Option<String>,
    /// The time between two bytes of a slow fault
    #[arg(long, value_name = "1s")]
    pub pace: Option<String>,
    /// How many redirects in a chain
    #[arg(long, value_name = "N")]
    pub hops: Option<u64>,
    /// The body of a reply
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
    /// A header of a reply, as for curl; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The code of `exit`
    #[arg(long, value_name = "N")]
    pub code: Option<u64>,
    /// Which `signal`
    #[arg(long, value_name = "SIGNAL")]
    pub signal: Option<String>,
    /// The termination message that `exit` and `signal` leave
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Whether `sigterm` is lost; else say `--delay`
    #[arg(long)]
    pub ignore: bool,
    /// What fails after `sigterm`; may be repeated
    #[arg(long, value_name = "[PORT]/PATH|PORT")]
    pub fail: Vec<String>,
}

/// What is flipped in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One of its probes.
    Probe(Probe),
    /// Its process.
    Process,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("process", _) => Ok(Self::Process),
            (_, Ok(probe)) => Ok(Self::Probe(probe)),
            (_, Err(_)) => {
                Err("expected `liveness`, `readiness`, `startup` or `process`".to_owned())
            }
        }
    }
}

fn after_help() -> String {
    format!(
        "{}\n\n\
         A tcp probe sees `pass`, `fail` and `refuse`. A grpc probe sees `pass` (SERVING), `fail` (NOT_SERVING), \
         404 (NOT_FOUND), 501 (UNIMPLEMENTED), `hang`, `close`, `reset`, and what is done to its port. \
         An exec probe is what its `probe-target check` is.\n\n\
         Of `process` it is one of:\n  \
         exit             end with a code (--code, --message)\n  \
         signal           die of a signal (--signal, --message)\n  \
         sigterm          lose SIGTERM (--ignore), or follow it later (--delay), and fail from then on (--fail)\n  \
         memory           take and touch memory (--bytes)\n  \
         stop-accepting   accept on no port\n\n\
         Examples:\n  \
         probeflip flip deploy/web -c b readiness 503 --for 30s\n  \
         probeflip flip deploy/web -c b liveness stall-body --bytes 100 --count 3\n  \
         probeflip flip deploy/web -c b readiness 503,503,200 --every 10s\n  \
         probeflip flip deploy/web -c b process exit --code 3",
        shorthand::table()
    )
}

impl Flip {
    /// What is flipped, and what it gets.
    pub fn aim(&self) -> Result<FlipTarget, Failure> {
        let bounds = self.bounds.fields();
        let aim = match self.probe {
            Target::Probe(probe) => {
                Behaviour::new(self.to()?, bounds).map(|to| FlipTarget::Probe { probe, to })
            }
            Target::Process => FlipTarget::process(self.process()?, &bounds),
        };
        aim.map_err(|invalid| self.refused(&invalid))
    }

    /// Whether it ends by itself: by a time, though one that comes round again is no end, or with
    /// the process.
    pub fn ends(&self, aim: &FlipTarget) -> bool {
        let timed = self.bounds.length.is_some() && self.bounds.every.is_none();
        timed || matches!(aim, FlipTarget::Process(fault) if fault.ends())
    }

    fn process(&self) -> Result<Map<String, Value>, Failure> {
        let name = self.behaviour.as_str();
        if !ProcessFault::NAMES.contains(&name) {
            let fault = ProblemText::new(format!("unknown process fault `{name}`"));
            let fault = fault.one_of(name, ProcessFault::NAMES);
            return Err(Failure::new(Exit::Usage, fault.to_string()));
        }
        let mut object = self.details.fields()?;
        object.insert("fault".to_owned(), json!(name));
        Ok(object)
    }

    fn to(&self) -> Result<To, Failure> {
        let words: Vec<&str> = self.behaviour.split(',').map(str::trim).collect();
        let read: Result<Vec<Shorthand>, _> = words.iter().map(|word| read(word)).collect();
        let read = read.map_err(|fault| Failure::new(Exit::Usage, fault.to_string()))?;
        let details = self.details.fields()?;
        let [word] = read[..] else {
            let mut object = details;
            object.insert("sequence".to_owned(), json!(words));
            return Ok(To::Object(object));
        };
        if details.is_empty() {
            return Ok(To::Word(word));
        }
        let Some(laid) = word.on_route() else {
            let names: Vec<_> = details.keys().map(|name| option(name)).collect();
            let message = format!(
                "`{word}` is of the whole port, where {} means nothing",
                names.join(", ")
            );
            return Err(Failure::new(Exit::Usage, message));
        };
        let mut object = json!(laid).as_object().cloned().unwrap_or_default();
        object.extend(details);
        Ok(To::Object(object))
    }

    fn refused(&self, invalid: &ParseError) -> Failure {
        let inside = ["to.", "process."];
        let inside = inside
            .iter()
            .find_map(|root| invalid.field.strip_prefix(root));
        let field = inside.unwrap_or(&invalid.field);
        let what = match field {
            "to" | "process" | "" => format!("`{}`", self.behaviour),
            field => option(field.split('.').next().unwrap_or_default()),
        };
        let message = if invalid.message.starts_with("unknown field") {
            format!("{what} means nothing beside `{}`", self.behaviour)
        } else {
            format!("{what}: {}", invalid.message)
        };
        Failure::new(Exit::Usage, message)
    }
}

impl Bounds {
    fn fields(&self) -> Map<String, Value> {
        fields([
            ("for", json!(self.length)),
            ("count", json!(self.count)),
            ("after", json!(self.after)),
            ("every", json!(self.every)),
            ("probability", json!(self.probability)),
            ("seed", json!(self.seed)),
            ("agent", json!(self.agent)),
            ("delay", json!(self.delay)),
        ])
    }
}

impl Details {
    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let header = |text: &String| {
            let (name, value) = text.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().into()))
        };
        let mut headers = Map::new();
        for text in &self.headers {
            let wrong = || {
                Failure::new(
                    Exit::Usage,
                    format!("`--header {text}` is no header; expected `NAME: VALUE`"),
                )
            };
            headers.extend([header(text).ok_or_else(wrong)?]);
        }
        let headers = if headers.is_empty() {
            Value::Null
        } else {
            headers.into()
        };
        Ok(fields([
            (
                "bytes",
                self.bytes.as_deref().map_or(Value::Null, number_or_text),
            ),
            ("pace", json!(self.pace)),
            ("hops", json!(self.hops)),
            ("body", json!(self.body)),
            ("headers", headers),
            ("code", json!(self.code)),
            (
                "signal",
                self.signal.as_deref().map_or(Value::Null, number_or_text),
            ),
            ("message", json!(self.message)),
            (
                "ignore",
                if self.ignore {
                    json!(true)
                } else {
                    Value::Null
                },
            ),
            (
                "fail",
                if self.fail.is_empty() {
                    Value::Null
                } else {
                    json!(self.fail)
                },
            ),
        ]))
    }
}

fn fields<const N: usize>(said: [(&str, Value); N]) -> Map<String, Value> {
    let said = said.into_iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// As JSON has it: what is no number is a text.
fn number_or_text(text: &str) -> Value {
    text.parse::<u64>()
        .map_or_else(|_| text.into(), Value::from)
}

fn option(field: &str) -> String {
    let name = if field == "headers" { "header" } else { field };
    format!("`--{name}`")
}

fn read(word: &str) -> Result<Shorthand, ProblemText> {
    let read = word.parse().ok();
    read.ok_or_else(|| ProblemText::unknown_behaviour(word))
}
