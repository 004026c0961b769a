//! Allocates cluster IPs of Services: the lowest free address, or the requested one.
//!
//! Rule: `pkg/registry/core/service/storage/alloc.go`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::state::State;
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::Kind;

/// 10.96.0.0/16; other clusters use its first address for the API server.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 2);
// Upstream's allocator leaves out the broadcast address too.
const LAST: Ipv4Addr = Ipv4Addr::new(10, 96, 255, 254);

impl State {
    /// Sets a new Service's cluster IP, unless the Service is headless.
    pub(super) fn allocate_address(
        &self,
        kind: &Kind,
        name: &str,
        service: &mut Value,
    ) -> Result<(), ApiError> {
        let taken: BTreeSet<Ipv4Addr> = self
            .store
            .list(kind.plural, None)
            .filter_map(|stored| address(&stored.typed::<Service>()))
            .collect();
        let requested = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        let address = match requested {
            "None" => "None".to_owned(),
            // Upstream draws one; the lowest is the same in every run.
            "" => next_free(&taken).ok_or_else(|| {
                ApiError::new(500, "InternalError", "all Service addresses are in use")
            })?,
            requested => {
                check_requested(requested, &taken).map_err(|why| {
                    let mut errors = FieldErrors::default();
                    errors.invalid("spec.clusterIPs", json!([requested]), &why);
                    ApiError::invalid(kind, name, errors)
                })?;
                requested.to_owned()
            }
        };
        service["spec"]["clusterIPs"] = json!([address]);
        service["spec"]["clusterIP"] = address.into();
        Ok(())
    }
}

fn address(service: &Service) -> Option<Ipv4Addr> {
    service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
}

fn next_free(taken: &BTreeSet<Ipv4Addr>) -> Option<String> {
    let range = u32::from(FIRST)..=u32::from(LAST);
    range
        .map(Ipv4Addr::from)
        .find(|address| !taken.contains(address))
        .map(|free| free.to_string())
}

fn check_requested(requested: &str, taken: &BTreeSet<Ipv4Addr>) -> Result<(), String> {
    match requested.parse::<Ipv4Addr>() {
        Ok(address) if taken.contains(&address) => Err(format!(
            "failed to allocate IP {requested}: provided IP is already allocated"
        )),
        Ok(address) if (FIRST..=LAST).contains(&address) => Ok(()),
        Ok(_) => Err(format!(
            "failed to allocate IP {requested}: the provided IP ({requested}) is not in the valid \
             range. \
             The range of valid IPs is 10.96.0.0/16"
        )),
        Err(_) => Err("must be a valid IPv4 address".to_owned()),
    }
}
