//! TLS below HTTP: what a TLS prober receives, and how faults end the connection below it.

use super::protocols::{CHECK, Http2, OF_A};
use super::*;
use crate::net::tls::{self, Layer};

const GET: &[u8] = b"GET /x HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n";

async fn handshake(site: &Site, port: u16, alpn: &str) -> io::Result<Layer<End>> {
    tls::connect(site.connect(port).await, alpn).await
}

/// Requests `/x` over TLS; returns what is received.
async fn tells(site: &Site) -> String {
    let mut connection = handshake(site, 8080, "http/1.1").await.unwrap();
    connection.write_all(GET).await.unwrap();
    connection.flush().await.unwrap();
    told(&mut connection).await
}

#[test]
fn an_https_port_speaks_both_versions() {
    run(async {
        let site = Site::start(&["--port", "8080=https", "--route", "/x=404"]).await;
        let connection = handshake(&site, 8080, "h2").await.unwrap();
        let mut client = Http2::over(connection).await;
        let missing = client.asks("https://web/x", b"").await;
        assert_eq!(missing, r#"404 b"404 Not Found\n""#);
        let told = tells(&site).await;
        assert!(told.starts_with("0 ms: HTTP/1.1 404"), "{told}");
        // `close_notify` and then FIN: rustls reports a FIN alone as an error.
        assert!(told.ends_with("0 ms: FIN\n"), "{told}");
    });
}

#[test]
fn a_fault_ends_the_connection_below_without_a_goodbye() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        for (behaviour, expected) in [
            (r#"{"fault":"close"}"#, "0 ms: unexpected end of file\n"),
            (r#"{"fault":"reset"}"#, "0 ms: connection reset\n"),
            (r#"{"fault":"hang"}"#, "and nothing more\n"),
            (
                r#"{"fault":"malformed"}"#,
                "0 ms: This is not HTTP\\r\\n\\r\\n\n0 ms: unexpected end of file\n",
            ),
        ] {
            site.put("/v1/ports/8080/routes/x", behaviour).await;
            assert_eq!(tells(&site).await, expected, "{behaviour}");
        }
        let short = r#"{"fault":"short-body","bytes":2}"#;
        site.put("/v1/ports/8080/routes/x", short).await;
        let told = tells(&site).await;
        let expected = "content-length: 7\\r\\n\\r\\nxx\n0 ms: unexpected end of file\n";
        assert!(told.ends_with(expected), "{told}");
    });
}

#[test]
fn a_redirect_stays_below_tls() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        let redirect = r#"{"fault":"redirect-port"}"#;
        site.put("/v1/ports/8080/routes/x", redirect).await;
        let told = tells(&site).await;
        assert!(told.contains("location: https://web:8081/x"), "{told}");
    });
}

#[test]
fn a_port_that_is_reset_or_a_black_hole_lets_no_handshake_happen() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        site.put("/v1/ports/8080", r#"{"state":"reset"}"#).await;
        let error = handshake(&site, 8080, "h2").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        site.put("/v1/ports/8080", r#"{"state":"blackhole"}"#).await;
        let shaken = timeout(Duration::from_secs(20), handshake(&site, 8080, "h2")).await;
        assert!(shaken.is_err(), "{shaken:?}");
    });
}

#[test]
fn who_says_nothing_is_let_go_before_the_handshake() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        let mut connection = site.connect(8080).await;
        let silent = Instant::now();
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(silent.elapsed().as_secs(), 30);
    });
}

#[test]
fn http_on_an_https_port_is_answered_with_400() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        let mut connection = site.connect(8080).await;
        connection.write_all(GET).await.unwrap();
        let expected = "0 ms: HTTP/1.0 400 Bad Request\\r\\n\\r\\n\
            Client sent an HTTP request to an HTTPS server.\\n\n0 ms: FIN\n";
        assert_eq!(told(&mut connection).await, expected);
    });
}

#[test]
fn a_port_turns_to_tls_and_back_while_it_runs() {
    run(async {
        let site = Site::start(&[]).await;
        let error = handshake(&site, 8080, "http/1.1").await.unwrap_err();
        assert!(error.to_string().starts_with("no TLS: "), "{error}");
        site.put("/v1/ports/8080", r#"{"protocol":"https"}"#).await;
        assert!(tells(&site).await.starts_with("0 ms: HTTP/1.1 200"));
        let (status, _) = site.control("DELETE", "/v1/ports/8080", "").await;
        assert_eq!(status, 200);
        assert!(handshake(&site, 8080, "http/1.1").await.is_err());
    });
}

#[test]
fn a_grpcs_port_is_healthy_over_http2_alone() {
    run(async {
        let site = Site::start(&["--port", "8080=grpcs", "--route", "/a=503"]).await;
        let connection = handshake(&site, 8080, "h2").await.unwrap();
        let mut client = Http2::over(connection).await;
        let not_serving = r#"200 b"\0\0\0\0\x02\x08\x02" grpc-status 0"#;
        assert_eq!(client.asks(CHECK, OF_A).await, not_serving);
        assert!(handshake(&site, 8080, "http/1.1").await.is_err());
    });
}

#[test]
fn a_client_that_speaks_nothing_of_ours_is_told_so() {
    run(async {
        let site = Site::start(&["--port", "8080=grpcs"]).await;
        let error = handshake(&site, 8080, "http/1.1").await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("received fatal alert: NoApplicationProtocol"),
            "{error}"
        );
    });
}

#[test]
fn what_an_https_port_offers_can_be_said() {
    run(async {
        let site = Site::start(&["--port", "8080=https", "--tls-alpn", "http/1.1"]).await;
        assert!(handshake(&site, 8080, "h2").await.is_err());
        assert!(tells(&site).await.starts_with("0 ms: HTTP/1.1 200"));
    });
}

#[test]
fn a_check_over_tls_takes_any_certificate() {
    run(async {
        let ports = [
            "--port",
            "8080=https",
            "--port",
            "8081=grpcs",
            "--port",
            "8082",
        ];
        let site = Site::start(&ports).await;
        site.put("/v1/ports/8080/routes/x", r#"{"status":503}"#)
            .await;
        for (check, expected) in [
            ("https 127.0.0.1:8080", 0),
            ("https 127.0.0.1:8080 /x", 1),
            ("http 127.0.0.1:8080", 1),
            ("grpcs 127.0.0.1:8081", 0),
            ("https 127.0.0.1:8082", 1),
        ] {
            let line = format!("check {check}");
            let arguments: Vec<_> = line.split(' ').collect();
            let process = process(&site.network, &arguments, std::future::pending());
            assert_eq!(crate::run(process).await, Ending::Code(expected), "{check}");
        }
    });
}

#[test]
fn files_that_are_no_pair_are_refused_with_their_option() {
    run(async {
        for (arguments, field) in [
            ("--tls-cert c", "`--tls-key`: belongs to --tls-cert"),
            ("--tls-key k", "`--tls-cert`: belongs to --tls-key"),
            (
                "--tls-cert none --tls-key k",
                "`--tls-cert`: cannot read none",
            ),
            (
                "--tls-cert empty --tls-key k",
                "`--tls-cert`: there is no certificate in it",
            ),
        ] {
            let arguments: Vec<_> = arguments.split(' ').collect();
            let mut process = process(&Memory::default(), &arguments, std::future::pending());
            let files = Folder::default();
            files.replace("empty", b"").unwrap();
            files.replace("k", b"").unwrap();
            process.files = Arc::new(files);
            let said = refusal(process).await;
            assert!(said.starts_with(&format!("error: {field}")), "{said}");
        }
    });
}

/// The message of a command that exits with 2.
async fn refusal(mut process: Process<Memory>) -> String {
    let said = others::Printed::default();
    process.errors = Box::new(said.clone());
    assert_eq!(crate::run(process).await, Ending::Code(2));
    said.take()
}

#[test]
fn traffic_goes_over_tls_with_connections_kept() {
    run(async {
        let site = Site::start(&["--port", "8080=https"]).await;
        let story = super::others::samples(&site, &["--protocol=https"]).await;
        assert_eq!(story.matches(" Ok 200 0\n").count(), 5, "{story}");
        let (_, state) = site.control("GET", "/v1/state", "").await;
        assert!(state.contains(r#""accepted":1"#), "{state}");
    });
}
