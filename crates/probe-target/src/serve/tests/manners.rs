//! What HTTP requires of every server without faults, and responses to HEAD, which have no body
//! with any fault.

use ::http::{Method, Request};

use super::protocols::Http2;
use super::*;

impl Site {
    /// Sends a request on a new connection; returns what is received.
    pub(super) async fn answers(&self, port: u16, request: &str) -> String {
        let mut connection = self.connect(port).await;
        connection.write_all(request.as_bytes()).await.unwrap();
        told(&mut connection).await
    }
}

/// The status of the first response, and whether FIN follows.
#[track_caller]
fn refused(answer: &str, status: u16) {
    let begins = format!("0 ms: HTTP/1.1 {status} ");
    assert!(answer.starts_with(&begins), "{answer}");
    assert!(answer.ends_with("FIN\n"), "{answer}");
}

#[test]
fn a_request_without_one_host_is_refused_on_every_port() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        for (port, path) in [(8080, "/x"), (18_080, "/v1/state")] {
            for hosts in [
                "",
                "host: localhost\r\nhost: localhost\r\n",
                "host: a/b\r\n",
            ] {
                let request = format!("GET {path} HTTP/1.1\r\n{hosts}\r\n");
                refused(&site.answers(port, &request).await, 400);
            }
            let request = format!("GET {path} HTTP/1.0\r\n\r\n");
            refused(&site.answers(port, &request).await, 200);
        }
    });
}

#[test]
fn a_refused_head_and_a_205_have_no_content() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        for (port, path) in [(8080, "/x"), (18_080, "/v1/state")] {
            let answer = site
                .answers(port, &format!("HEAD {path} HTTP/1.1\r\n\r\n"))
                .await;
            refused(&answer, 400);
            assert!(answer.contains("\\r\\n\\r\\n\n"), "{answer}");
        }
        site.put("/v1/ports/8080/routes/x", r#"{"status":205}"#)
            .await;
        let request = "GET /x HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n";
        let answer = site.answers(8080, request).await;
        refused(&answer, 205);
        assert!(
            answer.contains("content-length: 0\\r\\n\\r\\n\n"),
            "{answer}"
        );
    });
}

#[test]
fn two_ends_of_one_body_are_the_end_of_the_connection() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        let smuggled = "POST /x HTTP/1.1\r\nhost: w\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
            0\r\n\r\nGET /y HTTP/1.1\r\nhost: w\r\n\r\n";
        let answer = site.answers(8080, smuggled).await;
        refused(&answer, 200);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    });
}

#[test]
fn no_tunnel_is_opened_and_405_says_what_would_do() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        let tunnel = "CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\n";
        let call = "PATCH /v1/ports/8080 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        for (port, request, allowed) in [
            (
                8080,
                tunnel,
                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE",
            ),
            (18_080, tunnel, "GET, PUT, POST, DELETE"),
            (18_080, call, "PUT, DELETE"),
        ] {
            let answer = site.answers(port, request).await;
            refused(&answer, 405);
            let allow = format!("\\r\\nallow: {allowed}\\r\\n");
            assert!(answer.contains(&allow), "{answer}");
        }
    });
}

#[test]
fn head_is_answered_by_the_head_alone() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        let request = "HEAD /x HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n";
        for (fault, framing) in [
            (r#"{"fault":"slow-head","pace":"1ms"}"#, "content-length: 3"),
            (r#"{"fault":"slow-body"}"#, "content-length: 3"),
            (r#"{"fault":"stall-body","bytes":3}"#, "content-length: 8"),
            (r#"{"fault":"reset-body"}"#, "content-length: 6"),
            (r#"{"fault":"short-body"}"#, "content-length: 6"),
            (r#"{"fault":"cut-chunk"}"#, "transfer-encoding: chunked"),
            (r#"{"fault":"large-body"}"#, "content-length: 20480"),
            (r#"{"status":503,"body":"no"}"#, "content-length: 2"),
        ] {
            site.put("/v1/ports/8080/routes/x", fault).await;
            let answer = site.answers(8080, request).await;
            let (head, end) = answer.trim_end().rsplit_once('\n').unwrap();
            let ends = format!("{framing}\\r\\n\\r\\n");
            assert!(head.ends_with(&ends), "{fault}: {answer}");
            assert!(end.ends_with("FIN"), "{fault}: {answer}");
        }
    });
}

#[test]
fn http2_knows_the_same_manners() {
    run(async {
        let site = Site::start(&["--port=8080", "--port=9000=grpc"]).await;
        for (fault, length) in [
            (r#"{"fault":"slow-body"}"#, "3"),
            (r#"{"fault":"stall-body","bytes":3}"#, "8"),
            (r#"{"fault":"reset-body"}"#, "6"),
            (r#"{"fault":"short-body"}"#, "6"),
            (r#"{"fault":"cut-chunk"}"#, ""),
            (r#"{"fault":"large-body"}"#, "20480"),
        ] {
            site.put("/v1/ports/8080/routes/x", fault).await;
            let mut client = Http2::over(site.connect(8080).await).await;
            let answer = client.without_body(Method::HEAD, "http://web/x").await;
            assert_eq!(
                answer,
                ("200".to_owned(), "content-length", length.to_owned())
            );
        }
        for port in [8080, 9000] {
            let mut client = Http2::over(site.connect(port).await).await;
            let (status, _, allowed) = client.without_body(Method::CONNECT, "db:5432").await;
            assert_eq!(status, "405");
            assert_eq!(
                allowed,
                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"
            );
        }
    });
}

impl Http2 {
    /// The status of an answer and its header `Allow`, or after HEAD its length, empty if there is
    /// none; it must come to its end, after HEAD without a body.
    async fn without_body(&mut self, method: Method, uri: &str) -> (String, &'static str, String) {
        let head = method == Method::HEAD;
        let request = Request::builder().method(method).uri(uri);
        let request = request.body(()).unwrap();
        let (response, _) = self.sender.send_request(request, true).unwrap();
        let (answer, mut body) = response.await.unwrap().into_parts();
        let mut bytes = 0;
        while let Some(data) = body.data().await {
            bytes += data.unwrap().len();
        }
        assert!(!head || bytes == 0, "{bytes} bytes of a body");
        let name = if head { "content-length" } else { "allow" };
        let value = answer.headers.get(name);
        let value = value.map_or("", |value| value.to_str().unwrap()).to_owned();
        (answer.status.as_str().to_owned(), name, value)
    }
}
