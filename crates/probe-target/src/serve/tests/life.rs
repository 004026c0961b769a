//! The start and the end of a target as its command line says: closed ports at first, the drain,
//! exit codes, and a target without ports.

use super::others::{Printed, SERVING, say};
use super::*;

/// Sends SIGTERM, and returns how the target ends and after how many milliseconds.
async fn ended(site: Site) -> String {
    let start = Instant::now();
    let code = site.terminate().await.code();
    format!("exit {code} after {} ms", start.elapsed().as_millis())
}

#[test]
fn ports_stay_closed_until_the_start_is_over() {
    run(async {
        let arguments = [
            "--start-after=20s",
            "--port=8080",
            "--port=127.0.0.1:9000=grpc",
            "--port=7000=tcp",
        ];
        let site = Site::start(&arguments).await;
        let (_, plan) = site.control("GET", "/v1/plan", "").await;
        expect![[r#"
            {"ports":{"7000":{"for":"20s","protocol":"tcp","state":"closed"},"8080":{"for":"20s","protocol":"http","state":"closed"},"9000":{"address":"127.0.0.1","for":"20s","protocol":"grpc","state":"closed"}}}
        "#]].assert_eq(&plan);
        let checks = [
            "check http 127.0.0.1:8080 /",
            "check grpc 127.0.0.1:9000",
            "check tcp 127.0.0.1:7000",
        ];
        let mut story = String::new();
        for wait in [19_990, 20] {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            for line in checks {
                story += &say(&site.network, line, SERVING).await;
            }
        }
        expect![[r#"
            exit 1: error: connection refused
            exit 1: error: connection refused
            exit 1: error: connection refused
            exit 0: / answers 200
            exit 0: `` is SERVING
            exit 0: connected to 127.0.0.1:7000
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_port_that_is_closed_anyway_is_not_opened_after_the_start() {
    run(async {
        let arguments = ["--start-after=1s", "--route=8080=blackhole"];
        let site = Site::start(&arguments).await;
        let (_, plan) = site.control("GET", "/v1/plan", "").await;
        expect![[r#"
            {"ports":{"8080":{"protocol":"http","state":"blackhole"}}}
        "#]]
        .assert_eq(&plan);
    });
}

#[test]
fn sigterm_closes_at_once_or_after_the_drain_with_the_code_that_was_asked_for() {
    run(async {
        let mut story = String::new();
        for arguments in [
            &[][..],
            &["--drain=5s"],
            &["--exit-on-term=3"],
            &["--drain=5s", "--exit-on-term=3"],
        ] {
            let site = Site::start(arguments).await;
            writeln!(story, "{} {arguments:?}", ended(site).await).unwrap();
        }
        expect![[r#"
            exit 0 after 0 ms []
            exit 0 after 5000 ms ["--drain=5s"]
            exit 3 after 0 ms ["--exit-on-term=3"]
            exit 3 after 5000 ms ["--drain=5s", "--exit-on-term=3"]
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn a_target_serves_while_it_drains() {
    run(async {
        let mut site = Site::start(&["--drain=5s"]).await;
        site.end.take().map(|end| end.send(()));
        tokio::time::sleep(Duration::from_millis(4_900)).await;
        let line = "check http 127.0.0.1:8080 /";
        let said = say(&site.network, line, SERVING).await;
        assert_eq!(said, "exit 0: / answers 200\n");
    });
}

#[test]
fn a_target_without_ports_has_a_control_address_and_a_plan() {
    run(async {
        let none = ["--port=none", "--control=127.0.0.1:18080"];
        let site = Site::start(&none).await;
        let (_, plan) = site.control("GET", "/v1/plan", "").await;
        expect![[r#"
            {"ports":{}}
        "#]]
        .assert_eq(&plan);
        let line = "check tcp 127.0.0.1:8080";
        let said = say(&site.network, line, SERVING).await;
        assert_eq!(said, "exit 1: error: connection refused\n");

        let files = Arc::new(Folder::default());
        files.replace("/plan", plan.as_bytes()).unwrap();
        let site = Site::start_with(&["--plan=/plan", none[1]], files).await;
        assert_eq!(site.control("GET", "/v1/plan", "").await.1, plan);
    });
}

#[test]
fn faults_of_the_process_and_states_of_ports_hold_on_certain_boots() {
    run(async {
        let files = Arc::new(Folder::default());
        let plan = r#"{"boots":{"2":{"process":[{"fault":"exit","code":4,"after":"1s"}]}}}"#;
        files.replace("/plan", plan.as_bytes()).unwrap();
        let arguments = [
            "--state-dir=/state",
            "--plan=/plan",
            "--route=8080=closed@3-",
            "--process=exit code=5 after=1m",
            "--process=exit code=6 after=2s @3-",
        ];
        let mut story = String::new();
        for boot in 1..=4 {
            let site = Site::start_with(&arguments, files.clone()).await;
            let start = Instant::now();
            let line = "check tcp 127.0.0.1:8080";
            let said = say(&site.network, line, SERVING).await;
            let code = site.target.await.unwrap().code();
            let after = start.elapsed().as_millis();
            writeln!(
                story,
                "boot {boot}: exit {code} after {after} ms, {}",
                said.trim()
            )
            .unwrap();
        }
        expect![[r#"
            boot 1: exit 5 after 60000 ms, exit 0: connected to 127.0.0.1:8080
            boot 2: exit 4 after 1000 ms, exit 0: connected to 127.0.0.1:8080
            boot 3: exit 6 after 2000 ms, exit 1: error: connection refused
            boot 4: exit 6 after 2000 ms, exit 1: error: connection refused
        "#]]
        .assert_eq(&story);
    });
}

#[test]
fn exit_ends_with_its_code_after_its_time_or_at_sigterm() {
    run(async {
        let mut story = String::new();
        for (line, sigterm) in [
            ("exit 0", 9),
            ("exit 3 --after 2s", 9),
            ("exit 3 --after 2s", 1),
        ] {
            let start = Instant::now();
            let printed = Printed::default();
            let arguments: Vec<_> = line.split(' ').collect();
            let sigterm = tokio::time::sleep(Duration::from_secs(sigterm));
            let mut process = process(&Memory::default(), &arguments, sigterm);
            process.errors = Box::new(printed.clone());
            let code = crate::run(process).await.code();
            let after = start.elapsed().as_millis();
            writeln!(
                story,
                "{line}: exit {code} after {after} ms {}",
                printed.take()
            )
            .unwrap();
        }
        expect![[r#"
            exit 0: exit 0 after 0 ms 
            exit 3 --after 2s: exit 3 after 2000 ms 
            exit 3 --after 2s: exit 143 after 1000 ms 
        "#]]
        .assert_eq(&story);
    });
}
