//! Scripts in the double of the shell: the same in pocket and as a process of this machine.

#![cfg(test)]

use std::{
    collections::BTreeMap, future::pending, io::Read, net::IpAddr, os::unix::process::CommandExt,
    process::Command, time::Duration,
};

use doubles::in_pocket::busybox;
use futures::{FutureExt, future::BoxFuture};
use pocket::{
    image::{Background, Memory, Process, Writer},
    net::{Host, Network},
};

/// What a script prints, to both streams, and its exit code.
type Ran = (String, i32);

/// Runs a script in pocket; SIGTERM comes when `terminate` completes.
async fn in_pocket(script: &str, terminate: BoxFuture<'static, ()>) -> Ran {
    let image = busybox();
    let (output, printed) = Writer::pipe();
    let process = Process {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        environment: BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]),
        network: Host::new(Network::default(), IpAddr::from([10, 0, 0, 1])),
        files: image.files(false),
        instance: "1".to_owned(),
        is_main: true,
        stdin: Box::new(tokio::io::empty()),
        stdout: output.clone(),
        stderr: output,
        background: Background::default(),
        memory: Memory::unlimited(),
        terminate,
    };
    let background = process.background.clone();
    let exit = doubles::in_pocket::run(process).await;
    let text = String::from_utf8(printed.collect().await).unwrap();
    drop(background);
    (text, exit.code)
}

/// Runs a script as a process, in an empty directory.
fn on_this_machine(script: &str) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_double"))
        .arg0("sh")
        .args(["-c", script])
        .current_dir(directory.path())
        .env_clear()
        .env("HOME", "/root")
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    // To the end of all children.
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap().code().unwrap())
}

#[track_caller]
fn check(script: &str, printed: &str, code: i32) {
    let expected = (printed.to_owned(), code);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let ran = runtime.block_on(in_pocket(script, pending().boxed()));
    assert_eq!(ran, expected, "in pocket: {script}");
    assert_eq!(on_this_machine(script), expected, "as a process: {script}");
}

#[test]
fn commands_follow_each_other() {
    check("echo a; echo b", "a\nb\n", 0);
    check("true && echo a || echo b", "a\n", 0);
    check("false && echo a || echo b", "b\n", 0);
    check("! false && echo a", "a\n", 0);
    check("{ echo a; exit 3; }; echo b", "a\n", 3);
    check("(exit 3); echo $?", "3\n", 0);
    check("false", "", 1);
    check("nosuch", "sh: nosuch: not found\n", 127);
    check(
        "set -e; false || true; if false; then :; fi; false; echo a",
        "",
        1,
    );
    check(
        "echo 'a",
        "sh: syntax error: unterminated quoted string\n",
        2,
    );
}

#[test]
fn conditions_and_loops() {
    let script = "if [ -f a ]; then echo yes; elif [ -d . ]; then echo no; else echo never; fi";
    check(script, "no\n", 0);
    check(
        "for i in 1 2 'a b'; do echo \"<$i>\"; done",
        "<1>\n<2>\n<a b>\n",
        0,
    );
    let script = "i=0; while true; do i=$((i+1)); [ $i -lt 3 ] || break; echo $i; done";
    check(script, "1\n2\n", 0);
    check("until [ -f a ]; do touch a; echo b; done", "b\n", 0);
    check("case abc in x|a*) echo 1;; *) echo 2;; esac", "1\n", 0);
    check(
        "f() { echo $1 $#; return 4; }; f a b; echo $?",
        "a 2\n4\n",
        0,
    );
    check(
        "printf '%s\\n' 1 2 | while read n; do echo \"<$n>\"; done",
        "<1>\n<2>\n",
        0,
    );
}

#[test]
fn words_are_expanded() {
    check(
        "a='x  y'; echo $a \"$a\" '$a' ${b:-z} ${#a}",
        "x y x  y $a z 4\n",
        0,
    );
    check(
        "a=/x/y.txt; echo ${a##*/} ${a%.txt} ${a#/}",
        "y.txt /x/y x/y.txt\n",
        0,
    );
    check(
        "echo $(echo a; echo b) `echo c` $((2 * (3 + 4) % 5))",
        "a b c 4\n",
        0,
    );
    check("A=1 env | grep ^A; echo \"<$A>\"", "A=1\n<>\n", 0);
    check(
        "set -- a 'b c'; for x in \"$@\"; do echo $x; done; shift; echo $1",
        "a\nb c\nb c\n",
        0,
    );
    check(
        "mkdir -p x/y; cd x; touch b1 b2 c; echo b* 'b*' d*; cd ..; ls x/b*",
        "b1 b2 b* d*\nx/b1\nx/b2\n",
        0,
    );
    check("cat <<EOF\na $HOME\nEOF\necho b", "a /root\nb\n", 0);
}

#[test]
fn files_and_redirections() {
    check(
        "echo ok >a; cat a; rm -rf a; cat a",
        "ok\ncat: can't open 'a': No such file or directory\n",
        1,
    );
    check("echo a > f; echo b >> f; wc -l f; wc -l < f", "2 f\n2\n", 0);
    check(
        "cat nosuch 2>/dev/null; echo $?; echo a 1>&2; { echo b; echo c; } > f; cat f",
        "1\na\nb\nc\n",
        0,
    );
    check(
        "cat < nosuch; echo $?",
        "sh: can't open nosuch: no such file\n1\n",
        0,
    );
    check(
        "mkdir -p a/b && touch a/b/c && ls a/b; [ -d a/b ] && rm a",
        "c\nrm: 'a' is a directory\n",
        1,
    );
    let script = "f=count; count=$(echo hello >> $f ; wc -l $f | awk {'print $1'}); echo $count";
    check(script, "1\n", 0);
}

#[test]
fn children_outlive_what_does_not_wait_for_them() {
    check("sleep 0.1 & echo a; wait; echo b", "a\nb\n", 0);
    check("(exit 3) & wait $!; echo $?", "3\n", 0);
    check("{ sleep 0.2; echo late; } & echo a; exit 1", "a\nlate\n", 1);
    check(
        "sleep 60 & kill $!; wait $!; echo $?",
        "Terminated\n143\n",
        0,
    );
    check("trap 'echo bye' EXIT; echo a; exit 2", "a\nbye\n", 2);
}

/// Runs a script in pocket that gets SIGTERM after 5 s. Returns the second of its end too.
async fn terminated(script: &str) -> (Ran, u64) {
    let start = tokio::time::Instant::now();
    let terminate = tokio::time::sleep(Duration::from_secs(5)).boxed();
    let ran = tokio::time::timeout(Duration::from_secs(100), in_pocket(script, terminate)).await;
    let ran = ran.unwrap_or_else(|_| (String::new(), 137));
    (ran, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_signal_is_handled_after_the_tool_that_runs_or_ends_a_wait() {
    let ignored = (String::new(), 137);
    assert_eq!(terminated("sleep 600").await, (ignored.clone(), 100));
    assert_eq!(terminated("trap '' TERM; sleep 600").await, (ignored, 100));
    let loop_ = "trap 'echo x; exit 3' TERM; while true; do sleep 3; done";
    assert_eq!(terminated(loop_).await, (("x\n".to_owned(), 3), 6));
    let wait = "trap 'exit 4' SIGTERM; sleep 20 & wait";
    assert_eq!(terminated(wait).await.0.1, 4);
    let late = "sleep 9; trap 'exit 5' TERM; sleep 3; exit 6";
    assert_eq!(terminated(late).await, ((String::new(), 6), 12));
}
