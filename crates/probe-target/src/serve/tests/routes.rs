//! Routes of a whole target: a flip of a route applies to the requests that it matches, and every
//! output shows the route in its canonical text.

use super::others::{SERVING, say};
use super::protocols::{CHECK, Http2, OF_A};
use super::*;

impl Site {
    /// The status of a request with this request target, or how it fails.
    async fn given(&self, port: u16, target: &str) -> u16 {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut client = Client::connect(&self.network, address).await.unwrap();
        let request = Request {
            method: "GET",
            target,
            headers: &[("host", "web")],
            body: &[],
        };
        fetch(&mut client, &request).await.unwrap().status
    }

    async fn json(&self, target: &str) -> serde_json::Value {
        let (status, answer) = self.control("GET", target, "").await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }
}

fn keys(object: &serde_json::Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[test]
fn a_route_is_met_by_each_request_that_decodes_to_it() {
    run(async {
        let site = Site::start(&["--port=8080", "--route=/a%3fb=503", "--route=/%FF=503"]).await;
        site.put("/v1/ports/8080/routes/ready%20z", r#"{"status":503}"#)
            .await;
        for (target, expected) in [
            ("/a%3Fb", 503),
            ("/%61%3fb", 503),
            ("/a?b", 200),
            ("/%ff", 503),
            ("/ready%20z?full=1", 503),
            ("/ready+z", 200),
            ("http://web:1/ready%20z", 503),
        ] {
            assert_eq!(site.given(8080, target).await, expected, "{target}");
        }
        let state = site.json("/v1/state").await;
        let port = &state["ports"]["8080"];
        assert_eq!(keys(&port["routes"]), ["/%FF", "/a%3Fb", "/ready%20z"]);
        let hits = ["/%FF", "/a", "/a%3Fb", "/ready%20z", "/ready+z"];
        assert_eq!(keys(&port["hits"]), hits);
        let plan = site.json("/v1/plan").await;
        assert_eq!(
            plan["ports"]["8080"]["routes"],
            json_of_503(&hits[..1], &hits[2..4])
        );
        let journal = site
            .json("/v1/journal/wait?since=0&path=/%2561%253fb&hits=2")
            .await;
        assert_eq!(journal["records"][1]["path"], "/a%3Fb");
        let journal = site.json("/v1/journal/wait?since=0&path=/*&hits=7").await;
        assert_eq!(journal["records"].as_array().unwrap().len(), 7);
    });
}

fn json_of_503(some: &[&str], more: &[&str]) -> serde_json::Value {
    let routes = some.iter().chain(more);
    let routes = routes.map(|route| ((*route).to_owned(), serde_json::json!({"status": 503})));
    routes.collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_wildcard_is_laid_and_taken_away_like_any_route() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        site.put("/v1/ports/8080/routes/*", r#"{"status":503}"#)
            .await;
        site.put("/v1/ports/8080/routes/api/*", r#"{"status":404}"#)
            .await;
        site.put("/v1/ports/8080/routes/api/%2A", r#"{"status":418}"#)
            .await;
        for (target, expected) in [("/", 503), ("/api", 503), ("/api/x", 404), ("/api/*", 418)] {
            assert_eq!(site.given(8080, target).await, expected, "{target}");
        }
        let (status, _) = site.control("DELETE", "/v1/ports/8080/routes/*", "").await;
        assert_eq!(status, 200);
        assert_eq!(site.given(8080, "/").await, 200);
        assert_eq!(site.given(8080, "/api/x").await, 404);
        let journal = site
            .json("/v1/journal/wait?since=0&path=/api/*&hits=3")
            .await;
        let paths = journal["records"].as_array().unwrap().iter();
        let paths: Vec<_> = paths.map(|record| &record["path"]).collect();
        assert_eq!(paths, ["/api/x", "/api/%2A", "/api/x"]);
    });
}

#[test]
fn a_query_or_fragment_beside_a_route_is_refused_with_the_reason() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        for (route, expected) in [
            (
                "a?b",
                "a `?` begins a query, which no route has; write %3F for a `?` in a path",
            ),
            (
                "a#b",
                "the target has a fragment; write %23 for a `#` in a path",
            ),
            (
                "a%zz",
                "`/a%zz` is not percent-encoded: write %25 for a `%` in a path",
            ),
        ] {
            let call = format!("/v1/ports/8080/routes/{route}");
            let (status, answer) = site.control("PUT", &call, r#"{"status":503}"#).await;
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((status, answer["error"].as_str()), (400, Some(expected)));
        }
    });
}

#[test]
fn a_wildcard_of_a_grpc_port_is_about_all_services() {
    run(async {
        let site = Site::start(&["--port=8080=grpc"]).await;
        site.put("/v1/ports/8080/routes/*", r#"{"status":503}"#)
            .await;
        let mut client = Http2::over(site.connect(8080).await).await;
        let status = |number: u8| format!(r#"200 b"\0\0\0\0\x02\x08\x0{number}" grpc-status 0"#);
        assert_eq!(client.asks(CHECK, OF_A).await, status(2));
        assert_eq!(client.asks(CHECK, b"\0\0\0\0\0").await, status(2));
        site.put("/v1/ports/8080/routes/a", r#"{"status":200}"#)
            .await;
        assert_eq!(client.asks(CHECK, OF_A).await, status(1));
        // The unnamed service and `a`: a wildcard does not name a service.
        let list = client
            .asks("http://web/grpc.health.v1.Health/List", b"\0\0\0\0\0")
            .await;
        let expected = r#"200 b"\0\0\0\0\x11\n\x06\n\0\x12\x02\x08\x02\n\x07\n\x01a\x12\x02\x08\x01" grpc-status 0"#;
        assert_eq!(list, expected);
    });
}

#[test]
fn the_name_of_a_service_is_not_decoded() {
    run(async {
        let site = Site::start(&["--port=8080=grpc"]).await;
        site.put("/v1/ports/8080/routes/%2561", r#"{"status":503}"#)
            .await;
        let mut client = Http2::over(site.connect(8080).await).await;
        let serving = r#"200 b"\0\0\0\0\x02\x08\x01" grpc-status 0"#;
        assert_eq!(client.asks(CHECK, OF_A).await, serving);
        let not_serving = r#"200 b"\0\0\0\0\x02\x08\x02" grpc-status 0"#;
        let of_escape = b"\0\0\0\0\x05\x0a\x03%61";
        assert_eq!(client.asks(CHECK, of_escape).await, not_serving);
        let journal = site.json("/v1/journal").await;
        assert_eq!(journal["records"][1]["path"], "/%2561");
    });
}

#[test]
fn what_a_path_is_given_after_refuse_opens_its_port_and_every_answer_says_what_holds() {
    run(async {
        let site = Site::start(&["--port", "8080", "--port", "7000=tcp"]).await;
        let mut story = String::new();
        for line in [
            "flip 8080/readyz refuse",
            "check http 127.0.0.1:8080 /readyz",
            "flip 8080/livez 503",
            "flip 8080/readyz pass",
            "check http 127.0.0.1:8080 /readyz",
            "check http 127.0.0.1:8080 /livez",
            "flip 8080/readyz blackhole",
            "heal 8080/readyz",
            "check http 127.0.0.1:8080 /readyz",
            "flip 8080 closed",
            "flip 8080/readyz pass",
            "heal 8080/readyz",
            "check http 127.0.0.1:8080 /readyz",
            "flip 8080 pass",
            "check http 127.0.0.1:8080 /readyz",
            "flip 8080 fail",
            "check http 127.0.0.1:8080 /x",
            "check http 127.0.0.1:8080 /livez",
            "flip 8080 pass",
            "check http 127.0.0.1:8080 /x",
            "heal 8080",
            "check http 127.0.0.1:8080 /x",
            "check http 127.0.0.1:8080 /livez",
            "flip process stop-accepting",
            "flip 8080/x 503",
            "heal",
            "flip /readyz refuse",
            "check tcp 127.0.0.1:7000",
        ] {
            writeln!(story, "> {line}").unwrap();
            story += &say(&site.network, line, SERVING).await;
        }
        expect![[r#"
            > flip 8080/readyz refuse
            exit 0: 8080 is closed (revision 1, instance i1)
            > check http 127.0.0.1:8080 /readyz
            exit 1: error: connection refused
            > flip 8080/livez 503
            exit 0: 8080/livez is 503 (revision 2, instance i1), but port 8080 is closed, by a flip of /readyz
            > flip 8080/readyz pass
            exit 0: 8080/readyz is 200 (revision 3, instance i1)
            > check http 127.0.0.1:8080 /readyz
            exit 0: /readyz answers 200
            > check http 127.0.0.1:8080 /livez
            exit 1: error: /livez answers 503
            > flip 8080/readyz blackhole
            exit 0: 8080 is blackhole (revision 4, instance i1)
            > heal 8080/readyz
            exit 0: 8080/readyz is as in the base (revision 5, instance i1)
            > check http 127.0.0.1:8080 /readyz
            exit 0: /readyz answers 200
            > flip 8080 closed
            exit 0: 8080 is closed (revision 6, instance i1)
            > flip 8080/readyz pass
            exit 0: 8080/readyz is 200 (revision 7, instance i1), but port 8080 is closed, by a flip of the port
            > heal 8080/readyz
            exit 0: 8080/readyz is as in the base (revision 8, instance i1), but port 8080 is closed, by a flip of the port
            > check http 127.0.0.1:8080 /readyz
            exit 1: error: connection refused
            > flip 8080 pass
            exit 0: 8080 is open (revision 9, instance i1)
            8080/* is 200 (revision 10, instance i1)
            > check http 127.0.0.1:8080 /readyz
            exit 0: /readyz answers 200
            > flip 8080 fail
            exit 0: 8080/* is 503 (revision 11, instance i1)
            > check http 127.0.0.1:8080 /x
            exit 1: error: /x answers 503
            > check http 127.0.0.1:8080 /livez
            exit 1: error: /livez answers 503
            > flip 8080 pass
            exit 0: 8080/* is 200 (revision 12, instance i1)
            > check http 127.0.0.1:8080 /x
            exit 0: /x answers 200
            > heal 8080
            exit 0: 8080/* is as in the base (revision 13, instance i1)
            8080 is as in the base (revision 14, instance i1)
            > check http 127.0.0.1:8080 /x
            exit 0: /x answers 200
            > check http 127.0.0.1:8080 /livez
            exit 1: error: /livez answers 503
            > flip process stop-accepting
            exit 0: process stop-accepting is set (revision 15, instance i1)
            > flip 8080/x 503
            exit 0: 8080/x is 503 (revision 16, instance i1), but the process accepts on no port, by stop-accepting
            > heal
            exit 0: all flips are away (revision 17, instance i1)
            > flip /readyz refuse
            exit 0: 8080 is closed (revision 18, instance i1)
            > check tcp 127.0.0.1:7000
            exit 0: connected to 127.0.0.1:7000
        "#]].assert_eq(&story);
    });
}

#[test]
fn an_acknowledgement_names_the_effective_behaviour() {
    run(async {
        let site = Site::start(&["--port=8080"]).await;
        let mut story = String::new();
        for (call, body) in [
            ("PUT /v1/ports/8080/routes/x", r#"{"status":503}"#),
            (
                "PUT /v1/ports/8080/routes/x",
                r#"{"status":503,"after":"1s"}"#,
            ),
            (
                "PUT /v1/ports/8080/routes/x",
                r#"{"status":404,"agent":"kube-probe/"}"#,
            ),
            ("DELETE /v1/ports/8080/routes/x", ""),
            ("PUT /v1/ports/8080/routes/*", r#"{"fault":"hang"}"#),
            ("PUT /v1/ports/8080", r#"{"state":"closed","route":"/x"}"#),
            ("PUT /v1/ports/8080/routes/y", r#"{"status":503}"#),
            ("PUT /v1/ports/8080", r#"{"state":"blackhole"}"#),
            ("PUT /v1/ports/8080/routes/x", r#"{"status":200}"#),
            ("DELETE /v1/ports/8080", ""),
            ("PUT /v1/ports/9090", r#"{"protocol":"tcp"}"#),
            ("DELETE /v1/ports/9090", ""),
            ("POST /v1/heal", ""),
        ] {
            let (method, target) = call.split_once(' ').unwrap();
            let (status, answer) = site.control(method, target, body).await;
            assert_eq!(status, 200, "{call}: {answer}");
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            let (effective, because) = (&answer["effective"], &answer["because"]);
            writeln!(story, "{call} {body}\n    {effective} {because}").unwrap();
        }
        expect![[r#"
            PUT /v1/ports/8080/routes/x {"status":503}
                "503" null
            PUT /v1/ports/8080/routes/x {"status":503,"after":"1s"}
                "200" null
            PUT /v1/ports/8080/routes/x {"status":404,"agent":"kube-probe/"}
                "404" null
            DELETE /v1/ports/8080/routes/x 
                "200" null
            PUT /v1/ports/8080/routes/* {"fault":"hang"}
                "hang" null
            PUT /v1/ports/8080 {"state":"closed","route":"/x"}
                "closed" null
            PUT /v1/ports/8080/routes/y {"status":503}
                "closed" "port 8080 is closed, by a flip of /x"
            PUT /v1/ports/8080 {"state":"blackhole"}
                "blackhole" null
            PUT /v1/ports/8080/routes/x {"status":200}
                "blackhole" "port 8080 is blackhole, by a flip of the port"
            DELETE /v1/ports/8080 
                "open" null
            PUT /v1/ports/9090 {"protocol":"tcp"}
                "open" null
            DELETE /v1/ports/9090 
                null null
            POST /v1/heal 
                null null
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_port_of_loopback_listens_there_alone() {
    run(async {
        let site = Site::start(&["--port=127.0.0.1:8080", "--port=8081"]).await;
        let from_outside = |port| {
            let address = (Ipv4Addr::new(10, 0, 0, 1), port).into();
            site.network.connect(address)
        };
        assert_eq!(site.given(8080, "/").await, 200);
        assert!(from_outside(8080).await.is_err());
        assert!(from_outside(8081).await.is_ok());
        // Also after the port was closed and opened again.
        site.put("/v1/ports/8080", r#"{"state":"closed"}"#).await;
        site.put("/v1/ports/8080", r#"{"state":"open"}"#).await;
        assert_eq!(site.given(8080, "/").await, 200);
        assert!(from_outside(8080).await.is_err());
        let state = site.json("/v1/state").await;
        assert_eq!(state["ports"]["8080"]["address"], "127.0.0.1");
        let plan = site.json("/v1/plan").await;
        assert_eq!(plan["ports"]["8080"]["address"], "127.0.0.1");
    });
}
