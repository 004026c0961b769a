//! `probeflip watch` on a terminal: its lanes, its flips, and how it leaves the terminal.

use std::process::Command;

use crate::{
    on_a_port::Served,
    program::{probeflip, root, run},
    terminal::Terminal,
};

const SIZE: (u16, u16) = (100, 24);

/// `probeflip watch` on a cluster.
fn watch(served: &Served) -> Command {
    let mut command = served.cluster.command();
    command.arg("watch").args(served.cluster.named());
    command
}

#[test]
fn a_flip_is_seen_and_withdrawn() {
    let served = Served::start();
    served.up();
    let mut terminal = Terminal::start(watch(&served), SIZE);
    terminal.shows("pod web-");
    terminal.press("/container\r");
    terminal.until("containers alone", |screen| {
        let text = screen.contents();
        text.contains("/container") && !text.contains("pod web-")
    });
    // The last one is b.
    terminal.press("G");
    terminal.shows(">  b");
    terminal.press("i");
    terminal.shows("/readyz gets 200, asked by kube-probe/");
    terminal.press("f");
    terminal.shows("readiness fail_");
    terminal.press("\r");
    terminal.shows("ready F fail");
    terminal.shows("/readyz gets 503, asked by kube-probe/");
    terminal.shows("not ready F fail");
    // First closes the records, then lists all lanes.
    terminal.press("\x1b");
    terminal.until("no records", |screen| {
        !screen.contents().contains("newest first")
    });
    terminal.press("\x1b");
    terminal.shows("0/1");
    terminal.press("h");
    terminal.shows("healed web-");
    terminal.until("endpoints again", |screen| {
        !screen.contents().contains("0/1")
    });
    terminal.press("f\x15readiness no-such-thing\r");
    terminal.shows("no behaviour `no-such-thing`");
    terminal.press("f\x15readiness 503 --for 10m\r");
    terminal.shows("ready F 503");
    terminal.press("q");
    let last = terminal.ends(0);
    assert!(last.contains("healed web-"), "{last}");
    let status = served.cluster.run(&["status"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert_eq!(
        status.stdout.matches("base").count(),
        4,
        "{}",
        status.stdout
    );
}

/// A shell that prints the modes of the terminal, runs `watch`, and prints them again.
const AROUND: &str = r#"
stty -g
sh -c 'echo pid=$$.; exec "$0" watch --context pocket' "$0"
echo "code=$?."
stty -g
read -r end
"#;

#[test]
fn the_terminal_is_left_as_it_was_found() {
    let served = Served::start();
    let ends = [
        ("q", 0),
        ("\x03", 130),
        ("INT", 130),
        ("TERM", 143),
        ("HUP", 143),
    ];
    for (end, code) in ends {
        let mut shell = Command::new("sh");
        let program = probeflip().get_program().to_owned();
        shell.arg("-c").arg(AROUND).arg(program);
        shell.env("KUBECONFIG", &served.cluster.kubeconfig);
        let mut terminal = Terminal::start(shell, SIZE);
        let pid = terminal.between("pid=", ".");
        terminal.until("the picture", |screen| {
            screen.alternate_screen() && screen.contents().contains("60 s  live")
        });
        if end.len() > 1 {
            let sent = Command::new("kill").args(["-s", end, &pid]).status();
            assert!(sent.unwrap().success());
        } else {
            terminal.press(end);
        }
        assert_eq!(terminal.between("code=", "."), code.to_string(), "{end}");
        let modes = |text: &str| {
            let lines = text.lines().filter(|line| line.matches(':').count() > 10);
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        terminal.until("the modes", |screen| modes(&screen.contents()).len() == 2);
        let before_and_after = modes(&terminal.text());
        assert_eq!(before_and_after[0], before_and_after[1], "{end}");
        terminal.until("the shell's screen", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
        terminal.press("\r");
        terminal.ends(0);
    }
}

#[test]
fn a_stopped_watch_goes_on_where_it_was() {
    let served = Served::start();
    let mut shell = Command::new("sh");
    shell
        .arg("-i")
        .env("KUBECONFIG", &served.cluster.kubeconfig);
    shell.env_remove("ENV").env("PS1", "$ ").current_dir(root());
    let mut terminal = Terminal::start(shell, SIZE);
    let program = probeflip().get_program().to_owned();
    let program = program.to_str().unwrap();
    let start = format!("sh -c 'echo pid=$$.; exec {program} watch --context pocket'\r");
    terminal.press(&start);
    let picture = |terminal: &mut Terminal| {
        terminal.until("the picture", |screen| {
            screen.alternate_screen() && screen.contents().contains("live")
        });
    };
    picture(&mut terminal);
    let pid = terminal.between("pid=", ".\r\n");
    for by_signal in [false, true] {
        if by_signal {
            let sent = Command::new("kill").args(["-s", "TSTP", &pid]).status();
            assert!(sent.unwrap().success());
        } else {
            terminal.press("\x1a");
        }
        terminal.until("the shell", |screen| {
            !screen.alternate_screen() && screen.contents().contains("Stopped")
        });
        terminal.press("clear; fg\r");
        picture(&mut terminal);
    }
    terminal.resize((20, 5));
    terminal.until("the small picture", |screen| {
        let rows: Vec<String> = screen.rows(0, 20).collect();
        rows[0].starts_with(" pock…lt") && rows[4].starts_with("q quit")
    });
    // A key that comes together with a new size is not lost.
    terminal.resize(SIZE);
    terminal.press("q");
    terminal.until("the shell's prompt", |screen| {
        !screen.alternate_screen() && screen.contents().ends_with("$ ")
    });
    terminal.press("exit 0\r");
    terminal.ends(0);
}

#[test]
fn what_is_no_terminal_is_refused() {
    let piped = run(["watch"]);
    assert_eq!((piped.code, piped.stdout.as_str()), (2, ""));
    assert!(
        piped.stderr.contains("standard output is none"),
        "{}",
        piped.stderr
    );
    let mut shell = Command::new("sh");
    let program = probeflip().get_program().to_owned();
    shell
        .args(["-c", "TERM=dumb exec \"$0\" watch"])
        .arg(program);
    let dumb = Terminal::start(shell, SIZE).ends(2);
    assert!(dumb.contains("TERM is `dumb`"), "{dumb}");
}
