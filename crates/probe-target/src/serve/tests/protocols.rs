//! HTTP/2, gRPC health and TCP, tested with h2's client.

use ::http::Request;
use bytes::Bytes;
use h2::client::SendRequest;
use tokio::task::JoinHandle;

use super::*;
use crate::model::answer::{Journal, Record};

/// A client on one HTTP/2 connection.
pub(super) struct Http2 {
    pub(super) sender: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    async fn connect(site: &Site, port: u16) -> Self {
        Self::over(site.connect(port).await).await
    }

    pub(super) async fn over(connection: impl Connection) -> Self {
        let (sender, connection) = h2::client::handshake(connection).await.unwrap();
        let connection = tokio::spawn(connection);
        Self { sender, connection }
    }

    /// The response in one line: status, body and trailers, or its error.
    pub(super) async fn asks(&mut self, uri: &str, body: &'static [u8]) -> String {
        match timeout(Duration::from_secs(10), self.exchange(uri, body)).await {
            Err(_) => "nothing".to_owned(),
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => error.to_string(),
        }
    }

    async fn exchange(&mut self, uri: &str, body: &'static [u8]) -> Result<String, h2::Error> {
        let request = Request::post(uri).body(()).unwrap();
        let (response, mut stream) = self.sender.send_request(request, false)?;
        stream.send_data(Bytes::from_static(body), true)?;
        let (head, mut body) = response.await?.into_parts();
        let mut answer = head.status.as_str().to_owned();
        let mut status = head.headers.get("grpc-status").cloned();
        while let Some(data) = body.data().await {
            write!(answer, " {:?}", data?).unwrap();
        }
        if let Some(trailers) = body.trailers().await? {
            status = trailers.get("grpc-status").cloned();
        }
        if let Some(status) = status {
            write!(answer, " grpc-status {}", status.to_str().unwrap()).unwrap();
        }
        Ok(answer)
    }
}

pub(super) const CHECK: &str = "http://web/grpc.health.v1.Health/Check";

/// `HealthCheckRequest{service: "a"}`.
pub(super) const OF_A: &[u8] = b"\0\0\0\0\x03\x0a\x01a";

#[test]
fn an_http_port_speaks_both_versions() {
    run(async {
        let site = Site::start(&["--route", "/x=404"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        assert_eq!(client.asks("http://web/", b"").await, r#"200 b"200 OK\n""#);
        let missing = client.asks("http://web/x", b"").await;
        assert_eq!(missing, r#"404 b"404 Not Found\n""#);
        let mut connection = site.connect(8080).await;
        let request = b"GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
        connection.write_all(request).await.unwrap();
        assert!(
            told(&mut connection)
                .await
                .starts_with("0 ms: HTTP/1.1 404")
        );
    });
}

#[test]
fn headers_that_only_http1_has_are_left_out_of_http2() {
    run(async {
        let site = Site::start(&[]).await;
        let headers = r#"{"Keep-Alive":"a","Upgrade":"b","Proxy-Connection":"c","TE":"d","x":"e"}"#;
        let behaviour = format!(r#"{{"status":503,"headers":{headers}}}"#);
        site.put("/v1/ports/8080/routes/x", &behaviour).await;
        let mut client = Http2::connect(&site, 8080).await;
        let answer = client.asks("http://web/x", b"").await;
        assert_eq!(answer, r#"503 b"503 Service Unavailable\n""#);
        let mut connection = site.connect(8080).await;
        let request = b"GET /x HTTP/1.1\r\nhost: web\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let answer = told(&mut connection).await;
        for header in [
            "keep-alive: a",
            "upgrade: b",
            "proxy-connection: c",
            "te: d",
        ] {
            assert!(answer.contains(header), "{answer}");
        }
    });
}

#[test]
fn a_grpc_port_has_a_status_for_each_service() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        let serving = r#"200 b"\0\0\0\0\x02\x08\x01" grpc-status 0"#;
        assert_eq!(client.asks(CHECK, OF_A).await, serving);
        for (behaviour, expected) in [
            (
                r#"{"status":503}"#,
                r#"200 b"\0\0\0\0\x02\x08\x02" grpc-status 0"#,
            ),
            (r#"{"status":404}"#, "200 grpc-status 5"),
            (r#"{"status":501}"#, "200 grpc-status 12"),
            (r#"{"status":500}"#, "500"),
            (r#"{"fault":"hang"}"#, "nothing"),
            (
                r#"{"fault":"malformed"}"#,
                "stream error received: unexpected internal error encountered",
            ),
        ] {
            site.put("/v1/ports/8080/routes/a", behaviour).await;
            assert_eq!(client.asks(CHECK, OF_A).await, expected, "{behaviour}");
        }
        let nameless = b"\0\0\0\0\0";
        assert_eq!(client.asks(CHECK, nameless).await, serving);
        let other = client.asks("http://web/other.Service/Call", nameless).await;
        assert_eq!(other, "200 grpc-status 12");
        site.put("/v1/ports/8080/routes/a", r#"{"fault":"close"}"#)
            .await;
        client.asks(CHECK, OF_A).await;
        assert!(client.connection.await.is_ok());
    });
}

#[test]
fn every_answer_of_a_grpc_port_says_who_answers() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        for (call, behaviour) in [
            ("Check", r#"{"status":200}"#),
            ("Check", r#"{"status":404}"#),
            ("Check", r#"{"status":500}"#),
            ("Check", r#"{"fault":"stall-body"}"#),
            ("Watch", r#"{"status":200}"#),
            ("List", r#"{"status":200}"#),
            ("Other", r#"{"status":200}"#),
        ] {
            site.put("/v1/ports/8080/routes/a", behaviour).await;
            let request = Request::post(format!("http://web/grpc.health.v1.Health/{call}"));
            let request = request.body(()).unwrap();
            let (response, mut stream) = client.sender.send_request(request, false).unwrap();
            stream.send_data(Bytes::from_static(OF_A), true).unwrap();
            let answer = response.await.unwrap();
            let said = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap())
            };
            let identity = (said("probeflip-instance"), said("probeflip-port"));
            assert_eq!(identity, (Some("i1"), Some("8080")), "{call} {behaviour}");
        }
    });
}

#[test]
fn a_watch_says_the_status_whenever_it_is_another() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        let request = Request::post("http://web/grpc.health.v1.Health/Watch");
        let request = request.body(()).unwrap();
        let (response, mut stream) = client.sender.send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(OF_A), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "\0\0\0\0\x02\x08\x01");
        let behaviour = r#"{"status":503,"for":"1s"}"#;
        site.put("/v1/ports/8080/routes/a", behaviour).await;
        let flipped = Instant::now();
        assert_eq!(body.data().await.unwrap().unwrap(), "\0\0\0\0\x02\x08\x02");
        assert_eq!(body.data().await.unwrap().unwrap(), "\0\0\0\0\x02\x08\x01");
        assert_eq!(flipped.elapsed().as_millis(), 1000);
    });
}

#[test]
fn a_watch_is_told_of_what_checks_have_used_up() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        let mut story = String::new();
        for behaviour in [
            r#"{"status":503,"count":2}"#,
            r#"{"sequence":[503,200,503]}"#,
        ] {
            site.put("/v1/ports/8080/routes/a", behaviour).await;
            let request = Request::post("http://web/grpc.health.v1.Health/Watch");
            let request = request.body(()).unwrap();
            let (response, mut stream) = client.sender.send_request(request, false).unwrap();
            stream.send_data(Bytes::from_static(OF_A), true).unwrap();
            let mut body = response.await.unwrap().into_body();
            writeln!(story, "{behaviour}").unwrap();
            for _ in 0..4 {
                let news = timeout(Duration::from_secs(1), body.data()).await;
                let news = news.map(|news| news.unwrap().unwrap());
                let checked = client.asks(CHECK, OF_A).await;
                writeln!(story, "watched {:?}, checked {checked}", news.ok()).unwrap();
            }
        }
        expect![[r#"
            {"status":503,"count":2}
            watched Some(b"\0\0\0\0\x02\x08\x02"), checked 200 b"\0\0\0\0\x02\x08\x02" grpc-status 0
            watched None, checked 200 b"\0\0\0\0\x02\x08\x02" grpc-status 0
            watched Some(b"\0\0\0\0\x02\x08\x01"), checked 200 b"\0\0\0\0\x02\x08\x01" grpc-status 0
            watched None, checked 200 b"\0\0\0\0\x02\x08\x01" grpc-status 0
            {"sequence":[503,200,503]}
            watched Some(b"\0\0\0\0\x02\x08\x02"), checked 200 b"\0\0\0\0\x02\x08\x02" grpc-status 0
            watched Some(b"\0\0\0\0\x02\x08\x01"), checked 200 b"\0\0\0\0\x02\x08\x01" grpc-status 0
            watched Some(b"\0\0\0\0\x02\x08\x02"), checked 200 b"\0\0\0\0\x02\x08\x02" grpc-status 0
            watched Some(b"\0\0\0\0\x02\x08\x01"), checked 200 b"\0\0\0\0\x02\x08\x01" grpc-status 0
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn watch_and_list_say_what_the_caller_would_be_given() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        let mut story = String::new();
        for behaviour in [
            r#"{"status":503,"agent":"kube-probe/"}"#,
            r#"{"status":503,"probability":0}"#,
        ] {
            site.put("/v1/ports/8080/routes/a", behaviour).await;
            for agent in ["kube-probe/1.36", "grpc-go/1"] {
                writeln!(story, "{behaviour} {agent}").unwrap();
                for call in ["Check", "Watch", "List"] {
                    let request = Request::post(format!("http://web/grpc.health.v1.Health/{call}"));
                    let request = request.header("user-agent", agent).body(()).unwrap();
                    let (response, mut stream) =
                        client.sender.send_request(request, false).unwrap();
                    stream.send_data(Bytes::from_static(OF_A), true).unwrap();
                    let mut body = response.await.unwrap().into_body();
                    let data = body.data().await.unwrap().unwrap();
                    writeln!(story, "  {call} {}", data.last().unwrap()).unwrap();
                }
            }
        }
        expect![[r#"
            {"status":503,"agent":"kube-probe/"} kube-probe/1.36
              Check 2
              Watch 2
              List 2
            {"status":503,"agent":"kube-probe/"} grpc-go/1
              Check 1
              Watch 1
              List 1
            {"status":503,"probability":0} kube-probe/1.36
              Check 1
              Watch 1
              List 1
            {"status":503,"probability":0} grpc-go/1
              Check 1
              Watch 1
              List 1
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_port_that_fails_does_so_to_every_call_on_open_connections() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut story = String::new();
        for state in ["blackhole", "reset"] {
            for call in ["Check", "Watch", "List", "Other"] {
                let mut client = Http2::connect(&site, 8080).await;
                client.asks(CHECK, OF_A).await;
                let opening = format!(r#"{{"state":"{state}"}}"#);
                site.put("/v1/ports/8080", &opening).await;
                let uri = format!("http://web/grpc.health.v1.Health/{call}");
                let answer = client.asks(&uri, OF_A).await;
                writeln!(story, "{state}, {call}: {answer}").unwrap();
                site.put("/v1/ports/8080", "{}").await;
            }
        }
        expect![[r#"
            blackhole, Check: nothing
            blackhole, Watch: nothing
            blackhole, List: nothing
            blackhole, Other: nothing
            reset, Check: connection reset
            reset, Watch: connection reset
            reset, List: connection reset
            reset, Other: connection reset
        "#]]
        .assert_eq(&story);
        let (_, journal) = site.control("GET", "/v1/journal?since=7", "").await;
        assert!(
            journal.contains(r#""reply":"reset","flipped":true"#),
            "{journal}"
        );
    });
}

#[test]
fn a_call_whose_message_does_not_come_is_given_up() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        for call in ["Check", "Watch"] {
            let request = Request::post(format!("http://web/grpc.health.v1.Health/{call}"));
            let request = request.body(()).unwrap();
            let (response, mut stream) = client.sender.send_request(request, false).unwrap();
            stream
                .send_data(Bytes::from_static(b"\0\0"), false)
                .unwrap();
            let begun = Instant::now();
            let answer = timeout(Duration::from_mins(1), response).await;
            assert!(answer.is_ok_and(|answer| answer.is_err()), "{call}");
            assert_eq!(begun.elapsed().as_secs(), 30, "{call}");
        }
    });
}

#[test]
fn calls_are_journalled_with_their_bytes() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc", "--route", "/b=404"]).await;
        let mut client = Http2::connect(&site, 8080).await;
        let list = "http://web/grpc.health.v1.Health/List";
        let watch = "http://web/grpc.health.v1.Health/Watch";
        client.asks(CHECK, OF_A).await;
        client.asks(CHECK, b"\0\0\0\0\x03\x0a\x01b").await;
        client.asks(list, b"\0\0\0\0\0").await;
        client.asks("http://web/other.Service/Call", b"").await;
        // The client gives up after ten seconds.
        client.asks(watch, OF_A).await;
        expect![[r#"
            /a: 200, 7 bytes, 0 ms, None
            /b: 404, 0 bytes, 0 ms, None
            /grpc.health.v1.Health/List: list, 22 bytes, 0 ms, None
            /other.Service/Call: 501, 0 bytes, 0 ms, None
            /a: watch, 7 bytes, 10000 ms, None
        "#]]
        .assert_eq(&journalled(&site).await);
    });
}

#[test]
fn a_stream_given_up_ends_then_and_one_cut_with_its_connection_was_cut_by_us() {
    run(async {
        let site = Site::start(&["--route", "/hang=hang", "--route", "/reset=reset"]).await;
        let delayed = r#"{"status":200,"delay":"1m"}"#;
        site.put("/v1/ports/8080/routes/slow", delayed).await;
        let mut client = Http2::connect(&site, 8080).await;
        assert_eq!(client.asks("http://web/slow", b"").await, "nothing");
        let request = Request::get("http://web/hang").body(()).unwrap();
        let (_held, _) = client.sender.send_request(request, true).unwrap();
        client.asks("http://web/reset", b"").await;
        expect![[r#"
            /slow: 200, 0 bytes, 10000 ms, Some(Client)
            /reset: reset, 0 bytes, 0 ms, Some(Target)
            /hang: hang, 0 bytes, 0 ms, Some(Target)
        "#]]
        .assert_eq(&journalled(&site).await);
    });
}

/// The records of the journal, one per line.
async fn journalled(site: &Site) -> String {
    // The target notices disconnected clients when its tasks run again.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (_, journal) = site.control("GET", "/v1/journal", "").await;
    let journal: Journal<Record> = serde_json::from_str(&journal).unwrap();
    let mut story = String::new();
    for record in journal.records {
        let path = record.path.unwrap();
        let closed = record.closed;
        let (reply, bytes, took) = (record.reply, record.bytes, record.took / 1000);
        writeln!(
            story,
            "{path}: {reply}, {bytes} bytes, {took} ms, {closed:?}"
        )
        .unwrap();
    }
    story
}

#[test]
fn a_check_is_healthy_where_the_service_serves() {
    run(async {
        let site = Site::start(&["--port", "8080=grpc", "--port", "8081=tcp"]).await;
        let checked = async |arguments: &[&str]| {
            let process = process(&site.network, arguments, std::future::pending());
            crate::run(process).await.code()
        };
        let check = ["check", "grpc", "127.0.0.1:8080", "a"];
        assert_eq!(checked(&check).await, 0);
        for behaviour in [
            r#"{"status":503}"#,
            r#"{"status":404}"#,
            r#"{"fault":"hang"}"#,
            r#"{"fault":"reset"}"#,
            r#"{"fault":"malformed"}"#,
        ] {
            site.put("/v1/ports/8080/routes/a", behaviour).await;
            assert_eq!(checked(&check).await, 1, "{behaviour}");
            assert_eq!(checked(&check[..3]).await, 0, "the nameless service");
        }
        let check = ["check", "tcp", "127.0.0.1:8081"];
        assert_eq!(checked(&check).await, 0);
        site.put("/v1/ports/8081", r#"{"state":"closed"}"#).await;
        assert_eq!(checked(&check).await, 1);
    });
}

#[test]
fn a_tcp_port_accepts_and_says_nothing() {
    run(async {
        let site = Site::start(&["--port", "8080=tcp"]).await;
        let mut connection = site.connect(8080).await;
        connection.write_all(b"hello").await.unwrap();
        assert_eq!(told(&mut connection).await, "and nothing more\n");
        drop(connection);
        let (_, journal) = site.control("GET", "/v1/journal/wait?since=0", "").await;
        let journal: serde_json::Value = serde_json::from_str(&journal).unwrap();
        let record = &journal["records"][0];
        assert_eq!(
            (&record["reply"], &record["closed"]),
            (&"accept".into(), &"client".into())
        );
    });
}
