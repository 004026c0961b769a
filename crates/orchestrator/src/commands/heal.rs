//! `probeflip heal`: removes all flips of the selected targets.

use super::session::Session;
use crate::{
    cli::Selected,
    exit::{CommandResult, Exit},
    targets::{Address, NotATarget, control_pool::ControlPool, select::Selection, targets_of},
};

pub(super) async fn run(heal: &Selected, session: Session<'_>) -> CommandResult {
    let controls = session.controls();
    let pods = session.reader().pods(heal.selection()).await?;
    let targets: Vec<_> = pods.iter().flat_map(targets_of).collect();
    if targets.is_empty() {
        let whose = match heal.selection() {
            Selection::All => "",
            Selection::Subject(_) | Selection::Labels(_) => " among the selected pods",
        };
        let namespace = &session.namespace;
        let none = format!("no target{whose} in namespace `{namespace}`");
        session.printer.note(none);
    }
    let mut exit = Exit::Held;
    for target in targets {
        match heal_one(&controls, target).await {
            Ok(healed) => session.printer.note(healed),
            // The other targets are healed all the same.
            Err(error) => {
                exit = exit.and(Exit::Infrastructure);
                session.printer.error(&error);
            }
        }
    }
    Ok(exit)
}

async fn heal_one(
    controls: &ControlPool,
    target: Result<Address, NotATarget>,
) -> anyhow::Result<String> {
    let address = target?;
    controls.control(&address).heal().await?;
    Ok(format!("healed {}/{}", address.pod, address.container))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::session::tests::on_virtual;
    use crate::cli::{Cli, Command};

    use super::*;

    #[test]
    fn a_namespace_without_targets_is_said_to_have_none() {
        let Command::Heal(heal) = Cli::parse_from(["probeflip", "heal"]).command else {
            panic!("`heal` must be read as such");
        };
        let (outcome, stderr) = on_virtual(async |session| run(&heal, session).await);
        assert_eq!(outcome.unwrap(), Exit::Held);
        assert_eq!(stderr, "no target in namespace `default`\n");
    }
}
