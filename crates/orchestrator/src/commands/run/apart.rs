//! Which experiments must not be under way at the same time on one cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Checked;
use crate::{input::manifests::Manifest, timeline::Place};

/// For each experiment, those that must not be under way beside it.
///
/// An embedded cluster has one experiment. On a cluster each has a namespace of its own, and what
/// is left to share are the ports of nodes. In a namespace that the user named, Services of one
/// would select Pods of another, and names would collide: there they follow one another.
pub(super) fn apart(
    checked: &[Checked],
    place: &Place,
    namespace: Option<&str>,
) -> Vec<BTreeSet<usize>> {
    let Place::Cluster(_) = place else {
        return vec![BTreeSet::new(); checked.len()];
    };
    let ports = checked.iter().map(|checked| node_ports(&checked.objects));
    let ports: Vec<BTreeSet<i64>> = ports.collect();
    let others = |own: usize| {
        let others = (0..ports.len()).filter(move |other| *other != own);
        let shares = |other: &usize| !ports[own].is_disjoint(&ports[*other]);
        others
            .filter(|other| namespace.is_some() || shares(other))
            .collect()
    };
    (0..ports.len()).map(others).collect()
}

/// The ports that objects take on nodes, of any protocol and address.
fn node_ports(objects: &[Manifest]) -> BTreeSet<i64> {
    let ports = objects.iter().flat_map(|manifest| {
        let object = &manifest.object;
        let service = list(&object["spec"]["ports"], "nodePort");
        service.into_iter().chain(host_ports(object))
    });
    ports.collect()
}

/// The ports that containers of a Pod or a template take on their node.
fn host_ports(object: &Value) -> Vec<i64> {
    let specs = [
        "/spec",
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ];
    let specs = specs.iter().filter_map(|path| object.pointer(path));
    let ports = specs.flat_map(|spec| {
        let field = match spec["hostNetwork"].as_bool() {
            Some(true) => "containerPort",
            _ => "hostPort",
        };
        let containers = ["initContainers", "containers"].map(|name| spec[name].as_array());
        let containers = containers.into_iter().flatten().flatten();
        containers.flat_map(move |container| list(&container["ports"], field))
    });
    ports.collect()
}

/// The numbers that the items of a list have in a field.
fn list(items: &Value, field: &str) -> Vec<i64> {
    let items = items.as_array().into_iter().flatten();
    items.filter_map(|item| item[field].as_i64()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ports(object: Value) -> Vec<i64> {
        node_ports(&[Manifest::new(object)]).into_iter().collect()
    }

    #[test]
    fn ports_of_nodes_are_found_in_pods_templates_and_services() {
        let container = json!({ "ports": [{ "containerPort": 80, "hostPort": 8080 }] });
        let pod = json!({ "spec": { "initContainers": [container], "containers": [] } });
        assert_eq!(ports(pod), [8080]);
        let spec = json!({ "containers": [container], "hostNetwork": true });
        let daemon_set = json!({ "spec": { "template": { "spec": spec } } });
        assert_eq!(ports(daemon_set), [80]);
        let service = json!({ "spec": { "ports": [{ "port": 80, "nodePort": 30080 }] } });
        assert_eq!(ports(service), [30080]);
    }
}
