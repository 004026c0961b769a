//! `probeflip flip`: sets one behaviour for a probe or process of every selected Pod.
//!
//! A flip that ends by itself is not leased, and the command returns at once: one with `--for` and
//! without `--every`, or one that ends the process. Any other flip is leased, and the command stays
//! until Ctrl-C: the flip then ends with the command, however that ends.

use std::fmt::Write as _;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer::{Ack, State};

use super::session::Session;
use crate::{
    cli,
    exit::{CommandResult, Exit, Failure},
    run::interrupt::Interrupt,
    targets::{
        control::{Control, ControlError},
        flip::{FlipRequest, PreparedFlip},
        lease::Leases,
        retry_revert::{Reverted, retry_revert},
        select::Selection,
    },
};

pub(super) async fn run(
    flip: &cli::Flip,
    request: &FlipRequest,
    session: Session<'_>,
) -> CommandResult {
    let mut interrupt = Interrupt::catch()?;
    let ask = async |control: Control| control.state().await;
    let prepared = tokio::select! {
        biased;
        ended = interrupt.next() => return Ok(ended),
        prepared = prepare(flip, &session, request, ask) => prepared?,
    };
    let mut leases = Leases::default();
    let sent = tokio::select! {
        biased;
        ended = interrupt.next() => {
            Err(Failure::new(ended, "interrupted before it was acknowledged"))
        }
        sent = send(&prepared, &session, &mut leases) => sent.map_err(Failure::from),
    };
    let acks = match sent {
        Ok(acks) => acks,
        Err(failure) => {
            // Some flips may have arrived, so all are withdrawn.
            let healed = heal(&prepared, &session, &mut interrupt).await;
            return Err(Failure {
                exit: failure.exit.and(healed),
                ..failure
            });
        }
    };
    for (each, ack) in prepared.iter().zip(acks) {
        let hidden = ack.because.map(|because| format!(", but {because}"));
        let line = describe(each) + &hidden.unwrap_or_default();
        session.printer.note(line);
    }
    if !request.leased {
        return Ok(Exit::Held);
    }
    session.printer.note("in force until Ctrl-C");
    let ended = tokio::select! {
        biased;
        ended = interrupt.next() => ended,
        lapsed = leases.lapse() => Failure::from(lapsed).print(session.printer),
    };
    Ok(ended.and(heal(&prepared, &session, &mut interrupt).await))
}

pub(super) fn request(flip: &cli::Flip) -> Result<FlipRequest, Failure> {
    let aim = flip.target()?;
    Ok(FlipRequest {
        container: flip.container.clone(),
        leased: !flip.ends(&aim),
        aim,
        shared: flip.shared,
    })
}

/// Plans the flip of each selected Pod. `ask` fetches the state of a target.
pub(super) async fn prepare<F>(
    flip: &cli::Flip,
    session: &Session<'_>,
    request: &FlipRequest,
    ask: impl Fn(Control) -> F + Copy,
) -> Result<Vec<PreparedFlip>, Failure>
where
    F: Future<Output = Result<State, ControlError>>,
{
    let reader = session.reader();
    let pods = reader.pods(Selection::Subject(&flip.subject)).await?;
    let services = reader.services().await?;
    let controls = session.controls();
    let prepared = pods
        .iter()
        .map(|pod| PreparedFlip::prepare(&controls, pod, &services, request, ask));
    Ok(try_join_all(prepared).await?)
}

/// Sends all flips at once, each leased one after its lease is held.
async fn send(
    prepared: &[PreparedFlip],
    session: &Session<'_>,
    leases: &mut Leases,
) -> Result<Vec<Ack>, ControlError> {
    let pods = pods(session);
    let with_lease = prepared.iter().filter(|each| each.request.leased);
    let targets = with_lease.map(|each| (&each.control, &*each.instance));
    leases.hold(&pods, targets).await?;
    try_join_all(prepared.iter().map(PreparedFlip::send)).await
}

/// Withdraws all flips, or prints the commands that heal them later. One more signal quits at once.
pub(super) async fn heal(
    prepared: &[PreparedFlip],
    session: &Session<'_>,
    interrupt: &mut Interrupt,
) -> Exit {
    let healing = join_all(prepared.iter().map(|each| heal_one(each, session)));
    tokio::select! {
        biased;
        _ = interrupt.next() => {
            session.printer.error(&anyhow::anyhow!("quit before everything was healed"));
            for each in prepared {
                hint(each, session);
            }
            Exit::RevertFailed
        }
        healed = healing => healed.into_iter().fold(Exit::Held, Exit::and),
    }
}

async fn heal_one(prepared: &PreparedFlip, session: &Session<'_>) -> Exit {
    let address = prepared.control.address();
    let (pod, container) = (&address.pod, &address.container);
    match retry_revert(&pods(session), &prepared.control, async || {
        prepared.withdraw().await
    })
    .await
    {
        Ok(Reverted::Acknowledged(_)) => {
            session.printer.note(format!("healed {pod}/{container}"));
            Exit::Held
        }
        Ok(Reverted::Gone) => {
            session.printer.note(format!(
                "the process of {pod}/{container} is gone, and the flip with it"
            ));
            Exit::Held
        }
        Err(error) => {
            session.printer.error(&error.into());
            hint(prepared, session);
            Exit::RevertFailed
        }
    }
}

pub(super) fn pods(session: &Session<'_>) -> Api<Pod> {
    Api::namespaced(session.cluster.client.clone(), &session.namespace)
}

/// Prints the command that heals the target later.
fn hint(prepared: &PreparedFlip, session: &Session<'_>) {
    let (namespace, context) = (&session.namespace, &session.cluster.place);
    let pod = &prepared.control.address().pod;
    session.printer.hint(format!(
        "`probeflip heal {pod} -n {namespace} --context {context}`"
    ));
}

/// One line that describes a flip.
pub(super) fn describe(prepared: &PreparedFlip) -> String {
    let PreparedFlip {
        control,
        plan,
        request,
        ..
    } = prepared;
    let address = control.address();
    let container = &request.container;
    let mut line = request.aim.describe(format!("{}/{container}", address.pod));
    if *container != plan.container {
        write!(line, ", by the target in `{}`", plan.container)
            .expect("a string must take what is written");
    }
    if let Some(port) = plan.port {
        write!(line, ", on port {port}, {}", plan.act).expect("a string must take what is written");
    }
    if !plan.touches.is_empty() {
        let touched = plan.touches.join(", ");
        write!(line, "; this touches {touched}").expect("a string must take what is written");
    }
    if !plan.closes.is_empty() {
        let closed = plan.closes.join(", ");
        write!(line, "; this closes service port {closed}")
            .expect("a string must take what is written");
    }
    line
}
