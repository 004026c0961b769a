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
use crate::client::http1::{Client, Receive, Request};
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
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

type Output = Box<dyn Write + Send>;

/// Makes the calls; returns the text to print.
pub(crate) async fn run<N: Network>(
    control: Control,
    process: &mut Process<N>,
) -> Result<String, Failure> {
    let client = ControlClient {
        network: &process.network,
        address: match control.address {
            Some(address) => address,
            None => address_of_main_process(process)?,
        },
        token: serve::token(&control.access, &*process.files)?,
    };
    let interrupted = poll_fn(|task| (process.terminate)(task));
    match control.ask {
        Ask::State => client.get("/v1/state", CALL_TIMEOUT).await,
        Ask::Journal(since) => {
            let call = format!("/v1/journal?since={since}");
            client.get(&call, CALL_TIMEOUT).await
        }
        Ask::Stream(since) => tokio::select! {
            biased;
            () = interrupted => Ok(String::new()),
            end = client.stream(since, &mut process.output) => end,
        },
        Ask::Wait(query, time) => {
            let call = format!("/v1/journal/wait?{query}");
            tokio::select! {
                biased;
                () = interrupted => Err(Failure::Failed("interrupted".to_owned())),
                // The target answers when the time is over, and that takes time as well.
                journal = client.get(&call, time + CALL_TIMEOUT) => journal,
            }
        }
        Ask::Afflict(fault) => {
            let name = fault.name();
            let call = format!("/v1/process/{name}");
            let ack = client.change("POST", &call, &json(&fault.body())).await?;
            Ok(format!("process {name} is set {ack}\n"))
        }
        Ask::Unafflict(name) => {
            let call = format!("/v1/process/{name}");
            let ack = client.change("DELETE", &call, b"").await?;
            Ok(format!("process {name} is as in the base {ack}\n"))
        }
        Ask::Lay(port, route, behaviour) => {
            let ports = client.ports_with_routes(port).await?;
            client.flip_route(&ports, &route, &behaviour).await
        }
        Ask::Open(port, spec) => client.flip_port(port, &spec).await,
        Ask::All(port, spec) => {
            let state = client.state().await?;
            let known = &state["ports"][port.to_string()];
            if known["protocol"] == Protocol::Tcp.name() {
                let on_connections = spec.on_connections().map_err(of_option)?;
                let port_spec = on_connections.unwrap_or_default();
                return client.flip_port(Some(port), &port_spec).await;
            }
            let Flip::Route(behaviour) = spec.flip else {
                unreachable!("`pass` and `fail` are behaviours");
            };
            let mut output = String::new();
            // `flip PORT pass` must be answered, so it opens a port in any other state.
            let is_open = known["state"] == PortState::Open.name();
            if behaviour.is_pass() && known.is_object() && !is_open {
                let open = PortSpec::new(PortState::Open);
                output = client.flip_port(Some(port), &open).await?;
            }
            output += &client
                .flip_route(&[port], &RoutePath::all(), &behaviour)
                .await?;
            Ok(output)
        }
        Ask::Heal(location) => client.heal(location).await,
    }
}

/// The control address that the command line of process 1 implies.
fn address_of_main_process<N>(process: &Process<N>) -> Result<SocketAddr, Failure> {
    let missing = |reason: &str| {
        let message = format!("must be given, as {reason}; {ADDRESS_HINT}");
        ParseError::new("--control", message)
    };
    let line = process.files.read("/proc/1/cmdline").ok();
    let line = line.ok_or_else(|| missing("the command line of process 1 cannot be read"))?;
    let line = String::from_utf8_lossy(&line);
    let mut arguments = line.split_terminator('\0').map(str::to_owned);
    let program = arguments.next().unwrap_or_default();
    let not_serving = || missing("process 1 is no probe-target that serves");
    if program.rsplit('/').next() != Some("probe-target") {
        return Err(not_serving().into());
    }
    let arguments: Vec<_> = arguments.collect();
    match cli::parse(&arguments, &process.environment)? {
        Command::Serve(serve) => {
            let plan = crate::serve::plan(&serve, &*process.files)?;
            Ok(serve.control(&serve.base(plan, None)?)?)
        }
        Command::Traffic(traffic) => Ok(traffic.control),
        _ => Err(not_serving().into()),
    }
}

/// How to address a target that is not process 1.
const ADDRESS_HINT: &str = "for a target that runs beside this program, say `--control 127.0.0.1:PORT` or set PROBE_TARGET_CONTROL; \
     PORT is its first port + 10000, or what its own --control says";

/// A client of the control API of a running target.
struct ControlClient<'a, N> {
    network: &'a N,
    address: SocketAddr,
    token: Option<String>,
}

impl<N: Network> ControlClient<'_, N> {
    async fn flip_route(
        &self,
        ports: &[u16],
        route: &RoutePath,
        behaviour: &Behaviour,
    ) -> Result<String, Failure> {
        let word = behaviour.word();
        let mut lines = Vec::new();
        for port in ports {
            let call = route_call(*port, route);
            let ack = self.change("PUT", &call, &json(behaviour)).await?;
            lines.push(format!("{port}{route} is {word} {ack}\n"));
        }
        Ok(lines.concat())
    }

    /// Only ports with routes can have a state that is set for a route.
    async fn flip_port(&self, port: Option<u16>, spec: &PortSpec) -> Result<String, Failure> {
        let ports = match &spec.route {
            Some(_) => self.ports_with_routes(port).await?,
            None => self.ports(port).await?,
        };
        let mut lines = Vec::new();
        for port in ports {
            let call = format!("/v1/ports/{port}");
            let ack = self.change("PUT", &call, &json(spec)).await?;
            lines.push(format!("{port} is {} {ack}\n", spec.state.name()));
        }
        Ok(lines.concat())
    }

    async fn heal(&self, location: Option<Location>) -> Result<String, Failure> {
        let (ports, route) = match location {
            None => {
                let ack = self.change("POST", "/v1/heal", b"").await?;
                return Ok(format!("all flips are away {ack}\n"));
            }
            Some(Location::Port(port)) => (vec![port], None),
            Some(Location::Route(port, route)) => (self.ports(port).await?, Some(route)),
        };
        let mut output = String::new();
        for port in ports {
            if route.is_none() {
                // `flip PORT fail` sets a flip of `/*`, which is removed as well.
                let all = RoutePath::all();
                let state = self.state().await?;
                let flip = &state["ports"][port.to_string()]["routes"][all.to_string()]["flip"];
                if flip.is_object() {
                    output += &self
                        .heal_at(&route_call(port, &all), &format!("{port}{all}"))
                        .await?;
                }
            }
            let (call, location) = match &route {
                Some(route) => (route_call(port, route), format!("{port}{route}")),
                None => (format!("/v1/ports/{port}"), port.to_string()),
            };
            output += &self.heal_at(&call, &location).await?;
        }
        Ok(output)
    }

    async fn heal_at(&self, call: &str, location: &str) -> Result<String, Failure> {
        let ack = self.change("DELETE", call, b"").await?;
        Ok(format!("{location} is as in the base {ack}\n"))
    }

    /// The given port, or all ports.
    async fn ports(&self, given: Option<u16>) -> Result<Vec<u16>, Failure> {
        self.ports_with(given, |_| true).await
    }

    /// The given port, or all ports with routes.
    async fn ports_with_routes(&self, given: Option<u16>) -> Result<Vec<u16>, Failure> {
        let has_routes = |protocol: &str| protocol != Protocol::Tcp.name();
        let ports = self.ports_with(given, has_routes).await?;
        if ports.is_empty() {
            return Err(self.failed(&"no port has routes"));
        }
        Ok(ports)
    }

    /// The given port, or all ports with a matching protocol.
    async fn ports_with(
        &self,
        given: Option<u16>,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Vec<u16>, Failure> {
        if let Some(port) = given {
            return Ok(vec![port]);
        }
        let state = self.state().await?;
        let ports = state["ports"].as_object().into_iter().flatten();
        let ports =
            ports.filter(|(_, port)| matches(port["protocol"].as_str().unwrap_or_default()));
        Ok(ports.filter_map(|(port, _)| port.parse().ok()).collect())
    }

    async fn state(&self) -> Result<Value, Failure> {
        read(&self.call(CALL_TIMEOUT, "GET", "/v1/state", b"").await?)
    }

    /// Makes a change; returns its acknowledgement in words.
    async fn change(&self, method: &str, call: &str, body: &[u8]) -> Result<String, Failure> {
        let ack = read(&self.call(CALL_TIMEOUT, method, call, body).await?)?;
        let instance = ack["instance"].as_str().unwrap_or_default();
        // Another layer may hide the change.
        let because = ack["because"].as_str();
        let hidden = because.map_or(String::new(), |because| format!(", but {because}"));
        Ok(format!(
            "(revision {}, instance {instance}){hidden}",
            ack["revision"]
        ))
    }

    async fn get(&self, call: &str, time: Duration) -> Result<String, Failure> {
        let answer = self.call(time, "GET", call, b"").await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn call(
        &self,
        time: Duration,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let mut answer = Vec::new();
        let mut keep = |_: u16, piece: &[u8]| {
            answer.extend_from_slice(piece);
            Ok(())
        };
        match timeout(time, self.send(method, target, body, &mut keep)).await {
            Err(_) => Err(self.failed(&"no answer in time")),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(200)) => Ok(answer),
            Ok(Ok(_)) => Err(self.failed(&rejection(&answer))),
        }
    }

    /// Prints a line for each record numbered `since` and above, until the output is closed.
    async fn stream(&self, since: u64, output: &mut Output) -> Result<String, Failure> {
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        let mut print = |status: u16, piece: &[u8]| {
            if status != 200 {
                rejected.extend_from_slice(piece);
                return Ok(());
            }
            // A piece may end within a line.
            events.extend_from_slice(piece);
            while let Some(end) = events.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = events.drain(..=end).collect();
                if let Some(record) = line.strip_prefix(b"data: ") {
                    output.write_all(record)?;
                    output.flush()?;
                }
            }
            Ok(())
        };
        let call = format!("/v1/journal/stream?since={since}");
        match self.send("GET", &call, b"", &mut print).await? {
            200 => Ok(String::new()),
            _ => Err(self.failed(&rejection(&rejected))),
        }
    }

    async fn send(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        receive: &mut Receive<'_>,
    ) -> Result<u16, Failure> {
        let host = self.address.to_string();
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("host", host.as_str())];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        let request = Request {
            method,
            target,
            headers: &headers,
            body,
        };
        let status = async {
            let mut client = Client::connect(self.network, self.address).await?;
            client.send(&request, receive).await
        };
        status.await.map_err(|error| match error.kind() {
            Some(ErrorKind::ConnectionRefused) => self.failed(&format!("{error}; {ADDRESS_HINT}")),
            _ => self.failed(&error),
        })
    }

    fn failed(&self, what: &dyn Display) -> Failure {
        Failure::Failed(format!("{}: {what}", self.address))
    }
}

fn route_call(port: u16, route: &RoutePath) -> String {
    format!("/v1/ports/{port}/routes{route}")
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("our own types must be JSON")
}

/// Parses JSON without types: deserialising the response types would add 30 KB to the binary.
fn read(answer: &[u8]) -> Result<Value, Failure> {
    let read = serde_json::from_slice(answer);
    read.map_err(|error| Failure::Failed(format!("not the answer of a target: {error}")))
}

/// The reason of a rejected call, from the body of its response.
fn rejection(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    match answer["error"].as_str() {
        Some(error) => {
            let field = answer["field"].as_str().unwrap_or_default();
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
