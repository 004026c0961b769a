//! `probeflip status`: prints a table of the targets' probes; see [`crate::targets::status`].

use comfy_table::{Table, presets};
use k8s_openapi::api::core::v1::Pod;

use super::session::Session;
use crate::{
    cli::Selected,
    exit::{CommandResult, Exit},
    printable::one_line,
    targets::{
        self,
        control_pool::ControlPool,
        is_target,
        status::{HEADS, Row, rows},
    },
};

pub(super) async fn run(status: &Selected, session: Session<'_>) -> CommandResult {
    let reader = session.reader();
    let pods = reader.pods(status.selection()).await?;
    let (services, slices) = (reader.services().await?, reader.slices().await?);
    let controls = session.controls();
    let mut table = Vec::new();
    let mut exit = Exit::Held;
    for (pod, container) in targets_in(&pods) {
        let state = match ask(&controls, pod, &container).await {
            Ok(state) => Some(state),
            // The Pod's part of the row is known even without the target's answer.
            Err(error) => {
                session.printer.error(&error);
                exit = exit.and(Exit::Infrastructure);
                None
            }
        };
        table.extend(rows(pod, &container, state.as_ref(), &services, &slices));
    }
    if table.is_empty() {
        session.printer.note(format!(
            "no probe of a target in namespace `{}`",
            session.namespace
        ));
        return Ok(exit);
    }
    session.printer.text(&drawn(table))?;
    Ok(exit)
}

fn targets_in(pods: &[Pod]) -> impl Iterator<Item = (&Pod, String)> {
    pods.iter().flat_map(|pod| {
        let targets = targets::containers(pod).filter(|container| is_target(pod, container));
        targets.map(move |container| (pod, container.name.clone()))
    })
}

async fn ask(
    controls: &ControlPool,
    pod: &Pod,
    container: &str,
) -> anyhow::Result<probe_target::model::answer::State> {
    let address = targets::target(pod, container)?;
    Ok(controls.control(&address).state().await?)
}

fn drawn(rows: Vec<Row>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADS);
    for row in rows {
        table.add_row(row.cells().map(|cell| one_line(&cell).into_owned()));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.fold(String::new(), |text, line| text + &line + "\n")
}
