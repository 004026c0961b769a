//! `probeflip status`: prints a table of the targets' probes; see [`crate::targets::status`].

use std::collections::BTreeMap;

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

pub(super) async fn run(selected: &Selected, session: Session<'_>) -> CommandResult {
    let reader = session.reader();
    let pods = reader.pods(selected.selection()).await?;
    let (services, slices) = (reader.services().await?, reader.slices().await?);
    let controls = session.controls();
    let mut table = Vec::new();
    let mut exit = Exit::Held;
    for pod in &pods {
        let mut states = BTreeMap::new();
        for container in targets_of(pod) {
            match ask(&controls, pod, container).await {
                Ok(state) => {
                    states.insert(container.to_owned(), state);
                }
                // The Pod's part of the row is known even without the target's answer.
                Err(error) => {
                    session.printer.error(&error);
                    exit = exit.and(Exit::Infrastructure);
                }
            }
        }
        let rows = targets_of(pod).map(|it| rows(pod, it, &states, &services, &slices));
        table.extend(rows.flatten());
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

/// The names of a Pod's containers that are targets.
fn targets_of(pod: &Pod) -> impl Iterator<Item = &str> {
    let targets = targets::containers(pod).filter(|container| is_target(pod, container));
    targets.map(|container| container.name.as_str())
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
