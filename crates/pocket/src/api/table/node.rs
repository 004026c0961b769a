//! The row of a Node.

use k8s_openapi::api::core::v1::{Node, NodeStatus};
use serde_json::Value;

use super::metadata::named;
use super::{Column, Printer, cell};
use crate::kinds;

pub(super) static NODE: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Status"),
        Column::text("Roles"),
        Column::text("Age"),
        Column::text("Version"),
        Column::wide("Internal-IP"),
        Column::wide("External-IP"),
        Column::wide("OS-Image"),
        Column::wide("Kernel-Version"),
        Column::wide("Container-Runtime"),
    ],
    |object, now| {
        let node: Node = object.to_typed();
        let between = [readiness(&node).into(), roles(&node).into()];
        let mut cells = named(&node.metadata, now, &between);
        cells.extend(system(&node.status.unwrap_or_default()));
        cells
    },
);

fn readiness(node: &Node) -> String {
    let status = node.status.as_ref();
    let mut conditions = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    let mut text = match ready.map(|ready| ready.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        text.push_str(",SchedulingDisabled");
    }
    text
}

fn roles(node: &Node) -> String {
    let labels = kinds::labels(node).iter();
    let role = |(key, value): (&String, &String)| match key.strip_prefix("node-role.kubernetes.io/")
    {
        Some(role) => Some(role.to_owned()),
        None if key == "kubernetes.io/role" => Some(value.clone()),
        None => None,
    };
    let roles: std::collections::BTreeSet<String> = labels
        .filter_map(role)
        .filter(|role| !role.is_empty())
        .collect();
    let roles: Vec<String> = roles.into_iter().collect();
    cell::or_none(Some(&roles.join(",")))
}

/// The cells from the version on.
fn system(status: &NodeStatus) -> [Value; 6] {
    let info = status.node_info.clone().unwrap_or_default();
    let address = |type_: &str| {
        let mut addresses = status.addresses.iter().flatten();
        let found = addresses.find(|address| address.type_ == type_);
        cell::or_none(found.map(|found| found.address.as_str())).into()
    };
    let known = |text: &str| if text.is_empty() { cell::UNKNOWN } else { text }.to_owned();
    let mut kernel = known(&info.kernel_version);
    if !info.architecture.is_empty() {
        kernel = format!("{kernel} ({})", info.architecture);
    }
    [
        info.kubelet_version.into(),
        address("InternalIP"),
        address("ExternalIP"),
        known(&info.os_image).into(),
        kernel.into(),
        known(&info.container_runtime_version).into(),
    ]
}
