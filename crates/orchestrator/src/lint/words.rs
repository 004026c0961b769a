//! Numbers and lists as findings write them.

use std::time::Duration;

use rules::probe::Window;

use super::inventory::{ContainerFacts, ProbeFacts};

/// A time: `30 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// The bounds of a time: `20–30 s`.
pub(super) fn range(window: Window) -> String {
    format!("{}–{}", window.after.as_secs(), seconds(window.within))
}

/// When a container is restarted whose liveness probe fails: once it is decided and its preStop
/// hook has ended.
pub(super) fn restart(container: &ContainerFacts, probe: &ProbeFacts) -> String {
    let decided = range(probe.failure());
    match (container.pre_stop(), container.pre_stop_sleep()) {
        (None, _) => decided,
        (Some(_), None) => format!("{decided} (plus its preStop hook)"),
        (Some(_), Some(time)) => format!("{decided} (plus its preStop hook of {})", seconds(time)),
    }
}

/// A list of names: `a, b and c`.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Services by name: `Service a`, `Services a and b`.
pub(super) fn services<T: AsRef<str>>(names: &[T]) -> String {
    let word = if names.len() == 1 {
        "Service"
    } else {
        "Services"
    };
    format!("{word} {}", list(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_like_prose() {
        let window = Window {
            after: Duration::from_secs(20),
            within: Duration::from_secs(30),
        };
        assert_eq!(range(window), "20–30 s");
        assert_eq!(services(&["a"]), "Service a");
        assert_eq!(services(&["a", "b", "c"]), "Services a, b and c");
        assert_eq!(list::<&str>(&[]), "");
    }
}
