//! The probe target as an image of the embedded cluster.

use std::net::IpAddr;

use pocket::net::Host;

use super::*;

/// What a command comes to in a Pod in which nothing listens.
async fn exec(arguments: &[&str]) -> Output {
    let process = Process {
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        environment: std::collections::BTreeMap::new(),
        network: Host::new(
            pocket::net::Network::default(),
            IpAddr::from([10, 244, 0, 2]),
        ),
        files: pocket::image::files::Files::default(),
        instance: "1".to_owned(),
        log: ContainerLog::default(),
        memory: Memory::unlimited(),
        terminate: Box::pin(std::future::pending()),
    };
    ProbeTarget.exec(process).await
}

#[tokio::test(start_paused = true)]
async fn a_command_says_on_stderr_what_is_wrong() {
    let output = exec(&["check", "tcp", "127.0.0.1:8080"]).await;
    assert_eq!((output.code, output.stdout.as_slice()), (1, [].as_slice()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: "), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_well_says_it_on_stdout() {
    let output = exec(&["--version"]).await;
    assert_eq!((output.code, output.stderr.as_slice()), (0, [].as_slice()));
    assert!(!output.stdout.is_empty());
}
