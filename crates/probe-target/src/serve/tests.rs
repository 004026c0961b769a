//! Whole targets on an in-memory network and a paused clock: what a prober receives, byte by byte
//! and to the millisecond.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod abuse;
mod boots;
mod control;
mod figures;
mod life;
mod manners;
mod others;
mod ports;
mod routes;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::client::http1::{Client, Request, RequestError};
use crate::net::tests::memory::{End, Memory};
use crate::net::{Connection, Network};
use crate::process::{Effects, Ending, Files, Process};

/// A running target and its clients.
struct Site {
    network: Memory,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    target: JoinHandle<Ending>,
}

impl Site {
    /// Starts a target and waits until it listens.
    async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, Arc::new(Folder::default())).await
    }

    /// The same with these files.
    async fn start_with(arguments: &[&str], files: Arc<dyn Files>) -> Self {
        let network = Memory::default();
        let (end, ended) = tokio::sync::oneshot::channel();
        let mut process = process(&network, arguments, async {
            _ = ended.await;
        });
        process.files = files;
        let target = tokio::spawn(crate::run(process));
        let site = Self {
            network,
            end: Some(end),
            target,
        };
        site.listens().await;
        site
    }

    async fn listens(&self) {
        while self.network.connect(control()).await.is_err() {
            assert!(!self.target.is_finished(), "the target must listen");
            tokio::task::yield_now().await;
        }
    }

    async fn connect(&self, port: u16) -> End {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        self.network.connect(address).await.unwrap()
    }

    /// Makes a control call that must succeed.
    async fn put(&self, call: &str, body: &str) {
        let (status, answer) = self.control("PUT", call, body).await;
        assert_eq!(status, 200, "{call}: {answer}");
    }

    async fn control(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let mut client = Client::connect(&self.network, control()).await.unwrap();
        let request = Request {
            method,
            target,
            headers: &[("host", "localhost")],
            body: body.as_bytes(),
        };
        let answer = fetch(&mut client, &request).await.unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// Flips `/x` of port 8080, requests it once and compares what is received.
    #[track_caller]
    fn tells(behaviour: &str, expected: &Expect) {
        run(async {
            let site = Self::start(&[]).await;
            site.put("/v1/ports/8080/routes/x", behaviour).await;
            let mut connection = site.connect(8080).await;
            let request = b"GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
            connection.write_all(request).await.unwrap();
            expected.assert_eq(&told(&mut connection).await);
        });
    }

    async fn terminate(mut self) -> Ending {
        self.end.take().map(|end| end.send(()));
        self.target.await.unwrap()
    }
}

/// Files in memory.
#[derive(Debug, Default)]
struct Folder(Mutex<BTreeMap<String, Vec<u8>>>);

impl Files for Folder {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let files = self.0.lock().unwrap();
        files
            .get(path)
            .cloned()
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        files.insert(path.to_owned(), contents.to_vec());
        Ok(())
    }
}

/// A complete response.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Sends a request and returns the complete response.
async fn fetch<C: Connection>(
    client: &mut Client<C>,
    request: &Request<'_>,
) -> Result<Answer, RequestError> {
    let mut body = Vec::new();
    let mut keep = |_: u16, piece: &[u8]| {
        body.extend_from_slice(piece);
        Ok(())
    };
    let status = client.send(request, &mut keep).await?;
    Ok(Answer { status, body })
}

fn control() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 18_080).into()
}

fn process(
    network: &Memory,
    arguments: &[&str],
    terminate: impl Future<Output = ()> + Send + 'static,
) -> Process<Memory> {
    Process {
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        environment: BTreeMap::new(),
        network: network.clone(),
        main: false,
        instance: "i1".to_owned(),
        terminate: crate::once(terminate),
        files: Arc::new(Folder::default()),
        effects: Box::new(NoEffects),
        output: Box::new(std::io::sink()),
        errors: Box::new(std::io::sink()),
    }
}

/// Effects that fail.
struct NoEffects;

impl Effects for NoEffects {
    fn write_termination_message(&self, _: &str) -> std::io::Result<()> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn take_memory(&self, _: usize) -> std::io::Result<()> {
        Err(std::io::ErrorKind::OutOfMemory.into())
    }

    fn free_memory(&self) {}
}

fn run<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(story)
}

/// Everything that is received within ten seconds, each piece with its time, and the connection's
/// end. Consecutive single bytes are shown as one piece.
async fn told(connection: &mut impl Connection) -> String {
    const PATIENCE: Duration = Duration::from_secs(10);
    let start = Instant::now();
    let mut pieces: Vec<(u128, usize, String)> = Vec::new();
    let end = loop {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, connection.read(&mut bytes)).await;
        let at = start.elapsed().as_millis();
        match read {
            Err(_) => break "and nothing more".to_owned(),
            Ok(Ok(0)) => break format!("{at} ms: FIN"),
            Ok(Err(error)) => break format!("{at} ms: {}", error.kind()),
            Ok(Ok(size)) => {
                let text = String::from_utf8_lossy(&bytes[..size]);
                match pieces.last_mut() {
                    Some((_, 1, said)) if size == 1 => *said += &text,
                    _ => pieces.push((at, size, text.into_owned())),
                }
            }
        }
    };
    let mut story = String::new();
    for (at, size, text) in pieces {
        let how = if size == 1 { "byte by byte " } else { "" };
        writeln!(story, "{at} ms: {how}{}", text.escape_debug()).unwrap();
    }
    story + &end + "\n"
}

#[test]
fn hang_answers_nothing() {
    Site::tells(
        r#"{"fault":"hang"}"#,
        &expect![[r#"
        and nothing more
    "#]],
    );
}

#[test]
fn close_and_reset_come_before_a_byte_and_after_the_delay() {
    Site::tells(
        r#"{"fault":"close"}"#,
        &expect![[r#"
        0 ms: FIN
    "#]],
    );
    Site::tells(
        r#"{"fault":"reset","delay":"50ms"}"#,
        &expect![[r#"
        50 ms: connection reset
    "#]],
    );
}

#[test]
fn a_slow_head_comes_byte_by_byte() {
    Site::tells(
        r#"{"fault":"slow-head","pace":"1ms"}"#,
        &expect![[r#"
        0 ms: byte by byte HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 3\r\n\r\n
        103 ms: ok\n
        103 ms: FIN
    "#]],
    );
}

#[test]
fn a_slow_body_comes_byte_by_byte() {
    Site::tells(
        r#"{"fault":"slow-body"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 3\r\n\r\no
        1000 ms: byte by byte k\n
        3000 ms: FIN
    "#]],
    );
}

#[test]
fn bodies_stall_reset_or_end_too_early() {
    Site::tells(
        r#"{"fault":"stall-body","bytes":3}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 8\r\n\r\nxxx
        and nothing more
    "#]],
    );
    Site::tells(
        r#"{"fault":"reset-body"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 6\r\n\r\nx
        0 ms: connection reset
    "#]],
    );
    Site::tells(
        r#"{"fault":"short-body","bytes":0}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 5\r\n\r\n
        0 ms: FIN
    "#]],
    );
    Site::tells(
        r#"{"fault":"cut-chunk"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n6\r\nx
        0 ms: FIN
    "#]],
    );
}

#[test]
fn a_large_body_is_as_large_as_said() {
    Site::tells(
        r#"{"fault":"large-body","bytes":12}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 12\r\n\r\nxxxxxxxxxxxx
        and nothing more
    "#]],
    );
}

#[test]
fn what_is_not_http_and_what_is_only_interim() {
    Site::tells(
        r#"{"fault":"malformed"}"#,
        &expect![[r#"
        0 ms: This is not HTTP\r\n\r\n
        0 ms: FIN
    "#]],
    );
    Site::tells(
        r#"{"fault":"interim"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 103 Early Hints\r\n\r\n
        and nothing more
    "#]],
    );
}

#[test]
fn redirects_go_where_their_names_say() {
    Site::tells(
        r#"{"fault":"redirect"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 302 Found\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\nlocation: /\r\ncontent-length: 10\r\n\r\n302 Found\n
        and nothing more
    "#]],
    );
    Site::tells(
        r#"{"fault":"redirect-port"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 302 Found\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\nlocation: http://web:8081/x\r\ncontent-length: 10\r\n\r\n302 Found\n
        and nothing more
    "#]],
    );
    Site::tells(
        r#"{"fault":"redirect-host"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 302 Found\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\nlocation: http://probeflip.invalid/x\r\ncontent-length: 10\r\n\r\n302 Found\n
        and nothing more
    "#]],
    );
    Site::tells(
        r#"{"fault":"redirect-broken"}"#,
        &expect![[r#"
        0 ms: HTTP/1.1 302 Found\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\nlocation: http://[::1\r\ncontent-length: 10\r\n\r\n302 Found\n
        and nothing more
    "#]],
    );
}

#[test]
fn the_port_above_is_on_the_host_that_was_asked() {
    run(async {
        let ports = ["--port", "8080", "--port", "65535"];
        let route = ["--route", "/x=redirect-port"];
        let site = Site::start(&[&ports[..], &route].concat()).await;
        for (port, host, location) in [
            (8080, "web", "http://web:8081/x"),
            (8080, "web:80", "http://web:8081/x"),
            (8080, "10.0.0.1:8080", "http://10.0.0.1:8081/x"),
            (8080, "[fd00::1]:8080", "http://[fd00::1]:8081/x"),
            (8080, "[fd00::1]", "http://[fd00::1]:8081/x"),
            (65535, "web", "http://web:1/x"),
        ] {
            let mut connection = site.connect(port).await;
            let request = format!("GET /x HTTP/1.1\r\nhost: {host}\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut bytes = [0; 1024];
            let read = connection.read(&mut bytes).await.unwrap();
            let answer = String::from_utf8_lossy(&bytes[..read]);
            let found = format!("\r\nlocation: {location}\r\n");
            assert!(answer.contains(&found), "{host}: {answer}");
        }
    });
}

#[test]
fn a_chain_of_redirects_ends_after_its_hops() {
    run(async {
        let site = Site::start(&[]).await;
        let behaviour = r#"{"fault":"redirect-chain","hops":2}"#;
        site.put("/v1/ports/8080/routes/x", behaviour).await;
        let mut connection = site.connect(8080).await;
        let mut story = String::new();
        for path in ["/x", "/x?probeflip-hop=1", "/x?probeflip-hop=2"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: web\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut bytes = [0; 1024];
            let read = connection.read(&mut bytes).await.unwrap();
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let told = text
                .lines()
                .filter(|line| line.starts_with("HTTP") || line.starts_with("location"));
            told.for_each(|line| writeln!(story, "{line}").unwrap());
        }
        expect![[r#"
            HTTP/1.1 302 Found
            location: /x?probeflip-hop=1
            HTTP/1.1 302 Found
            location: /x?probeflip-hop=2
            HTTP/1.1 200 OK
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_client_that_leaves_a_fault_is_journalled_as_the_one_who_closed() {
    run(async {
        let site = Site::start(&["--route", "/x=stall-body"]).await;
        let mut connection = site.connect(8080).await;
        let request = b"GET /x HTTP/1.1\r\nhost: web\r\nuser-agent: kube-probe/1.36\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let mut bytes = [0; 1024];
        assert!(connection.read(&mut bytes).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        connection.reset();
        let call = "/v1/journal/wait?since=0";
        let (_, journal) = site.control("GET", call, "").await;
        expect![[r#"
            {"instance":"i1","revision":0,"lost":0,"next":1,"records":[{"seq":0,"at":0,"took":1500000,"port":8080,"path":"/x","method":"GET","agent":"kube-probe/1.36","peer":"127.0.0.1:40000","reply":"stall-body","flipped":false,"revision":0,"bytes":1,"closed":"client"}]}
        "#]].assert_eq(&journal);
    });
}

#[test]
fn a_client_that_has_said_all_it_had_to_say_gets_what_comes_at_once() {
    run(async {
        let site = Site::start(&[]).await;
        let mut story = String::new();
        for fault in ["reset", "malformed", "interim", "stall-body", "reset-body"] {
            let behaviour = format!(r#"{{"fault":"{fault}"}}"#);
            site.put("/v1/ports/8080/routes/x", &behaviour).await;
            let mut connection = site.connect(8080).await;
            let request = b"GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
            connection.write_all(request).await.unwrap();
            connection.shutdown().await.unwrap();
            writeln!(story, "{fault}\n{}", told(&mut connection).await).unwrap();
        }
        expect![[r#"
            reset
            0 ms: connection reset

            malformed
            0 ms: This is not HTTP\r\n\r\n
            0 ms: FIN

            interim
            0 ms: HTTP/1.1 103 Early Hints\r\n\r\n
            0 ms: FIN

            stall-body
            0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 6\r\n\r\nx
            0 ms: FIN

            reset-body
            0 ms: HTTP/1.1 200 OK\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 6\r\n\r\nx
            0 ms: connection reset

        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn sigterm_closes_faulted_connections_at_once_and_lets_requests_end() {
    run(async {
        let site = Site::start(&["--route", "/hang=hang"]).await;
        site.put(
            "/v1/ports/8080/routes/slow",
            r#"{"status":200,"delay":"300ms"}"#,
        )
        .await;
        let (mut hung, mut slow) = (site.connect(8080).await, site.connect(8080).await);
        for (connection, path) in [(&mut hung, "hang"), (&mut slow, "slow")] {
            let request = format!("GET /{path} HTTP/1.1\r\nhost: web\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (hung, slow, code) = tokio::join!(told(&mut hung), told(&mut slow), site.terminate());
        assert_eq!((hung.as_str(), code), ("0 ms: FIN\n", Ending::Code(0)));
        assert!(slow.starts_with("200 ms: HTTP/1.1 200 OK"), "{slow}");
    });
}

/// The protocols beside HTTP/1.1.
mod protocols;

/// TLS below HTTP.
#[cfg(feature = "tls")]
mod secured;

/// Faults of the process.
mod process_faults;

/// The control client.
mod client;
