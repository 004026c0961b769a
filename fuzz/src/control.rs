//! Control calls, requests and waits in any order: a rejected call changes nothing, an accepted one
//! is in force and shown as it was sent, and healing restores the base.

use std::time::Duration;

use probe_target::model::behaviour::Behaviour;
use probe_target::model::port_spec::PortSpec;
use probe_target::model::plan::Plan;
use probe_target::model::answer::{ErrorAnswer, State};
use serde_json::Value;

use crate::site::{CONTROL, Folder, Site, run};

/// The maximum number of steps of one input; more would only slow the fuzzer down.
const MOST: usize = 24;

/// Executes the steps between lines of `---`: a control call with its body below it; `@8080 /path`,
/// a request; `~1500`, a wait in milliseconds; `!`, SIGTERM.
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
        let started = Site::start(&arguments, Folder::default()).await;
        let Ok(mut site) = started else {
            panic!("the target must start");
        };
        _ = play(&mut site, bytes).await;
    });
}

async fn play(site: &mut Site, bytes: &[u8]) -> Option<()> {
    let base = planned(site).await?;
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
            [b'@', place @ ..] => request(site, place).await,
            b"!" => site.terminate(),
            line => call(site, line, body).await?,
        }
        steps = rest;
    }
    site.taken("POST /v1/heal").await?;
    let state = site.state().await?;
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
    assert_eq!(planned(site).await?, base, "heal brings the base back");
    Some(())
}

async fn planned(site: &Site) -> Option<Plan> {
    let text = site.taken("GET /v1/plan").await?;
    let plan = Plan::parse(&text).expect("the plan must be readable");
    let again = serde_json::to_vec(&plan).expect("the plan must be writable");
    assert_eq!(Plan::parse(&again).as_ref(), Ok(&plan), "as it is written");
    Some(plan)
}

async fn request(site: &Site, place: &[u8]) {
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
    let patience = Duration::from_secs(1);
    _ = site
        .send(port.unwrap_or(8080), &bytes, false, patience)
        .await;
}

async fn call(site: &Site, line: &[u8], body: &[u8]) -> Option<()> {
    let before = site.state().await?;
    let answer = site.ask(CONTROL, line, body).await;
    let after = site.state().await?;
    let (status, said) = answer?;
    match status {
        200 => shown(line, body, &after),
        400..=499 | 501 => refused(status, &said, &before, &after),
        _ => panic!("{status} is no answer"),
    }
    planned(site).await.map(drop)
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

/// Asserts that a rejected call changed nothing and names the rejected field.
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
    // Errors about the whole request name no field.
    let whole = [
        "this is no",
        "the ",
        "not valid JSON",
        "must be an object",
        "takes either",
    ];
    let whole = whole.iter().any(|start| refusal.error.starts_with(start));
    assert!(
        status != 400 || whole || refusal.field.is_some(),
        "{refusal:?}"
    );
    assert!(serde_json::from_slice::<Value>(said).is_ok());
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
