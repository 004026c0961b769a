//! A running target and its clients. Time is virtual and advances only while every task waits.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use probe_target::model::answer::State;
use probe_target::{Effects, Ending, Files, Network, Process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::memory::{End, Memory};

/// The port of the control address.
pub(crate) const CONTROL: u16 = 61_000;

/// A running target.
pub(crate) struct RunningTarget {
    network: Memory,
    target: JoinHandle<Ending>,
    end: Option<oneshot::Sender<()>>,
}

/// Files by path.
#[derive(Default)]
pub(crate) struct Folder(pub(crate) Mutex<BTreeMap<String, Vec<u8>>>);

/// Runs a future on a paused clock.
pub(crate) fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("there must be a runtime").block_on(story);
}

impl RunningTarget {
    /// Starts a target and waits until it listens; otherwise returns how it ended.
    pub(crate) async fn start(arguments: &[&str], files: Folder) -> Result<Self, Ending> {
        let network = Memory::default();
        let (end, ended) = oneshot::channel();
        let control = format!("--control=127.0.0.1:{CONTROL}");
        let arguments = arguments.iter().copied().chain([control.as_str()]);
        let process = Process {
            arguments: arguments.map(str::to_owned).collect(),
            environment: BTreeMap::new(),
            network: network.clone(),
            main: true,
            instance: "i1".to_owned(),
            terminate: probe_target::once(async {
                if ended.await.is_err() {
                    std::future::pending().await
                }
            }),
            files: Arc::new(files),
            effects: Box::new(Nothing),
            output: Box::new(io::sink()),
            errors: Box::new(io::sink()),
        };
        let mut target = tokio::spawn(probe_target::run(process));
        loop {
            if network.connect(at(CONTROL)).await.is_ok() {
                let end = Some(end);
                return Ok(Self {
                    network,
                    target,
                    end,
                });
            }
            if target.is_finished() {
                return Err((&mut target).await.expect("the target must not panic"));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.end.take().map(|end| end.send(()));
    }

    /// Sends `bytes`, and FIN after them if `fin` is set; returns what is received until the
    /// connection ends or the timeout is over.
    pub(crate) async fn send(
        &self,
        port: u16,
        bytes: &[u8],
        fin: bool,
        limit: Duration,
    ) -> Option<Vec<u8>> {
        let mut connection: End = self.network.connect(at(port)).await.ok()?;
        let mut answer = Vec::new();
        _ = timeout(limit, async {
            _ = connection.write_all(bytes).await;
            if fin {
                _ = connection.shutdown().await;
            }
            _ = connection.read_to_end(&mut answer).await;
        })
        .await;
        Some(answer)
    }

    /// Sends a request; returns the status and the body of a complete response.
    pub(crate) async fn ask(&self, port: u16, line: &[u8], body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let length = format!("content-length: {}\r\n\r\n", body.len());
        let head = b" HTTP/1.1\r\nhost: localhost\r\nuser-agent: kube-probe/1\r\nconnection: close\r\n";
        let request = [line, head, length.as_bytes(), body].concat();
        // Longer than the longest wait. The event stream never ends, so it is left early.
        let endless = line.windows(7).any(|part| part == b"/stream");
        let limit = Duration::from_secs(if endless { 1 } else { 700 });
        let answer = self.send(port, &request, false, limit).await?;
        let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        let status = std::str::from_utf8(status).ok()?.parse().ok()?;
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
        Some((status, answer[end + 4..].to_vec()))
    }

    /// Makes a control call that must succeed; `None` if the target has ended.
    pub(crate) async fn expect_accepted(&self, line: &str) -> Option<Vec<u8>> {
        match self.ask(CONTROL, line.as_bytes(), b"").await {
            Some((200, body)) => Some(body),
            other => {
                let said = other.map(|(status, body)| (status, String::from_utf8(body)));
                // An earlier step may have scheduled a drain or an exit.
                assert!(said.is_none() && self.is_ending().await, "{line}: {said:?}");
                None
            }
        }
    }

    /// The state, which must survive being parsed and written.
    pub(crate) async fn state(&self) -> Option<State> {
        let text = self.expect_accepted("GET /v1/state").await?;
        let state: State = serde_json::from_slice(&text).expect("the state must be readable");
        let again = serde_json::to_string(&state).expect("the state must be writable");
        assert_eq!(
            serde_json::from_str::<State>(&again).ok().as_ref(),
            Some(&state)
        );
        Some(state)
    }

    async fn is_ending(&self) -> bool {
        tokio::time::sleep(Duration::from_secs(60 * 60 * 24 * 400)).await;
        self.target.is_finished()
    }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Files for Folder {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let files = self.0.lock().expect("no task must panic with the lock");
        files
            .get(path)
            .cloned()
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        let mut files = self.0.lock().expect("no task must panic with the lock");
        files.insert(path.to_owned(), contents.to_vec());
        Ok(())
    }
}

/// Effects that do nothing.
struct Nothing;

impl Effects for Nothing {
    fn write_termination_message(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        match bytes {
            ..1_000_000_000 => Ok(()),
            _ => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    fn free_memory(&self) {}
}
