//! The other commands against a whole target: the control client, `check` and the traffic client.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

/// The output of a command.
#[derive(Clone, Default)]
pub(super) struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(super) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a command to its end; returns its exit code and output.
pub(super) async fn say(network: &Memory, line: &str, system: System) -> String {
    let printed = Printed::default();
    let arguments: Vec<_> = line.split(' ').collect();
    let mut command = process(network, &arguments, std::future::pending());
    command.output = Box::new(printed.clone());
    command.errors = Box::new(printed.clone());
    command.files = Arc::new(system);
    let code = crate::run(command).await.code();
    format!("exit {code}: {}", printed.take())
}

/// Files that contain the command line of process 1 only, if anything.
#[derive(Clone, Copy)]
pub(super) struct System(Option<&'static str>);

impl Files for System {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        assert_eq!(path, "/proc/1/cmdline");
        let line = self.0.map(|line| line.as_bytes().to_vec());
        line.ok_or(io::ErrorKind::PermissionDenied.into())
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

pub(super) const SERVING: System = System(Some("/probe-target\0--port\08080\0--port\08081\0"));

#[test]
fn the_control_client_finds_its_target_by_the_command_line_of_process_1() {
    run(async {
        let ports = ["--port", "8080", "--port", "8081", "--port", "7000=tcp"];
        let site = Site::start(&ports).await;
        let mut story = String::new();
        for line in [
            "flip 7000/readyz 503",
            "flip 8080/readyz 503 --for 30s",
            "flip /readyz hang",
            "flip 8081 refuse",
            "check http 127.0.0.1:8081 /",
            "heal 8081",
            "heal /readyz",
            "heal",
            "flip 7000 fail",
            "check tcp 127.0.0.1:7000",
            "flip 7000 pass",
            "check tcp 127.0.0.1:7000",
            "flip 8080 fail",
            "flip 9000/x 200",
            "flip 8081 refuse --count 1",
            "check http 127.0.0.1:8081 /",
            "check tcp 127.0.0.1:8081",
            "check tcp 127.0.0.1:9999",
        ] {
            story += &say(&site.network, line, SERVING).await;
        }
        expect![[r#"
            exit 1: error: 127.0.0.1:18080: `port`: 7000 speaks tcp and has no routes; what it does is its state
            exit 0: 8080/readyz is 503 (revision 1, instance i1)
            exit 0: 8080/readyz is hang (revision 2, instance i1)
            8081/readyz is hang (revision 3, instance i1)
            exit 0: 8081 is closed (revision 4, instance i1)
            exit 1: error: connection refused
            exit 0: 8081 is as in the base (revision 5, instance i1)
            exit 0: 7000/readyz is as in the base (revision 6, instance i1)
            8080/readyz is as in the base (revision 7, instance i1)
            8081/readyz is as in the base (revision 8, instance i1)
            exit 0: all flips are away (revision 9, instance i1)
            exit 0: 7000 is closed (revision 10, instance i1)
            exit 1: error: connection refused
            exit 0: 7000 is open (revision 11, instance i1)
            exit 0: connected to 127.0.0.1:7000
            exit 0: 8080/* is 503 (revision 12, instance i1)
            exit 1: error: 127.0.0.1:18080: `port`: there is no port 9000 here, only 7000, 8080, 8081
            exit 2: error: `--count`: nothing can be counted on a port that is closed
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
            exit 0: / answers 200
            exit 0: connected to 127.0.0.1:8081
            exit 1: error: connection refused
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn without_a_target_to_be_sure_of_nothing_is_flipped() {
    run(async {
        let network = Memory::default();
        let mut story = String::new();
        let paused = System(Some("/pause\0"));
        story += &say(&network, "flip 8080/x 503", paused).await;
        story += &say(&network, "heal", System(None)).await;
        story += &say(&network, "state", SERVING).await;
        story += &say(&network, "state --control localhost:1", SERVING).await;
        expect![[r#"
            exit 2: error: `--control`: must be given, as process 1 is no probe-target that serves; for a target that runs beside this program, say `--control 127.0.0.1:PORT` or set PROBE_TARGET_CONTROL; PORT is its first port + 10000, or what its own --control says
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
            exit 2: error: `--control`: must be given, as the command line of process 1 cannot be read; for a target that runs beside this program, say `--control 127.0.0.1:PORT` or set PROBE_TARGET_CONTROL; PORT is its first port + 10000, or what its own --control says
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
            exit 1: error: 127.0.0.1:18080: connection refused; for a target that runs beside this program, say `--control 127.0.0.1:PORT` or set PROBE_TARGET_CONTROL; PORT is its first port + 10000, or what its own --control says
            exit 2: error: `--control`: must be a numeric address such as 127.0.0.1:8080, not `localhost:1`; names are not resolved
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_check_tells_what_it_saw() {
    run(async {
        let routes = "/bad=404 /moved=302 /hang=hang /reset=reset /close=close";
        let arguments: Vec<_> = routes
            .split(' ')
            .flat_map(|route| ["--route", route])
            .collect();
        let site = Site::start(&arguments).await;
        let mut story = String::new();
        for path in ["/", "/bad", "/moved", "/hang", "/reset", "/close"] {
            let line = format!("check http 127.0.0.1:8080 {path} --timeout 2s");
            story += &say(&site.network, &line, SERVING).await;
        }
        expect![[r#"
            exit 0: / answers 200
            exit 1: error: /bad answers 404
            exit 0: /moved answers 302
            exit 1: error: no answer within 2s
            exit 1: error: connection reset
            exit 1: error: closed before a whole answer
        "#]]
        .assert_eq(&story);
    });
}

/// Runs a traffic client for a second; returns each sample as `sent outcome status took`, with
/// times in milliseconds.
pub(super) async fn samples(site: &Site, options: &[&str]) -> String {
    let control = (Ipv4Addr::LOCALHOST, 20_000).into();
    let mut arguments = vec!["traffic", "127.0.0.1:8080", "--control", "127.0.0.1:20000"];
    arguments.extend(["--rate", "5/s", "--timeout", "500ms"]);
    arguments.extend(options);
    let end = tokio::time::sleep(Duration::from_millis(1_900));
    let mut users = process(&site.network, &arguments, end);
    let told = Printed::default();
    users.output = Box::new(told.clone());
    let users = tokio::spawn(crate::run(users));
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let mut client = Client::connect(&site.network, control).await.unwrap();
    let request = Request {
        method: "GET",
        target: "/v1/journal",
        headers: &[("host", "localhost")],
        body: &[],
    };
    let journal = fetch(&mut client, &request).await.unwrap().body;
    let journal: crate::model::answer::Journal<crate::model::answer::Sample> =
        serde_json::from_slice(&journal).unwrap();
    assert_eq!(users.await.unwrap().code(), 0);
    let mut story = String::new();
    for sample in journal
        .records
        .iter()
        .filter(|sample| sample.sent.as_micros() < 1_000_000)
    {
        let (sent, took) = (sample.sent.as_micros() / 1000, sample.took / 1000);
        let status = sample
            .status
            .map(|status| status.to_string())
            .unwrap_or_default();
        writeln!(story, "{sent} {:?} {status} {took}", sample.outcome).unwrap();
    }
    let told: serde_json::Value = serde_json::from_str(&told.take()).unwrap();
    writeln!(story, "{} sent: {}", told["sent"], told["outcomes"]).unwrap();
    story
}

#[test]
fn users_ask_at_times_fixed_in_advance_whatever_comes() {
    run(async {
        let site = Site::start(&[]).await;
        let changes = async {
            let route = "/v1/ports/8080/routes/";
            tokio::time::sleep(Duration::from_millis(100)).await;
            site.put(route, r#"{"status":503,"delay":"300ms"}"#).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            site.put(route, r#"{"fault":"hang"}"#).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            site.put(route, r#"{"fault":"reset"}"#).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            site.put("/v1/ports/8080", r#"{"state":"closed"}"#).await;
        };
        let (story, ()) = tokio::join!(samples(&site, &["--fresh"]), changes);
        expect![[r#"
            0 Ok 200 0
            200 Status 503 300
            600 Reset  0
            800 Refused  0
            400 Timeout  500
            10 sent: {"ok":1,"refused":6,"reset":1,"status":1,"timeout":1}
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_status_that_was_read_is_told_whatever_becomes_of_the_body() {
    run(async {
        let site = Site::start(&[]).await;
        let faults = r#"{"sequence":["stall-body","reset-body","short-body","cut-chunk","hang"]}"#;
        site.put("/v1/ports/8080/routes/", faults).await;
        expect![[r#"
            200 Reset 200 0
            400 Error 200 0
            0 Timeout 200 500
            600 Error 200 0
            800 Timeout  500
            10 sent: {"error":2,"ok":5,"reset":1,"timeout":2}
        "#]]
        .assert_eq(&samples(&site, &["--fresh"]).await);
    });
}

#[test]
fn established_connections_outlive_a_closed_port_and_fresh_ones_do_not() {
    run(async {
        let site = Site::start(&[]).await;
        let close = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            site.put("/v1/ports/8080", r#"{"state":"closed"}"#).await;
        };
        let (kept, ()) = tokio::join!(samples(&site, &[]), close);
        assert_eq!(kept.matches(" Ok 200 0\n").count(), 5, "{kept}");
        let fresh = samples(&site, &["--fresh"]).await;
        assert_eq!(fresh.matches(" Refused  0\n").count(), 5, "{fresh}");
    });
}

#[test]
fn without_http_a_connection_is_the_whole_request() {
    run(async {
        let site = Site::start(&["--port=8080=tcp"]).await;
        let close = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            site.put("/v1/ports/8080", r#"{"state":"closed"}"#).await;
        };
        let (story, ()) = tokio::join!(samples(&site, &["--protocol=tcp"]), close);
        expect![[r#"
            0 Ok  0
            200 Ok  0
            400 Ok  0
            600 Refused  0
            800 Refused  0
            10 sent: {"ok":3,"refused":7}
        "#]]
        .assert_eq(&story);
        let site = Site::start(&["--port=8080=grpc"]).await;
        let story = samples(&site, &["--protocol=grpc"]).await;
        assert_eq!(story.matches(" Ok  0\n").count(), 5, "{story}");
    });
}

/// Runs a traffic client at 10/s; after 450 ms the clock leaps. Returns how many requests it sent
/// and skipped by 2 s.
async fn sent_and_skipped(site: &Site, leap: Duration) -> (u64, u64) {
    let line = "traffic 127.0.0.1:8080 --control 127.0.0.1:20000 --rate 10/s --timeout 10s";
    let arguments: Vec<_> = line.split(' ').collect();
    let end = tokio::time::sleep(Duration::from_millis(1_950));
    let mut users = process(&site.network, &arguments, end);
    let told = Printed::default();
    users.output = Box::new(told.clone());
    let users = tokio::spawn(crate::run(users));
    tokio::time::sleep(Duration::from_millis(450)).await;
    tokio::time::advance(leap).await;
    assert_eq!(users.await.unwrap().code(), 0);
    let told: crate::model::answer::Traffic = serde_json::from_str(&told.take()).unwrap();
    (told.sent, told.skipped)
}

#[test]
fn only_a_delay_of_the_client_itself_makes_it_miss_its_rate() {
    run(async {
        let site = Site::start(&["--route", "/=hang"]).await;
        assert_eq!(sent_and_skipped(&site, Duration::ZERO).await, (20, 0));
        // At 1,450 ms, those due from 500 to 1,300 ms are late by more than 100 ms.
        let second = Duration::from_secs(1);
        assert_eq!(sent_and_skipped(&site, second).await, (11, 9));
    });
}

#[test]
fn a_traffic_client_has_a_state_and_nothing_to_change() {
    run(async {
        let network = Memory::default();
        let line =
            "traffic 10.0.0.1:80 --control 127.0.0.1:18080 --rate 120/m --host web --path /x?y";
        let arguments: Vec<_> = line.split(' ').collect();
        let users = process(&network, &arguments, std::future::pending());
        let site = Site {
            network,
            end: None,
            target: tokio::spawn(crate::run(users)),
        };
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (_, state) = site.control("GET", "/v1/state", "").await;
        expect![[r#"
            {"instance":"i1","revision":0,"uptime":700000,"ports":{},"journal":{"written":2,"lost":0},"traffic":{"address":"10.0.0.1:80","protocol":"http","host":"web","path":"/x?y","interval":500000,"fresh":false,"timeout":1000000,"sent":2,"skipped":0,"outcomes":{"refused":2}}}
        "#]]
        .assert_eq(&state);
        for (method, call) in [("POST", "/v1/heal"), ("GET", "/v1/plan")] {
            assert_eq!(site.control(method, call, "").await.0, 404);
        }
    });
}
