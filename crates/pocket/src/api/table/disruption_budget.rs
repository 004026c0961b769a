//! Rows of PodDisruptionBudgets.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::named;
use super::{Column, Printer};

pub(super) static DISRUPTION_BUDGET: Printer = Printer::new(
    &[
        Column::text("Name"),
        Column::text("Min Available"),
        Column::text("Max Unavailable"),
        Column::number("Allowed Disruptions"),
        Column::text("Age"),
    ],
    |object, now| {
        let budget: PodDisruptionBudget = object.to_typed();
        let spec = budget.spec.unwrap_or_default();
        let allowed = budget.status.and_then(|status| status.disruptions_allowed);
        let between = [
            amount(spec.min_available).into(),
            amount(spec.max_unavailable).into(),
            allowed.unwrap_or_default().into(),
        ];
        named(&budget.metadata, now, &between)
    },
);

fn amount(amount: Option<IntOrString>) -> String {
    match amount {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(share)) => share,
        None => "N/A".to_owned(),
    }
}
