//! The control API of a whole target: the shapes of responses, rejected calls, leases, and the
//! three ways to read the journal.

use super::*;

impl Site {
    /// A request to a data port with a complete response.
    async fn asked(&self, port: u16, path: &str) -> u16 {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut client = Client::connect(&self.network, address).await.unwrap();
        ask(&mut client, path).await
    }

    /// Makes a control call that must be rejected with this status.
    async fn refused(&self, call: &str, body: &str, status: u16, expected: Expect) {
        let (method, target) = call.split_once(' ').unwrap();
        let (seen, answer) = self.control(method, target, body).await;
        assert_eq!(seen, status, "{call}: {answer}");
        expected.assert_eq(&answer);
    }

    /// Makes a control call with an additional header.
    async fn headed(&self, header: (&str, &str), method: &str, target: &str) -> u16 {
        let mut client = Client::connect(&self.network, control()).await.unwrap();
        let request = Request {
            method,
            target,
            headers: &[("host", "localhost"), header],
            body: &[],
        };
        fetch(&mut client, &request).await.unwrap().status
    }
}

async fn ask(client: &mut Client<End>, path: &str) -> u16 {
    let request = Request {
        method: "GET",
        target: path,
        headers: &[("host", "web")],
        body: &[],
    };
    fetch(client, &request).await.unwrap().status
}

#[test]
fn state_tells_everything() {
    run(async {
        let site = Site::start(&["--port=8080", "--port=8081", "--route=8080/hehe=404"]).await;
        site.put("/v1/lease", r#"{"for":"30s"}"#).await;
        let flip = r#"{"status":503,"count":2,"leased":true}"#;
        site.put("/v1/ports/8080/routes/readyz", flip).await;
        site.put("/v1/ports/8081", r#"{"state":"closed","for":"10s"}"#)
            .await;
        assert_eq!(site.asked(8080, "/readyz").await, 503);
        let (_, state) = site.control("GET", "/v1/state", "").await;
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        everything().assert_eq(&serde_json::to_string_pretty(&state).unwrap());
    });
}

fn everything() -> Expect {
    expect![[r#"
        {
          "instance": "i1",
          "journal": {
            "lost": 0,
            "written": 1
          },
          "lease": 30000000,
          "ports": {
            "8080": {
              "base": {
                "set": {
                  "protocol": "http",
                  "state": "open"
                },
                "since": 0
              },
              "connections": {
                "accepted": 1,
                "open": 0
              },
              "hits": {
                "/readyz": {
                  "begun": 1,
                  "bytes": 24,
                  "ended": [
                    {
                      "count": 1,
                      "flipped": true,
                      "reply": "503"
                    }
                  ],
                  "last": 0
                }
              },
              "listening": true,
              "protocol": "http",
              "routes": {
                "/hehe": {
                  "base": {
                    "set": {
                      "status": 404
                    },
                    "since": 0
                  }
                },
                "/readyz": {
                  "flip": {
                    "left": 1,
                    "set": {
                      "count": 2,
                      "leased": true,
                      "status": 503
                    },
                    "since": 0
                  }
                }
              },
              "state": "open"
            },
            "8081": {
              "base": {
                "set": {
                  "protocol": "http",
                  "state": "open"
                },
                "since": 0
              },
              "connections": {
                "accepted": 0,
                "open": 0
              },
              "flip": {
                "set": {
                  "for": "10s",
                  "state": "closed"
                },
                "since": 0,
                "until": 10000000
              },
              "listening": false,
              "protocol": "http",
              "routes": {},
              "state": "closed"
            }
          },
          "revision": 3,
          "uptime": 0
        }"#]]
}

#[test]
fn every_answer_names_the_process_and_its_revision() {
    run(async {
        let site = Site::start(&[]).await;
        for target in ["/v1/state", "/v1/journal", "/v1/nothing"] {
            let mut connection = site.network.connect(control()).await.unwrap();
            let request =
                format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let story = told(&mut connection).await;
            let named = story.contains(r"probeflip-instance: i1\r\n");
            let dated = story.contains(r"probeflip-revision: 0\r\n");
            assert!(named && dated, "{story}");
        }
    });
}

#[test]
fn every_answer_names_pod_and_container() {
    run(async {
        let network = Memory::default();
        let mut process = process(&network, &[], std::future::pending());
        for (name, value) in [("HOSTNAME", "web-1"), ("PROBE_TARGET_CONTAINER", "main")] {
            process
                .environment
                .insert(name.to_owned(), value.to_owned());
        }
        let site = Site {
            network,
            end: None,
            target: tokio::spawn(crate::run(process)),
        };
        site.listens().await;
        for (port, call) in [
            (18_080, "GET /v1/state"),
            (18_080, "GET /nothing"),
            (8080, "GET /"),
        ] {
            let mut connection = site.connect(port).await;
            let request = format!("{call} HTTP/1.0\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let answer = told(&mut connection).await;
            for header in [
                r"\r\nprobeflip-pod: web-1\r\n",
                r"\r\nprobeflip-container: main\r\n",
            ] {
                assert!(answer.contains(header), "{port} {call}: {answer}");
            }
        }
    });
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    run(async {
        let site = Site::start(&[]).await;
        for (path, expected) in [
            (
                "/v1/plan",
                expect![[r#"
                0 ms: HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nprobeflip-revision: 0\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 54\r\n\r\n
                0 ms: FIN
            "#]],
            ),
            (
                "/v1/journal/stream",
                expect![[r#"
                0 ms: HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nprobeflip-revision: 0\r\nprobeflip-instance: i1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n
                0 ms: FIN
            "#]],
            ),
            (
                "/v1/heal",
                expect![[r#"
                0 ms: HTTP/1.1 405 Method Not Allowed\r\ncontent-type: application/json\r\nprobeflip-revision: 0\r\nallow: POST\r\nprobeflip-instance: i1\r\nconnection: close\r\ncontent-length: 84\r\n\r\n
                0 ms: FIN
            "#]],
            ),
        ] {
            let mut connection = site.network.connect(control()).await.unwrap();
            let headers = "host: localhost\r\nconnection: close\r\n";
            let request = format!("HEAD {path} HTTP/1.1\r\n{headers}\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            expected.assert_eq(&told(&mut connection).await);
        }
    });
}

#[test]
fn the_index_is_a_list_of_calls_and_for_browsers_a_page() {
    run(async {
        let site = Site::start(&[]).await;
        let asked = async |path: &str, headers: &str| {
            let lines = format!("host: localhost:18080\r\n{headers}");
            let request = format!("GET {path} HTTP/1.1\r\n{lines}\r\n");
            site.answers(18_080, &request).await
        };
        let calls = asked("/", "accept: */*\r\n").await;
        assert!(calls.contains("content-type: text/plain;"), "{calls}");
        assert!(calls.contains(r"\nPUT    /v1/lease "), "{calls}");
        let html = "accept: text/html,*/*;q=0.8\r\n";
        let page = asked("/", html).await;
        assert!(page.contains("content-type: text/html;"), "{page}");
        assert!(page.contains("<option>stall-body"), "{page}");
        let policy = r"content-security-policy: default-src \'none\'; script-src \'self\'; ";
        assert!(page.contains(policy), "{page}");
        for (file, media) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
            let answer = asked(file, html).await;
            assert!(
                answer.contains(&format!("content-type: {media};")),
                "{answer}"
            );
        }
        let framed = asked("/", &format!("{html}sec-fetch-site: cross-site\r\n")).await;
        assert!(framed.starts_with("0 ms: HTTP/1.1 403 "), "{framed}");
    });
}

#[test]
fn a_change_that_means_another_process_is_refused() {
    run(async {
        let site = Site::start(&[]).await;
        let (other, this) = (("probeflip-instance", "i0"), ("probeflip-instance", "i1"));
        assert_eq!(site.headed(other, "POST", "/v1/heal").await, 409);
        assert_eq!(site.headed(this, "POST", "/v1/heal").await, 200);
        assert_eq!(site.headed(other, "GET", "/v1/state").await, 200);
    });
}

#[test]
fn bad_input_is_refused_with_the_path_of_the_field() {
    run(async {
        let site = Site::start(&[]).await;
        let route = "PUT /v1/ports/8080/routes/x";
        site.refused(route, r#"{"status":99}"#, 400, expect![[r#"
            {"error":"must be a status from 200 to 999, not 99","field":"status","instance":"i1","revision":0}
        "#]]).await;
        site.refused(
            route,
            r#"{"status":200,"headers":{"x":1}}"#,
            400,
            expect![[r#"
            {"error":"must be a string, not 1","field":"headers.x","instance":"i1","revision":0}
        "#]],
        )
        .await;
        site.refused(route, "{", 400, expect![[r#"
            {"error":"not valid JSON: EOF while parsing an object at line 1 column 1","instance":"i1","revision":0}
        "#]]).await;
        site.refused("PUT /v1/ports/9000/routes/x", r#"{"status":200}"#, 404, expect![[r#"
            {"error":"there is no port 9000 here, only 8080","field":"port","instance":"i1","revision":0}
        "#]]).await;
        site.refused("PUT /v1/ports/18080", "{}", 400, expect![[r#"
            {"error":"18080 is the control address's and cannot be probed","field":"port","instance":"i1","revision":0}
        "#]]).await;
        site.refused(
            "GET /v1/heal",
            "",
            405,
            expect![[r#"
                {"error":"GET is not for this path, which takes POST","instance":"i1","revision":0}
            "#]],
        )
        .await;
        let large = format!(r#"{{"status":200,"body":"{}"}}"#, "x".repeat(64 * 1024));
        site.refused(
            route,
            &large,
            413,
            expect![[r#"
            {"error":"a body has at most 65536 bytes","instance":"i1","revision":0}
        "#]],
        )
        .await;
    });
}

#[test]
fn callers_who_dawdle_are_let_go() {
    run(async {
        let site = Site::start(&[]).await;
        let mut slow = site.network.connect(control()).await.unwrap();
        slow.write_all(b"GET /v1/state HTT").await.unwrap();
        assert_eq!(told(&mut slow).await, "5000 ms: FIN\n");
        let mut slow = site.network.connect(control()).await.unwrap();
        let head = b"PUT /v1/lease HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{";
        slow.write_all(head).await.unwrap();
        let story = told(&mut slow).await;
        assert!(story.starts_with("5000 ms: HTTP/1.1 408"), "{story}");
    });
}

#[test]
fn an_address_that_others_reach_asks_for_the_token() {
    run(async {
        let network = Memory::default();
        let arguments = ["--port", "8080", "--control", "0.0.0.0:18080"];
        let open = process(&network, &arguments, std::future::pending());
        assert_eq!(crate::run(open).await.code(), 2, "there is no token");
        let mut closed = process(&network, &arguments, std::future::pending());
        let token = "PROBE_TARGET_TOKEN".to_owned();
        closed.environment.insert(token, "secret".to_owned());
        let site = Site {
            network,
            end: None,
            target: tokio::spawn(crate::run(closed)),
        };
        tokio::task::yield_now().await;
        let state = "/v1/state";
        assert_eq!(site.control("GET", state, "").await.0, 401);
        for (token, status) in [("secret", 200), ("secre", 401), ("secret1", 401)] {
            let shown = format!("Bearer {token}");
            let header = ("authorization", shown.as_str());
            assert_eq!(site.headed(header, "GET", state).await, status, "{token}");
        }
        // A browser loads the page without a token, and shows nothing until it has one.
        for file in ["/", "/page.css", "/page.js"] {
            assert_eq!(site.control("GET", file, "").await.0, 200, "{file}");
        }
        // The token does not admit pages of other sites.
        let lines = "host: localhost\r\norigin: http://a\r\nauthorization: Bearer secret";
        let request = format!("GET {state} HTTP/1.1\r\n{lines}\r\n\r\n");
        let answer = site.answers(18_080, &request).await;
        assert!(answer.starts_with("0 ms: HTTP/1.1 403 "), "{answer}");
    });
}

#[test]
fn a_flip_is_in_force_on_open_connections_from_its_acknowledgement_on() {
    run(async {
        let site = Site::start(&[]).await;
        let address = (Ipv4Addr::LOCALHOST, 8080).into();
        let mut client = Client::connect(&site.network, address).await.unwrap();
        for status in [503, 200, 404, 999] {
            let flip = format!(r#"{{"status":{status}}}"#);
            site.put("/v1/ports/8080/routes/", &flip).await;
            assert_eq!(ask(&mut client, "/?query").await, status);
        }
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(ask(&mut client, "/").await, 200);
    });
}

#[test]
fn leased_flips_end_with_a_lease_that_is_not_renewed() {
    run(async {
        let site = Site::start(&[]).await;
        let (route, flip) = ("/v1/ports/8080/routes/", r#"{"status":503,"leased":true}"#);
        site.refused(&format!("PUT {route}"), flip, 409, expect![[r#"
            {"error":"no lease runs; put one to /v1/lease first","field":"leased","instance":"i1","revision":0}
        "#]]).await;
        let lease = r#"{"for":"30s"}"#;
        site.put("/v1/lease", lease).await;
        site.put(route, flip).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        site.put("/v1/lease", lease).await;
        tokio::time::sleep(Duration::from_millis(29_999)).await;
        assert_eq!(site.asked(8080, "/").await, 503);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(site.asked(8080, "/").await, 200);
    });
}

#[test]
fn the_journal_is_read_from_any_record_on_and_counts_what_it_lost() {
    run(async {
        let site = Site::start(&["--journal", "2"]).await;
        for path in ["/a", "/b", "/a"] {
            site.asked(8080, path).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (_, all) = site.control("GET", "/v1/journal", "").await;
        expect![[r#"
            {"instance":"i1","revision":0,"lost":1,"next":3,"records":[{"seq":1,"at":5000,"took":0,"port":8080,"path":"/b","method":"GET","peer":"127.0.0.1:40000","reply":"200","flipped":false,"revision":0,"bytes":7},{"seq":2,"at":10000,"took":0,"port":8080,"path":"/a","method":"GET","peer":"127.0.0.1:40000","reply":"200","flipped":false,"revision":0,"bytes":7,"gap":10000}]}
        "#]]
        .assert_eq(&all);
        let (_, last) = site.control("GET", "/v1/journal?since=2", "").await;
        assert!(
            last.contains(r#""lost":0,"next":3,"records":[{"seq":2,"#),
            "{last}"
        );
    });
}

#[test]
fn a_wait_ends_with_the_hit_it_waits_for_or_in_time() {
    run(async {
        let site = Site::start(&[]).await;
        site.asked(8080, "/x").await;
        let hits = async {
            for path in ["/other", "/x", "/x"] {
                tokio::time::sleep(Duration::from_secs(1)).await;
                site.asked(8080, path).await;
            }
        };
        let call = "/v1/journal/wait?port=8080&path=/x&hits=2&timeout=10s";
        let wait = async {
            let (status, journal) = site.control("GET", call, "").await;
            assert_eq!(status, 200, "{journal}");
            let journal: serde_json::Value = serde_json::from_str(&journal).unwrap();
            let records = journal["records"].as_array().unwrap();
            let times: Vec<_> = records.iter().map(|record| record["at"].as_u64()).collect();
            assert_eq!(times, [Some(2_000_000), Some(3_000_000)]);
        };
        tokio::join!(hits, wait);
        let call = "GET /v1/journal/wait?hits=2&timeout=1s&since=3";
        site.refused(
            call,
            "",
            408,
            expect![[r#"
            {"error":"1 of 2 hits came in time","field":"hits","instance":"i1","revision":0}
        "#]],
        )
        .await;
    });
}

#[test]
fn the_stream_tells_what_was_what_was_lost_and_what_comes() {
    run(async {
        let site = Site::start(&["--journal", "1"]).await;
        site.asked(8080, "/a").await;
        site.asked(8080, "/b").await;
        let mut stream = site.network.connect(control()).await.unwrap();
        let request = b"GET /v1/journal/stream HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            site.asked(8080, "/c").await;
        };
        let (story, ()) = tokio::join!(told(&mut stream), later);
        let body = story.split(r"\r\n\r\n").skip(1).collect::<String>();
        expect![[r#"
            B\r\n: journal\n\n\r\nBA\r\nevent: lost\ndata: {\"lost\":1}\n\nid: 1\ndata: {\"seq\":1,\"at\":0,\"took\":0,\"port\":8080,\"path\":\"/b\",\"method\":\"GET\",\"peer\":\"127.0.0.1:40000\",\"reply\":\"200\",\"flipped\":false,\"revision\":0,\"bytes\":7}\n\n\r\n
            1000 ms: A2\r\nid: 2\ndata: {\"seq\":2,\"at\":1000000,\"took\":0,\"port\":8080,\"path\":\"/c\",\"method\":\"GET\",\"peer\":\"127.0.0.1:40000\",\"reply\":\"200\",\"flipped\":false,\"revision\":0,\"bytes\":7}\n\n\r\n
            and nothing more
        "#]]
        .assert_eq(&body);
    });
}

#[test]
fn the_stream_says_up_to_which_time_it_is_complete() {
    run(async {
        let site = Site::start(&[]).await;
        let mut stream = site.network.connect(control()).await.unwrap();
        let request = b"GET /v1/journal/stream?through=2s HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let later = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            site.asked(8080, "/a").await;
        };
        let mut received = Vec::new();
        let five_seconds = timeout(Duration::from_secs(5), stream.read_to_end(&mut received));
        let (unended, ()) = tokio::join!(five_seconds, later);
        assert!(unended.is_err(), "the stream must not end");
        let received = String::from_utf8(received).unwrap();
        let events = received.split("\n\n").filter_map(|event| {
            let start = event.find("event: ").or_else(|| event.find("id: "))?;
            Some(event[start..].lines().collect::<Vec<_>>().join(" "))
        });
        let events: Vec<String> = events.collect();
        expect![[r#"
            event: through data: {"through":2000000}
            id: 0 data: {"seq":0,"at":3000000,"took":0,"port":8080,"path":"/a","method":"GET","peer":"127.0.0.1:40000","reply":"200","flipped":false,"revision":0,"bytes":7}
            event: through data: {"through":4000000}"#]].assert_eq(&events.join("\n"));
    });
}

#[test]
fn the_plan_starts_another_target_the_same() {
    run(async {
        let site = Site::start(&["--port", "8080", "--route", "/hehe=404"]).await;
        site.put("/v1/ports/8080/routes/x", r#"{"fault":"reset"}"#)
            .await;
        let (_, plan) = site.control("GET", "/v1/plan", "").await;
        expect![[r#"
            {"ports":{"8080":{"protocol":"http","routes":{"/hehe":{"status":404},"/x":{"fault":"reset"}},"state":"open"}}}
        "#]]
        .assert_eq(&plan);
        let read = crate::model::plan::Plan::parse(plan.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap() + "\n", plan);
    });
}
