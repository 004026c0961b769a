//! Packet captures of each fault: which side sends SYN, bytes, FIN and RST, in which order.
//!
//! The packets are captured in a separate network namespace. `>` marks packets of the client.

use std::process::Command;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::python;
use crate::program::{Ended, probe_target, root};

/// The client's request, 30 bytes.
const REQUEST: &str = "GET /x HTTP/1.1\r\nhost: web\r\n\r\n";

/// How long the client waits for a missing response, in seconds.
const WAIT: f64 = 2.0;

#[test]
fn a_closed_port_answers_syn_with_rst() {
    let scenario = json!({ "put": [["", {"state": "closed"}]] });
    let expected = expect![[r#"
        > SYN
        < RST
        client: ConnectionRefusedError
    "#]];
    check("a_closed_port_answers_syn_with_rst", &scenario, &expected);
}

#[test]
fn a_port_that_resets_accepts_first() {
    let scenario = json!({ "put": [["", {"state": "reset"}]] });
    let expected = expect![[r#"
        > SYN
        < SYN ACK
        < RST
        client: ConnectionResetError
    "#]];
    check("a_port_that_resets_accepts_first", &scenario, &expected);
}

#[test]
fn a_black_hole_acknowledges_and_says_nothing() {
    let put = json!([["", {"state": "blackhole"}]]);
    let scenario = json!({ "put": put, "send": REQUEST, "wait": WAIT, "unheard": true });
    let expected = expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        > FIN
        all acked
        client: timeout
    "#]];
    check(
        "a_black_hole_acknowledges_and_says_nothing",
        &scenario,
        &expected,
    );
}

#[test]
fn a_full_backlog_leaves_syn_unanswered() {
    let put = json!([["", {"state": "stop-accepting"}]]);
    // On Linux a backlog of one holds two connections.
    let scenario = json!({ "put": put, "backlog": 1, "fill": 2, "wait": WAIT, "unheard": true });
    let expected = expect![[r#"
        > SYN
        client: timeout
    "#]];
    check("a_full_backlog_leaves_syn_unanswered", &scenario, &expected);
}

#[test]
fn a_route_that_closes_or_resets_sends_no_byte() {
    fault(
        "close",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < FIN
        > FIN
        all acked
        client: end
    "#]],
    );
    fault(
        "reset",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < RST
        all acked
        client: ConnectionResetError
    "#]],
    );
}

#[test]
fn what_hangs_leaves_the_end_to_the_client() {
    fault(
        "hang",
        json!({ "wait": WAIT }),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        > FIN
        < FIN
        all acked
        client: timeout
    "#]],
    );
    fault(
        "stall-body",
        json!({ "wait": WAIT }),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < HEAD
        < 7 bytes
        > FIN
        < FIN
        all acked
        client: timeout
    "#]],
    );
    fault(
        "interim",
        json!({ "wait": WAIT }),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < 28 bytes
        > FIN
        < FIN
        all acked
        client: timeout
    "#]],
    );
}

#[test]
fn a_body_is_cut_by_rst_or_by_fin_after_its_bytes() {
    fault(
        "reset-body",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < HEAD
        < 7 bytes
        < RST
        all acked
        client: ConnectionResetError
    "#]],
    );
    fault(
        "short-body",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < HEAD
        < 7 bytes
        < FIN
        > FIN
        all acked
        client: end
    "#]],
    );
    fault(
        "cut-chunk",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < HEAD
        < 3 bytes
        < 7 bytes
        < FIN
        > FIN
        all acked
        client: end
    "#]],
    );
}

#[test]
fn what_is_slow_comes_byte_by_byte() {
    fault(
        "slow-body",
        json!({}),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < HEAD
        < 1 bytes
        < 1 bytes
        < 1 bytes
        < FIN
        > FIN
        all acked
        client: end
    "#]],
    );
    // The client closes before the next byte arrives.
    fault(
        "slow-head",
        json!({ "read": 3 }),
        &expect![[r#"
        > SYN
        < SYN ACK
        > 30 bytes
        < 1 bytes
        < 1 bytes
        < 1 bytes
        > FIN
        < FIN
        all acked
        client: read
    "#]],
    );
}

/// Checks the packets of a request of `/x` under a fault, of seven bytes if the fault has a size.
#[track_caller]
fn fault(name: &str, mut scenario: Value, expected: &Expect) {
    let behaviour = match name {
        "stall-body" | "reset-body" | "short-body" | "cut-chunk" => {
            json!({ "fault": name, "bytes": 7 })
        }
        "slow-head" | "slow-body" => json!({ "fault": name, "pace": "500ms" }),
        _ => json!({ "fault": name }),
    };
    scenario["put"] = json!([["/routes/x", behaviour]]);
    scenario["send"] = REQUEST.into();
    check(name, &scenario, expected);
}

#[track_caller]
fn check(test: &str, scenario: &Value, expected: &Expect) {
    let Some(python) = python(test) else {
        return;
    };
    // Without the privilege for a network namespace, the root of a new user namespace has it.
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).arg(python);
    command.arg(root().join("tests/peers/capture.py"));
    command.arg(probe_target().get_program());
    command.arg(scenario.to_string());
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 0, "{test}: {}", ended.stderr);
    expected.assert_eq(&headed(&ended.stdout));
}

/// Replaces the sizes of response heads, which depend on the instance and the port. The target's
/// larger packets are heads.
fn headed(lines: &str) -> String {
    const LEAST: usize = 60;
    let line = |line: &str| {
        let bytes = line
            .strip_prefix("< ")
            .and_then(|line| line.strip_suffix(" bytes"));
        let bytes = bytes.and_then(|bytes| bytes.parse::<usize>().ok());
        let is_head = bytes.is_some_and(|bytes| bytes > LEAST);
        if is_head {
            "< HEAD\n".to_owned()
        } else {
            format!("{line}\n")
        }
    };
    lines.lines().map(line).collect()
}
