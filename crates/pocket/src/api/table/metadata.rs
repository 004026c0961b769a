//! Rows of kinds that have little more than their metadata.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Column, Printer, cell};
use crate::store::StoredObject;

pub(super) static CONFIG_MAP: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Data"),
        Column::text("Age"),
    ],
    |object, now| {
        let map: ConfigMap = object.to_typed();
        let texts = map.data.map_or(0, |data| data.len());
        let bytes = map.binary_data.map_or(0, |data| data.len());
        named(&map.metadata, now, &[(texts + bytes).into()])
    },
);

pub(super) static LEASE: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Holder"),
        Column::text("Age"),
    ],
    |object, now| {
        let lease: Lease = object.to_typed();
        let holder = lease.spec.and_then(|spec| spec.holder_identity);
        named(&lease.metadata, now, &[holder.unwrap_or_default().into()])
    },
);

pub(super) static NAMESPACE: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Status"),
        Column::text("Age"),
    ],
    |object, now| {
        let namespace: Namespace = object.to_typed();
        let phase = namespace.status.and_then(|status| status.phase);
        named(
            &namespace.metadata,
            now,
            &[phase.unwrap_or_default().into()],
        )
    },
);

pub(super) static SECRET: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Type"),
        Column::text("Data"),
        Column::text("Age"),
    ],
    |object, now| {
        let secret: Secret = object.to_typed();
        let data = secret.data.map_or(0, |data| data.len());
        let between = [secret.type_.unwrap_or_default().into(), data.into()];
        named(&secret.metadata, now, &between)
    },
);

pub(super) static SERVICE_ACCOUNT: Printer = Printer::new(
    &[Column::text("Name"), Column::text("Age")],
    |object, now| {
        let account: ServiceAccount = object.to_typed();
        named(&account.metadata, now, &[])
    },
);

/// A kind that upstream prints without columns of its own.
pub(super) static ANY: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column {
            name: "Created At",
            type_: "date",
            wide: false,
        },
    ],
    |object: &StoredObject, _: Timestamp| {
        let metadata = object.metadata();
        let created = metadata["creationTimestamp"].clone();
        vec![object.name().into(), created]
    },
);

/// A row that begins with the name and ends with the age.
pub(super) fn named(
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    now: Timestamp,
    between: &[Value],
) -> Vec<Value> {
    let mut cells = vec![cell::name(metadata)];
    cells.extend_from_slice(between);
    cells.push(cell::age(metadata, now));
    cells
}
