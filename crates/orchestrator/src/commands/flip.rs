//! `probeflip flip`: sets one behaviour for a probe or process of every selected Pod.
//!
//! A flip that ends by itself is not leased, and the command returns at once: one with `--for` and
//! without `--every`, or one that ends the process. Any other flip is leased, and the command stays
//! until Ctrl-C: the flip then ends with the command, however that ends.

use std::fmt::Write as _;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer::Ack;

use super::{CommandResult, Session};
use crate::{
    cli,
    exit::{Exit, Failure},
    run::interrupt::Interrupt,
    targets::{
        control::{Control, ControlError},
        flip::{FlipRequest, PreparedFlip},
        lease::Leases,
        reverted::{Reverted, reverted},
        select::Selection,
    },
};

pub(super) async fn run(
    flip: &cli::Flip,
    order: &FlipRequest,
    bench: Session<'_>,
) -> CommandResult {
    let mut interrupt = Interrupt::catch()?;
    let ready = tokio::select! {
        biased;
        ended = interrupt.next() => return Ok(ended),
        ready = prepare(flip, &bench, order) => ready?,
    };
    let mut leases = Leases::default();
    let sent = tokio::select! {
        biased;
        ended = interrupt.next() => Err(Failure::new(ended, "interrupted before it was acknowledged")),
        sent = send(&ready, &bench, &mut leases) => sent.map_err(Failure::from),
    };
    let acks = match sent {
        Ok(acks) => acks,
        Err(failure) => {
            let healed = heal(&ready, &bench, &mut interrupt).await;
            return Err(Failure {
                exit: failure.exit.and(healed),
                ..failure
            });
        }
    };
    for (each, ack) in ready.iter().zip(acks) {
        let hidden = ack.because.map(|because| format!(", but {because}"));
        let said = said(each) + &hidden.unwrap_or_default();
        bench.printer.note(said);
    }
    if !order.leased {
        return Ok(Exit::Held);
    }
    bench.printer.note("in force until Ctrl-C");
    let ended = tokio::select! {
        biased;
        ended = interrupt.next() => ended,
        lapsed = leases.lapse() => Failure::from(lapsed).print(bench.printer),
    };
    Ok(ended.and(heal(&ready, &bench, &mut interrupt).await))
}

pub(super) fn order(flip: &cli::Flip) -> Result<FlipRequest, Failure> {
    let aim = flip.target()?;
    Ok(FlipRequest {
        container: flip.container.clone(),
        leased: !flip.ends(&aim),
        aim,
        shared: flip.shared,
    })
}

async fn prepare(
    flip: &cli::Flip,
    bench: &Session<'_>,
    order: &FlipRequest,
) -> Result<Vec<PreparedFlip>, Failure> {
    let reader = bench.reader();
    let pods = reader.pods(Selection::Subject(&flip.subject)).await?;
    let services = reader.services().await?;
    let switchboard = bench.switchboard();
    let ask = async |control: Control| control.state().await;
    let prepared = pods
        .iter()
        .map(|pod| PreparedFlip::prepare(&switchboard, pod, &services, order, ask));
    Ok(try_join_all(prepared).await?)
}

/// Sends all flips at once, each leased one after its lease is held.
async fn send(
    ready: &[PreparedFlip],
    bench: &Session<'_>,
    leases: &mut Leases,
) -> Result<Vec<Ack>, ControlError> {
    let pods = pods(bench);
    for each in ready.iter().filter(|each| each.order.leased) {
        leases.hold(&pods, &each.control, &each.instance).await?;
    }
    try_join_all(ready.iter().map(PreparedFlip::send)).await
}

/// Withdraws all flips, or prints the commands that heal them later. One more signal quits at once.
async fn heal(ready: &[PreparedFlip], bench: &Session<'_>, interrupt: &mut Interrupt) -> Exit {
    let healing = join_all(ready.iter().map(|each| heal_one(each, bench)));
    tokio::select! {
        biased;
        _ = interrupt.next() => {
            bench.printer.error(&anyhow::anyhow!("quit before everything was healed"));
            for each in ready {
                hint(each, bench);
            }
            Exit::RevertFailed
        }
        healed = healing => healed.into_iter().fold(Exit::Held, Exit::and),
    }
}

async fn heal_one(ready: &PreparedFlip, bench: &Session<'_>) -> Exit {
    let address = ready.control.address();
    let (pod, container) = (&address.pod, &address.container);
    match reverted(&pods(bench), &ready.control, async || {
        ready.withdraw().await
    })
    .await
    {
        Ok(Reverted::Acknowledged(_)) => {
            bench.printer.note(format!("healed {pod}/{container}"));
            Exit::Held
        }
        Ok(Reverted::Gone) => {
            bench.printer.note(format!(
                "the process of {pod}/{container} is gone, and the flip with it"
            ));
            Exit::Held
        }
        Err(error) => {
            bench.printer.error(&error.into());
            hint(ready, bench);
            Exit::RevertFailed
        }
    }
}

fn pods(bench: &Session<'_>) -> Api<Pod> {
    Api::namespaced(bench.cluster.client.clone(), &bench.namespace)
}

/// Prints the command that heals the target later.
fn hint(ready: &PreparedFlip, bench: &Session<'_>) {
    let (namespace, context) = (&bench.namespace, &bench.cluster.place);
    let pod = &ready.control.address().pod;
    bench.printer.hint(format!(
        "`probeflip heal {pod} -n {namespace} --context {context}`"
    ));
}

/// One line that describes a flip.
fn said(ready: &PreparedFlip) -> String {
    let PreparedFlip {
        control,
        plan,
        order,
        ..
    } = ready;
    let address = control.address();
    let mut said = order
        .aim
        .describe(format!("{}/{}", address.pod, address.container));
    if let Some(port) = plan.port {
        write!(said, ", on port {port}, {}", plan.act).expect("a string must take what is written");
    }
    if !plan.touches.is_empty() {
        let touched = plan.touches.join(", ");
        write!(said, "; this touches {touched}").expect("a string must take what is written");
    }
    if !plan.closes.is_empty() {
        let closed = plan.closes.join(", ");
        write!(said, "; this closes service port {closed}")
            .expect("a string must take what is written");
    }
    said
}
