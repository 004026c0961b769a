//! The lifecycle of one target: start, control API, a task per data port, and the drain at SIGTERM.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cli;
use crate::clock::Clock;
use crate::control::Control;
use crate::failure::Failure;
use crate::model::flips::Flips;
use crate::model::identity::Identity;
use crate::model::parse_error::ParseError;
use crate::model::plan::Plan;
use crate::model::port_spec::PortState;
use crate::net::Network;
use crate::net::tls::{Tls, TlsOptions};
use crate::process::{Ending, Files, Process};
use crate::server::connection_limit;
use crate::server::lifecycle;
use crate::server::port::{self, Port};
use crate::state::TargetState;
use crate::state::persistence::Persistence;
use crate::state::process::ProcessEnd;
use crate::target::Target;
use crate::target::backend::{Backend, CallError};

/// The time limit for requests in progress after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until the process must end.
pub(crate) async fn run<N: Network>(
    serve: cli::serve::Serve,
    process: &mut Process<N>,
) -> Result<(), Failure> {
    let clock = Clock::start();
    let plan = plan(&serve, &*process.files)?;
    // The state file is named after the control port, and the boot that it counts decides the base.
    let address = serve.control(&serve.base(plan.clone(), None)?)?;
    let token = token(&serve.access, &*process.files)?;
    let tls = Tls::new(&tls_options(&serve, &*process.files)?)?;
    let mut identity = Identity::new(process.instance.clone(), &process.environment);
    let (persistence, kept) = open_persistence(&serve, process, address.port())?;
    identity.boot = persistence.as_ref().map(Persistence::boot);
    let base = serve.base(plan, identity.boot)?;
    let summary = summary(&base, address, identity.boot);
    let mut state = TargetState::new(base).reserving(address.port());
    state.restore(kept).map_err(|error| {
        let reason = CallError::from(error).invalid.reason;
        Failure::Failed(format!("cannot lay the flips that were kept: {reason}"))
    })?;
    let target = Arc::new(Target::new(
        clock,
        identity,
        tls,
        connection_limit::from_system(&*process.files),
        state,
        serve.journal,
        persistence,
    ));
    // The data ports come first: a client that reaches the control address finds them listening.
    let bound = bind(&process.network, &target).await?;
    let control = listen(&process.network, address).await?;
    process.print_error(&summary);

    let backend: Arc<dyn Backend> = target.clone();
    let mut control = JoinSet::from_iter([Control { backend, token }.serve(control)]);
    let mut ports = Ports::new(&target, &process.network, bound);
    let (end, message) = tokio::select! {
        biased;
        end = lifecycle::run(&target, &*process.effects, &mut process.terminate) => end,
        never = ports.run() => match never {},
    };
    if let Some(message) = message {
        process.write_termination_message(&message);
    }
    if let ProcessEnd::Immediate(ending) = end {
        return Err(Failure::Ended(ending));
    }
    target.drain();
    // Closed first: a change during the drain would have no effect.
    control.shutdown().await;
    ports.drain().await;
    match serve.exit_on_term {
        0 => Ok(()),
        code => Err(Failure::Ended(Ending::Code(code))),
    }
}

/// Opens the state file and counts this boot, if `--state-dir` is set.
fn open_persistence<N>(
    serve: &cli::serve::Serve,
    process: &Process<N>,
    control: u16,
) -> Result<(Option<Persistence>, Flips), Failure> {
    let Some(directory) = &serve.state_dir else {
        return Ok((None, Flips::default()));
    };
    let files = Arc::clone(&process.files);
    let (persistence, kept) = Persistence::open(files, directory, control, serve.keep)?;
    Ok((Some(persistence), kept))
}

/// Reads and parses the plan's file.
pub(crate) fn plan(serve: &cli::serve::Serve, files: &dyn Files) -> Result<Plan, ParseError> {
    let Some(file) = &serve.plan else {
        return Ok(Plan::default());
    };
    let text = read(files, "--plan", file)?;
    Plan::parse(&text).map_err(|invalid| invalid.within(file))
}

/// The token, from its file or the environment.
pub(crate) fn token(
    access: &cli::serve::Access,
    files: &dyn Files,
) -> Result<Option<String>, ParseError> {
    let Some(file) = &access.file else {
        return Ok(access.token.clone());
    };
    let option = "--token-file";
    match String::from_utf8(read(files, option, file)?) {
        Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
        _ => Err(ParseError::new(
            option,
            format!("there is no token in {file}"),
        )),
    }
}

/// The TLS settings of the command line, with the contents of its files.
fn tls_options(serve: &cli::serve::Serve, files: &dyn Files) -> Result<TlsOptions, ParseError> {
    let pair = match &serve.tls.pair {
        None => None,
        Some((certificates, key)) => Some((
            read(files, "--tls-cert", certificates)?,
            read(files, "--tls-key", key)?,
        )),
    };
    let alpn = serve.tls.alpn.clone();
    Ok(TlsOptions { pair, alpn })
}

/// Reads a file that an option names.
fn read(files: &dyn Files, option: &str, file: &str) -> Result<Vec<u8>, ParseError> {
    let read = files.read(file);
    read.map_err(|error| ParseError::new(option, format!("cannot read {file}: {error}")))
}

/// Listens on a control address.
pub(crate) async fn listen<N: Network>(
    network: &N,
    address: SocketAddr,
) -> Result<N::Listener, Failure> {
    let listener = network.listen(address).await;
    listener.map_err(|error| Failure::Failed(port::listen_error(address.port(), &error)))
}

type Bound<N> = Vec<(u16, Option<<N as Network>::Listener>)>;

/// Listens on every port whose initial state is not closed.
async fn bind<N: Network>(network: &N, target: &Target) -> Result<Bound<N>, Failure> {
    let mut bound = Vec::new();
    for number in target.ports() {
        let listener = match target.desired_port(number) {
            (Some(desired), _) if desired.state != PortState::Closed => {
                Some(listen(network, desired.address).await?)
            }
            _ => None,
        };
        bound.push((number, listener));
    }
    Ok(bound)
}

/// The line printed at the start.
fn summary(base: &Plan, control: SocketAddr, boot: Option<u64>) -> String {
    let ports = base.ports.iter();
    let ports = ports.map(|(number, port)| {
        let protocol = port.opening.protocol.unwrap_or_default();
        match port.address {
            Some(address) => format!(
                "{} on {}",
                protocol.name(),
                SocketAddr::from((address, *number))
            ),
            None => format!("{} on {number}", protocol.name()),
        }
    });
    let mut ports = ports.collect::<Vec<_>>().join(", ");
    if ports.is_empty() {
        ports.push_str("no ports");
    }
    let boot = boot.map(|boot| format!("; boot {boot}"));
    format!("{ports}; control on {control}{}", boot.unwrap_or_default())
}

/// The tasks of the ports, one for each port of the state.
struct Ports<N> {
    target: Arc<Target>,
    network: N,
    running: Vec<u16>,
    tasks: JoinSet<u16>,
}

impl<N: Network> Ports<N> {
    fn new(target: &Arc<Target>, network: &N, bound: Bound<N>) -> Self {
        let mut ports = Self {
            target: Arc::clone(target),
            network: network.clone(),
            running: Vec::new(),
            tasks: JoinSet::new(),
        };
        for (number, listener) in bound {
            ports.start(number, listener);
        }
        ports
    }

    /// Starts a task for each new port.
    async fn run(&mut self) -> Infallible {
        let mut changes = self.target.changes();
        loop {
            for number in self.target.ports() {
                if !self.running.contains(&number) {
                    self.start(number, None);
                }
            }
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                // The channel closes only with the target, which also ends this function.
                _ = changes.changed() => {}
            }
        }
    }

    fn start(&mut self, number: u16, listener: Option<N::Listener>) {
        self.running.push(number);
        let (target, network) = (Arc::clone(&self.target), self.network.clone());
        self.tasks
            .spawn(Port::new(target, network, number, listener).run());
    }

    fn ended(&mut self, ended: Result<u16, tokio::task::JoinError>) {
        match ended {
            Ok(ended) => self.running.retain(|number| *number != ended),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Waits for requests in progress, up to [`DRAIN_TIMEOUT`].
    async fn drain(mut self) {
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Connections that take longer are aborted.
        _ = timeout(DRAIN_TIMEOUT, ended).await;
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
