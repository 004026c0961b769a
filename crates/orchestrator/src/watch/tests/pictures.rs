//! The picture at several widths, in ASCII, without colours, and with hostile names.

use expect_test::{Expect, expect};
use ratatui::style::Color;

use super::{super::view::Dialog, *};

fn check(size: (u16, u16), signs: Signs, expected: &Expect) {
    expected.assert_eq(&screen(&view(), &lanes_of(&timeline()), size, signs));
}

#[test]
fn it_fits_20_columns() {
    check(
        (20, 8),
        UNICODE,
        &expect![[r#"
            | kind…op 60 s  live
            |>web-a     ████▄▄███
            | web-b     ████xx███
            | web-1     ━━━━▲─━━━
            |   a       ━━━━━━━━━
            |   b       •••F✗─F━━
            |                 now
            |q quit  ? help
        "#]],
    );
}

#[test]
fn it_fits_60_columns() {
    check(
        (60, 12),
        UNICODE,
        &expect![[r#"
            | kind-kind/shop                                  60 s  live
            |>svc web-a      2/2                      ██████████▄▄▄██████
            | svc web-b      1/1                      ██████████xxx██████
            | pod web-1      ready 2/2                ━━━━━━━━━━▲──━━━━━━
            |   a            ready                    ━━━━━━━━━━━━━━━━━━━
            |   b            ready R1                 •••━•••━F✗✗──F━R━━━
            |     to users                                      •
            | replicaset web                          •
            | watch Event                                            ?
            |
            |                                              ╵-30 s     now
            |q quit  ? help  f flip  h heal  space pause  i records
        "#]],
    );
}

#[test]
fn it_fits_80_columns() {
    check(
        (80, 14),
        UNICODE,
        &expect![[r#"
            | kind-kind/shop                                                      60 s  live
            |>svc web-a      2/2                             █████████████████▄▄▄▄▄▄▄████████
            | svc web-b      1/1                             █████████████████xxxxxxx████████
            | pod web-1      ready 2/2                       ━━━━━━━━━━━━━━━━━▲──────━━━━━━━━
            |   a            ready                           ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
            |   b            ready R1                        ━•━••━••━••━•━F━✗✗─────F•━R━━━━━
            |     to users                                                     •
            | replicaset web                                 •
            | watch Event                                                               ?
            |
            |
            |
            |                                            ╵-45 s      ╵-30 s      ╵-15 s   now
            |q quit  ? help  f flip  h heal  space pause  i records  / filter  +/- zoom
        "#]],
    );
}

#[test]
fn it_fits_120_columns() {
    check(
        (120, 14),
        UNICODE,
        &expect![[r#"
            | kind-kind/shop                                                                                              60 s  live
            |>svc web-a      2/2                                            ███████████████████████████████▄▄▄▄▄▄▄▄▄▄▄▄██████████████
            | svc web-b      1/1                                            ███████████████████████████████xxxxxxxxxxxx██████████████
            | pod web-1      ready 2/2                                      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▲───────────━━━━━━━━━━━━━━
            |   a            ready                                          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
            |   b            ready R1                                       ━━•━━•━━•━━•━━•━•━━•━━•━━F━━✗━━✗──────────F•━━━R━━━━━━━━━
            |     to users                                                                                   •
            | replicaset web                                                •
            | watch Event                                                                                                   ?•
            |
            |
            |
            |                                                 ╵-50 s        ╵-40 s        ╵-30 s        ╵-20 s        ╵-10 s      now
            |q quit  ? help  f flip  h heal  space pause  i records  / filter  +/- zoom
        "#]],
    );
}

#[test]
fn it_fits_200_columns() {
    check(
        (200, 14),
        UNICODE,
        &expect![[r#"
            | kind-kind/shop                                                                                                                                                                              60 s  live
            |>svc web-a      2/2                                                                       ██████████████████████████████████████████████████████████████▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄██████████████████████████
            | svc web-b      1/1                                                                       ██████████████████████████████████████████████████████████████xxxxxxxxxxxxxxxxxxxxxx██████████████████████████
            | pod web-1      ready 2/2                                                                 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▲──────────────────────━━━━━━━━━━━━━━━━━━━━━━━━━━
            |   a            ready                                                                     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
            |   b            ready R1                                                                  ━━━━━•━━━━•━━━━━•━━━━•━━━━━•━━━━•━━━━━•━━━━•━━━━━F✗━━━━━✗━━━━✗────────────────────F─•━━━━━━━R━━━━━━━━━━━━━━━━━
            |     to users                                                                                                                                              •
            | replicaset web                                                                           •
            | watch Event                                                                                                                                                                            ?•
            |
            |
            |
            |                                                 ╵-55 s        ╵-50 s       ╵-45 s        ╵-40 s        ╵-35 s       ╵-30 s        ╵-25 s        ╵-20 s       ╵-15 s        ╵-10 s        ╵-5 s      now
            |q quit  ? help  f flip  h heal  space pause  i records  / filter  +/- zoom
        "#]],
    );
}

#[test]
fn a_locale_without_utf_8_gets_ascii() {
    check(
        (80, 14),
        ASCII,
        &expect![[r#"
            | kind-kind/shop                                                      60 s  live
            |>svc web-a      2/2                             22222222222222222111111122222222
            | svc web-b      1/1                             11111111111111111xxxxxxx11111111
            | pod web-1      ready 2/2                       =================^------========
            |   a            ready                           ================================
            |   b            ready R1                        =o=oo=oo=oo=o=F=xx-----Fo=R=====
            |     to users                                                     o
            | replicaset web                                 o
            | watch Event                                                               ?
            |
            |
            |
            |                                            |-45 s      |-30 s      |-15 s   now
            |q quit  ? help  f flip  h heal  space pause  i records  / filter  +/- zoom
        "#]],
    );
    let drawn = screen(&view(), &lanes_of(&timeline()), (80, 14), ASCII);
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn keys_and_signs_are_explained() {
    let view = View {
        dialog: Dialog::Help,
        ..view()
    };
    let help = |size| screen(&view, &lanes_of(&timeline()), size, UNICODE);
    expect![[r#"
        | Keys (any key: back)                                Signs; underlined: flipped
        | up/down, j/k    select a lane                       ━━━  ready
        | PgUp/PgDn, g/G  ten lanes on, the first, the last   ───  runs, not ready
        | Enter, i        the newest records of the lane      ╌╌╌  runs, not started
        | f               flip a probe of the container       ┈┈┈  waits to start
        | h               remove all flips of the container   ▪▪▪  has ended
        | space           stand still, or go on               ┄┄┄  being deleted
        | +, -            show less time, more time           •    a status below 400
        | /               list only lanes with a text         ✗    another status
        | Esc             close, show all lanes               !    a fault, such as hang
        | Ctrl-L          draw anew                           ▲    a warning
        | Ctrl-Z          back to the shell, until fg         R    started again
        | q, Ctrl-C       heal the flips made here, and end   F    flipped, or healed
        |                                                     •    another change
        |                                                     ▄▄▄  some endpoints ready
        |                                                     ███  all endpoints ready
        |                                                     xxx  no endpoint ready
        |
    "#]]
    .assert_eq(&help((80, 18)));
    assert!(help((60, 40)).contains("underlined"));
}

#[test]
fn records_of_a_lane_are_below_it_the_newest_first() {
    let mut view = View {
        details: true,
        filter: "web-1/b".to_owned(),
        ..view()
    };
    let lanes = lanes_of(&timeline());
    expect![[r#"
        | kind-kind/shop                                            /web-1/b  60 s  live
        |>  b          ready R1                         ━•━••━•━••━•━•F✗✗━✗─────F•━R━━━━━
        |>    to users                                                     •
        |
        |
        |
        |
        |
        |
        |                                           ╵-45 s      ╵-30 s      ╵-15 s    now
        | container web-1/b, newest first
        |   -6.000 s R restarted, 1 in all
        |   -9.000 s • ready
        |   -9.000 s • :8081/readyz gets 200, asked by kube-probe/1.36
        |  -10.000 s F healed: every probe gets the base again
        |q quit  ? help  f flip  h heal  space pause  i records  / filter  +/- zoom
    "#]]
    .assert_eq(&screen(&view, &lanes, (80, 16), UNICODE));
    // A low terminal shows the selected lane and its records.
    expect![[r#"
        | kind-kind/shop    /web-1/b  60 s  live
        |>  b                  •••••••F✗✗───FR━━━
        |>    to users                   •
        | container web-1/b, newest first
        |   -6.000 s R restarted, 1 in all
        |   -9.000 s • ready
        |q quit  ? help  f flip  h heal
    "#]]
    .assert_eq(&screen(&view, &lanes, (40, 7), UNICODE));
    view.filter = "nothing has this".to_owned();
    expect![[r#"
        | kind-kind/shop               /nothing has this  60 s  live
        | nothing here yet, or nothing that the filter leaves
        |
        |
        |
        |q quit  ? help  f flip  h heal  space pause  i records
    "#]]
    .assert_eq(&screen(&view, &lanes, (60, 6), UNICODE));
}

#[test]
fn a_cluster_out_of_reach_is_not_live() {
    let heading = |timeline: &Timeline| {
        let drawn = screen(&view(), &lanes_of(timeline), (60, 12), UNICODE);
        drawn.lines().next().unwrap().to_owned()
    };
    assert!(heading(&timeline()).ends_with("60 s  live"));
    let down = ScriptedTimeline::new().at(39_000).down("Pod", 38_000);
    assert!(heading(&down.done()).ends_with("60 s  OUT OF REACH"));
}

#[test]
fn colour_is_never_alone_and_may_be_absent() {
    let colours = |signs| {
        let terminal = drawn(&view(), &lanes_of(&timeline()), (80, 14), signs);
        let cells = terminal.backend().buffer().content().iter();
        let coloured = cells.filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset));
        coloured.count()
    };
    assert!(colours(UNICODE) > 100);
    assert_eq!(colours(ASCII), 0);
    let plain = Signs {
        colour: false,
        ..UNICODE
    };
    let text = |signs| screen(&view(), &lanes_of(&timeline()), (80, 14), signs);
    assert_eq!(text(plain), text(UNICODE));
}

/// The same timeline, with these names of a Pod and a Service.
fn named(pod: &str, service: &str) -> Timeline {
    changed(&timeline(), |record| rename(record, pod, service))
}

fn rename(value: &mut Value, pod: &str, service: &str) {
    match value {
        Value::String(text) if text == "web-1" => pod.clone_into(text),
        Value::String(text) if text == "web-a" => service.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|it| rename(it, pod, service)),
        Value::Object(fields) => fields.values_mut().for_each(|it| rename(it, pod, service)),
        _ => {}
    }
}

#[test]
fn names_neither_command_the_terminal_nor_leave_their_columns() {
    let lanes = lanes_of(&named(
        "\x1b[2Jweb\u{202e}-1\n",
        "日本語のサービスの名前はとても長い",
    ));
    expect![[r#"
        | kind-kind/shop                                  60 s  live
        |>svc web-b           1/1                     ████████xxx████
        | svc 日本語の…も長い 2/2                     ████████▄▄▄████" Hidden by multi-width symbols: [(6, " "), (8, " "), (10, " "), (12, " "), (15, " "), (17, " "), (19, " ")]
        | pod \u{1b}[2…e}-1\n ready 2/2               ━━━━━━━━▲──━━━━
        |   a                 ready                   ━━━━━━━━━━━━━━━
        |   b                 ready R1                ••••••F✗✗──FR━━
        |     to users                                        •
        | replicaset web                              •
        | watch Event                                             ?
        |
        |                                                ╵-30 s   now
        |q quit  ? help  f flip  h heal  space pause  i records
    "#]].assert_eq(&screen(&view(), &lanes, (60, 12), UNICODE));
    let terminal = drawn(&view(), &lanes, (60, 12), UNICODE);
    for cell in terminal.backend().buffer().content() {
        assert!(!cell.symbol().contains(char::is_control), "{cell:?}");
    }
    let ascii = screen(&view(), &lanes, (60, 12), ASCII);
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn no_terminal_is_too_small() {
    let lanes = lanes_of(&named("日本語", "\u{200d}"));
    let mut views = vec![view()];
    views.push(View {
        dialog: Dialog::Help,
        details: true,
        ..view()
    });
    let before = String::new();
    views.push(View {
        dialog: Dialog::Filter { before },
        details: true,
        filter: "日本語".to_owned(),
        ..view()
    });
    let mut asked = view();
    asked.notify(Err("日本語".repeat(30)));
    views.push(asked.clone());
    asked.dialog = Dialog::Flip(super::super::view::FlipPrompt {
        pod: "日本語".to_owned(),
        container: "b".to_owned(),
        line: "readiness 503 ".repeat(10),
        targets: vec!["process".to_owned()],
    });
    views.push(asked);
    for view in views {
        for width in 0..=64 {
            for height in 0..=17 {
                drawn(&view, &lanes, (width, height), UNICODE);
            }
        }
    }
}
