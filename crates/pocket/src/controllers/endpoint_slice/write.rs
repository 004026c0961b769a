//! Compares wanted and existing EndpointSlices, and returns the writes that reconcile them.
//!
//! A surplus slice is reused for a missing one, so that a Service's slices keep their names.
//!
//! Rule: `staging/src/k8s.io/endpointslice/reconciler.go`, `finalize`.

use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::convert::CHANGED;

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    Create(Box<EndpointSlice>),
    /// Gives the slice of this name the content of the other.
    Update(String, Box<EndpointSlice>),
    Delete(Box<EndpointSlice>),
}

pub(super) fn writes(wanted: Vec<EndpointSlice>, mut present: Vec<EndpointSlice>) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut unmatched = Vec::new();
    for slice in wanted {
        // Equal ports first: that slice needs the fewest changes.
        match present.iter().position(|found| found.ports == slice.ports) {
            Some(position) => writes.push(update(&present.remove(position), slice)),
            None => unmatched.push(slice),
        }
    }
    let mut surplus = present.into_iter();
    for slice in unmatched {
        writes.push(match surplus.next() {
            Some(found) => update(&found, slice),
            None => Write::Create(Box::new(slice)),
        });
    }
    writes.extend(surplus.map(|slice| Write::Delete(Box::new(slice))));
    writes
}

/// Copies content from `wanted` to `present`. The trigger-time annotation changes only if something
/// else does.
pub(super) fn update_content(present: &mut EndpointSlice, wanted: &EndpointSlice) {
    let same = present.metadata.labels == wanted.metadata.labels
        && present.endpoints == wanted.endpoints
        && present.ports == wanted.ports;
    if same {
        return;
    }
    let mut annotations = present.metadata.annotations.take().unwrap_or_default();
    annotations.remove(CHANGED);
    annotations.extend(wanted.metadata.annotations.clone().unwrap_or_default());
    present.metadata.annotations = Some(annotations).filter(|all| !all.is_empty());
    present.metadata.labels.clone_from(&wanted.metadata.labels);
    present.endpoints.clone_from(&wanted.endpoints);
    present.ports.clone_from(&wanted.ports);
}

fn update(present: &EndpointSlice, wanted: EndpointSlice) -> Write {
    Write::Update(
        present.metadata.name.clone().unwrap_or_default(),
        Box::new(wanted),
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::discovery::v1::EndpointPort;

    use super::*;

    fn slice(name: &str, port: Option<i32>) -> EndpointSlice {
        let mut slice = EndpointSlice::default();
        slice.metadata.name = Some(name.to_owned());
        slice.ports = Some(
            port.map(|port| EndpointPort {
                port: Some(port),
                ..EndpointPort::default()
            })
            .into_iter()
            .collect(),
        );
        slice
    }

    fn check(wanted: &[Option<i32>], present: &[(&str, Option<i32>)], expected: &[&str]) {
        let wanted = wanted.iter().map(|port| slice("", *port)).collect();
        let present = present
            .iter()
            .map(|(name, port)| slice(name, *port))
            .collect();
        let port = |slice: &EndpointSlice| {
            slice
                .ports
                .as_ref()
                .unwrap()
                .first()
                .map_or(0, |port| port.port.unwrap())
        };
        let describe = |write: Write| match write {
            Write::Create(slice) => format!("create {}", port(&slice)),
            Write::Update(name, slice) => format!("{name} becomes {}", port(&slice)),
            Write::Delete(slice) => format!("delete {}", slice.metadata.name.unwrap()),
        };
        let found: Vec<_> = writes(wanted, present).into_iter().map(describe).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn slices_are_matched_by_their_ports() {
        check(
            &[Some(80), Some(81)],
            &[("a", Some(81))],
            &["a becomes 81", "create 80"],
        );
    }

    #[test]
    fn the_empty_slice_of_a_service_becomes_its_first() {
        check(&[None], &[], &["create 0"]);
        check(&[Some(80)], &[("a", None)], &["a becomes 80"]);
        check(&[None], &[("a", Some(80))], &["a becomes 0"]);
    }

    #[test]
    fn surplus_slices_are_deleted() {
        check(
            &[Some(80)],
            &[("a", Some(80)), ("b", Some(80))],
            &["a becomes 80", "delete b"],
        );
    }
}
