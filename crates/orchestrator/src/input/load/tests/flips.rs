//! What a flip can say, and what is said of what it cannot.

use expect_test::expect;

use super::{VALID, check, source};
use crate::input::experiment::Action;
use crate::input::load::load;

#[test]
fn a_behaviour_is_a_word_or_a_status() {
    check(
        "to: 404",
        "to: 99",
        &expect![[r#"
            two-services.yaml:19:68: `to`: must be a status from 200 to 999, not 99
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 99 }
               |                                                                    ^^"#]],
    );
    check(
        "to: 404",
        "to: 1000",
        &expect![[r#"
            two-services.yaml:19:68: `to`: must be a status from 200 to 999, not 1000
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 1000 }
               |                                                                    ^^^^"#]],
    );
    check(
        "to: 404",
        "to: pas",
        &expect![[r#"
            two-services.yaml:19:68: no behaviour `pas`; expected `200–999`, `pass`, `fail`, `refuse`, `blackhole`, `stop-accepting`, `hang`, `close`, `reset`, `slow-head`, `slow-body`, `stall-body`, `reset-body`, `short-body`, `cut-chunk`, `large-body`, `malformed`, `interim`, `redirect`, `redirect-port`, `redirect-host`, `redirect-chain` or `redirect-broken`; did you mean `pass`?
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: pas }
               |                                                                    ^^^"#]],
    );
    check(
        "to: 404",
        "to: reset",
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        "probe: readiness",
        "probe: ready",
        &expect![[r#"
        two-services.yaml:19:53: `ready` is not a probe; expected `liveness`, `readiness` or `startup`
           |
        19 |       flip: { pod: deploy/web, container: b, probe: ready, to: 404 }
           |                                                     ^^^^^"#]],
    );
}

#[test]
fn a_behaviour_may_be_spelled_out_and_bounded() {
    let means = |to: &str, expected: &str| {
        let text = VALID.replacen("to: 404", to, 1);
        let experiment = load(&source(&text)).unwrap().experiments.remove(0);
        let Action::Flip(flips) = &experiment.steps[0].action else {
            panic!("{:?}", experiment.steps[0].action)
        };
        let expected = format!("the readiness probe of b gets {expected}");
        assert_eq!(flips[0].aim.describe("b"), expected);
    };
    means("to: blackhole, after: 1s", "`blackhole` (after: 1s)");
    means(
        "to: { fault: stall-body, bytes: 100, delay: 1s }, for: 30s, agent: kube-probe/",
        "`stall-body` (agent: kube-probe/, bytes: 100, delay: 1s, for: 30s)",
    );
    means(
        "to: { status: 503, headers: { retry-after: '5' }, body: later }, probability: 0.5, seed: 7",
        r#"`503` (body: later, headers: {"retry-after":"5"}, probability: 0.5, seed: 7)"#,
    );
    means(
        "to: { sequence: [503, hang, 200] }, every: 10s",
        "`503,hang,200` (every: 10s)",
    );
    means(
        "to: { state: stop-accepting }, for: 5s, every: 10s",
        "`stop-accepting` (every: 10s, for: 5s)",
    );
}

#[test]
fn a_process_may_be_flipped_in_place_of_a_probe() {
    let probe = "probe: readiness, to: 404";
    let means = |process: &str, expected: &str| {
        let text = VALID.replacen(probe, process, 1);
        let experiment = load(&source(&text)).unwrap().experiments.remove(0);
        let Action::Flip(flips) = &experiment.steps[0].action else {
            panic!("{:?}", experiment.steps[0].action)
        };
        assert_eq!(
            flips[0].aim.describe("b"),
            format!("the process of b gets {expected}")
        );
    };
    means(
        "process: { fault: exit, code: 3 }, after: 1s",
        "`exit` (after: 1s, code: 3)",
    );
    means(
        "process: stop-accepting, for: 5s",
        "`stop-accepting` (for: 5s)",
    );
    means(
        "process: { fault: memory, bytes: 64Mi }",
        "`memory` (after: 100ms, bytes: 67108864)",
    );
    means(
        "process: { fault: sigterm, delay: 20s, fail: [/readyz] }",
        r#"`sigterm` (delay: 20s, fail: ["/readyz"])"#,
    );
    check(
        probe,
        "process: exitt",
        &expect![[r#"
            two-services.yaml:19:55: no process fault `exitt`; expected `exit`, `signal`, `sigterm`, `memory` or `stop-accepting`; did you mean `exit`?
               |
            19 |       flip: { pod: deploy/web, container: b, process: exitt }
               |                                                       ^^^^^"#]],
    );
    check(
        probe,
        "process: { fault: exit, cod: 3 }",
        &expect![[r#"
        two-services.yaml:19:70: unknown field `cod`; expected `fault`, `message` or `code`; did you mean `code`?
           |
        19 |       flip: { pod: deploy/web, container: b, process: { fault: exit, cod: 3 } }
           |                                                                      ^^^"#]],
    );
    check(
        probe,
        "process: { fault: exit, code: 300 }",
        &expect![[r#"
        two-services.yaml:19:76: `code`: must be a whole number from 0 to 255, not 300
           |
        19 |       flip: { pod: deploy/web, container: b, process: { fault: exit, code: 300 } }
           |                                                                            ^^^"#]],
    );
    check(
        probe,
        "process: { fault: sigterm, ignore: true, for: 3s }",
        &expect![[r#"
            two-services.yaml:19:87: `for`: stands beside `process`, not in it
               |
            19 |       flip: { pod: deploy/web, container: b, process: { fault: sigterm, ignore: true, for: 3s } }
               |                                                                                       ^^^"#]],
    );
    check(
        probe,
        "process: exit, count: 3",
        &expect![[r#"
            two-services.yaml:19:61: `count` means nothing beside `exit`
               |
            19 |       flip: { pod: deploy/web, container: b, process: exit, count: 3 }
               |                                                             ^^^^^"#]],
    );
    check(
        probe,
        "probe: readiness",
        &expect![[r#"
            two-services.yaml:19:13: this flip does not say what the probe gets; expected `probe` and `to`, or `process`
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness }
               |             ^"#]],
    );
    check(
        probe,
        "process: exit, probe: readiness, to: 404",
        &expect![[r#"
            two-services.yaml:19:46: this flip is both of a probe and of the process; expected `probe` and `to`, or `process`
               |
            19 |       flip: { pod: deploy/web, container: b, process: exit, probe: readiness, to: 404 }
               |                                              ^^^^^^^"#]],
    );
}

#[test]
fn what_a_target_would_refuse_is_refused_in_its_place() {
    check(
        "to: 404",
        "to: { fault: stal-body }",
        &expect![[r#"
        two-services.yaml:19:77: no fault `stal-body`; expected `hang`, `close`, `reset`, `slow-head`, `slow-body`, `stall-body`, `reset-body`, `short-body`, `cut-chunk`, `large-body`, `malformed`, `interim`, `redirect`, `redirect-port`, `redirect-host`, `redirect-chain` or `redirect-broken`; did you mean `stall-body`?
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { fault: stal-body } }
           |                                                                             ^^^^^^^^^"#]],
    );
    check(
        "to: 404",
        "to: { fault: stall-body, byte: 3 }",
        &expect![[r#"
        two-services.yaml:19:89: unknown field `byte`; expected `sequence`, `status`, `fault`, `headers`, `body`, `bytes`, `pace` or `hops`; did you mean `bytes`?
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { fault: stall-body, byte: 3 } }
           |                                                                                         ^^^^"#]],
    );
    check(
        "to: 404",
        "to: { fault: hang, bytes: 3 }",
        &expect![[r#"
            two-services.yaml:19:83: `bytes`: means nothing to hang
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { fault: hang, bytes: 3 } }
               |                                                                                   ^^^^^"#]],
    );
    check(
        "to: 404",
        "to: { status: 503, headers: { x-a: 1 } }",
        &expect![[r#"
            two-services.yaml:19:99: `x-a`: must be a string, not 1
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { status: 503, headers: { x-a: 1 } } }
               |                                                                                                   ^"#]],
    );
    check(
        "to: 404",
        "to: { status: 503, for: 3s }",
        &expect![[r#"
            two-services.yaml:19:83: `for`: stands beside `to`, not in it
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { status: 503, for: 3s } }
               |                                                                                   ^^^"#]],
    );
    check(
        "to: 404",
        "to: { status: 503, leased: true }",
        &expect![[r#"
            two-services.yaml:19:83: `leased`: is set by probeflip, for every flip
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { status: 503, leased: true } }
               |                                                                                   ^^^^^^"#]],
    );
    check(
        "to: 404",
        "to: { state: closed, route: /x }",
        &expect![[r#"
            two-services.yaml:19:85: `route`: is set by probeflip: it is the path that the probe asks
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { state: closed, route: /x } }
               |                                                                                     ^^^^^"#]],
    );
}

#[test]
fn a_bound_that_a_target_would_refuse_is_refused_in_its_place() {
    check(
        "to: 404",
        "to: [503, 200]",
        &expect![[r#"
        two-services.yaml:19:68: a list cannot stand here; expected a word, or a mapping such as `{ sequence: [503, 200] }`
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: [503, 200] }
           |                                                                    ^"#]],
    );
    check(
        "to: 404",
        "to: { sequence: [503, refuse] }",
        &expect![[r#"
            two-services.yaml:19:80: `sequence`: `refuse` is of a whole port
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { sequence: [503, refuse] } }
               |                                                                                ^"#]],
    );
    check(
        "to: 404",
        "to: 404, for: 30",
        &expect![[r#"
            two-services.yaml:19:78: `for`: must be a duration above zero such as "30s" or "1m30s", in whole milliseconds, 8760h at most, not 30
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, for: 30 }
               |                                                                              ^^"#]],
    );
    check(
        "to: 404",
        "to: 404, count: 0",
        &expect![[r#"
            two-services.yaml:19:80: `count`: must be a whole number, at least 1, not 0
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, count: 0 }
               |                                                                                ^"#]],
    );
    check(
        "to: 404",
        "to: 404, every: 10s",
        &expect![[r#"
            two-services.yaml:19:73: `every`: opens again what `for`, `count` or `sequence` has closed; one of them must be given
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, every: 10s }
               |                                                                         ^^^^^"#]],
    );
    check(
        "to: 404",
        "to: 404, probability: 0.0",
        &expect![[r#"
        two-services.yaml:19:86: `probability`: no request is ever given this; expected more than 0, up to 1
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, probability: 0.0 }
           |                                                                                      ^^^"#]],
    );
    check(
        "to: 404",
        "to: 404, probability: 2",
        &expect![[r#"
            two-services.yaml:19:86: `probability`: must be a number from 0 to 1, not 2
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: 404, probability: 2 }
               |                                                                                      ^"#]],
    );
    check(
        "to: 404",
        "to: refuse, count: 3",
        &expect![[r#"
            two-services.yaml:19:76: `count`: nothing can be counted on a port that is closed
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: refuse, count: 3 }
               |                                                                            ^^^^^"#]],
    );
    check(
        "to: 404",
        "to: stop-accepting, delay: 3s",
        &expect![[r#"
            two-services.yaml:19:84: `delay` means nothing beside `stop-accepting`
               |
            19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: stop-accepting, delay: 3s }
               |                                                                                    ^^^^^"#]],
    );
    check(
        "to: 404",
        "to: { state: opn }",
        &expect![[r#"
        two-services.yaml:19:77: no state `opn`; expected `open`, `closed`, `blackhole`, `stop-accepting` or `reset`; did you mean `open`?
           |
        19 |       flip: { pod: deploy/web, container: b, probe: readiness, to: { state: opn } }
           |                                                                             ^^^"#]],
    );
}

#[test]
fn a_signal_must_be_named() {
    check(
        "probe: readiness, to: 404",
        "process: signal",
        &expect![[r#"
            two-services.yaml:19:55: `signal`: must be given: one of SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS
               |
            19 |       flip: { pod: deploy/web, container: b, process: signal }
               |                                                       ^^^^^^"#]],
    );
}

#[test]
fn a_phase_is_one_of_two_words_and_belongs_to_a_flip() {
    let step = "    - name: b fails readiness\n";
    let with = |phase: &str| format!("{step}      phase: {phase}\n");
    check(step, &with("fixed"), &expect!["1 experiments, 0 manifests"]);
    check(
        step,
        &with("spread"),
        &expect!["1 experiments, 0 manifests"],
    );
    check(
        step,
        &with("random"),
        &expect![[r#"
        two-services.yaml:19:14: `random` is not a phase; expected `spread` or `fixed`
           |
        19 |       phase: random
           |              ^^^^^^"#]],
    );
}
