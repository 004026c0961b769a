//! Port states at runtime, each in force when it is acknowledged: closed, opened, in use, reset,
//! blackhole.

use std::io::ErrorKind;

use super::*;
use crate::net::Listener;

impl Site {
    /// The status of one request on a new connection, or how the connection fails.
    async fn tried(&self, port: u16) -> String {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut connection = match self.network.connect(address).await {
            Ok(connection) => connection,
            Err(error) => return error.kind().to_string(),
        };
        status(&mut connection).await
    }

    /// Whether the port listens according to `state`, and its error.
    async fn listening(&self, port: u16) -> (bool, Option<String>) {
        let (_, state) = self.control("GET", "/v1/state", "").await;
        let state: crate::model::answer::State = serde_json::from_str(&state).unwrap();
        let port = &state.ports[&port];
        (port.listening, port.error.clone())
    }
}

/// The status of one request, or how the connection ends.
async fn status(connection: &mut End) -> String {
    let request = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n";
    // The reset may arrive before the request is written.
    _ = connection.write_all(request).await;
    let mut bytes = [0; 1024];
    match timeout(Duration::from_secs(5), connection.read(&mut bytes)).await {
        Err(_) => "silence".to_owned(),
        Ok(Ok(0)) => "FIN".to_owned(),
        Ok(Ok(_)) => String::from_utf8_lossy(&bytes[9..12]).into_owned(),
        Ok(Err(error)) => error.kind().to_string(),
    }
}

const REFUSED: &str = "connection refused";
const RESET: &str = "connection reset";

#[test]
fn a_closed_port_refuses_but_serves_who_is_connected() {
    run(async {
        let site = Site::start(&[]).await;
        let mut established = site.connect(8080).await;
        assert_eq!(status(&mut established).await, "200");
        site.put("/v1/ports/8080", r#"{"state":"closed"}"#).await;
        assert_eq!(site.tried(8080).await, REFUSED);
        assert_eq!(status(&mut established).await, "200");
        assert_eq!(site.listening(8080).await, (false, None));
        site.control("DELETE", "/v1/ports/8080", "").await;
        assert_eq!(site.tried(8080).await, "200");
    });
}

#[test]
fn a_port_closed_for_a_time_opens_by_itself() {
    run(async {
        let site = Site::start(&[]).await;
        let flip = r#"{"state":"closed","for":"10s"}"#;
        site.put("/v1/ports/8080", flip).await;
        tokio::time::sleep(Duration::from_millis(9_990)).await;
        assert_eq!(site.tried(8080).await, REFUSED);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(site.tried(8080).await, "200");
    });
}

#[test]
fn a_port_closed_under_a_lease_opens_when_it_lapses() {
    run(async {
        let site = Site::start(&[]).await;
        site.put("/v1/lease", r#"{"for":"5s"}"#).await;
        let flip = r#"{"state":"closed","leased":true}"#;
        site.put("/v1/ports/8080", flip).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        site.put("/v1/lease", r#"{"for":"5s"}"#).await;
        tokio::time::sleep(Duration::from_millis(4_990)).await;
        assert_eq!(site.tried(8080).await, REFUSED);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(site.tried(8080).await, "200");
    });
}

#[test]
fn a_port_that_resets_resets_open_connections_too() {
    run(async {
        let site = Site::start(&[]).await;
        let mut established = site.connect(8080).await;
        assert_eq!(status(&mut established).await, "200");
        site.put("/v1/ports/8080", r#"{"state":"reset","count":2}"#)
            .await;
        assert_eq!(status(&mut established).await, RESET);
        assert_eq!(site.tried(8080).await, RESET);
        assert_eq!(site.tried(8080).await, "200");
    });
}

#[test]
fn a_black_hole_takes_connections_and_requests_and_says_nothing() {
    run(async {
        let site = Site::start(&[]).await;
        let mut established = site.connect(8080).await;
        assert_eq!(status(&mut established).await, "200");
        site.put("/v1/ports/8080", r#"{"state":"blackhole"}"#).await;
        assert_eq!(status(&mut established).await, "silence");
        let mut swallowed = site.connect(8080).await;
        assert_eq!(status(&mut swallowed).await, "silence");
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(status(&mut swallowed).await, RESET, "it held unread bytes");
        assert_eq!(site.tried(8080).await, "200");
    });
}

#[test]
fn ports_are_opened_and_taken_away_at_runtime() {
    run(async {
        let site = Site::start(&[]).await;
        assert_eq!(site.tried(9000).await, REFUSED);
        site.put("/v1/ports/9000", "{}").await;
        assert_eq!(site.tried(9000).await, "200");
        site.control("DELETE", "/v1/ports/9000", "").await;
        assert_eq!(site.tried(9000).await, REFUSED);
        site.put("/v1/ports/9000", r#"{"protocol":"http"}"#).await;
        assert_eq!(site.tried(9000).await, "200");
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(site.tried(9000).await, REFUSED);
    });
}

#[test]
fn a_port_in_use_is_refused_and_retried_until_it_is_taken_away() {
    run(async {
        let site = Site::start(&[]).await;
        let address = (Ipv4Addr::LOCALHOST, 9000).into();
        let other = site.network.listen(address).await.unwrap();
        let in_use = Some("port 9000 is in use".to_owned());
        let open = site.control("PUT", "/v1/ports/9000", "{}").await;
        expect![[r#"
            {"error":"port 9000 is in use","instance":"i1","revision":1}
        "#]]
        .assert_eq(&open.1);
        assert_eq!(open.0, 409);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(site.listening(9000).await, (false, in_use));
        drop(other);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(site.listening(9000).await, (true, None));
        assert_eq!(site.tried(9000).await, "200");
        site.control("DELETE", "/v1/ports/9000", "").await;
        let mut other = site.network.listen(address).await.unwrap();
        let (accepted, tried) = tokio::join!(other.accept(), site.network.connect(address));
        assert!(accepted.is_ok() && tried.is_ok(), "nobody retries any more");
    });
}

#[test]
fn a_port_in_use_at_the_start_ends_the_process() {
    run(async {
        let network = Memory::default();
        for taken in [8080, 18_080] {
            let address = (Ipv4Addr::LOCALHOST, taken).into();
            let other = network.listen(address).await.unwrap();
            let started = process(&network, &[], std::future::pending());
            assert_eq!(crate::run(started).await.code(), 1, "{taken}");
            drop(other);
        }
    });
}

#[test]
fn dropping_the_process_frees_its_ports_and_ends_its_connections() {
    run(async {
        let site = Site::start(&[]).await;
        let mut established = site.connect(8080).await;
        assert_eq!(status(&mut established).await, "200");
        site.target.abort();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(status(&mut established).await, "FIN");
        for port in [8080, 18_080] {
            let address = (Ipv4Addr::LOCALHOST, port).into();
            let error = site.network.connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn a_port_that_speaks_something_else_ends_what_spoke_as_before() {
    run(async {
        let site = Site::start(&["--route", "/slow=hang"]).await;
        let (mut kept, mut slow) = (site.connect(8080).await, site.connect(8080).await);
        for (connection, path) in [(&mut kept, "x"), (&mut slow, "slow")] {
            let request = format!("GET /{path} HTTP/1.1\r\nhost: web\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
        }
        assert!(kept.read(&mut [0; 1024]).await.unwrap() > 0);
        // New connections are refused, and established ones are served as before.
        let closed = r#"{"state":"closed","protocol":"tcp"}"#;
        site.put("/v1/ports/8080", closed).await;
        let request = b"GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
        kept.write_all(request).await.unwrap();
        assert!(kept.read(&mut [0; 1024]).await.unwrap() > 0);
        site.put("/v1/ports/8080", r#"{"protocol":"tcp"}"#).await;
        assert_eq!(told(&mut kept).await, "0 ms: FIN\n");
        assert_eq!(told(&mut slow).await, "0 ms: FIN\n");
        let (_, journal) = site.control("GET", "/v1/journal?since=2", "").await;
        let hung = r#""reply":"hang","flipped":false,"revision":0,"bytes":0,"closed":"target""#;
        assert!(journal.contains(hung), "{journal}");
        let (_, state) = site.control("GET", "/v1/state", "").await;
        assert!(state.contains(r#""open":0"#), "{state}");
    });
}
