//! A target on real sockets over loopback: FIN, RST and refusals as the kernel sends them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;

use probe_target::{Ending, Network, Process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::{Sockets, bind};

/// A running target on free ports.
struct Site {
    port: u16,
    control: SocketAddr,
    target: JoinHandle<Ending>,
}

impl Site {
    async fn start() -> Self {
        let [port, control] = free();
        let arguments = [
            "--port".to_owned(),
            port.port().to_string(),
            "--control".to_owned(),
            control.to_string(),
        ];
        let process = Process {
            arguments: arguments.into(),
            environment: BTreeMap::new(),
            network: Sockets,
            main: false,
            instance: "i1".to_owned(),
            terminate: Box::new(|_| Poll::Pending),
            files: std::sync::Arc::new(crate::Disk),
            effects: Box::<crate::os_process::OsProcess>::default(),
            output: Box::new(std::io::sink()),
            errors: Box::new(std::io::stderr()),
        };
        let target = tokio::spawn(probe_target::run(process));
        while Sockets.connect(control).await.is_err() {
            assert!(!target.is_finished(), "the target must listen");
            tokio::task::yield_now().await;
        }
        Self {
            port: port.port(),
            control,
            target,
        }
    }

    /// Makes a control call about this port.
    async fn put(&self, place: &str, body: &str) {
        let (head, length) = ("host: localhost\r\nconnection: close", body.len());
        let call = format!("PUT /v1/ports/{}{place} HTTP/1.1", self.port);
        let request = format!("{call}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        let (answer, _) = asked(self.control, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    /// Flips `/x` to a fault; returns how the response to one request begins and ends.
    async fn check(&self, fault: &str, begins: &str, ends: Option<ErrorKind>) {
        let body = format!(r#"{{"fault":"{fault}"}}"#);
        self.put("/routes/x", &body).await;
        let request = "GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
        let (answer, end) = asked(self.data(), request).await;
        assert!(answer.starts_with(begins), "{fault}: {answer}");
        assert_eq!(answer.is_empty(), begins.is_empty(), "{fault}: {answer}");
        assert_eq!(end, ends, "{fault}");
    }

    fn data(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Two free ports.
fn free() -> [SocketAddr; 2] {
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let listening = [bind(any).unwrap(), bind(any).unwrap()];
    listening.map(|listening| listening.0.get_ref().local_addr().unwrap())
}

/// Everything that is received, and the end: an error or FIN.
async fn asked(address: SocketAddr, request: &str) -> (String, Option<ErrorKind>) {
    let mut connection = Sockets.connect(address).await.unwrap();
    // The reset may arrive before all is written.
    _ = connection.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let end = connection.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    (answer, end.err().map(|error| error.kind()))
}

#[tokio::test]
async fn faults_end_as_their_names_say() {
    let site = Site::start().await;
    let (ok, reset) = ("HTTP/1.1 200 OK", Some(ErrorKind::ConnectionReset));
    site.check("close", "", None).await;
    site.check("reset", "", reset).await;
    site.check("reset-body", ok, reset).await;
    site.check("short-body", ok, None).await;
    site.check("cut-chunk", ok, None).await;
    site.check("malformed", "This is not HTTP", None).await;
    site.target.abort();
}

#[tokio::test]
async fn ports_refuse_and_reset_from_the_acknowledgement_on() {
    let site = Site::start().await;
    site.put("", r#"{"state":"closed"}"#).await;
    let refused = Sockets.connect(site.data()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    site.put("", r#"{"state":"reset"}"#).await;
    let (answer, end) = asked(site.data(), "").await;
    assert_eq!(
        (answer.as_str(), end),
        ("", Some(ErrorKind::ConnectionReset))
    );
    site.put("", r#"{"state":"open"}"#).await;
    let request = "GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n";
    let (answer, end) = asked(site.data(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(end, None);
    site.target.abort();
}
