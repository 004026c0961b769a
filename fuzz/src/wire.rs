//! Arbitrary bytes on any port: the target neither ends nor stops answering.

use std::time::Duration;

use crate::running_target::{CONTROL, Folder, RunningTarget, run};

/// A port for each protocol, and the control address.
const PORTS: [u16; 4] = [8080, 9000, 7000, CONTROL];

/// The first byte selects the port and whether FIN follows; the others are sent.
pub fn wire(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    run(async {
        let faults = "hang close reset slow-head slow-body stall-body short-body cut-chunk interim redirect-chain";
        let routes = faults
            .split(' ')
            .map(|fault| format!("--route=/{fault}={fault}"));
        let ports = ["--port=8080", "--port=9000=grpc", "--port=7000=tcp"].map(str::to_owned);
        let arguments: Vec<String> = ports.into_iter().chain(routes).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Ok(target) = RunningTarget::start(&arguments, Folder::default()).await else {
            panic!("the target must start");
        };
        let port = PORTS[usize::from(choice & 3)];
        let fin = choice & 4 != 0;
        _ = target.send(port, bytes, fin, Duration::from_secs(60)).await;
        if target.state().await.is_some() {
            target.expect_accepted("GET /v1/journal").await.expect("it goes on");
            target.expect_accepted("GET /v1/plan").await.expect("it goes on");
        }
    });
}
