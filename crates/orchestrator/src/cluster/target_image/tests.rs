//! The probe target as an image of the embedded cluster.

use std::net::IpAddr;

use pocket::{
    image::{Background, Writer},
    net::Host,
};

use super::*;

/// The exit code, stdout and stderr of a command in a Pod in which nothing listens.
async fn exec(arguments: &[&str]) -> (i32, String, String) {
    let ((stdout, printed), (stderr, complained)) = (Writer::pipe(), Writer::pipe());
    let command = ["/probe-target"].iter().chain(arguments);
    let process = Process {
        command: command.map(|&word| word.to_owned()).collect(),
        environment: std::collections::BTreeMap::new(),
        network: Host::new(
            pocket::net::Network::default(),
            IpAddr::from([10, 244, 0, 2]),
        ),
        files: pocket::image::files::Files::default(),
        instance: "1".to_owned(),
        is_main: false,
        stdin: Box::new(tokio::io::empty()),
        stdout,
        stderr,
        background: Background::default(),
        memory: Memory::unlimited(),
        terminate: Box::pin(std::future::pending()),
    };
    let exit = run(process).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (printed, complained) = (printed.collect().await, complained.collect().await);
    (exit.code, text(printed), text(complained))
}

#[tokio::test(start_paused = true)]
async fn a_command_says_on_stderr_what_is_wrong() {
    let (code, stdout, said) = exec(&["check", "tcp", "127.0.0.1:8080"]).await;
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(said.starts_with("error: "), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_well_says_it_on_stdout() {
    let (code, stdout, stderr) = exec(&["--version"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(!stdout.is_empty());
}
