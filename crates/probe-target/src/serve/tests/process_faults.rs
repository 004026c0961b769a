//! Exit, SIGTERM, stop accepting, memory: what a target can be told about its own process.

use super::*;

impl Site {
    async fn post(&self, call: &str, body: &str) -> u16 {
        let call = format!("/v1/process/{call}");
        self.control("POST", &call, body).await.0
    }
}

#[test]
fn exit_ends_the_process_with_its_code_after_the_answer() {
    run(async {
        let site = Site::start(&[]).await;
        assert_eq!(site.post("exit", r#"{"code":42,"after":"2s"}"#).await, 200);
        let told = Instant::now();
        assert_eq!(site.target.await.unwrap(), 42);
        assert_eq!(told.elapsed().as_secs(), 2);
    });
}

#[test]
fn sigterm_can_be_ignored_or_delayed_and_heal_undoes_both() {
    run(async {
        let site = Site::start(&[]).await;
        assert_eq!(site.post("sigterm", r#"{"delay":"3s"}"#).await, 200);
        let (_, state) = site.control("GET", "/v1/state", "").await;
        assert!(state.contains(r#""sigterm":"delayed by 3s""#), "{state}");
        let told = Instant::now();
        assert_eq!(site.terminate().await, 0);
        assert_eq!(told.elapsed().as_secs(), 3);

        let mut site = Site::start(&[]).await;
        assert_eq!(site.post("sigterm", r#"{"ignore":true}"#).await, 200);
        site.end.take().map(|end| end.send(()));
        let ended = timeout(Duration::from_hours(1), &mut site.target).await;
        assert!(ended.is_err(), "SIGTERM must be ignored");

        let site = Site::start(&[]).await;
        assert_eq!(site.post("sigterm", r#"{"ignore":true}"#).await, 200);
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(site.terminate().await, 0);
    });
}

#[test]
fn who_stops_accepting_leaves_clients_waiting_until_it_ends() {
    run(async {
        let site = Site::start(&[]).await;
        assert_eq!(site.post("stop-accepting", r#"{"for":"5s"}"#).await, 200);
        let mut connection = site.connect(8080).await;
        let request = b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let told = told(&mut connection).await;
        assert!(told.starts_with("5000 ms: HTTP/1.1 200 OK"), "{told}");
    });
}

#[test]
fn what_a_shared_process_cannot_do_is_not_implemented() {
    run(async {
        let site = Site::start(&[]).await;
        assert_eq!(site.post("memory", r#"{"bytes":1024}"#).await, 501);
        assert_eq!(site.post("exit", r#"{"message":"why"}"#).await, 501);
        for (call, body) in [
            ("exit", r#"{"code":256}"#),
            ("exit", r#"{"signal":9}"#),
            ("sigterm", r#"{"ignore":true,"delay":"1s"}"#),
            ("memory", "{}"),
            ("stop-accepting", r#"{"count":1}"#),
        ] {
            assert_eq!(site.post(call, body).await, 400, "{call} {body}");
        }
        let state = site.control("GET", "/v1/state", "").await;
        assert!(state.1.contains(r#""revision":0"#), "nothing was changed");
    });
}
