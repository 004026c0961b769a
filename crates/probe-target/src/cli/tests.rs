//! Command lines and environments, and what they come to. Nothing is run.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::model::plan::Plan;

/// A line of words, `NAME=VALUE` before it. A `+` stands for a space.
fn read(line: &str) -> Result<Command, ParseError> {
    let variable = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
    let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let variables = words.iter().take_while(|word| variable(word)).count();
    let (variables, words) = words.split_at(variables);
    let environment: BTreeMap<_, _> = variables
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace('+', " ")))
        .collect();
    let words: Vec<_> = words.iter().map(|word| word.replace('+', " ")).collect();
    parse(&words, &environment)
}

/// What a target starts with: its plan, and its control address.
fn started(line: &str) -> Result<String, ParseError> {
    let Command::Serve(serve) = read(line)? else {
        panic!("{line} must serve");
    };
    let base = serve.base(Plan::default(), Some(2))?;
    let control = serve.control(&base)?;
    let plan = serde_json::to_string(&base.ports).unwrap();
    Ok(format!("{plan} {control}"))
}

/// Each line, and below it what it comes to.
#[track_caller]
fn check(lines: &str, expected: &Expect) {
    let told = lines.lines().map(str::trim).map(|line| {
        let outcome = match read(line) {
            Ok(Command::Serve(_)) => started(line),
            Ok(other) => Ok(format!("{other:?}")),
            Err(invalid) => Err(invalid),
        };
        let outcome = outcome.unwrap_or_else(|invalid| format!("error: {invalid}"));
        format!("{line}\n    {outcome}\n")
    });
    expected.assert_eq(&told.collect::<String>());
}

#[test]
fn ports_and_routes_are_the_base() {
    check(
        "
        --port 8080 --port=8081=http --route 8081/hehe=404
        serve --port 8080 --port 8081 --route /x=hang --route /=pass
        --port 8080 --route /a=b=fail --control [::1]:9
        --port 8080 --route /%61%3Fb=503 --route /a/*=404
        --port 8080 --route /x=refuse
        --port 8080 --route /x=503 --route /x=refuse
        --port 8080 --route /x=refuse --route /x=503
        --port 127.0.0.1:8080 --port [::1]:8081=tcp
        PROBE_TARGET_PORTS=127.0.0.1:8080=grpc,8081
        --port 7000=tcp --port 8080 --route /x=503
        --port 55535",
        &expect![[r#"

                {"8080":{"protocol":"http","state":"open"}} 127.0.0.1:18080
            --port 8080 --port=8081=http --route 8081/hehe=404
                {"8080":{"protocol":"http","state":"open"},"8081":{"protocol":"http","routes":{"/hehe":{"status":404}},"state":"open"}} 127.0.0.1:18080
            serve --port 8080 --port 8081 --route /x=hang --route /=pass
                {"8080":{"protocol":"http","routes":{"/":{"status":200},"/x":{"fault":"hang"}},"state":"open"},"8081":{"protocol":"http","routes":{"/":{"status":200},"/x":{"fault":"hang"}},"state":"open"}} 127.0.0.1:18080
            --port 8080 --route /a=b=fail --control [::1]:9
                {"8080":{"protocol":"http","routes":{"/a=b":{"status":503}},"state":"open"}} [::1]:9
            --port 8080 --route /%61%3Fb=503 --route /a/*=404
                {"8080":{"protocol":"http","routes":{"/a%3Fb":{"status":503},"/a/*":{"status":404}},"state":"open"}} 127.0.0.1:18080
            --port 8080 --route /x=refuse
                {"8080":{"protocol":"http","route":"/x","state":"closed"}} 127.0.0.1:18080
            --port 8080 --route /x=503 --route /x=refuse
                {"8080":{"protocol":"http","route":"/x","state":"closed"}} 127.0.0.1:18080
            --port 8080 --route /x=refuse --route /x=503
                {"8080":{"protocol":"http","routes":{"/x":{"status":503}},"state":"open"}} 127.0.0.1:18080
            --port 127.0.0.1:8080 --port [::1]:8081=tcp
                {"8080":{"address":"127.0.0.1","protocol":"http","state":"open"},"8081":{"address":"::1","protocol":"tcp","state":"open"}} 127.0.0.1:18080
            PROBE_TARGET_PORTS=127.0.0.1:8080=grpc,8081
                {"8080":{"address":"127.0.0.1","protocol":"grpc","state":"open"},"8081":{"protocol":"http","state":"open"}} 127.0.0.1:18080
            --port 7000=tcp --port 8080 --route /x=503
                {"7000":{"protocol":"tcp","state":"open"},"8080":{"protocol":"http","routes":{"/x":{"status":503}},"state":"open"}} 127.0.0.1:17000
            --port 55535
                {"55535":{"protocol":"http","state":"open"}} 127.0.0.1:65535
        "#]],
    );
}

#[test]
fn the_environment_says_what_the_command_line_does_not() {
    check(
        "PROBE_TARGET_PORTS=8080,8081 PROBE_TARGET_ROUTES=/a=404+8081/b=reset
        PROBE_TARGET_PORTS=8080,8081 --port 9000
        PROBE_TARGET_PORTS= PROBE_TARGET_CONTROL=127.0.0.1:1
        PROBE_TARGET_TOKEN=x --control 0.0.0.0:9",
        &expect![[r#"
            PROBE_TARGET_PORTS=8080,8081 PROBE_TARGET_ROUTES=/a=404+8081/b=reset
                {"8080":{"protocol":"http","routes":{"/a":{"status":404}},"state":"open"},"8081":{"protocol":"http","routes":{"/a":{"status":404},"/b":{"fault":"reset"}},"state":"open"}} 127.0.0.1:18080
            PROBE_TARGET_PORTS=8080,8081 --port 9000
                {"9000":{"protocol":"http","state":"open"}} 127.0.0.1:19000
            PROBE_TARGET_PORTS= PROBE_TARGET_CONTROL=127.0.0.1:1
                {"8080":{"protocol":"http","state":"open"}} 127.0.0.1:1
            PROBE_TARGET_TOKEN=x --control 0.0.0.0:9
                {"8080":{"protocol":"http","state":"open"}} 0.0.0.0:9
        "#]],
    );
}

#[test]
fn what_a_kubelet_says_of_a_service_called_probe_target_is_no_option() {
    check(
        "PROBE_TARGET_PORT=tcp://10.96.0.1:80 journal wait
        PROBE_TARGET_PORT=8080 journal wait",
        &expect![[r#"
            PROBE_TARGET_PORT=tcp://10.96.0.1:80 journal wait
                Control(Control { address: None, access: Access { token: None, file: None }, ask: Wait("timeout=30s", 30s) })
            PROBE_TARGET_PORT=8080 journal wait
                Control(Control { address: None, access: Access { token: None, file: None }, ask: Wait("timeout=30s&port=8080", 30s) })
        "#]],
    );
}

/// The boot is the second.
#[test]
fn a_route_may_be_of_certain_boots() {
    check(
        "--state-dir /s --route /x=503@1-2 --route /x=hang@3- --route /y=404@1
        --state-dir /s --route /x=refuse@2 --route /y=200@2-
        PROBE_TARGET_STATE_DIR=/s PROBE_TARGET_KEEP=1 PROBE_TARGET_ROUTES=/x=503@2,/y=404@1
        --route /x=503@1
        --state-dir /s --route /x=503@0
        --state-dir /s --route /x=503@1,2
        --state-dir /s --route 9000/x=503@3
        --keep",
        &expect![[r#"
            --state-dir /s --route /x=503@1-2 --route /x=hang@3- --route /y=404@1
                {"8080":{"protocol":"http","routes":{"/x":{"status":503}},"state":"open"}} 127.0.0.1:18080
            --state-dir /s --route /x=refuse@2 --route /y=200@2-
                {"8080":{"protocol":"http","route":"/x","routes":{"/y":{"status":200}},"state":"closed"}} 127.0.0.1:18080
            PROBE_TARGET_STATE_DIR=/s PROBE_TARGET_KEEP=1 PROBE_TARGET_ROUTES=/x=503@2,/y=404@1
                {"8080":{"protocol":"http","routes":{"/x":{"status":503}},"state":"open"}} 127.0.0.1:18080
            --route /x=503@1
                error: `--state-dir`: must be given to count boots, as --route, --process or --plan names some
            --state-dir /s --route /x=503@0
                error: `--route`: boots are 2, 1-3 or 3-, from 1 on, not `0`
            --state-dir /s --route /x=503@1,2
                error: `--route`: boots are 2, 1-3 or 3-, from 1 on, not `1,2`
            --state-dir /s --route 9000/x=503@3
                error: `--route`: 9000 is none of the ports
            --keep
                error: `--keep`: means nothing without --state-dir
        "#]],
    );
}

#[test]
fn ports_may_be_absent_or_have_a_state_from_the_start() {
    check(
        "--port none --control 127.0.0.1:9
        --port none
        --port none --port 80
        --port 7000=tcp --route 7000=refuse --port 8080 --route 8080=blackhole
        --state-dir /s --route 8080=closed@2- --route 8080=reset@3
        --route 8080=fail
        --route 9000=closed
        PROBE_TARGET_START_AFTER=3s
        --start-after 0s
        --exit-on-term 256
        --drain 5
        --drain 5s --process sigterm+ignore=true
        --process exit+@2
        --state-dir /s --process exit+@0
        exit
        exit x
        exit 256
        exit 0 --after 1",
        &expect![[r#"
            --port none --control 127.0.0.1:9
                {} 127.0.0.1:9
            --port none
                error: `--control`: must be given, as there is no port
            --port none --port 80
                error: `--port`: `none` must stand alone
            --port 7000=tcp --route 7000=refuse --port 8080 --route 8080=blackhole
                {"7000":{"protocol":"tcp","state":"closed"},"8080":{"protocol":"http","state":"blackhole"}} 127.0.0.1:17000
            --state-dir /s --route 8080=closed@2- --route 8080=reset@3
                {"8080":{"protocol":"http","state":"closed"}} 127.0.0.1:18080
            --route 8080=fail
                error: `--route`: a port is refuse, open, closed, blackhole, stop-accepting or reset, not `fail`; all paths of one are PORT/*
            --route 9000=closed
                error: `--route`: 9000 is none of the ports
            PROBE_TARGET_START_AFTER=3s
                {"8080":{"for":"3s","protocol":"http","state":"closed"}} 127.0.0.1:18080
            --start-after 0s
                error: `--start-after`: must be a duration such as 30s or 1m30s, not `0s`
            --exit-on-term 256
                error: `--exit-on-term`: must be a whole number from 0 to 255, not `256`
            --drain 5
                error: `--drain`: must be a duration such as 30s or 1m30s, not `5`
            --drain 5s --process sigterm+ignore=true
                error: `--drain`: sigterm is given twice
            --process exit+@2
                error: `--state-dir`: must be given to count boots, as --route, --process or --plan names some
            --state-dir /s --process exit+@0
                error: `--process`: boots are 2, 1-3 or 3-, from 1 on, not `0`
            exit
                error: CODE is missing
            exit x
                error: `CODE`: must be a whole number from 0 to 255, not `x`
            exit 256
                error: `CODE`: must be a whole number from 0 to 255, not `256`
            exit 0 --after 1
                error: `--after`: must be a duration such as 30s or 1m30s, not `1`
        "#]],
    );
}

#[test]
fn what_cannot_be_served_is_refused() {
    check(
        "--port 0
        --port 65536
        --port http
        --port 0.0.0.0:80
        --port 10.0.0.1:80
        --port localhost:80
        --port ::1:80
        --port [127.0.0.1]:80
        --port 127.0.0.1:0
        --port 127.0.0.1:80 --port 80
        --port 80=spdy
        --port 80 --port 80
        --route readyz=503
        --route 8080=503
        --route /a?b=503
        --route /a%=503
        --route /x
        --route /x=1000
        --route 9000/x=200
        --port 7000=tcp --route 7000/x=503
        --port 55536
        --port 80 --control 127.0.0.1:80
        --control 0.0.0.0:9
        --control localhost:9
        --journal 0
        --prot 80
        sevre
        serve 8080",
        &expect![[r#"
            --port 0
                error: `--port`: must be a number from 1 to 65535, not `0`
            --port 65536
                error: `--port`: must be a number from 1 to 65535, not `65536`
            --port http
                error: `--port`: must be a number from 1 to 65535, not `http`
            --port 0.0.0.0:80
                error: `--port`: must be a loopback address such as 127.0.0.1 or ::1, or none for all addresses, not `0.0.0.0`
            --port 10.0.0.1:80
                error: `--port`: must be a loopback address such as 127.0.0.1 or ::1, or none for all addresses, not `10.0.0.1`
            --port localhost:80
                error: `--port`: must be a loopback address such as 127.0.0.1 or ::1, or none for all addresses, not `localhost`
            --port ::1:80
                error: `--port`: must be written [::1]:80, not `::1:80`
            --port [127.0.0.1]:80
                error: `--port`: must be written 127.0.0.1:80, not `[127.0.0.1]:80`
            --port 127.0.0.1:0
                error: `--port`: must be a number from 1 to 65535, not `0`
            --port 127.0.0.1:80 --port 80
                error: `--port`: 80 is given twice
            --port 80=spdy
                error: `--port`: no protocol `spdy`, expected one of http, https, grpc, grpcs, tcp
            --port 80 --port 80
                error: `--port`: 80 is given twice
            --route readyz=503
                error: `--route`: must be [PORT]/PATH=BEHAVIOUR or PORT=STATE, not `readyz=503`
            --route 8080=503
                error: `--route`: a port is refuse, open, closed, blackhole, stop-accepting or reset, not `503`; all paths of one are PORT/*
            --route /a?b=503
                error: `--route`: `/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path
            --route /a%=503
                error: `--route`: `/a%` is not percent-encoded: write %25 for a `%` in a path
            --route /x
                error: `--route`: must be [PORT]/PATH=BEHAVIOUR or PORT=STATE, not `/x`
            --route /x=1000
                error: `--route`: must be a status from 200 to 999, not 1000
            --route 9000/x=200
                error: `--route`: 9000 is none of the ports
            --port 7000=tcp --route 7000/x=503
                error: `--route`: 7000 speaks tcp and has no routes; what it does is its state
            --port 55536
                error: `--control`: must be given, as 55536 + 10000 is no port
            --port 80 --control 127.0.0.1:80
                error: `--control`: 80 is a port to be probed
            --control 0.0.0.0:9
                error: `--control`: 0.0.0.0:9 can be reached by others and needs a token: --token-file or PROBE_TARGET_TOKEN
            --control localhost:9
                error: `--control`: must be a numeric address such as 127.0.0.1:8080, not `localhost:9`; names are not resolved
            --journal 0
                error: `--journal`: must be a number from 1 to 1000000, not `0`
            --prot 80
                error: invalid option '--prot'
            sevre
                error: no command `sevre`, expected one of serve, exit, check, flip, heal, state, journal, traffic
            serve 8080
                error: unexpected argument `8080`
        "#]],
    );
}

#[test]
fn what_cannot_be_sent_is_refused() {
    check(
        "traffic
        traffic web:80
        traffic 127.0.0.1:80 --rate 1/s
        traffic 127.0.0.1:80 --control 127.0.0.1:9
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 10
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1001/s
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --path x
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --timeout 0s
        traffic 127.0.0.1:80 --control 0.0.0.0:9 --rate 1/s
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol icmp
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol tcp --path /x
        traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol grpc --fresh",
        &expect![[r#"
            traffic
                error: IP:PORT is missing
            traffic web:80
                error: `IP:PORT`: must be a numeric address such as 127.0.0.1:8080, not `web:80`; names are not resolved
            traffic 127.0.0.1:80 --rate 1/s
                error: `--control`: must be given
            traffic 127.0.0.1:80 --control 127.0.0.1:9
                error: `--rate`: must be given
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 10
                error: `--rate`: must be a rate such as 10/s or 6/m, 1000/s at most, not `10`
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1001/s
                error: `--rate`: must be a rate such as 10/s or 6/m, 1000/s at most, not `1001/s`
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --path x
                error: `--path`: a path begins with a slash and is percent-encoded
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --timeout 0s
                error: `--timeout`: must be a duration such as 30s or 1m30s, not `0s`
            traffic 127.0.0.1:80 --control 0.0.0.0:9 --rate 1/s
                error: `--control`: 0.0.0.0:9 can be reached by others and needs a token
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol icmp
                error: `--protocol`: no protocol `icmp`, expected one of http, https, grpc, grpcs, tcp
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol tcp --path /x
                error: `--path`: means nothing to tcp
            traffic 127.0.0.1:80 --control 127.0.0.1:9 --rate 1/s --protocol grpc --fresh
                error: `--fresh`: means nothing to grpc
        "#]],
    );
}

#[test]
fn what_cannot_be_asked_is_refused() {
    check(
        "check
        check http localhost:80
        check http 127.0.0.1:80 x
        check icmp 127.0.0.1:80
        flip
        flip /x
        flip /x 99
        flip /x 503 --for 30
        flip /x 503 --count 0
        flip 8080 503
        flip 8080 closed --count 1
        flip 8080 fail --body x --for 0s
        flip 8080/x refuse --count 1
        flip 8080/x refuse --protocol tcp
        flip process
        heal x
        flip 8080/a#b 503
        heal /a?b
        flip process sigterm --delay 1s --fail /a?b
        journal wait --path /a?b
        journal --since x
        state --control web:1",
        &expect![[r#"
            check
                error: http, https, tcp, grpc or grpcs is missing
            check http localhost:80
                error: `ADDRESS`: must be a numeric address such as 127.0.0.1:8080, not `localhost:80`; names are not resolved
            check http 127.0.0.1:80 x
                error: `PATH`: a path begins with a slash
            check icmp 127.0.0.1:80
                error: no protocol `icmp`, expected one of http, https, grpc, grpcs, tcp
            flip
                error: [PORT]/PATH, PORT or process is missing
            flip /x
                error: BEHAVIOUR is missing
            flip /x 99
                error: `BEHAVIOUR`: must be a status from 200 to 999, not 99
            flip /x 503 --for 30
                error: `--for`: must be a duration above zero such as "30s" or "1m30s", in whole milliseconds, 8760h at most, not "30"
            flip /x 503 --count 0
                error: `--count`: must be a whole number, at least 1, not 0
            flip 8080 503
                error: `BEHAVIOUR`: a port is pass, fail, refuse, open, closed, blackhole, stop-accepting or reset, not `503`; a path has a slash
            flip 8080 closed --count 1
                error: `--count`: nothing can be counted on a port that is closed
            flip 8080 fail --body x --for 0s
                error: `--for`: must be a duration above zero such as "30s" or "1m30s", in whole milliseconds, 8760h at most, not "0s"
            flip 8080/x refuse --count 1
                error: `--count`: nothing can be counted on a port that is closed
            flip 8080/x refuse --protocol tcp
                error: `--protocol`: means nothing beside `refuse` of a path
            flip process
                error: BEHAVIOUR is missing
            heal x
                error: no route `x`, expected [PORT]/PATH or PORT
            flip 8080/a#b 503
                error: `/a#b` has a fragment, and a route matches the path alone; write %23 for a `#` in a path
            heal /a?b
                error: `/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path
            flip process sigterm --delay 1s --fail /a?b
                error: `--fail`: `/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path
            journal wait --path /a?b
                error: `--path`: `/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path
            journal --since x
                error: `--since`: must be a whole number, not `x`
            state --control web:1
                error: `--control`: must be a numeric address such as 127.0.0.1:8080, not `web:1`; names are not resolved
        "#]],
    );
}

#[test]
fn help_names_every_option_with_its_variable() {
    for line in ["--help", "-h", "help", "--help flip"] {
        let Ok(Command::Say(text)) = read(line) else {
            panic!("{line} must be answered");
        };
        assert!(
            COMMANDS.iter().all(|(name, _)| text.contains(name)),
            "{text}"
        );
    }
    for (name, grammar) in COMMANDS {
        let Ok(Command::Say(text)) = read(&format!("{name} --help")) else {
            panic!("{name} must be explained");
        };
        for spec in grammar.options {
            let variable = spec.name.replace('-', "_").to_uppercase();
            assert!(text.contains(&format!("PROBE_TARGET_{variable}")), "{text}");
        }
        assert!(!text.contains("SSS]"), "{text}");
    }
}

#[test]
fn pass_and_fail_of_a_port_are_about_all_of_its_paths() {
    check(
        "flip 8080 fail --count 2
        flip 8080 pass
        flip 8080 pass --protocol grpc
        flip 8080/x refuse --for 1s
        flip /x fail",
        &expect![[r#"
            flip 8080 fail --count 2
                Control(Control { address: None, access: Access { token: None, file: None }, ask: All(8080, FlipSpec { word: Some(Fail), flip: Route(Behaviour { effect: Reply(Reply { status: 503, headers: {}, body: None }), then: [], delay: 0ns, bounds: Bounds { length: None, count: Some(2), after: None, every: None, probability: None }, agent: None, leased: false }) }) })
            flip 8080 pass
                Control(Control { address: None, access: Access { token: None, file: None }, ask: All(8080, FlipSpec { word: Some(Pass), flip: Route(Behaviour { effect: Reply(Reply { status: 200, headers: {}, body: None }), then: [], delay: 0ns, bounds: Bounds { length: None, count: None, after: None, every: None, probability: None }, agent: None, leased: false }) }) })
            flip 8080 pass --protocol grpc
                Control(Control { address: None, access: Access { token: None, file: None }, ask: Open(Some(8080), PortSpec { protocol: Some(Grpc), state: Open, route: None, bounds: Bounds { length: None, count: None, after: None, every: None, probability: None }, leased: false }) })
            flip 8080/x refuse --for 1s
                Control(Control { address: None, access: Access { token: None, file: None }, ask: Open(Some(8080), PortSpec { protocol: None, state: Closed, route: Some(RoutePath { decoded: [47, 120], wildcard: false }), bounds: Bounds { length: Some(1s), count: None, after: None, every: None, probability: None }, leased: false }) })
            flip /x fail
                Control(Control { address: None, access: Access { token: None, file: None }, ask: Lay(None, RoutePath { decoded: [47, 120], wildcard: false }, Behaviour { effect: Reply(Reply { status: 503, headers: {}, body: None }), then: [], delay: 0ns, bounds: Bounds { length: None, count: None, after: None, every: None, probability: None }, agent: None, leased: false }) })
        "#]],
    );
}
