//! Process faults: exit, signal, SIGTERM, memory and stop-accepting; each with bounds, shown in
//! `state`, and healed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// The recorded effects of a process.
#[derive(Clone, Default)]
struct Deeds {
    message: Arc<Mutex<String>>,
    memory: Arc<AtomicUsize>,
}

impl Effects for Deeds {
    fn write_termination_message(&self, message: &str) -> std::io::Result<()> {
        message.clone_into(&mut self.message.lock().unwrap());
        Ok(())
    }

    fn take_memory(&self, bytes: usize) -> std::io::Result<()> {
        self.memory.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn free_memory(&self) {
        self.memory.store(0, Ordering::Relaxed);
    }
}

impl Site {
    /// A target with recorded effects, and a sender of SIGTERMs.
    async fn alone(arguments: &[&str]) -> (Self, Deeds, tokio::sync::mpsc::UnboundedSender<()>) {
        let (network, deeds) = (Memory::default(), Deeds::default());
        let (sigterm, mut sent) = tokio::sync::mpsc::unbounded_channel();
        let process = Process {
            terminate: Box::new(move |context| sent.poll_recv(context).map(drop)),
            effects: Box::new(deeds.clone()),
            ..process(&network, arguments, std::future::pending())
        };
        let target = tokio::spawn(crate::run(process));
        let site = Self {
            network,
            end: None,
            target,
        };
        site.listens().await;
        (site, deeds, sigterm)
    }

    async fn post(&self, call: &str, body: &str) {
        let call = format!("/v1/process/{call}");
        let (status, answer) = self.control("POST", &call, body).await;
        assert_eq!(status, 200, "{call} {body}: {answer}");
    }

    async fn state(&self) -> Value {
        let (_, state) = self.control("GET", "/v1/state", "").await;
        serde_json::from_str(&state).unwrap()
    }

    /// The status that a prober gets; `None` without a response.
    async fn probed(&self, path: &str) -> Option<u16> {
        let address = (Ipv4Addr::LOCALHOST, 8080).into();
        let mut client = Client::connect(&self.network, address).await.ok()?;
        let request = Request {
            method: "GET",
            target: path,
            headers: &[("host", "web"), ("connection", "close")],
            body: &[],
        };
        let answer = timeout(Duration::from_secs(1), fetch(&mut client, &request)).await;
        Some(answer.ok()?.ok()?.status)
    }

    /// How the process ends, and in how many milliseconds from now.
    async fn ends(&mut self) -> (Ending, u128) {
        let from = Instant::now();
        let ending = (&mut self.target).await.unwrap();
        (ending, from.elapsed().as_millis())
    }

    async fn lives_for(&mut self, time: Duration) {
        assert!(timeout(time, &mut self.target).await.is_err());
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn signal(name: &str) -> Ending {
    Ending::Signal(crate::model::process_fault::Signal::named(name).unwrap())
}

#[test]
fn exit_and_signal_end_the_process_after_the_answer_with_their_message() {
    run(async {
        let (mut site, deeds, _sigterm) = Site::alone(&[]).await;
        let exit = r#"{"code":42,"message":"out of luck","after":"2s"}"#;
        site.post("exit", exit).await;
        assert_eq!(
            site.state().await["process"]["exit"]["flip"]["opens"],
            2_000_000
        );
        assert_eq!(site.ends().await, (Ending::Code(42), 2000));
        assert_eq!(*deeds.message.lock().unwrap(), "out of luck");

        let (mut site, deeds, _sigterm) = Site::alone(&[]).await;
        site.post("signal", r#"{"signal":"SIGSEGV"}"#).await;
        assert_eq!(site.ends().await, (signal("SIGSEGV"), 100));
        assert_eq!(*deeds.message.lock().unwrap(), "");
    });
}

#[test]
fn an_end_that_has_not_come_is_healed_or_lapses() {
    run(async {
        let (mut site, _, _sigterm) = Site::alone(&[]).await;
        site.post("exit", r#"{"after":"2s"}"#).await;
        site.control("DELETE", "/v1/process/exit", "").await;
        site.post("signal", r#"{"signal":"SIGKILL","after":"3s"}"#)
            .await;
        site.control("POST", "/v1/heal", "").await;
        site.put("/v1/lease", r#"{"for":"1s"}"#).await;
        site.post("exit", r#"{"after":"2s","leased":true}"#).await;
        assert_eq!(site.state().await["process"].as_object().unwrap().len(), 1);
        site.lives_for(SECOND * 60).await;
        assert_eq!(site.state().await.get("process"), None);
    });
}

#[test]
fn a_plan_and_a_command_line_can_say_it_from_the_start() {
    run(async {
        let (mut site, _, _sigterm) = Site::alone(&["--process", "exit code=3 after=5s"]).await;
        site.post("exit", r#"{"code":4,"after":"8s"}"#).await;
        site.control("POST", "/v1/heal", "").await;
        let plan = site.control("GET", "/v1/plan", "").await.1;
        assert!(
            plan.contains(r#""process":[{"after":"5s","code":3,"fault":"exit"}]"#),
            "{plan}"
        );
        assert_eq!(site.ends().await, (Ending::Code(3), 5000));
    });
}

#[test]
fn sigterm_is_followed_at_once_later_or_not_at_all() {
    run(async {
        let (mut site, _, sigterm) = Site::alone(&[]).await;
        sigterm.send(()).unwrap();
        assert_eq!(site.ends().await, (Ending::Code(0), 0));

        let (mut site, _, sigterm) = Site::alone(&[]).await;
        site.post("sigterm", r#"{"delay":"3s"}"#).await;
        sigterm.send(()).unwrap();
        site.lives_for(SECOND).await;
        assert_eq!(site.state().await["draining"], 3_000_000);
        assert_eq!(site.probed("/").await, Some(200));
        // A second SIGTERM changes nothing.
        sigterm.send(()).unwrap();
        assert_eq!(site.ends().await, (Ending::Code(0), 2000));

        let (mut site, _, sigterm) = Site::alone(&[]).await;
        site.post("sigterm", r#"{"ignore":true,"for":"30s"}"#).await;
        sigterm.send(()).unwrap();
        // An ignored SIGTERM is lost: neither the end of the bound nor a heal brings it back.
        site.lives_for(SECOND * 3600).await;
        site.control("POST", "/v1/heal", "").await;
        site.lives_for(SECOND).await;
        sigterm.send(()).unwrap();
        assert_eq!(site.ends().await, (Ending::Code(0), 0));
    });
}

#[test]
fn who_delays_sigterm_and_is_healed_delays_no_longer() {
    run(async {
        let (mut site, _, sigterm) = Site::alone(&[]).await;
        site.post("sigterm", r#"{"delay":"1h"}"#).await;
        sigterm.send(()).unwrap();
        site.lives_for(SECOND).await;
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(site.ends().await, (Ending::Code(0), 100));
    });
}

#[test]
fn readiness_can_fail_from_sigterm_on_while_liveness_stays() {
    run(async {
        let arguments = ["--port=8080", "--port=9000=grpc", "--port=7000=tcp"];
        let (mut site, _, sigterm) = Site::alone(&arguments).await;
        let fault = r#"{"delay":"20s","fail":["8080/readyz","/both","7000"]}"#;
        site.post("sigterm", fault).await;
        assert_eq!(site.probed("/readyz").await, Some(200));
        sigterm.send(()).unwrap();
        site.lives_for(SECOND).await;
        assert_eq!(site.probed("/readyz").await, Some(503));
        assert_eq!(site.probed("/healthz").await, Some(200));
        let ports = &site.state().await["ports"];
        assert_eq!(
            ports["9000"]["routes"]["/both"]["flip"]["set"]["status"],
            503
        );
        assert_eq!(
            (&ports["7000"]["state"], &ports["7000"]["listening"]),
            (&"closed".into(), &false.into())
        );
        assert_eq!(site.ends().await, (Ending::Code(0), 19_000));

        let (mut site, _, sigterm) = Site::alone(&[]).await;
        let fault = r#"{"ignore":true,"for":"10s","fail":["/readyz"]}"#;
        site.post("sigterm", fault).await;
        site.lives_for(SECOND * 4).await;
        sigterm.send(()).unwrap();
        site.lives_for(SECOND * 5).await;
        assert_eq!(site.probed("/readyz").await, Some(503));
        site.lives_for(SECOND).await;
        assert_eq!(site.probed("/readyz").await, Some(200), "the bound is over");
    });
}

#[test]
fn memory_is_taken_step_by_step_and_given_back_when_its_bound_ends() {
    run(async {
        let (mut site, deeds, _sigterm) = Site::alone(&[]).await;
        site.post("memory", r#"{"bytes":"10Mi","for":"30s"}"#).await;
        site.lives_for(SECOND).await;
        let held = || deeds.memory.load(Ordering::Relaxed);
        assert_eq!(
            (held(), site.state().await["memory"]["taken"].as_u64()),
            (10 << 20, Some(10 << 20))
        );
        site.post("memory", r#"{"bytes":5,"for":"30s"}"#).await;
        site.lives_for(SECOND).await;
        assert_eq!(held(), 5, "a later one takes the place of an earlier");
        assert_eq!(
            site.state().await["process"]["memory"]["flip"]["until"],
            31_100_000
        );
        site.lives_for(SECOND * 30).await;
        assert_eq!((held(), site.state().await.get("memory")), (0, None));
        site.post("memory", r#"{"bytes":7}"#).await;
        site.lives_for(SECOND).await;
        assert_eq!(held(), 7);
        site.control("POST", "/v1/heal", "").await;
        site.lives_for(SECOND).await;
        assert_eq!(held(), 0);
    });
}

#[test]
fn memory_that_cannot_be_had_is_said() {
    run(async {
        let mut site = Site::start(&[]).await;
        site.post("memory", r#"{"bytes":7}"#).await;
        site.lives_for(SECOND).await;
        let state = site.state().await;
        assert_eq!(
            state["memory"]["error"],
            "no more can be taken: out of memory"
        );
    });
}

#[test]
fn who_stops_accepting_leaves_clients_waiting_until_it_ends() {
    run(async {
        let site = Site::start(&["--port=8080", "--port=8081"]).await;
        site.put("/v1/ports/8081", r#"{"state":"closed"}"#).await;
        site.post("stop-accepting", r#"{"for":"5s"}"#).await;
        let state = site.state().await;
        assert_eq!(state["ports"]["8080"]["state"], "stop-accepting");
        assert_eq!(state["ports"]["8081"]["state"], "closed");
        assert_eq!(
            state["process"]["stop-accepting"]["flip"]["until"],
            5_000_000
        );
        let mut connection = site.connect(8080).await;
        let request = b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let told = told(&mut connection).await;
        assert!(told.starts_with("5000 ms: HTTP/1.1 200 OK"), "{told}");
        site.post("stop-accepting", "").await;
        assert_eq!(site.probed("/").await, None);
        site.control("DELETE", "/v1/process/stop-accepting", "")
            .await;
        assert_eq!(site.probed("/").await, Some(200));
    });
}

#[test]
fn what_comes_and_goes_does_so_to_the_millisecond() {
    run(async {
        let mut site = Site::start(&[]).await;
        let fault = r#"{"after":"2s","for":"3s","every":"10s"}"#;
        site.post("stop-accepting", fault).await;
        for (wait, answer) in [
            (1999, Some(200)),
            (2, None),
            (2000, Some(200)),
            (7000, None),
        ] {
            site.lives_for(Duration::from_millis(wait)).await;
            assert_eq!(site.probed("/").await, answer, "{wait}");
        }
    });
}

#[test]
fn what_cannot_be_done_is_refused_by_the_path_of_its_field() {
    run(async {
        let site = Site::start(&[]).await;
        for (call, body, field) in [
            ("exit", r#"{"code":256}"#, Some("code")),
            ("exit", r#"{"signal":"SIGKILL"}"#, Some("signal")),
            ("exit", r#"{"leased":true}"#, None),
            ("signal", "{}", Some("signal")),
            ("signal", r#"{"signal":"SIGSTOP"}"#, Some("signal")),
            ("sigterm", r#"{"ignore":true,"delay":"1s"}"#, None),
            (
                "sigterm",
                r#"{"ignore":true,"fail":["/a",1]}"#,
                Some("fail.1"),
            ),
            ("memory", "{}", Some("bytes")),
            ("memory", r#"{"bytes":0}"#, Some("bytes")),
            ("stop-accepting", r#"{"count":1}"#, Some("count")),
        ] {
            let call = format!("/v1/process/{call}");
            let (status, answer) = site.control("POST", &call, body).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let field = if body.contains("leased") {
                Some("leased")
            } else {
                field
            };
            let expected = if field == Some("leased") { 409 } else { 400 };
            assert_eq!(
                (status, answer["field"].as_str()),
                (expected, field),
                "{call} {body}"
            );
        }
        assert_eq!(site.control("POST", "/v1/process/sulk", "").await.0, 404);
        assert_eq!(site.control("PUT", "/v1/process/exit", "").await.0, 405);
        assert_eq!(site.state().await["revision"], 0, "nothing was changed");
    });
}

#[test]
fn a_port_in_use_is_no_matter_of_the_process() {
    run(async {
        let (site, _, _sigterm) = Site::alone(&[]).await;
        let address = (Ipv4Addr::UNSPECIFIED, 9000).into();
        let _theirs = site.network.listen(address).await.unwrap();
        assert_eq!(site.control("PUT", "/v1/ports/9000", "{}").await.0, 409);
        site.post("memory", r#"{"bytes":"1Mi"}"#).await;
        site.post("stop-accepting", "{}").await;
        assert_eq!(site.probed("/").await, None);
        let delete = site
            .control("DELETE", "/v1/process/stop-accepting", "")
            .await;
        assert_eq!(delete.0, 200, "{}", delete.1);
        assert_eq!(site.probed("/").await, Some(200));
    });
}
