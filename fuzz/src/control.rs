//! Control calls, requests and waits in any order: a rejected call changes nothing, an accepted one
//! is in force and shown as it was sent, and healing restores the base.

use std::time::Duration;

use probe_target::model::behaviour::Behaviour;
use probe_target::model::port_spec::PortSpec;
use probe_target::model::plan::Plan;
use probe_target::model::answer::{ErrorAnswer, State};

use crate::running_target::{CONTROL, Folder, RunningTarget, run};

/// The maximum number of steps of one input; more would only slow the fuzzer down.
const MOST: usize = 24;

/// Executes steps, which lines of `---` separate. The first line of a step is `PUT /v1/…` for a
/// control call with the body below it, `@8080 /path` for a request, `~1500` for a wait of that
/// many milliseconds, `!` for SIGTERM.
pub fn control(bytes: &[u8]) {
    run(async {
        let arguments = [
            "--port=8080",
            "--port=9000=grpc",
            "--port=7000=tcp",
            "--route=/hehe=404",
            "--state-dir=/s",
            "--keep",
        ];
        let started = RunningTarget::start(&arguments, Folder::default()).await;
        let Ok(mut target) = started else {
            panic!("the target must start");
        };
        _ = play(&mut target, bytes).await;
    });
}

async fn play(target: &mut RunningTarget, bytes: &[u8]) -> Option<()> {
    let base = planned(target).await?;
    let mut steps = bytes;
    for _ in 0..MOST {
        let (step, rest) = split(steps, b"\n---\n");
        let (line, body) = split(step, b"\n");
        match line {
            [b'~', millis @ ..] => {
                let millis = std::str::from_utf8(millis)
                    .ok()
                    .and_then(|text| text.parse().ok());
                tokio::time::sleep(Duration::from_millis(millis.unwrap_or_default())).await;
            }
            [b'@', place @ ..] => request(target, place).await,
            b"!" => target.terminate(),
            line => call(target, line, body).await?,
        }
        steps = rest;
    }
    target.expect_accepted("POST /v1/heal").await?;
    let state = target.state().await?;
    let ports = state.ports.values();
    let routes = ports.clone().flat_map(|port| port.routes.values());
    let flips = ports.filter(|port| port.flip.is_some()).count();
    let flips = flips + routes.filter(|route| route.flip.is_some()).count();
    let flips = flips
        + state
            .process
            .values()
            .filter(|fault| fault.flip.is_some())
            .count();
    assert_eq!(flips, 0, "nothing is flipped after heal: {state:?}");
    assert_eq!(planned(target).await?, base, "heal brings the base back");
    Some(())
}

async fn planned(target: &RunningTarget) -> Option<Plan> {
    let text = target.expect_accepted("GET /v1/plan").await?;
    let plan = Plan::parse(&text).expect("the plan must be readable");
    let again = serde_json::to_vec(&plan).expect("the plan must be writable");
    assert_eq!(Plan::parse(&again).as_ref(), Ok(&plan), "as it is written");
    Some(plan)
}

async fn request(target: &RunningTarget, place: &[u8]) {
    let (port, path) = split(place, b" ");
    let port = std::str::from_utf8(port)
        .ok()
        .and_then(|port| port.parse().ok());
    let bytes = [
        b"GET ",
        path,
        b" HTTP/1.1\r\nhost: f\r\nuser-agent: kube-probe/1\r\nconnection: close\r\n\r\n",
    ]
    .concat();
    let limit = Duration::from_secs(1);
    _ = target
        .send(port.unwrap_or(8080), &bytes, false, limit)
        .await;
}

async fn call(target: &RunningTarget, line: &[u8], body: &[u8]) -> Option<()> {
    let before = target.state().await?;
    let answer = target.ask(CONTROL, line, body).await;
    let after = target.state().await?;
    let (status, said) = answer?;
    match status {
        200 => shown(line, body, &after),
        400..=499 | 501 => refused(status, &said, &before, &after),
        _ => panic!("{status} is no answer"),
    }
    planned(target).await.map(drop)
}

/// Asserts that an accepted change is shown as it was sent.
fn shown(line: &[u8], body: &[u8], state: &State) {
    let Some(place) = line.strip_prefix(b"PUT /v1/ports/") else {
        return;
    };
    let place = String::from_utf8_lossy(place);
    let (port, route) = place.split_once('/').unwrap_or((&place, ""));
    let port = port.split('?').next().unwrap_or_default();
    let port = port
        .parse()
        .ok()
        .and_then(|port: u16| state.ports.get(&port));
    let port = port.expect("a port that was taken must be there");
    if route.is_empty() {
        let opening: PortSpec = serde_json::from_slice(body).expect("what was taken is an opening");
        let flip = port.flip.as_ref().map(|flip| &flip.set);
        assert_eq!(flip, Some(&opening), "{place}");
        same(&opening);
        return;
    }
    let behaviour: Behaviour = serde_json::from_slice(body).expect("what was taken is a behaviour");
    let mut flips = port.routes.values().filter_map(|route| route.flip.as_ref());
    assert!(
        flips.any(|flip| flip.set == behaviour),
        "{place}: {state:?}"
    );
    same(&behaviour);
}

/// Asserts that a value survives being written and parsed.
fn same<B>(set: &B)
where
    B: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(set).expect("it must be writable");
    let again: B = serde_json::from_str(&text).expect("it must be readable");
    assert_eq!(&again, set, "{text}");
}

/// Asserts that a rejected call gives a reason and changes nothing.
fn refused(status: u16, said: &[u8], before: &State, after: &State) {
    // Input that is not HTTP is rejected before the control API.
    if said.is_empty() {
        return;
    }
    let refusal: ErrorAnswer = serde_json::from_slice(said).expect("a refusal must be readable");
    assert!(!refusal.error.is_empty(), "{status}");
    if before.uptime == after.uptime && status != 409 {
        assert_eq!(set(before), set(after), "{refusal:?}");
        assert_eq!(before.process, after.process, "{refusal:?}");
        assert_eq!(before.revision, after.revision, "{refusal:?}");
    }
    assert_ne!(refusal.field.as_deref(), Some(""), "{refusal:?}");
}

/// The configuration of the ports, without the number of open connections: that changes when a port
/// notices that a client has disconnected.
fn set(state: &State) -> Vec<impl PartialEq + std::fmt::Debug> {
    let ports = state.ports.iter();
    let set =
        ports.map(|(number, port)| (number, port.listening, &port.base, &port.flip, &port.routes));
    set.collect()
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let place = bytes.windows(at.len()).position(|part| part == at);
    place.map_or((bytes, &[]), |place| {
        (&bytes[..place], &bytes[place + at.len()..])
    })
}
