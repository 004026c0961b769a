//! Allocates cluster IPs of Services: the lowest free address, or the requested one.
//!
//! Rule: `pkg/registry/core/service/storage/alloc.go`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::state::State;
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::{Kind, metadata_text};
use crate::subnets::Subnets;

/// The number of the last address. Upstream's allocator leaves out the broadcast address too.
const LAST: u16 = u16::MAX - 1;

impl State {
    /// Sets a new Service's cluster IP, unless the Service is headless.
    pub(super) fn allocate_address(
        &self,
        kind: &Kind,
        subnets: Subnets,
        name: &str,
        service: &mut Value,
    ) -> Result<(), ApiError> {
        let mut taken: BTreeSet<Ipv4Addr> = self
            .store
            .list(kind.plural, None)
            .filter_map(|stored| address(&stored.typed::<Service>()))
            .collect();
        if !is_kubernetes(service) {
            taken.insert(subnets.kubernetes());
        }
        let requested = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        let address = match requested {
            "None" => "None".to_owned(),
            // Upstream draws one; the lowest is the same in every run.
            "" => next_free(subnets, &taken).ok_or_else(|| {
                ApiError::new(500, "InternalError", "all Service addresses are in use")
            })?,
            requested => {
                check_requested(requested, subnets, &taken).map_err(|why| {
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

/// Whether this is the Service of the API server, whose address no other Service gets.
fn is_kubernetes(service: &Value) -> bool {
    ["namespace", "name"].map(|field| metadata_text(service, field)) == ["default", "kubernetes"]
}

fn address(service: &Service) -> Option<Ipv4Addr> {
    service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
}

fn next_free(subnets: Subnets, taken: &BTreeSet<Ipv4Addr>) -> Option<String> {
    (1..=LAST)
        .map(|number| subnets.service(number))
        .find(|address| !taken.contains(address))
        .map(|free| free.to_string())
}

fn check_requested(
    requested: &str,
    subnets: Subnets,
    taken: &BTreeSet<Ipv4Addr>,
) -> Result<(), String> {
    let range = subnets.service(1)..=subnets.service(LAST);
    match requested.parse::<Ipv4Addr>() {
        Ok(address) if taken.contains(&address) => Err(format!(
            "failed to allocate IP {requested}: provided IP is already allocated"
        )),
        Ok(address) if range.contains(&address) => Ok(()),
        Ok(_) => Err(format!(
            "failed to allocate IP {requested}: the provided IP ({requested}) is not in the valid \
             range. The range of valid IPs is {}",
            subnets.of_services()
        )),
        Err(_) => Err("must be a valid IPv4 address".to_owned()),
    }
}
