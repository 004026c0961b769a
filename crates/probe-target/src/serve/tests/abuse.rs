//! Clients that send something else, too much, too slowly or nothing: each gets an error or is
//! disconnected, and no other client is affected.

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n";

impl Site {
    /// Sends `text` to a port; returns what is received.
    async fn hears(&self, port: u16, text: &[u8]) -> String {
        let mut connection = self.connect(port).await;
        connection.write_all(text).await.unwrap();
        told(&mut connection).await
    }

    /// Asserts that a new connection is answered at once.
    async fn serves(&self, port: u16) -> bool {
        let start = Instant::now();
        let mut connection = self.connect(port).await;
        connection.write_all(GET).await.unwrap();
        let mut bytes = [0; 1024];
        let read = timeout(Duration::from_secs(1), connection.read(&mut bytes)).await;
        read.is_ok_and(|read| read.is_ok_and(|read| read > 0)) && start.elapsed().is_zero()
    }
}

#[test]
fn what_is_no_request_is_refused_and_its_connection_closed() {
    run(async {
        let site = Site::start(&[]).await;
        let told = site
            .hears(8080, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            .await;
        expect![[r#"
            0 ms: HTTP/1.1 400 Bad Request\r\nprobeflip-port: 8080\r\nprobeflip-instance: i1\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: 21\r\n\r\nthis is not HTTP/1.1\n
            0 ms: FIN
        "#]]
        .assert_eq(&told);
        let told = site.hears(18_080, b"\0\0\0\0").await;
        expect![[r#"
            0 ms: HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nprobeflip-revision: 0\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 62\r\n\r\n{\"error\":\"this is not HTTP/1.1\",\"instance\":\"i1\",\"revision\":0}\n
            0 ms: FIN
        "#]]
        .assert_eq(&told);
        let long = format!("GET /{}", "x".repeat(20_000));
        let large = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(20_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
        for port in [8080, 18_080] {
            for (text, status) in [(&long, "414"), (&large, "431"), (&many, "431")] {
                let told = site.hears(port, text.as_bytes()).await;
                assert!(
                    told.starts_with(&format!("0 ms: HTTP/1.1 {status} ")),
                    "{told}"
                );
            }
        }
    });
}

#[test]
fn requests_sent_at_once_are_answered_in_turn() {
    run(async {
        let site = Site::start(&["--route", "/x=404"]).await;
        let post = b"POST /x HTTP/1.1\r\nhost: w\r\ncontent-length: 3\r\n\r\nGET".as_slice();
        let chunks =
            b"PUT /x HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n2\r\nGE\r\n0\r\n\r\n"
                .as_slice();
        let story = site.hears(8080, &[GET, post, chunks, GET].concat()).await;
        let statuses = story.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]);
        assert_eq!(statuses.collect::<Vec<_>>(), ["200", "404", "404", "200"]);
    });
}

#[test]
fn a_body_that_never_comes_keeps_nobody_from_the_answer() {
    run(async {
        let site = Site::start(&[]).await;
        let head = b"POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 9\r\n\r\n";
        let mut connection = site.connect(8080).await;
        connection.write_all(head).await.unwrap();
        let mut bytes = [0; 1024];
        assert!(connection.read(&mut bytes).await.unwrap() > 0);
        let start = Instant::now();
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 0);
        assert_eq!(start.elapsed(), crate::server::time_limit::IDLE_TIMEOUT);
        let expecting =
            b"POST / HTTP/1.1\r\nhost: w\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
        let story = site.hears(8080, expecting).await;
        assert!(story.starts_with("0 ms: HTTP/1.1 200 OK"), "{story}");
        assert!(story.ends_with("0 ms: FIN\n"), "{story}");
    });
}

#[test]
fn a_call_that_waits_to_be_asked_for_its_body_is_asked() {
    run(async {
        let site = Site::start(&[]).await;
        let mut connection = site.connect(18_080).await;
        let head = b"PUT /v1/lease HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 13\r\n\r\n";
        connection.write_all(head).await.unwrap();
        let mut bytes = [0; 1024];
        let read = connection.read(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..read], b"HTTP/1.1 100 Continue\r\n\r\n");
        connection.write_all(br#"{"for":"30s"}"#).await.unwrap();
        assert!(
            told(&mut connection)
                .await
                .starts_with("0 ms: HTTP/1.1 200")
        );
    });
}

#[test]
fn heads_that_trickle_end_in_time_and_delay_nobody() {
    run(async {
        let site = Site::start(&["--port", "8080", "--port", "8081"]).await;
        let mut trickling = site.connect(8080).await;
        let start = Instant::now();
        let trickle = async {
            while trickling.write_all(b"x").await.is_ok() {
                assert!(site.serves(8080).await && site.serves(8081).await);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        trickle.await;
        // The target notices the limit with the next byte.
        let late = crate::server::time_limit::IDLE_TIMEOUT + Duration::from_secs(1);
        assert!(start.elapsed() <= late, "{:?}", start.elapsed());
    });
}

#[test]
fn a_full_house_is_served_in_turn_and_leaves_the_control_address_alone() {
    run(async {
        // The limit is 16 connections.
        let limits = "Max open files            256                  256                  files\n";
        let folder = Folder::default();
        folder
            .replace("/proc/self/limits", limits.as_bytes())
            .unwrap();
        let site = Site::start_with(&[], Arc::new(folder)).await;
        let mut silent = Vec::new();
        for _ in 0..1000 {
            silent.push(site.connect(8080).await);
        }
        assert!(!site.serves(8080).await);
        let flip = r#"{"status":503}"#;
        site.put("/v1/ports/8080/routes/", flip).await;
        assert_eq!(site.control("GET", "/v1/state", "").await.0, 200);
        drop(silent);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(site.serves(8080).await);
    });
}

/// An HTTP/2 client, and the task of its connection, which must be kept.
async fn http2(site: &Site) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let connection = site.connect(8080).await;
    let (sender, connection) = h2::client::handshake(connection).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn get(path: &str) -> ::http::Request<()> {
    let request = ::http::Request::get(format!("http://web{path}"));
    request.body(()).unwrap()
}

#[test]
fn streams_opened_to_be_reset_end_their_connection_and_no_other() {
    run(async {
        let site = Site::start(&[]).await;
        let (sender, connection) = http2(&site).await;
        for _ in 0..10_000 {
            let Ok(mut sender) = sender.clone().ready().await else {
                break;
            };
            let Ok((_, mut stream)) = sender.send_request(get("/"), false) else {
                break;
            };
            stream.send_reset(Reason::CANCEL);
        }
        assert!(site.serves(8080).await);
        drop(sender);
        assert!(connection.await.unwrap().is_err(), "it must be cut off");
    });
}

#[test]
fn a_stream_given_up_is_no_longer_held() {
    run(async {
        let site = Site::start(&[]).await;
        let slow = r#"{"status":200,"delay":"1h"}"#;
        site.put("/v1/ports/8080/routes/slow", slow).await;
        let (mut sender, connection) = http2(&site).await;
        let (_, mut stream) = sender.send_request(get("/slow"), true).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.send_reset(Reason::CANCEL);
        let call = "/v1/journal/wait?since=0&timeout=1s";
        let (status, journal) = site.control("GET", call, "").await;
        assert_eq!(status, 200, "{journal}");
        assert!(journal.contains(r#""took":1000000"#), "{journal}");
        assert!(!connection.is_finished());
    });
}

#[test]
fn an_http2_connection_that_says_nothing_ends_in_time() {
    run(async {
        let site = Site::start(&[]).await;
        let mut connection = site.connect(8080).await;
        let start = Instant::now();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        connection.write_all(preface).await.unwrap();
        let mut bytes = Vec::new();
        // The SETTINGS frame comes first.
        connection.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(start.elapsed(), crate::server::time_limit::IDLE_TIMEOUT);
    });
}
