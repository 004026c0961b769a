//! Parses requests of the control API: method, path, query and body become a `ControlRequest`.
//! Pure; `control.rs` checks access and executes the requests.

use std::time::Duration;

use ::http::{Method, StatusCode};

use crate::control::page::PublicFile;
use crate::model::behaviour::Behaviour;
use crate::model::duration;
use crate::model::field::{FOR, ROUTE};
use crate::model::fields::Fields;
use crate::model::parse_error::{ParseError, Reason, called};
use crate::model::percent;
use crate::model::port_spec::{PortSpec, PortState};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;
use crate::state::Change;
use crate::target::backend::{CallError, Filter};

/// A request of the control API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ControlRequest {
    File(PublicFile),
    State,
    Metrics,
    Plan,
    Journal {
        since: u64,
    },
    Stream {
        since: u64,
        /// The interval of the event `through`; none is sent without it.
        through: Option<Duration>,
    },
    Wait(Wait),
    Change(Change),
}

/// The parameters of `GET /v1/journal/wait`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wait {
    pub(crate) filter: Filter,
    /// The number of records to wait for; 1 by default.
    pub(crate) hits: u64,
    /// The timeout; 30 s by default.
    pub(crate) timeout: Duration,
    /// The number of the first record to consider; by default only future ones.
    pub(crate) since: Option<u64>,
}

const GET: &str = "GET";

/// The methods of all requests, for `Allow`.
pub(crate) const METHODS: &str = "GET, PUT, POST, DELETE";

/// The longest wait, so that an abandoned one ends.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Parses a request.
pub(crate) fn read(
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<ControlRequest, CallError> {
    let unknown = || CallError::new(StatusCode::NOT_FOUND, "", format!("there is no `{path}`"));
    if path == "/metrics" {
        // Scrapers may add parameters.
        return only(method, GET, || Ok(ControlRequest::Metrics));
    }
    if let Some(file) = PublicFile::at(path) {
        return only(method, GET, || {
            Query::read(query)?.end(ControlRequest::File(file))
        });
    }
    let rest = path.strip_prefix("/v1/").ok_or_else(unknown)?;
    let call = match rest {
        "state" => only(method, GET, || {
            Query::read(query)?.end(ControlRequest::State)
        }),
        "plan" => only(method, GET, || {
            Query::read(query)?.end(ControlRequest::Plan)
        }),
        "journal" => only(method, GET, || {
            let mut query = Query::read(query)?;
            let since = query.number("since")?.unwrap_or(0);
            query.end(ControlRequest::Journal { since })
        }),
        "journal/stream" => only(method, GET, || {
            let mut query = Query::read(query)?;
            let since = query.number("since")?.unwrap_or(0);
            let through = interval(&mut query)?;
            query.end(ControlRequest::Stream { since, through })
        }),
        "journal/wait" => only(method, GET, || wait(Query::read(query)?)),
        "heal" => only(method, "POST", || heal(body)),
        "lease" => only(method, "PUT", || lease(body)),
        _ => match rest.split_once('/') {
            Some(("ports", port)) => ports(method, port, body, unknown),
            Some(("process", name)) => process(method, name, body, unknown),
            _ => Err(unknown()),
        },
    }?;
    match call {
        ControlRequest::Change(Change::FlipRoute(..) | Change::HealRoute(..))
            if !query.is_empty() =>
        {
            let message = "a `?` begins a query, which no route has; write %3F for a `?` in a path";
            Err(CallError::from(ParseError::new("path", message)))
        }
        // Changes take no parameters: their path and body are complete.
        ControlRequest::Change(_) => Ok(Query::read(query)?.end(call)?),
        call => Ok(call),
    }
}

fn only(
    method: &Method,
    allowed: &'static str,
    read: impl FnOnce() -> Result<ControlRequest, ParseError>,
) -> Result<ControlRequest, CallError> {
    if method == allowed {
        Ok(read()?)
    } else {
        Err(not_allowed(method, allowed))
    }
}

fn not_allowed(method: &Method, allowed: &'static str) -> CallError {
    let message = format!("{method} is not for this path, which takes {allowed}");
    CallError::method(message, allowed)
}

fn heal(body: &[u8]) -> Result<ControlRequest, ParseError> {
    if !body.is_empty() {
        Fields::parse(body)?.finish()?;
    }
    Ok(ControlRequest::Change(Change::Heal))
}

fn lease(body: &[u8]) -> Result<ControlRequest, ParseError> {
    let mut fields = Fields::parse(body)?;
    let length = fields.duration(&FOR)?;
    fields.finish()?;
    let length = length.ok_or_else(|| ParseError::of(FOR.name, Reason::Missing(FOR.takes)))?;
    Ok(ControlRequest::Change(Change::Lease(length)))
}

/// Parses `/v1/process/{fault}`.
fn process(
    method: &Method,
    name: &str,
    body: &[u8],
    unknown: impl Fn() -> CallError,
) -> Result<ControlRequest, CallError> {
    let Ok(name) = ProcessFault::known(name) else {
        return Err(unknown());
    };
    let change = match *method {
        Method::POST => Change::FlipProcess(ProcessFault::parse(name, body)?),
        Method::DELETE => Change::HealProcess(name),
        _ => return Err(not_allowed(method, "POST, DELETE")),
    };
    Ok(ControlRequest::Change(change))
}

/// Parses `/v1/ports/{port}` and `/v1/ports/{port}/routes{path}`.
fn ports(
    method: &Method,
    rest: &str,
    body: &[u8],
    unknown: impl Fn() -> CallError,
) -> Result<ControlRequest, CallError> {
    let (port, route) = match rest.split_once('/') {
        None => (rest, None),
        Some((port, rest)) => (
            port,
            Some(rest.strip_prefix("routes").ok_or_else(&unknown)?),
        ),
    };
    let port = number(port)?;
    let change = match (method, route) {
        (&Method::PUT, None) => Change::FlipPort(port, port_spec(body)?),
        (&Method::DELETE, None) => Change::HealPort(port),
        (&Method::PUT, Some(route)) => {
            Change::FlipRoute(port, path(route)?, Behaviour::whole(Fields::parse(body)?)?)
        }
        (&Method::DELETE, Some(route)) => Change::HealRoute(port, path(route)?),
        (method, _) => return Err(not_allowed(method, "PUT, DELETE")),
    };
    Ok(ControlRequest::Change(change))
}

fn number(port: &str) -> Result<u16, ParseError> {
    let number = port.parse().ok().filter(|number| *number != 0);
    number.ok_or_else(|| ParseError::new("port", "a port is a number from 1 to 65535"))
}

fn path(route: &str) -> Result<RoutePath, ParseError> {
    if !route.starts_with('/') {
        let message = "what follows `routes` is the path, slash included";
        return Err(ParseError::new("path", message));
    }
    read_route(route)
}

fn read_route(text: &str) -> Result<RoutePath, ParseError> {
    let read = text.parse();
    read.map_err(|message: String| ParseError::new("path", message))
}

fn port_spec(body: &[u8]) -> Result<PortSpec, ParseError> {
    let opening = PortSpec::whole(Fields::parse(body)?)?;
    let wrong = |reason| Err(ParseError::new(ROUTE.name, reason));
    match opening.route {
        Some(_) if opening.protocol.is_some() => {
            wrong("means nothing beside `protocol`, which is the port's")
        }
        Some(_) if opening.state == PortState::Open => {
            wrong("means nothing beside `open`: a behaviour of the route opens what it has closed")
        }
        _ => Ok(opening),
    }
}

fn wait(mut query: Query) -> Result<ControlRequest, ParseError> {
    let port = match query.take("port") {
        None => None,
        Some(text) => Some(number(&text)?),
    };
    let timeout = match query.take("timeout") {
        None => Duration::from_secs(30),
        Some(text) => duration::parse(&text)
            .filter(|timeout| *timeout <= LONGEST_WAIT)
            .ok_or_else(|| ParseError::new("timeout", "a duration such as 30s, 10m at most"))?,
    };
    let path = match query.take("path") {
        None => None,
        Some(text) => Some(read_route(&text)?),
    };
    let wait = Wait {
        filter: Filter { port, path },
        hits: query.number("hits")?.unwrap_or(1),
        timeout,
        since: query.number("since")?,
    };
    query.end(ControlRequest::Wait(wait))
}

/// The interval at which a stream says how far it is complete.
fn interval(query: &mut Query) -> Result<Option<Duration>, ParseError> {
    let Some(text) = query.take("through") else {
        return Ok(None);
    };
    let shortest = Duration::from_millis(100);
    let interval = duration::parse(&text).filter(|interval| *interval >= shortest);
    match interval {
        Some(interval) => Ok(Some(interval)),
        None => Err(ParseError::new(
            "through",
            "a duration such as 5s, at least 100ms",
        )),
    }
}

/// The parameters of a query; each is read once.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Result<Self, ParseError> {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent::decode_text(value);
            let value =
                value.ok_or_else(|| ParseError::new(called(name), "not percent-encoded UTF-8"))?;
            Ok((name.to_owned(), value))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(position).1)
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, ParseError> {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        let number = text.parse().ok();
        let wrong = || ParseError::new(name, format!("must be a whole number, not `{text}`"));
        number.ok_or_else(wrong).map(Some)
    }

    /// Rejects parameters that were not read.
    fn end(self, call: ControlRequest) -> Result<ControlRequest, ParseError> {
        match self.0.first() {
            None => Ok(call),
            Some((name, _)) => Err(ParseError::new(
                called(name),
                "unknown or repeated parameter",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str, body: &str) -> Result<ControlRequest, CallError> {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        read(&method, path, query, body.as_bytes())
    }

    #[track_caller]
    fn lays(line: &str, port: u16, path: &str) {
        let change = Change::FlipRoute(port, path.parse().unwrap(), Behaviour::status(503));
        assert_eq!(
            call(line, r#"{"status":503}"#),
            Ok(ControlRequest::Change(change))
        );
    }

    #[track_caller]
    fn refuses(line: &str, body: &str, status: u16, field: &str) {
        let refused = call(line, body).unwrap_err();
        assert_eq!(
            (refused.status.as_u16(), refused.invalid.field.as_str()),
            (status, field)
        );
    }

    #[test]
    fn what_follows_routes_is_the_path_decoded_once() {
        lays("PUT /v1/ports/8080/routes/readyz", 8080, "/readyz");
        lays("PUT /v1/ports/8080/routes/", 8080, "/");
        lays(
            "PUT /v1/ports/8080/routes//a/routes/b",
            8080,
            "//a/routes/b",
        );
        lays("PUT /v1/ports/8080/routes/a%20b%2520", 8080, "/a%20b%2520");
        lays("PUT /v1/ports/8080/routes/%ff/%2a", 8080, "/%FF/%2A");
        lays("PUT /v1/ports/8080/routes/a/*", 8080, "/a/*");
        refuses("PUT /v1/ports/8080/routes", "{}", 400, "path");
        refuses("PUT /v1/ports/8080/routesreadyz", "{}", 400, "path");
        refuses("PUT /v1/ports/8080/routes/%zz", "{}", 400, "path");
    }

    #[test]
    fn changes_are_never_made_by_get() {
        for line in [
            "GET /v1/heal",
            "GET /v1/lease",
            "GET /v1/ports/8080",
            "POST /v1/state",
        ] {
            refuses(line, "", 405, "");
        }
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        for line in [
            "GET /index.html",
            "GET /v1/",
            "GET /v2/state",
            "PUT /v1/ports/80/x",
            "GET /v1/states",
        ] {
            refuses(line, "", 404, "");
        }
        for port in ["0", "65536", "http", ""] {
            refuses(&format!("PUT /v1/ports/{port}"), "{}", 400, "port");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        refuses("GET /v1/journal?sinc=3", "", 400, "sinc");
        refuses("GET /v1/journal?since=x", "", 400, "since");
        refuses("GET /v1/journal/wait?timeout=1h", "", 400, "timeout");
        for interval in ["99ms", "5", ""] {
            let line = format!("GET /v1/journal/stream?through={interval}");
            refuses(&line, "", 400, "through");
        }
        refuses("POST /v1/heal", r#"{"all":true}"#, 400, "all");
        for line in [
            "POST /v1/heal?port=80",
            "DELETE /v1/ports/80?port=81",
            "POST /v1/process/exit?port=80",
        ] {
            refuses(line, "", 400, "port");
        }
        refuses("DELETE /v1/ports/80/routes/x?port=81", "", 400, "path");
        refuses(
            "PUT /v1/ports/80/routes/a?b",
            r#"{"status":503}"#,
            400,
            "path",
        );
        refuses("PUT /v1/lease", "{}", 400, "for");
        refuses("PUT /v1/lease", r#"{"for":"0s"}"#, 400, "for");
        refuses("PUT /v1/ports/80", r#"{"stat":"open"}"#, 400, "stat");
        let both = r#"{"protocol":"tcp","route":"/x"}"#;
        refuses("PUT /v1/ports/80", both, 400, "route");
        refuses("PUT /v1/ports/80", r#"{"route":"/x"}"#, 400, "route");
        refuses(
            "PUT /v1/ports/80/routes/",
            r#"{"status":99}"#,
            400,
            "status",
        );
        refuses("PUT /v1/ports/80/routes/", "", 400, "");
        let twice = r#"{"status":503,"for":"1s","for":"2s"}"#;
        refuses("PUT /v1/ports/80/routes/", twice, 400, "for");
    }

    #[test]
    fn a_wait_has_its_defaults() {
        let wait = Wait {
            filter: Filter::default(),
            hits: 1,
            timeout: Duration::from_secs(30),
            since: None,
        };
        assert_eq!(
            call("GET /v1/journal/wait", ""),
            Ok(ControlRequest::Wait(wait))
        );
        let wait = Wait {
            filter: Filter {
                port: Some(8080),
                path: Some(RoutePath::exact("/a b")),
            },
            hits: 3,
            timeout: Duration::from_millis(1500),
            since: Some(7),
        };
        let line = "GET /v1/journal/wait?port=8080&path=/a%20b&hits=3&timeout=1.5s&since=7";
        assert_eq!(call(line, ""), Ok(ControlRequest::Wait(wait)));
    }
}
