//! Tests of faults of a route and states of a port with curl.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{
    curl::{self, Asking},
    python,
    target::Target,
};

/// All faults of a route; those with a size also with a second size.
const FAULTS: [&str; 21] = [
    r#""hang""#,
    r#""close""#,
    r#""reset""#,
    r#""slow-head","pace":"1ms""#,
    r#""slow-body","pace":"1ms""#,
    r#""stall-body","bytes":0"#,
    r#""stall-body","bytes":7"#,
    r#""reset-body","bytes":7"#,
    r#""reset-body","bytes":3000000"#,
    r#""short-body","bytes":7"#,
    r#""short-body","bytes":3000000"#,
    r#""cut-chunk","bytes":7"#,
    r#""large-body""#,
    r#""large-body","bytes":16777216"#,
    r#""malformed""#,
    r#""interim""#,
    r#""redirect""#,
    r#""redirect-port""#,
    r#""redirect-host""#,
    r#""redirect-chain""#,
    r#""redirect-broken""#,
];

/// Faults that never end by themselves.
const ENDLESS: [&str; 5] = [
    "hang",
    "stall-body",
    "interim",
    "blackhole",
    "stop-accepting",
];

#[test]
fn a_fault_over_http_1_is_what_its_name_says() {
    if python("a_fault_over_http_1_is_what_its_name_says").is_none() {
        return;
    }
    check(
        "--http1.1",
        &expect![[r#"
        "hang"                          28 timeout, 000, 0 bytes
        "close"                         52 empty, 000, 0 bytes
        "reset"                         56 reset, 000, 0 bytes
        "slow-head","pace":"1ms"        whole, 200, 3 bytes
        "slow-body","pace":"1ms"        whole, 200, 3 bytes
        "stall-body","bytes":0          28 timeout, 200, 0 bytes
        "stall-body","bytes":7          28 timeout, 200, 7 bytes
        "reset-body","bytes":7          56 reset, 200, 7 bytes
        "reset-body","bytes":3000000    56 reset, 200, 3000000 bytes
        "short-body","bytes":7          18 cut short, 200, 7 bytes
        "short-body","bytes":3000000    18 cut short, 200, 3000000 bytes
        "cut-chunk","bytes":7           18 cut short, 200, 7 bytes
        "large-body"                    whole, 200, 20480 bytes
        "large-body","bytes":16777216   whole, 200, 16777216 bytes
        "malformed"                     1 not HTTP, 000, 0 bytes
        "interim"                       28 timeout, 103, 0 bytes
        "redirect"                      whole, 302, 10 bytes
        "redirect-port"                 whole, 302, 10 bytes
        "redirect-host"                 whole, 302, 10 bytes
        "redirect-chain"                whole, 302, 10 bytes
        "redirect-broken"               whole, 302, 10 bytes
    "#]],
    );
}

#[test]
fn a_fault_over_http_2_is_what_its_name_says() {
    if python("a_fault_over_http_2_is_what_its_name_says").is_none() {
        return;
    }
    check(
        "--http2-prior-knowledge",
        &expect![[r#"
        "hang"                          28 timeout, 000, 0 bytes
        "close"                         closed
        "reset"                         reset
        "slow-head","pace":"1ms"        reset
        "slow-body","pace":"1ms"        whole, 200, 3 bytes
        "stall-body","bytes":0          28 timeout, 200, 0 bytes
        "stall-body","bytes":7          28 timeout, 200, 7 bytes
        "reset-body","bytes":7          reset
        "reset-body","bytes":3000000    reset
        "short-body","bytes":7          reset
        "short-body","bytes":3000000    reset
        "cut-chunk","bytes":7           reset
        "large-body"                    whole, 200, 20480 bytes
        "large-body","bytes":16777216   whole, 200, 16777216 bytes
        "malformed"                     reset
        "interim"                       28 timeout, 103, 0 bytes
        "redirect"                      whole, 302, 10 bytes
        "redirect-port"                 whole, 302, 10 bytes
        "redirect-host"                 whole, 302, 10 bytes
        "redirect-chain"                whole, 302, 10 bytes
        "redirect-broken"               whole, 302, 10 bytes
    "#]],
    );
}

#[test]
fn a_redirect_leads_where_its_name_says() {
    if python("a_redirect_leads_where_its_name_says").is_none() {
        return;
    }
    let target = Target::start(&["http", "http"]);
    let follow = |fault: &str| {
        target.lay("/x", &format!(r#"{{"fault":{fault}}}"#));
        // This needs no name server, and nothing listens on that port.
        let nowhere = "probeflip.invalid:80:127.0.0.1:1";
        let limit = ["-L", "--max-redirs", "3", "--connect-to", nowhere];
        let answer = curl::ask(&[&limit[..], &[&target.url("/x")]].concat());
        let url = answer.url().replace(&target.port(0).to_string(), "PORT");
        let url = url.replace(&target.port(1).to_string(), "PORT+1");
        format!("{answer} at {url}")
    };
    let seen = [
        r#""redirect""#,
        r#""redirect-port""#,
        r#""redirect-host""#,
        r#""redirect-chain","hops":3"#,
        r#""redirect-chain","hops":4"#,
        r#""redirect-chain""#,
        r#""redirect-broken""#,
    ];
    let seen = seen
        .map(|fault| format!("{fault:25} {}\n", follow(fault)))
        .concat();
    expect![[r#"
        "redirect"                whole, 200, 7 bytes at http://127.0.0.1:PORT/
        "redirect-port"           whole, 200, 7 bytes at http://127.0.0.1:PORT+1/x
        "redirect-host"           7 refused, 302, 0 bytes at http://probeflip.invalid/x
        "redirect-chain","hops":3 whole, 200, 7 bytes at http://127.0.0.1:PORT/x?probeflip-hop=3
        "redirect-chain","hops":4 47 too many redirects, 302, 10 bytes at http://127.0.0.1:PORT/x?probeflip-hop=3
        "redirect-chain"          47 too many redirects, 302, 10 bytes at http://127.0.0.1:PORT/x?probeflip-hop=3
        "redirect-broken"         3 no URL, 302, 10 bytes at http://127.0.0.1:PORT/x
    "#]].assert_eq(&seen);
}

#[test]
fn a_port_is_in_the_state_its_name_says() {
    if python("a_port_is_in_the_state_its_name_says").is_none() {
        return;
    }
    let states = ["open", "closed", "blackhole", "stop-accepting", "reset"];
    let targets = states.map(|state| {
        let target = Target::start(&["http"]);
        target.put(0, "", &format!(r#"{{"state":"{state}"}}"#));
        (state, target)
    });
    let asking = |(state, target): &(&str, Target)| asking("--http1.1", state, &target.url("/"));
    let asking = targets.each_ref().map(asking);
    let mut seen = String::new();
    for (state, asking) in states.iter().zip(asking) {
        let answer = asking.answer();
        match answer.exit {
            // Whether curl is connecting (7), writing (55) or reading (56) at the reset is chance.
            // The capture tests that the target accepts first.
            7 | 55 | 56 if *state == "reset" => writeln!(seen, "{state:14} reset"),
            _ => writeln!(seen, "{state:14} {answer}"),
        }
        .unwrap();
    }
    expect![[r#"
        open           whole, 200, 7 bytes
        closed         7 refused, 000, 0 bytes
        blackhole      28 timeout, 000, 0 bytes
        stop-accepting 28 timeout, 000, 0 bytes
        reset          reset
    "#]]
    .assert_eq(&seen);
    for (state, target) in &targets {
        target.put(0, "", r#"{"state":"open"}"#);
        let answer = curl::ask(&[target.url("/")]);
        assert_eq!(answer.to_string(), "whole, 200, 7 bytes", "after {state}");
    }
}

/// Requests all faults concurrently, as some last until curl's timeout.
#[track_caller]
fn check(version: &str, expected: &Expect) {
    let target = Target::start(&["http"]);
    let faults = FAULTS.iter().enumerate().map(|(number, fault)| {
        let path = format!("/{number}");
        target.lay(&path, &format!(r#"{{"fault":{fault}}}"#));
        (fault, target.url(&path))
    });
    let faults: Vec<_> = faults.collect();
    let asking = faults
        .iter()
        .map(|(fault, url)| (fault, asking(version, fault, url)));
    let asking: Vec<_> = asking.collect();
    let mut seen = String::new();
    for (fault, asking) in asking {
        let answer = asking.answer();
        match answer.exit {
            // Whether curl is reading or writing, and how much it has read, is chance: HTTP/2 does
            // both at once.
            55 | 56 | 92 if version != "--http1.1" => writeln!(seen, "{fault:31} reset"),
            18 | 52 if version != "--http1.1" => writeln!(seen, "{fault:31} closed"),
            _ => writeln!(seen, "{fault:31} {answer}"),
        }
        .unwrap();
    }
    expected.assert_eq(&seen);
}

/// Starts a request, with a timeout for faults that do not end by themselves.
fn asking(version: &str, fault: &str, url: &str) -> Asking {
    let endless = ENDLESS.iter().any(|name| fault.contains(name));
    let patience: &[&str] = if endless { &["--max-time", "5"] } else { &[] };
    curl::start(&[&[version, url], patience].concat())
}
