//! The control client with every fault and bound: its output, and the state of the target after it.

use serde_json::Value;

use super::others::{Printed, SERVING, say};
use super::*;

/// Runs each line; returns the outputs, and the part of `state` at the pointer after the `#`.
async fn told(site: &Site, lines: &str) -> String {
    let mut story = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, pointer) = line.split_once(" # ").unwrap_or((line, ""));
        let said = say(&site.network, line, SERVING).await;
        writeln!(story, "{line}\n    {}", said.trim_end()).unwrap();
        if !pointer.is_empty() {
            let (_, state) = site.control("GET", "/v1/state", "").await;
            let state: Value = serde_json::from_str(&state).unwrap();
            let found = state.pointer(pointer).unwrap_or(&Value::Null);
            writeln!(story, "    {found}").unwrap();
        }
    }
    story
}

#[test]
fn every_fault_and_bound_can_be_typed() {
    run(async {
        let site = Site::start(&["--port", "8080", "--port", "9000=grpc"]).await;
        let lines = "
            flip 8080/x 503,hang,200 --every 10s --agent kube-probe/ # /ports/8080/routes/~1x/flip/set
            flip 8080/x stall-body --bytes 7 --after 1s --for 5s --probability 0.5 --seed 3 # /ports/8080/routes/~1x/flip/set
            flip 8080/x slow-body --pace 10ms --delay 1s --count 2 # /ports/8080/routes/~1x/flip/set
            flip 8080/x redirect-chain --hops 3 # /ports/8080/routes/~1x/flip/set
            flip 8080/x 418 --header A:b --header C:d --body tea # /ports/8080/routes/~1x/flip/set
            flip 9000/my.Service fail # /ports/9000/routes/~1my.Service/flip/set
            flip 8080 reset --count 3 --probability 0.1 # /ports/8080/flip/set
            flip 8080 blackhole --after 1s --for 10s --every 1m # /ports/8080/flip/set
            flip 7000 open --protocol tcp # /ports/7000
            flip 7000 stop-accepting --for 1s # /ports/7000/state
            heal 7000 # /ports/7000
            flip process exit --code 3 --message why --after 1h # /process/exit/flip/set
            flip process signal --signal SIGSEGV --after 1h # /process/signal/flip/set
            flip process sigterm --delay 20s --fail 8080/readyz --fail /a --for 1m # /process/sigterm/flip/set
            flip process sigterm --ignore # /process/sigterm/flip/set
            flip process memory --bytes 64Mi --for 1m # /process/memory/flip/set
            flip process stop-accepting --for 5s --every 1m # /ports/9000/state
            heal process stop-accepting # /ports/9000/state
            heal # /process";
        expect![[r#"
            flip 8080/x 503,hang,200 --every 10s --agent kube-probe/
                exit 0: 8080/x is 503,hang,200 (revision 1, instance i1)
                {"agent":"kube-probe/","every":"10s","sequence":["503","hang","200"]}
            flip 8080/x stall-body --bytes 7 --after 1s --for 5s --probability 0.5 --seed 3
                exit 0: 8080/x is stall-body (revision 2, instance i1)
                {"after":"1s","bytes":7,"fault":"stall-body","for":"5s","probability":0.5,"seed":3}
            flip 8080/x slow-body --pace 10ms --delay 1s --count 2
                exit 0: 8080/x is slow-body (revision 3, instance i1)
                {"count":2,"delay":"1s","fault":"slow-body","pace":"10ms"}
            flip 8080/x redirect-chain --hops 3
                exit 0: 8080/x is redirect-chain (revision 4, instance i1)
                {"fault":"redirect-chain","hops":3}
            flip 8080/x 418 --header A:b --header C:d --body tea
                exit 0: 8080/x is 418 (revision 5, instance i1)
                {"body":"tea","headers":{"A":"b","C":"d"},"status":418}
            flip 9000/my.Service fail
                exit 0: 9000/my.Service is 503 (revision 6, instance i1)
                {"status":503}
            flip 8080 reset --count 3 --probability 0.1
                exit 0: 8080 is reset (revision 7, instance i1)
                {"count":3,"probability":0.1,"state":"reset"}
            flip 8080 blackhole --after 1s --for 10s --every 1m
                exit 0: 8080 is blackhole (revision 8, instance i1)
                {"after":"1s","every":"1m","for":"10s","state":"blackhole"}
            flip 7000 open --protocol tcp
                exit 0: 7000 is open (revision 9, instance i1)
                {"connections":{"accepted":0,"open":0},"flip":{"set":{"protocol":"tcp","state":"open"},"since":0},"listening":true,"protocol":"tcp","routes":{},"state":"open"}
            flip 7000 stop-accepting --for 1s
                exit 0: 7000 is stop-accepting (revision 10, instance i1)
                "stop-accepting"
            heal 7000
                exit 0: 7000 is as in the base (revision 11, instance i1)
                null
            flip process exit --code 3 --message why --after 1h
                exit 0: process exit is set (revision 12, instance i1)
                {"after":"1h","code":3,"fault":"exit","message":"why"}
            flip process signal --signal SIGSEGV --after 1h
                exit 0: process signal is set (revision 13, instance i1)
                {"after":"1h","fault":"signal","signal":"SIGSEGV"}
            flip process sigterm --delay 20s --fail 8080/readyz --fail /a --for 1m
                exit 0: process sigterm is set (revision 14, instance i1)
                {"delay":"20s","fail":["8080/readyz","/a"],"fault":"sigterm","for":"1m"}
            flip process sigterm --ignore
                exit 0: process sigterm is set (revision 15, instance i1)
                {"fault":"sigterm","ignore":true}
            flip process memory --bytes 64Mi --for 1m
                exit 0: process memory is set (revision 16, instance i1)
                {"after":"100ms","bytes":67108864,"fault":"memory","for":"1m"}
            flip process stop-accepting --for 5s --every 1m
                exit 0: process stop-accepting is set (revision 17, instance i1)
                "stop-accepting"
            heal process stop-accepting
                exit 0: process stop-accepting is as in the base (revision 18, instance i1)
                "open"
            heal
                exit 0: all flips are away (revision 19, instance i1)
                null
        "#]].assert_eq(&told(&site, lines).await);
    });
}

#[test]
fn a_healed_route_names_the_wider_flip_that_still_answers_it() {
    run(async {
        let site = Site::start(&[]).await;
        let lines = "
            flip 8080 fail
            flip 8080/a/* 404 --agent curl/
            flip 8080/a/x 503
            heal 8080/a/x
            heal 8080/b
            heal 8080
            heal 8080/b";
        expect![[r#"
            flip 8080 fail
                exit 0: 8080/* is 503 (revision 1, instance i1)
            flip 8080/a/* 404 --agent curl/
                exit 0: 8080/a/* is 404 (revision 2, instance i1)
            flip 8080/a/x 503
                exit 0: 8080/a/x is 503 (revision 3, instance i1)
            heal 8080/a/x
                exit 0: 8080/a/x is as in the base (revision 4, instance i1), but a flip of /* answers it
            heal 8080/b
                exit 0: 8080/b is as in the base (revision 5, instance i1), but a flip of /* answers it
            heal 8080
                exit 0: 8080/* is as in the base (revision 6, instance i1)
            8080 is as in the base (revision 7, instance i1)
            heal 8080/b
                exit 0: 8080/b is as in the base (revision 8, instance i1)
        "#]].assert_eq(&told(&site, lines).await);
    });
}

#[test]
fn what_means_nothing_is_refused_by_its_option() {
    run(async {
        let site = Site::start(&[]).await;
        let lines = "
            flip 8080/x 503,refuse
            flip 8080/x 503,200 --count 2
            flip 8080/x 503 --hops 3
            flip 8080/x 503 --header A
            flip 8080/x hang --body x
            flip 8080/x 503 --protocol grpc
            flip 8080 blackhole --delay 1s
            flip process exit --code 256
            flip process exit --for 1s
            flip process sulk
            flip process sigterm
            flip process sigterm --ignore --fail x
            flip process memory --bytes 1Q
            flip process signal --signal 9
            heal process
            heal process sulk
            heal 8080 x
            journal sulk
            journal --hits 1
            journal stream --timeout 1s
            journal wait --timeout 11m
            journal wait --port 0";
        expect![[r#"
            flip 8080/x 503,refuse
                exit 2: error: `BEHAVIOUR`: `refuse` is of a whole port
            flip 8080/x 503,200 --count 2
                exit 2: error: `--count`: means nothing beside `sequence`, which is played once a window
            flip 8080/x 503 --hops 3
                exit 2: error: `--hops`: means nothing to a reply
            flip 8080/x 503 --header A
                exit 2: error: `--header`: must be NAME: VALUE, not `A`
            flip 8080/x hang --body x
                exit 2: error: `hang` takes no `headers` and no `body`
            flip 8080/x 503 --protocol grpc
                exit 2: error: `--protocol`: means nothing beside `503`
            flip 8080 blackhole --delay 1s
                exit 2: error: `--delay`: means nothing beside `blackhole`
            flip process exit --code 256
                exit 2: error: `--code`: must be a whole number from 0 to 255, not 256
            flip process exit --for 1s
                exit 2: error: `--for`: means nothing beside `exit`
            flip process sulk
                exit 2: error: `BEHAVIOUR`: no process fault `sulk`, expected one of exit, signal, sigterm, memory, stop-accepting
            flip process sigterm
                exit 2: error: `sigterm` takes either `ignore` or `delay`
            flip process sigterm --ignore --fail x
                exit 2: error: `--fail`: no route `x`, expected [PORT]/PATH or PORT
            flip process memory --bytes 1Q
                exit 2: error: `--bytes`: must be a whole number from 1 to 1099511627776, or one with Ki, Mi or Gi, not "1Q"
            flip process signal --signal 9
                exit 2: error: `--signal`: no signal `9`, expected one of SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS
            heal process
                exit 2: error: FAULT is missing
            heal process sulk
                exit 2: error: `FAULT`: no process fault `sulk`, expected one of exit, signal, sigterm, memory, stop-accepting
            heal 8080 x
                exit 2: error: unexpected argument `x`
            journal sulk
                exit 2: error: no `journal sulk`, expected journal, journal wait or journal stream
            journal --hits 1
                exit 2: error: `--hits`: means nothing without `wait`
            journal stream --timeout 1s
                exit 2: error: `--timeout`: means nothing without `wait`
            journal wait --timeout 11m
                exit 1: error: 127.0.0.1:18080: `timeout`: a duration such as 30s, 10m at most
            journal wait --port 0
                exit 1: error: 127.0.0.1:18080: `port`: a port is a number from 1 to 65535
        "#]].assert_eq(&told(&site, lines).await.replace("hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options\n", ""));
        assert!(
            site.control("GET", "/v1/state", "")
                .await
                .1
                .contains(r#""revision":0"#)
        );
    });
}

#[test]
fn the_journal_is_waited_for_and_followed() {
    run(async {
        let site = Site::start(&[]).await;
        let (printed, followed) = (Printed::default(), Printed::default());
        let (interrupt, interrupted) = tokio::sync::oneshot::channel();
        let arguments = ["journal", "stream", "--control", "127.0.0.1:18080"];
        let mut command = process(&site.network, &arguments, async {
            _ = interrupted.await;
        });
        command.output = Box::new(followed.clone());
        let stream = tokio::spawn(crate::run(command));
        let arguments = [
            "journal",
            "wait",
            "--path",
            "/%61%20b",
            "--hits",
            "2",
            "--control",
            "127.0.0.1:18080",
        ];
        let mut command = process(&site.network, &arguments, std::future::pending());
        command.output = Box::new(printed.clone());
        let wait = tokio::spawn(crate::run(command));
        for path in ["/a%20b", "/c", "/a%20b"] {
            tokio::time::sleep(Duration::from_secs(9)).await;
            let mut connection = site.connect(8080).await;
            let request = format!("GET {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            super::told(&mut connection).await;
        }
        assert_eq!(wait.await.unwrap().code(), 0);
        let journal: Value = serde_json::from_str(&printed.take()).unwrap();
        let records = journal["records"].as_array().unwrap().iter();
        let numbers: Vec<_> = records
            .map(|record| record["seq"].as_u64().unwrap())
            .collect();
        assert_eq!((numbers, &journal["next"]), (vec![0, 2], &3.into()));
        interrupt.send(()).unwrap();
        assert_eq!(stream.await.unwrap().code(), 0);
        let lines = followed.take();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let paths: Vec<_> = lines
            .iter()
            .map(|record| record["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, ["/a%20b", "/c", "/a%20b"]);
        let late = say(
            &site.network,
            "journal wait --since 3 --timeout 1s",
            SERVING,
        )
        .await;
        assert_eq!(
            late,
            "exit 1: error: 127.0.0.1:18080: `hits`: 0 of 1 hits came in time\n"
        );
    });
}
