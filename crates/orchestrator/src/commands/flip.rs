//! `probeflip flip`: one behaviour at one probe, or in one process, of every Pod that is meant.
//!
//! With `--for`, and no `--every`, or where the process ends, it ends by itself and we return at once. Else it is leased, and we stay until
//! Ctrl-C, so that it ends with us however we end.

use std::fmt::Write as _;

use futures::future::{join_all, try_join_all};

use super::{Bench, Outcome};
use crate::{
    cli,
    control::{Control, ControlError},
    exit::{Exit, Failure},
    flip::{Order, Ready},
    interrupt::Interrupt,
    lease::Leases,
    select::Selection,
};

pub(super) async fn run(flip: &cli::Flip, order: &Order, bench: Bench<'_>) -> Outcome {
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
        sent = send(&ready, &mut leases) => sent.map_err(Failure::from),
    };
    if let Err(failure) = sent {
        let healed = heal(&ready, &bench).await;
        return Err(Failure {
            exit: failure.exit.and(healed),
            ..failure
        });
    }
    for each in &ready {
        bench.printer.note(said(each));
    }
    if !order.leased {
        return Ok(Exit::Held);
    }
    bench.printer.note("in force until Ctrl-C");
    let ended = interrupt.next().await;
    Ok(ended.and(heal(&ready, &bench).await))
}

pub(super) fn order(flip: &cli::Flip) -> Result<Order, Failure> {
    let aim = flip.aim()?;
    Ok(Order {
        container: flip.container.clone(),
        leased: !flip.ends(&aim),
        aim,
        shared: flip.shared,
    })
}

async fn prepare(
    flip: &cli::Flip,
    bench: &Bench<'_>,
    order: &Order,
) -> Result<Vec<Ready>, Failure> {
    let reader = bench.reader();
    let pods = reader.pods(Selection::Subject(&flip.subject)).await?;
    let services = reader.services().await?;
    let switchboard = bench.switchboard();
    let ask = async |control: Control| control.state().await;
    let prepared = pods
        .iter()
        .map(|pod| Ready::prepare(&switchboard, pod, &services, order, ask));
    Ok(try_join_all(prepared).await?)
}

/// All at once, each under its lease.
async fn send(ready: &[Ready], leases: &mut Leases) -> Result<(), ControlError> {
    for each in ready.iter().filter(|each| each.order.leased) {
        leases.hold(&each.control, &each.instance).await?;
    }
    try_join_all(ready.iter().map(Ready::send)).await.map(drop)
}

async fn heal(ready: &[Ready], bench: &Bench<'_>) -> Exit {
    let healed = join_all(ready.iter().map(Ready::withdraw)).await;
    let mut exit = Exit::Held;
    for (each, healed) in ready.iter().zip(healed) {
        let address = each.control.address();
        match healed {
            Ok(_) => bench
                .printer
                .note(format!("healed {}/{}", address.pod, address.container)),
            // The process that took the flip is gone, and the flip with it.
            Err(error) if error.is_another_instance() => {}
            Err(error) => {
                exit = Exit::RevertFailed;
                let (namespace, pod) = (&bench.namespace, &address.pod);
                let context = &bench.cluster.place;
                bench.printer.error(&error.into());
                bench.printer.hint(format!(
                    "`probeflip heal {pod} -n {namespace} --context {context}`"
                ));
            }
        }
    }
    exit
}

/// What was done, in one line.
fn said(ready: &Ready) -> String {
    let Ready {
        control,
        plan,
        order,
        ..
    } = ready;
    let address = control.address();
    let mut said = order
        .aim
        .told(format!("{}/{}", address.pod, address.container));
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
