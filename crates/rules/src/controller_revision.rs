//! The history of a StatefulSet's or DaemonSet's templates: which ControllerRevision holds the
//! present template, how a new one is named, and which ones are deleted.

use crate::safe_encoding::safe_encode;

/// A ControllerRevision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its name.
    pub name: String,
    /// Its `revision`.
    pub number: i64,
    /// Whether it holds the present template.
    pub holds_template: bool,
}

/// How the present template gets its ControllerRevision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The newest ControllerRevision holds it.
    Keep(usize),
    /// An older one holds it and becomes the newest, with this `revision`.
    Renumber(usize, i64),
    /// None holds it: one with this `revision` is created.
    Create(i64),
}

/// What to do about the present template. `revisions` is in ascending order of `revision`.
///
/// Rule: `pkg/controller/statefulset/stateful_set_control.go`, `getStatefulSetRevisions`, and
/// `pkg/controller/daemon/update.go`, `constructHistory`.
pub fn step(revisions: &[Revision]) -> Step {
    let next = revisions.last().map_or(1, |newest| newest.number + 1);
    match revisions.iter().rposition(|found| found.holds_template) {
        Some(place) if place + 1 == revisions.len() => Step::Keep(place),
        Some(place) => Step::Renumber(place, next),
        None => Step::Create(next),
    }
}

/// The ControllerRevisions beyond `limit`, oldest first, of those that are not `in_use`.
/// `revisions` holds them in any form, in ascending order of `revision`.
///
/// Rule: `pkg/controller/statefulset/stateful_set_control.go`, `truncateHistory`.
pub fn surplus<T>(revisions: &[T], in_use: impl Fn(&T) -> bool, limit: usize) -> Vec<&T> {
    let mut unused: Vec<_> = revisions.iter().filter(|found| !in_use(found)).collect();
    unused.truncate(unused.len().saturating_sub(limit));
    unused
}

/// The hash in the name of a ControllerRevision with this `data`, after so many collisions of
/// names.
///
/// Rule: `pkg/controller/history/controller_history.go`, `HashControllerRevision`.
pub fn hash(data: &[u8], collisions: i32) -> String {
    let collisions = collisions.to_string();
    safe_encode(fnv(data.iter().copied().chain(collisions.bytes())))
}

/// FNV-1, 32 bits.
fn fnv(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash: u32, byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(name: &str, number: i64, holds_template: bool) -> Revision {
        let name = name.to_owned();
        Revision {
            name,
            number,
            holds_template,
        }
    }

    #[test]
    fn a_template_is_kept_renumbered_or_new() {
        let (old, new) = (revision("a", 1, false), revision("b", 4, false));
        let holding = |revision: &Revision| Revision {
            holds_template: true,
            ..revision.clone()
        };
        assert_eq!(step(&[]), Step::Create(1));
        assert_eq!(step(&[old.clone(), new.clone()]), Step::Create(5));
        assert_eq!(step(&[old.clone(), holding(&new)]), Step::Keep(1));
        assert_eq!(step(&[holding(&old), new]), Step::Renumber(0, 5));
    }

    #[test]
    fn the_oldest_unused_ones_are_surplus() {
        let all = ["a", "b", "c", "d"].map(|name| revision(name, 1, false));
        let names = |limit| -> Vec<_> {
            let surplus = surplus(&all, |revision| revision.name == "b", limit);
            surplus.iter().map(|found| found.name.as_str()).collect()
        };
        assert_eq!(names(1), ["a", "c"]);
        assert!(names(3).is_empty());
    }

    #[test]
    fn the_hash_depends_on_data_and_collisions() {
        assert_eq!(fnv(b"a".iter().copied()), 0x050c_5d7e);
        assert_eq!(hash(b"", 0), safe_encode(0x050c_5d2f));
        assert_ne!(hash(b"x", 0), hash(b"x", 1));
    }
}
