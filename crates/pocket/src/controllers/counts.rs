//! Converts counts between the API's signed and the rules' unsigned numbers.

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
