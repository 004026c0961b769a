//! Converts counts between the API's signed and the rules' unsigned numbers.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rules::rollout::Amount;

/// A count in the rules' form. An absent one is zero, as is a negative one, which validation
/// excludes.
pub(super) fn from_api(count: Option<i32>) -> u32 {
    count.unwrap_or(0).try_into().unwrap_or(0)
}

/// A count in the API's form.
pub(super) fn to_api(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// A count in the API's form, left out if it is zero, as `omitempty` does in Go.
pub(super) fn unless_zero(count: impl TryInto<i32>) -> Option<i32> {
    Some(to_api(count)).filter(|count| *count != 0)
}

/// A count or a share of Pods. Validation guarantees that a text is a percentage.
pub(super) fn amount(value: &IntOrString) -> Amount {
    match value {
        IntOrString::Int(number) => Amount::Number(from_api(Some(*number))),
        IntOrString::String(text) => {
            Amount::Percent(text.trim_end_matches('%').parse().unwrap_or_default())
        }
    }
}
