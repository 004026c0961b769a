//! Statistics: hits in `state`, the same in `/metrics`, and which side closed first.

use super::*;
use crate::model::answer::{Hits, Journal, Record, Side, State};

impl Site {
    async fn figures(&self) -> State {
        let (_, state) = self.control("GET", "/v1/state", "").await;
        serde_json::from_str(&state).unwrap()
    }

    async fn hits(&self, path: &str) -> Hits {
        self.figures().await.ports[&8080].hits[path].clone()
    }

    async fn records(&self) -> Vec<Record> {
        let (_, journal) = self.control("GET", "/v1/journal", "").await;
        serde_json::from_str::<Journal<Record>>(&journal)
            .unwrap()
            .records
    }

    /// Requests once, and disconnects after this many milliseconds.
    async fn probe(&self, path: &str, patience: u64) {
        let mut connection = self.connect(8080).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let answer = async {
            let mut bytes = [0; 1024];
            while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        };
        _ = timeout(Duration::from_millis(patience), answer).await;
    }
}

/// Waits until the target has noticed a dropped connection.
async fn soon() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[test]
fn a_period_is_observed_and_so_is_how_long_a_prober_waits() {
    run(async {
        let site = Site::start(&["--port", "8080"]).await;
        for _ in 0..3 {
            site.probe("/x", 1000).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let hits = site.hits("/x").await;
        assert_eq!((hits.period, hits.longest_wait), (Some(10_000_000), None));
        // A second route, a delay beyond the client's timeout, and a fault.
        for (behaviour, patience) in [
            (r#"{"status":200,"delay":"5s"}"#, 1500),
            (r#"{"fault":"hang"}"#, 1000),
        ] {
            site.put("/v1/ports/8080/routes/y", behaviour).await;
            site.probe("/y", patience).await;
            soon().await;
        }
        let hits = site.hits("/y").await;
        assert_eq!(hits.longest_wait, Some(1_500_000));
        let ended = hits
            .ended
            .iter()
            .map(|ended| (ended.reply.as_str(), ended.closed, ended.count));
        let ended: Vec<_> = ended.collect();
        let client = Some(Side::Client);
        assert_eq!(ended, [("200", client, 1), ("hang", client, 1)]);
    });
}

#[test]
fn connections_are_counted_with_or_without_requests() {
    run(async {
        let site = Site::start(&["--port", "8080", "--port", "8081"]).await;
        let open = site.connect(8080).await;
        site.probe("/", 1000).await;
        soon().await;
        site.put("/v1/ports/8081", r#"{"state":"blackhole"}"#).await;
        let held = site.connect(8081).await;
        soon().await;
        let ports = site.figures().await.ports;
        let counted = |port: u16| {
            (
                ports[&port].connections.accepted,
                ports[&port].connections.open,
            )
        };
        assert_eq!((counted(8080), counted(8081)), ((2, 1), (1, 1)));
        let unread = ports[&8081].unread.as_ref().unwrap();
        assert_eq!(
            (unread.begun, unread.ended[0].reply.as_str()),
            (1, "blackhole")
        );
        drop((open, held));
    });
}

#[test]
fn who_closed_first_is_said_right() {
    run(async {
        let site = Site::start(&[
            "--port",
            "8080",
            "--route",
            "/hang=hang",
            "--route",
            "/close=close",
        ])
        .await;
        site.probe("/close", 1000).await;
        site.probe("/hang", 1000).await;
        site.probe("/", 1000).await;
        soon().await;
        // Removing a port ends its connections.
        site.put("/v1/ports/9000", r#"{"state":"open"}"#).await;
        site.put("/v1/ports/9000/routes/", r#"{"fault":"hang"}"#)
            .await;
        let mut cut = site.connect(9000).await;
        cut.write_all(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n")
            .await
            .unwrap();
        soon().await;
        site.control("DELETE", "/v1/ports/9000", "").await;
        assert_eq!(told(&mut cut).await, "0 ms: FIN\n");
        let records = site.records().await;
        let closed = records
            .iter()
            .map(|record| (record.reply.as_str(), record.closed));
        let closed: Vec<_> = closed.collect();
        let (client, target) = (Some(Side::Client), Some(Side::Target));
        assert_eq!(
            closed,
            [
                ("close", target),
                ("hang", client),
                ("200", None),
                ("hang", target)
            ]
        );
    });
}

#[test]
fn no_more_hits_are_waited_for_than_the_journal_keeps() {
    run(async {
        let site = Site::start(&["--journal", "2"]).await;
        let call = "/v1/journal/wait?hits=3";
        let (status, answer) = site.control("GET", call, "").await;
        expect![[r#"
            {"error":"the journal keeps 2, no more can be waited for","field":"hits","instance":"i1","revision":0}
        "#]].assert_eq(&answer);
        assert_eq!(status, 400);
    });
}

#[test]
fn metrics_are_the_state_in_numbers() {
    run(async {
        let arguments = [
            "--port=8080",
            "--port=8081=tcp",
            "--route=/slow=hang",
            "--journal=2",
        ];
        let site = Site::start(&arguments).await;
        site.put("/v1/lease", r#"{"for":"30s"}"#).await;
        site.put("/v1/ports/8080/routes/x", r#"{"status":503,"for":"1m"}"#)
            .await;
        for path in ["/x", "/slow", "/a%22b%5C%0A"] {
            site.probe(path, 1500).await;
            soon().await;
        }
        drop(site.connect(8081).await);
        soon().await;
        let mut connection = site.network.connect(control()).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let story = told(&mut connection).await;
        let media = r"content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
        assert!(story.contains(media), "{story}");
        let (_, text) = site.control("GET", "/metrics", "").await;
        expect![[r##"
            # HELP probe_target_info Which process this is.
            # TYPE probe_target_info gauge
            probe_target_info{version="0.1.0",instance="i1",pod="",container=""} 1
            # HELP probe_target_uptime_seconds Time since the process started.
            # TYPE probe_target_uptime_seconds gauge
            probe_target_uptime_seconds 1.504000
            # HELP probe_target_changes_total Changes taken: the revision.
            # TYPE probe_target_changes_total counter
            probe_target_changes_total 2
            # HELP probe_target_lease_seconds What is left of the lease; 0 if none runs.
            # TYPE probe_target_lease_seconds gauge
            probe_target_lease_seconds 28.496000
            # HELP probe_target_process_flips Flips of the process, those that wait for their next window included.
            # TYPE probe_target_process_flips gauge
            probe_target_process_flips 0
            # HELP probe_target_memory_taken_bytes Memory taken and touched because a fault says so.
            # TYPE probe_target_memory_taken_bytes gauge
            probe_target_memory_taken_bytes 0
            # HELP probe_target_journal_records_total Records written to the journal.
            # TYPE probe_target_journal_records_total counter
            probe_target_journal_records_total 4
            # HELP probe_target_journal_lost_total Records that the journal has lost to later ones.
            # TYPE probe_target_journal_lost_total counter
            probe_target_journal_lost_total 2
            # HELP probe_target_listening Whether the port is being listened on.
            # TYPE probe_target_listening gauge
            probe_target_listening{port="8080",protocol="http",state="open"} 1
            probe_target_listening{port="8081",protocol="tcp",state="open"} 1
            # HELP probe_target_flips Flips of the port and of its routes, those that wait for their next window included.
            # TYPE probe_target_flips gauge
            probe_target_flips{port="8080"} 1
            probe_target_flips{port="8081"} 0
            # HELP probe_target_connections Connections of clients that are open.
            # TYPE probe_target_connections gauge
            probe_target_connections{port="8080"} 0
            probe_target_connections{port="8081"} 0
            # HELP probe_target_connections_total Connections accepted, whatever became of them.
            # TYPE probe_target_connections_total counter
            probe_target_connections_total{port="8080"} 3
            probe_target_connections_total{port="8081"} 1
            # HELP probe_target_requests_total Requests that have ended, by the behaviour given and by who ended them before the reply was complete.
            # TYPE probe_target_requests_total counter
            probe_target_requests_total{port="8080",path="/a%22b%5C%0A",reply="200",flipped="false",closed=""} 1
            probe_target_requests_total{port="8080",path="/slow",reply="hang",flipped="false",closed="client"} 1
            probe_target_requests_total{port="8080",path="/x",reply="503",flipped="true",closed=""} 1
            probe_target_requests_total{port="8081",path="",reply="accept",flipped="false",closed="client"} 1
            # HELP probe_target_requests_in_progress Requests that have begun and not ended.
            # TYPE probe_target_requests_in_progress gauge
            probe_target_requests_in_progress{port="8080",path="/a%22b%5C%0A"} 0
            probe_target_requests_in_progress{port="8080",path="/slow"} 0
            probe_target_requests_in_progress{port="8080",path="/x"} 0
            probe_target_requests_in_progress{port="8081",path=""} 0
            # HELP probe_target_body_bytes_total Bytes of bodies handed over.
            # TYPE probe_target_body_bytes_total counter
            probe_target_body_bytes_total{port="8080",path="/a%22b%5C%0A"} 7
            probe_target_body_bytes_total{port="8080",path="/slow"} 0
            probe_target_body_bytes_total{port="8080",path="/x"} 24
            probe_target_body_bytes_total{port="8081",path=""} 0
            # HELP probe_target_request_period_seconds Time from the beginning of one request to that of the next, as observed.
            # TYPE probe_target_request_period_seconds gauge
            # HELP probe_target_longest_wait_seconds The longest that a client has waited before it gave up.
            # TYPE probe_target_longest_wait_seconds gauge
            probe_target_longest_wait_seconds{port="8080",path="/slow"} 1.500000
        "##]].assert_eq(&text);
    });
}

#[test]
fn a_traffic_client_has_its_outcomes_in_numbers() {
    run(async {
        let site = Site::start(&["--port", "8080", "--route", "/x=503"]).await;
        let (network, control) = (site.network.clone(), "127.0.0.1:20000");
        let arguments = [
            "traffic",
            "127.0.0.1:8080",
            "--path",
            "/x",
            "--rate",
            "1/s",
            "--control",
            control,
        ];
        let user = process(
            &network,
            &arguments,
            tokio::time::sleep(Duration::from_secs(10)),
        );
        let asks = async {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            let mut client = Client::connect(&network, control.parse().unwrap())
                .await
                .unwrap();
            let request = Request {
                method: "GET",
                target: "/metrics",
                headers: &[("host", "localhost")],
                body: &[],
            };
            String::from_utf8(fetch(&mut client, &request).await.unwrap().body).unwrap()
        };
        let (code, text) = tokio::join!(crate::run(user), asks);
        assert_eq!(code, crate::Ending::Code(0));
        let (_, text) = text.split_once("# HELP probe_target_traffic").unwrap();
        expect![[r#"
            _sent_total Requests sent.
            # TYPE probe_target_traffic_sent_total counter
            probe_target_traffic_sent_total 3
            # HELP probe_target_traffic_requests_total Requests of which the outcome is known.
            # TYPE probe_target_traffic_requests_total counter
            probe_target_traffic_requests_total{outcome="ok"} 0
            probe_target_traffic_requests_total{outcome="status"} 3
            probe_target_traffic_requests_total{outcome="refused"} 0
            probe_target_traffic_requests_total{outcome="reset"} 0
            probe_target_traffic_requests_total{outcome="timeout"} 0
            probe_target_traffic_requests_total{outcome="error"} 0
        "#]]
        .assert_eq(text);
    });
}
