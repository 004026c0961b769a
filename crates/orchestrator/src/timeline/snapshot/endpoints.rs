//! A Service's endpoints and their readiness, merged from its EndpointSlices.

use std::collections::BTreeMap;

use serde_json::Value;

/// The endpoints of one Service: each address, and whether it is ready.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EndpointFacts(BTreeMap<String, bool>);

/// One EndpointSlice of a Service.
#[derive(Debug)]
pub(super) struct Slice {
    service: String,
    endpoints: Vec<(String, bool)>,
}

/// The Service that an EndpointSlice with this metadata is of.
pub(crate) fn service_of(metadata: &Value) -> Option<&str> {
    metadata["labels"]["kubernetes.io/service-name"].as_str()
}

// kubernetes.io/docs › EndpointSlices › Conditions: an unset `ready` means true.
fn addresses(endpoint: &Value) -> impl Iterator<Item = (String, bool)> {
    let ready = endpoint["conditions"]["ready"].as_bool().unwrap_or(true);
    let addresses = endpoint["addresses"].as_array().into_iter().flatten();
    addresses
        .filter_map(Value::as_str)
        .map(move |address| (address.to_owned(), ready))
}

impl Slice {
    /// Reads a slice; none if it is of no Service.
    pub(super) fn read(slice: &Value) -> Option<Self> {
        let service = service_of(&slice["metadata"])?;
        let endpoints = slice["endpoints"].as_array().into_iter().flatten();
        Some(Self {
            service: service.to_owned(),
            endpoints: endpoints.flat_map(addresses).collect(),
        })
    }
}

impl EndpointFacts {
    /// Merges a Service's slices among all slices. An address in several slices, one per set of
    /// ports, is ready if it is ready in all of them.
    pub(super) fn merged<'a>(service: &str, slices: impl Iterator<Item = &'a Slice>) -> Self {
        let of_service = slices.filter(|slice| slice.service == service);
        let mut known = BTreeMap::new();
        for (address, ready) in of_service.flat_map(|slice| &slice.endpoints) {
            known
                .entry(address.clone())
                .and_modify(|all| *all &= *ready)
                .or_insert(*ready);
        }
        Self(known)
    }

    /// Number of ready endpoints and of all endpoints.
    pub(crate) fn ready_count(&self) -> (u32, u32) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (
            count(self.0.values().filter(|ready| **ready).count()),
            count(self.0.len()),
        )
    }

    /// The addresses, in order.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_ready_if_every_slice_says_so() {
        let slice = |endpoints: Value| {
            let labels = json!({ "kubernetes.io/service-name": "web" });
            json!({ "metadata": { "labels": labels }, "endpoints": endpoints })
        };
        let slices = [
            slice(
                json!([{ "addresses": ["10.0.0.1"], "conditions": { "ready": true } }, { "addresses": ["10.0.0.2"] }]),
            ),
            slice(json!([{ "addresses": ["10.0.0.1"], "conditions": { "ready": false } }])),
            slice(json!(null)),
        ];
        let slices: Vec<Slice> = slices.iter().filter_map(Slice::read).collect();
        let facts = EndpointFacts::merged("web", slices.iter());
        assert_eq!((facts.ready_count(), facts.addresses().len()), ((1, 2), 2));
    }
}
