//! Texts in cells that several kinds share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use rules::selector::Labels;
use serde_json::Value;

use crate::kinds::selector;

/// What a cell shows where there is nothing.
pub(super) const NONE: &str = "<none>";
/// What a cell shows for what the cluster has not been told.
pub(super) const UNKNOWN: &str = "<unknown>";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The object's name.
pub(super) fn name(metadata: &ObjectMeta) -> Value {
    metadata.name.clone().unwrap_or_default().into()
}

/// Time since the object was created.
pub(super) fn age(metadata: &ObjectMeta, now: Timestamp) -> Value {
    since(metadata.creation_timestamp.as_ref(), now).into()
}

/// Time since `time`.
pub(super) fn since(time: Option<&Time>, now: Timestamp) -> String {
    time.map_or_else(|| UNKNOWN.to_owned(), |time| between(time.0, now))
}

/// The time from `start` to `end`.
pub(super) fn between(start: Timestamp, end: Timestamp) -> String {
    span(end.duration_since(start).as_secs())
}

/// The text, or a mark for none.
pub(super) fn or_none(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or(NONE)
        .to_owned()
}

/// Labels as `a=1,b=2`.
pub(super) fn labels(labels: Option<&Labels>) -> String {
    let labels = labels.into_iter().flatten();
    let pairs: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    or_none(Some(&pairs.join(",")))
}

/// A label selector as a list takes it.
pub(super) fn label_selector(written: &LabelSelector) -> String {
    let selector = selector::of(written).map(|selector| selector.to_string());
    selector.map_or_else(|| "<error>".to_owned(), |text| or_none(Some(&text)))
}

/// A count that the object's status may leave out.
pub(super) fn count(count: Option<i32>) -> Value {
    count.unwrap_or_default().into()
}

/// The first three of a list, and how many there are besides.
pub(super) fn first_three(items: &[String]) -> String {
    const SHOWN: usize = 3;
    if items.len() <= SHOWN {
        return items.join(",");
    }
    let shown = items[..SHOWN].join(",");
    format!("{shown} + {} more...", items.len() - SHOWN)
}

/// A span of whole seconds in at most two units.
///
/// Rule: `k8s.io/apimachinery/pkg/util/duration/duration.go`, `HumanDuration`.
fn span(seconds: i64) -> String {
    let two = |large: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{large}{unit}"),
        rest => format!("{large}{unit}{rest}{small}"),
    };
    match seconds {
        // A clock that differs by a second is not worth a word.
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds / YEAR, "y", seconds % YEAR / DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_at_most_two_units() {
        let check = |seconds, expected| assert_eq!(span(seconds), expected, "{seconds}");
        check(-2, "<invalid>");
        check(-1, "0s");
        check(119, "119s");
        check(120, "2m");
        check(599, "9m59s");
        check(600, "10m");
        check(3 * HOUR - 1, "179m");
        check(3 * HOUR, "3h");
        check(3 * HOUR + 61, "3h1m");
        check(8 * HOUR + 61, "8h");
        check(2 * DAY + HOUR, "2d1h");
        check(8 * DAY + HOUR, "8d");
        check(2 * YEAR + 3 * DAY, "2y3d");
        check(9 * YEAR + 3 * DAY, "9y");
    }

    #[test]
    fn a_long_list_is_cut_after_three() {
        let check = |count: u8, expected| {
            let items: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            assert_eq!(first_three(&items), expected);
        };
        check(0, "");
        check(3, "0,1,2");
        check(5, "0,1,2 + 2 more...");
    }
}
