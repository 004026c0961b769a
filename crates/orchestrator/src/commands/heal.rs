//! `probeflip heal`: takes all flips of the selected targets away.

use super::{Bench, Outcome};
use crate::{
    cli::Selected,
    exit::Exit,
    switchboard::Switchboard,
    targets::{Address, NotATarget, targets_of},
};

pub(super) async fn run(heal: &Selected, bench: Bench<'_>) -> Outcome {
    let switchboard = bench.switchboard();
    let pods = bench.reader().pods(heal.selection()).await?;
    let mut exit = Exit::Held;
    for target in pods.iter().flat_map(targets_of) {
        match heal_one(&switchboard, target).await {
            Ok(healed) => bench.printer.note(healed),
            Err(error) => {
                exit = exit.and(Exit::Infrastructure);
                bench.printer.error(&error);
            }
        }
    }
    Ok(exit)
}

async fn heal_one(
    switchboard: &Switchboard,
    target: Result<Address, NotATarget>,
) -> anyhow::Result<String> {
    let address = target?;
    switchboard.control(&address).heal().await?;
    Ok(format!("healed {}/{}", address.pod, address.container))
}
