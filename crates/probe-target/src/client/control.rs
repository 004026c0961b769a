//! `probe-target flip|heal|state|journal`: calls the control API of a running target.
//! It runs inside the target's container.

use std::fmt::Display;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::cli::control::{Ask, Control, of_option};
use crate::cli::{self, Command};
use crate::client::http1::{Client, Request, Take, Trouble};
use crate::failure::Failure;
use crate::model::behaviour::Behaviour;
use crate::model::flip_spec::Flip;
use crate::model::location::Location;
use crate::model::parse_error::ParseError;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::route_path::RoutePath;
use crate::net::Network;
use crate::process::Process;
use crate::serve;

/// The timeout of a call, which includes the time to bind a port.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

type Output = Box<dyn Write + Send>;

/// Makes the calls; returns the text to print.
pub(crate) async fn run<N: Network>(
    control: Control,
    process: &mut Process<N>,
) -> Result<String, Failure> {
    let remote = Remote {
        network: &process.network,
        address: match control.address {
            Some(address) => address,
            None => implied(process)?,
        },
        token: serve::token(&control.access, &*process.files)?,
    };
    match control.ask {
        Ask::State => remote.text("/v1/state").await,
        Ask::Journal(since) => remote.text(&format!("/v1/journal?since={since}")).await,
        Ask::Stream(since) => {
            let interrupted = poll_fn(|context| (process.terminate)(context));
            tokio::select! {
                biased;
                () = interrupted => Ok(String::new()),
                end = remote.stream(since, &mut process.output) => end,
            }
        }
        Ask::Wait(query, time) => {
            let call = format!("/v1/journal/wait?{query}");
            let interrupted = poll_fn(|context| (process.terminate)(context));
            let answer = tokio::select! {
                biased;
                () = interrupted => return Err(Failure::Failed("interrupted".to_owned())),
                answer = remote.call_within(time + ANSWER_WITHIN, "GET", &call, Vec::new()) => answer,
            };
            Ok(String::from_utf8_lossy(&answer?).into_owned())
        }
        Ask::Afflict(fault) => {
            let name = fault.name();
            let body = serde_json::to_vec(&fault.body()).expect("our own types must be JSON");
            let ack = remote.change("POST", &afflicted(name), body).await?;
            Ok(format!("process {name} is set {ack}\n"))
        }
        Ask::Unafflict(name) => {
            let ack = remote
                .change("DELETE", &afflicted(name), Vec::new())
                .await?;
            Ok(format!("process {name} is as in the base {ack}\n"))
        }
        Ask::Lay(port, route, behaviour) => {
            let ports = remote.routed(port).await?;
            remote.lay(&ports, &route, &behaviour).await
        }
        Ask::Open(port, opening) => remote.open(port, &opening).await,
        Ask::All(port, spec) => {
            let state = remote.state().await?;
            let known = &state["ports"][port.to_string()];
            if known["protocol"] == Protocol::Tcp.name() {
                let opening = spec.on_connections().map_err(of_option)?;
                let opening = opening.unwrap_or_default();
                return remote.open(Some(port), &opening).await;
            }
            let mut said = String::new();
            let Flip::Route(behaviour) = spec.flip else {
                unreachable!("`pass` and `fail` are behaviours");
            };
            if behaviour.is_pass() && known.is_object() && known["state"] != PortState::Open.name()
            {
                let open = PortSpec::new(PortState::Open);
                said = remote.open(Some(port), &open).await?;
            }
            said += &remote.lay(&[port], &RoutePath::all(), &behaviour).await?;
            Ok(said)
        }
        Ask::Heal(place) => remote.heal(place).await,
    }
}

/// The control address that the command line of process 1 implies.
fn implied<N>(process: &Process<N>) -> Result<SocketAddr, Failure> {
    let missing = |reason: &str| {
        let message = format!("must be given, as {reason}; {BESIDE}");
        ParseError::new("--control", message)
    };
    let line = process.files.read("/proc/1/cmdline").ok();
    let line = line.ok_or_else(|| missing("the command line of process 1 cannot be read"))?;
    let line = String::from_utf8_lossy(&line);
    let mut arguments = line.split_terminator('\0').map(str::to_owned);
    let program = arguments.next().unwrap_or_default();
    let foreign = || missing("process 1 is no probe-target that serves");
    if program.rsplit('/').next() != Some("probe-target") {
        return Err(foreign().into());
    }
    let arguments: Vec<_> = arguments.collect();
    match cli::parse(&arguments, &process.environment)? {
        Command::Serve(served) => {
            let plan = serve::plan(&served, &*process.files)?;
            Ok(served.control(&served.base(plan, None)?)?)
        }
        Command::Traffic(traffic) => Ok(traffic.control),
        _ => Err(foreign().into()),
    }
}

/// How to address a target that is not process 1.
const BESIDE: &str = "for a target that runs beside this program, say `--control 127.0.0.1:PORT` or set PROBE_TARGET_CONTROL; \
     PORT is its first port + 10000, or what its own --control says";

/// The control API of a running target.
struct Remote<'a, N> {
    network: &'a N,
    address: SocketAddr,
    token: Option<String>,
}

impl<N: Network> Remote<'_, N> {
    async fn lay(
        &self,
        ports: &[u16],
        path: &RoutePath,
        behaviour: &Behaviour,
    ) -> Result<String, Failure> {
        let word = behaviour.word();
        let mut said = Vec::new();
        for port in ports {
            let ack = self.put(&route(*port, path), behaviour).await?;
            said.push(format!("{port}{path} is {word} {ack}\n"));
        }
        Ok(said.concat())
    }

    /// Only ports with routes can have a state that is set for a route.
    async fn open(&self, port: Option<u16>, opening: &PortSpec) -> Result<String, Failure> {
        let ports = match &opening.route {
            Some(_) => self.routed(port).await?,
            None => self.ports(port).await?,
        };
        let mut said = Vec::new();
        for port in ports {
            let ack = self.put(&format!("/v1/ports/{port}"), opening).await?;
            said.push(format!("{port} is {} {ack}\n", opening.state.name()));
        }
        Ok(said.concat())
    }

    async fn heal(&self, place: Option<Location>) -> Result<String, Failure> {
        let (port, path) = match place {
            None => {
                let ack = self.change("POST", "/v1/heal", Vec::new()).await?;
                return Ok(format!("all flips are away {ack}\n"));
            }
            Some(Location::Port(port)) => (Some(port), None),
            Some(Location::Route(port, path)) => (port, Some(path)),
        };
        let mut said = Vec::new();
        if let (Some(port), None) = (port, &path) {
            // `flip PORT fail` sets a flip of `/*`, which is removed as well.
            let all = RoutePath::all();
            if self.state().await?["ports"][port.to_string()]["routes"][all.to_string()]["flip"]
                .is_object()
            {
                let ack = self
                    .change("DELETE", &route(port, &all), Vec::new())
                    .await?;
                said.push(format!("{port}{all} is as in the base {ack}\n"));
            }
        }
        for port in self.ports(port).await? {
            let (call, place) = match &path {
                Some(path) => (route(port, path), format!("{port}{path}")),
                None => (format!("/v1/ports/{port}"), port.to_string()),
            };
            let ack = self.change("DELETE", &call, Vec::new()).await?;
            said.push(format!("{place} is as in the base {ack}\n"));
        }
        Ok(said.concat())
    }

    /// The given port, or all ports.
    async fn ports(&self, given: Option<u16>) -> Result<Vec<u16>, Failure> {
        self.ports_that(given, |_| true).await
    }

    /// The given port, or all ports with routes.
    async fn routed(&self, given: Option<u16>) -> Result<Vec<u16>, Failure> {
        let ports = self.ports_that(given, has_routes).await?;
        if ports.is_empty() {
            return Err(self.failed(&"no port has routes"));
        }
        Ok(ports)
    }

    async fn ports_that(
        &self,
        given: Option<u16>,
        meant: impl Fn(&str) -> bool,
    ) -> Result<Vec<u16>, Failure> {
        if let Some(port) = given {
            return Ok(vec![port]);
        }
        let state = self.state().await?;
        let ports = state["ports"].as_object().into_iter().flatten();
        let ports = ports.filter(|(_, port)| meant(port["protocol"].as_str().unwrap_or_default()));
        Ok(ports.filter_map(|(port, _)| port.parse().ok()).collect())
    }

    async fn state(&self) -> Result<Value, Failure> {
        read(&self.call("GET", "/v1/state", Vec::new()).await?)
    }

    async fn put(&self, call: &str, body: &impl Serialize) -> Result<String, Failure> {
        let body = serde_json::to_vec(body).expect("our own types must be JSON");
        self.change("PUT", call, body).await
    }

    async fn change(&self, method: &str, call: &str, body: Vec<u8>) -> Result<String, Failure> {
        let ack = read(&self.call(method, call, body).await?)?;
        let instance = ack["instance"].as_str().unwrap_or_default();
        // The port's state may hide a change of a route.
        let hidden = ack["because"].as_str();
        let hidden = hidden.map(|because| format!(", but {because}"));
        let hidden = hidden.unwrap_or_default();
        Ok(format!(
            "(revision {}, instance {instance}){hidden}",
            ack["revision"]
        ))
    }

    async fn text(&self, call: &str) -> Result<String, Failure> {
        let answer = self.call("GET", call, Vec::new()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn call(&self, method: &str, target: &str, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.call_within(ANSWER_WITHIN, method, target, body).await
    }

    async fn call_within(
        &self,
        time: Duration,
        method: &str,
        target: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        let mut keep = |_: u16, piece: &[u8]| {
            whole.extend_from_slice(piece);
            Ok(())
        };
        let answer = self.ask(method, target, &body, &mut keep);
        match timeout(time, answer).await {
            Err(_) => Err(self.failed(&"no answer in time")),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(200)) => Ok(whole),
            Ok(Ok(_)) => Err(self.failed(&refusal(&whole))),
        }
    }

    /// Prints a line for each record numbered `since` and above, until the output is closed.
    async fn stream(&self, since: u64, output: &mut Output) -> Result<String, Failure> {
        let (mut begun, mut refused) = (Vec::new(), Vec::new());
        let mut print = |status: u16, piece: &[u8]| {
            if status != 200 {
                refused.extend_from_slice(piece);
                return Ok(());
            }
            begun.extend_from_slice(piece);
            while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = begun.drain(..=end).collect();
                if let Some(record) = line.strip_prefix(b"data: ") {
                    output.write_all(record)?;
                    output.flush()?;
                }
            }
            Ok(())
        };
        let call = format!("/v1/journal/stream?since={since}");
        match self.ask("GET", &call, b"", &mut print).await? {
            200 => Ok(String::new()),
            _ => Err(self.failed(&refusal(&refused))),
        }
    }

    async fn ask(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        take: &mut Take<'_>,
    ) -> Result<u16, Failure> {
        let host = self.address.to_string();
        let shown = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("host", host.as_str())];
        headers.extend(shown.as_deref().map(|token| ("authorization", token)));
        let request = Request {
            method,
            target,
            headers: &headers,
            body,
        };
        let answer = async {
            let mut client = Client::connect(self.network, self.address).await?;
            client.follow(&request, take).await
        };
        answer
            .await
            .map_err(|trouble: Trouble| match trouble.kind() {
                Some(ErrorKind::ConnectionRefused) => {
                    let message = format!("{trouble}; {BESIDE}");
                    self.failed(&message)
                }
                _ => self.failed(&trouble),
            })
    }

    fn failed(&self, what: &dyn Display) -> Failure {
        Failure::Failed(format!("{}: {what}", self.address))
    }
}

/// Whether a port with this protocol, by its name in `state`, has routes.
fn has_routes(protocol: &str) -> bool {
    protocol != Protocol::Tcp.name()
}

fn afflicted(name: &str) -> String {
    format!("/v1/process/{name}")
}

fn route(port: u16, route: &RoutePath) -> String {
    format!("/v1/ports/{port}/routes{route}")
}

/// Parses JSON without types: deserialising the response types would add 30 KB to the binary.
fn read(answer: &[u8]) -> Result<Value, Failure> {
    let read = serde_json::from_slice(answer);
    read.map_err(|error| Failure::Failed(format!("not the answer of a target: {error}")))
}

fn refusal(answer: &[u8]) -> String {
    let refusal: Value = serde_json::from_slice(answer).unwrap_or_default();
    match refusal["error"].as_str() {
        Some(error) => {
            let field = refusal["field"].as_str().unwrap_or_default();
            ParseError::new(field, error).to_string()
        }
        None => "not the answer of a target".to_owned(),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
