//! The open-loop traffic client: sends requests at fixed times and journals their outcomes.
//! It serves the same control API as a target, without anything to change.
//!
//! No request waits for another one, so a service that hangs delays nothing. A client that comes
//! too late itself, for want of processor time, skips the request: sent late, it would be a false
//! timeout, or an outcome at a time at which it was not seen.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::StatusCode;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::cli;
use crate::client;
use crate::client::http1::{Client, Request, RequestError};
use crate::clock::Clock;
use crate::control::Control;
use crate::failure::Failure;
use crate::model::answer::{RequestOutcome, Sample, State, Traffic};
use crate::model::identity::Identity;
use crate::model::moment::{Moment, micros};
use crate::model::plan::Plan;
use crate::model::port_spec::Protocol;
use crate::mutex::lock;
use crate::net::Network;
use crate::process::Process;
use crate::serve;
use crate::state::Change;
use crate::state::journal::Journal;
use crate::target::backend::{Backend, CallError, ChangeFuture, JournalEntry};

/// How late a request may be sent, if half of its timeout is not shorter.
const LATEST: Duration = Duration::from_millis(100);

/// Sends until SIGTERM; returns the totals as JSON.
pub(crate) async fn run<N: Network>(
    traffic: cli::traffic::Traffic,
    process: &mut Process<N>,
) -> Result<String, Failure> {
    let clock = Clock::start();
    let token = serve::token(&traffic.access, &*process.files)?;
    let control = serve::listen(&process.network, traffic.control).await?;
    process.print_error(&format!(
        "sends to {}; control on {}",
        traffic.address, traffic.control
    ));
    let client = Arc::new(TrafficClient {
        clock,
        identity: Identity::new(process.instance.clone(), &process.environment),
        network: process.network.clone(),
        journal: Journal::new(traffic.journal),
        sent: AtomicU64::new(0),
        skipped: AtomicU64::new(0),
        outcomes: Mutex::default(),
        idle: Mutex::new(Vec::new()),
        traffic,
    });
    let backend: Arc<dyn Backend> = client.clone();
    let mut control = JoinSet::from_iter([Control { backend, token }.serve(control)]);
    tokio::select! {
        biased;
        () = poll_fn(|task| (process.terminate)(task)) => {}
        () = Arc::clone(&client).send_all() => {}
    }
    control.shutdown().await;
    let summary = serde_json::to_string(&client.summary()).expect("our own types must be JSON");
    Ok(summary + "\n")
}

/// The state of a traffic client, shared by its tasks.
struct TrafficClient<N: Network> {
    clock: Clock,
    identity: Identity,
    network: N,
    journal: Journal<JournalEntry>,
    sent: AtomicU64,
    /// Requests that were due, but not sent in time.
    skipped: AtomicU64,
    outcomes: Mutex<BTreeMap<RequestOutcome, u64>>,
    /// Kept-alive connections without a request in progress.
    idle: Mutex<Vec<Client<N::Connection>>>,
    traffic: cli::traffic::Traffic,
}

impl<N: Network> TrafficClient<N> {
    async fn send_all(self: Arc<Self>) {
        let (start, mut since) = (self.clock.now(), Duration::ZERO);
        let latest = LATEST.min(self.traffic.timeout / 2);
        let mut requests = JoinSet::new();
        loop {
            let due = start + since;
            since += self.traffic.interval;
            // A timer takes a millisecond even for a time that has passed, so that a client that is
            // behind could not catch up at a high rate.
            if self.clock.now() < due {
                self.clock.until(due).await;
            }
            if self.clock.now() - due > latest {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            while requests.try_join_next().is_some() {}
            requests.spawn(Arc::clone(&self).send_one(due));
            self.sent.fetch_add(1, Ordering::Relaxed);
            // The request begins, even if the next one is due already.
            yield_now().await;
        }
    }

    /// Sends one request, and records its outcome. Time counts from when the request was due.
    async fn send_one(self: Arc<Self>, due: Moment) {
        let late = self.clock.now() - due;
        let time_left = self.traffic.timeout.saturating_sub(late);
        // Set when the head is read, as the body may never be complete.
        let mut status = None;
        let outcome = match timeout(time_left, self.exchange(&mut status)).await {
            Err(_) => RequestOutcome::Timeout,
            Ok(Err(error)) => outcome(&error),
            Ok(Ok(())) if status.is_none_or(|status| (200..400).contains(&status)) => {
                RequestOutcome::Ok
            }
            Ok(Ok(())) => RequestOutcome::Status,
        };
        let took = micros(self.clock.now() - due);
        *lock(&self.outcomes).entry(outcome).or_default() += 1;
        self.journal.push(|seq| {
            JournalEntry::Sample(Sample {
                seq,
                sent: due,
                outcome,
                status,
                took,
            })
        });
    }

    /// Sends one request; `seen` gets the status as soon as the head is read. Without HTTP, a
    /// connection is the whole request.
    async fn exchange(&self, seen: &mut Option<u16>) -> Result<(), RequestError> {
        let protocol = self.traffic.protocol;
        let alpn = (protocol == Protocol::Https).then_some("http/1.1");
        let connect = client::connect(&self.network, self.traffic.address, alpn);
        if !protocol.is_http() {
            return connect.await.map(drop).map_err(RequestError::Connect);
        }
        loop {
            // Not in the condition of a loop, which would hold the lock for its body.
            let idle = lock(&self.idle).pop();
            let Some(client) = idle else { break };
            match self.send(client, seen).await {
                // The server has closed the idle connection; tries the next one.
                Err(RequestError::Unsent) => {}
                sent => return sent,
            }
        }
        let connection = connect.await.map_err(RequestError::Connect)?;
        self.send(Client::over(connection), seen).await
    }

    async fn send(
        &self,
        mut client: Client<N::Connection>,
        seen: &mut Option<u16>,
    ) -> Result<(), RequestError> {
        const AGENT: &str = concat!("probe-target-traffic/", env!("CARGO_PKG_VERSION"));
        let headers = [
            ("host", self.traffic.host.as_str()),
            ("user-agent", AGENT),
            ("connection", "close"),
        ];
        // The last header is for new connections only.
        let headers = &headers[..if self.traffic.fresh { 3 } else { 2 }];
        let request = Request {
            method: "GET",
            target: &self.traffic.path,
            headers,
            body: &[],
        };
        let mut receive = |status: u16, _: &[u8]| {
            *seen = Some(status);
            Ok(())
        };
        client.send(&request, &mut receive).await?;
        if !self.traffic.fresh && !client.is_closed() {
            lock(&self.idle).push(client);
        }
        Ok(())
    }

    fn summary(&self) -> Traffic {
        let traffic = &self.traffic;
        Traffic {
            address: SocketAddr::to_string(&traffic.address),
            protocol: traffic.protocol,
            host: traffic.host.clone(),
            path: traffic.path.clone(),
            interval: micros(traffic.interval),
            fresh: traffic.fresh,
            timeout: micros(traffic.timeout),
            sent: self.sent.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            outcomes: lock(&self.outcomes).clone(),
        }
    }
}

/// The outcome of a failed request.
fn outcome(error: &RequestError) -> RequestOutcome {
    match error.kind() {
        Some(io::ErrorKind::ConnectionRefused) => RequestOutcome::Refused,
        // A write after the server's RST fails with a broken pipe.
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe,
        ) => RequestOutcome::Reset,
        Some(io::ErrorKind::TimedOut) => RequestOutcome::Timeout,
        _ => RequestOutcome::Error,
    }
}

impl<N: Network> Backend for TrafficClient<N> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn revision(&self) -> u64 {
        0
    }

    fn state(&self) -> State {
        State {
            instance: self.identity.instance.clone(),
            uptime: self.clock.now(),
            pod: self.identity.pod.clone(),
            container: self.identity.container.clone(),
            journal: self.journal.recorded(),
            traffic: Some(self.summary()),
            ..State::default()
        }
    }

    fn plan(&self) -> Option<Plan> {
        None
    }

    fn journal(&self) -> &Journal<JournalEntry> {
        &self.journal
    }

    fn change(&self, _: Change) -> ChangeFuture<'_> {
        let message = "a traffic client has nothing to change";
        Box::pin(async move { Err(CallError::new(StatusCode::NOT_FOUND, "", message)) })
    }
}
