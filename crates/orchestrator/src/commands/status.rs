//! `probeflip status`: prints a table of the targets' probes; see [`crate::targets::status`].

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use k8s_openapi::api::core::v1::Pod;

use super::session::Session;
use crate::{
    cli::Selected,
    exit::{CommandResult, Exit},
    printable::one_line,
    report::{columns, hanging, is_narrow, wrapped},
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
    session
        .printer
        .text(&drawn(table, session.printer.width()))?;
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

fn drawn(rows: Vec<Row>, width: Option<u16>) -> String {
    let rows = rows.into_iter();
    let rows = rows.map(|row| row.cells().map(|cell| one_line(&cell).into_owned()));
    let lines = if is_narrow(width) {
        list(rows, columns(width))
    } else {
        table(rows, width)
    };
    lines.into_iter().map(|line| line + "\n").collect()
}

fn table(rows: impl Iterator<Item = [String; 6]>, width: Option<u16>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADS);
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table.add_rows(rows);
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect()
}

/// A heading for each container, and below it each probe with its flip, then what is seen.
fn list(rows: impl Iterator<Item = [String; 6]>, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = None;
    for [pod, container, probe, set, seen, services] in rows {
        let heading = format!("{pod} container {container}");
        if last.as_ref() != Some(&heading) {
            lines.extend(wrapped(&heading, columns));
            last = Some(heading);
        }
        lines.extend(hanging("  ", &format!("{probe}: {set}"), columns));
        let below = [seen, services].into_iter().filter(|cell| !cell.is_empty());
        for cell in below {
            lines.extend(hanging("      ", &cell, columns));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(width: Option<u16>) -> String {
        let row = |container: &str, set: &str| Row {
            pod: "shop-6d5f7c9b8d-x2x7p".to_owned(),
            container: container.to_owned(),
            probe: "readiness http 8081/readyz".to_owned(),
            set: set.to_owned(),
            seen: "running, not ready, 3 restarts".to_owned(),
            services: "shop not ready, shop-canary not ready, metrics ready".to_owned(),
        };
        drawn(
            vec![row("app", "404, 29s left, leased"), row("cache", "base")],
            width,
        )
    }

    #[test]
    fn it_fits_the_terminal() {
        for width in [20, 40, 60, 80, 99, 100, 120, 200] {
            let text = text(Some(width));
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width.into()), "{width}:\n{text}");
            for part in ["cache", "leased", "metrics"] {
                assert!(text.contains(part), "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn a_narrow_terminal_gets_a_list() {
        let expected = "\
shop-6d5f7c9b8d-x2x7p container app
  readiness http 8081/readyz: 404, 29s left, leased
      running, not ready, 3 restarts
      shop not ready, shop-canary not ready, metrics ready
";
        assert!(text(Some(60)).starts_with(expected), "{}", text(Some(60)));
        assert_eq!(text(None).lines().count(), 3);
    }
}
