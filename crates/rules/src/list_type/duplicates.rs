//! Finds list items with the same identity, which server-side apply refuses.
//!
//! Rule: `sigs.k8s.io/structured-merge-diff/typed/validate.go`, `visitListItems`.

use std::collections::BTreeSet;
use std::fmt;

use super::keys::{Key, List, list};

/// An untyped object, in any representation.
pub trait Tree<'a>: Copy {
    /// The fields of a map; empty for other values.
    fn fields(self) -> Vec<(&'a str, Self)>;
    /// The items of a list; empty for other values.
    fn items(self) -> Vec<Self>;
    /// The value as JSON.
    fn json(self) -> String;
}

/// An item with the identity of an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The item's path by indices: `spec.containers[0].ports[1]`.
    pub path: String,
    /// The list's path by keys: `.spec.containers[name="c"].ports`.
    list: String,
    /// The items' identity: `[containerPort=8080,protocol="TCP"]`.
    identity: String,
}

/// The text of an API server.
impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, identity, .. } = self;
        write!(f, "{list}: duplicate entries for key {identity}")
    }
}

/// All duplicates in an object of one of Kubernetes' own kinds.
pub fn duplicates<'a, T: Tree<'a>>(object: T) -> Vec<Duplicate> {
    let mut walk = Walk::default();
    walk.enter(object, &mut Vec::new(), "", "");
    walk.found
}

/// Converts a path by indices, such as `spec.containers[0].imag`, to server-side apply's form, such
/// as `.spec.containers[name="c"].imag`.
pub fn keyed_path<'a, T: Tree<'a>>(object: T, path: &'a str) -> String {
    let mut place = Vec::new();
    let mut shown = String::new();
    let mut value = Some(object);
    for step in path.split('.') {
        let (name, numbers) = step.split_once('[').unwrap_or((step, ""));
        place.push(name);
        shown = format!("{shown}.{name}");
        value = value.and_then(|value| field(value, name));
        for number in numbers.split('[').filter_map(|text| text.strip_suffix(']')) {
            let item = |value: T| value.items().into_iter().nth(number.parse().ok()?);
            value = value.and_then(item);
            let identity = value.and_then(|item| identity(list(&place), item));
            shown += &identity.unwrap_or_else(|| format!("[{number}]"));
        }
    }
    shown
}

fn field<'a, T: Tree<'a>>(value: T, name: &str) -> Option<T> {
    let mut fields = value.fields().into_iter();
    fields
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

#[derive(Default)]
struct Walk {
    found: Vec<Duplicate>,
}

impl Walk {
    /// Searches a value. `place` is its path by field names, `path` by indices too, `shown` by
    /// keys.
    fn enter<'a, T: Tree<'a>>(
        &mut self,
        value: T,
        place: &mut Vec<&'a str>,
        path: &str,
        shown: &str,
    ) {
        for (name, field) in value.fields() {
            let dot = if path.is_empty() { "" } else { "." };
            place.push(name);
            self.enter(
                field,
                place,
                &format!("{path}{dot}{name}"),
                &format!("{shown}.{name}"),
            );
            place.pop();
        }
        let kind = list(place);
        let mut seen = BTreeSet::new();
        for (number, item) in value.items().into_iter().enumerate() {
            let path = format!("{path}[{number}]");
            let identity = identity(kind, item);
            if let Some(identity) = &identity
                && !seen.insert(identity.clone())
            {
                self.found.push(Duplicate {
                    path: path.clone(),
                    list: shown.to_owned(),
                    identity: identity.clone(),
                });
            }
            let step = identity.unwrap_or_else(|| format!("[{number}]"));
            self.enter(item, place, &path, &format!("{shown}{step}"));
        }
    }
}

/// The identity of an item; `None` in an atomic list.
fn identity<'a, T: Tree<'a>>(kind: List, item: T) -> Option<String> {
    let keys = match kind {
        List::Atomic => return None,
        List::Set => return Some(format!("[={}]", item.json())),
        List::Keyed(keys) => keys,
    };
    let fields = item.fields();
    let value = |key: &Key| {
        let written = fields.iter().find(|(name, _)| *name == key.name);
        let default = || key.default.map(str::to_owned);
        // A null is a value of its own: only an absent key has its default.
        let value = written.map(|(_, value)| value.json()).or_else(default)?;
        Some(format!("{}={value}", key.name))
    };
    let keys: Vec<String> = keys.iter().filter_map(value).collect();
    // Upstream refuses an item without any key with another error: `typed/helpers.go`,
    // `keyedAssociativeListItemToPathElement`.
    (!keys.is_empty()).then(|| format!("[{}]", keys.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An untyped object.
    enum Sample {
        Map(Vec<(&'static str, Self)>),
        List(Vec<Self>),
        Json(&'static str),
    }

    use Sample::{Json, List as Items, Map};

    impl<'a> Tree<'a> for &'a Sample {
        fn fields(self) -> Vec<(&'a str, Self)> {
            match self {
                Map(fields) => fields.iter().map(|(name, value)| (*name, value)).collect(),
                Items(_) | Json(_) => Vec::new(),
            }
        }

        fn items(self) -> Vec<Self> {
            match self {
                Items(items) => items.iter().collect(),
                Map(_) | Json(_) => Vec::new(),
            }
        }

        fn json(self) -> String {
            match self {
                Json(text) => (*text).to_owned(),
                Map(_) | Items(_) => panic!("only simple values are keys"),
            }
        }
    }

    fn check(object: &Sample, expected: &[(&str, &str)]) {
        let found = duplicates(object);
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.path.clone(), found.to_string()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    fn container(fields: Vec<(&'static str, Sample)>) -> Sample {
        let mut fields = fields;
        fields.push(("name", Json("\"c\"")));
        Map(vec![(
            "spec",
            Map(vec![("containers", Items(vec![Map(fields)]))]),
        )])
    }

    #[test]
    fn a_key_that_is_left_out_has_its_default() {
        let port = |more: Option<(&'static str, Sample)>| {
            let mut fields = vec![("containerPort", Json("53"))];
            fields.extend(more);
            Map(fields)
        };
        let ports = Items(vec![
            port(None),
            port(Some(("protocol", Json("null")))),
            port(Some(("protocol", Json("\"UDP\"")))),
            port(Some(("protocol", Json("\"TCP\"")))),
        ]);
        check(
            &container(vec![("ports", ports)]),
            &[(
                "spec.containers[0].ports[3]",
                ".spec.containers[name=\"c\"].ports: duplicate entries for key \
                 [containerPort=53,protocol=\"TCP\"]",
            )],
        );
    }

    #[test]
    fn items_without_any_key_are_the_same_where_it_has_a_default() {
        let unnamed = || Map(vec![("value", Json("1"))]);
        check(
            &container(vec![("env", Items(vec![unnamed(), unnamed()]))]),
            &[(
                "spec.containers[0].env[1]",
                ".spec.containers[name=\"c\"].env: duplicate entries for key [name=\"\"]",
            )],
        );
        check(
            &Map(vec![("secrets", Items(vec![unnamed(), unnamed()]))]),
            &[],
        );
    }

    #[test]
    fn items_are_shown_by_their_keys() {
        let port = Map(vec![("containerPort", Json("53"))]);
        let object = container(vec![("ports", Items(vec![port])), ("args", Items(vec![]))]);
        let check = |path: &str, expected: &str| assert_eq!(keyed_path(&object, path), expected);
        check(
            "spec.containers[0].ports[0].x",
            ".spec.containers[name=\"c\"].ports[containerPort=53,protocol=\"TCP\"].x",
        );
        check(
            "spec.containers[0].args[3]",
            ".spec.containers[name=\"c\"].args[3]",
        );
        check("spec.containers[7].x", ".spec.containers[7].x");
    }

    #[test]
    fn sets_have_each_value_once_and_other_lists_any() {
        let twice = || Items(vec![Json("\"x\""), Json("\"x\"")]);
        check(&container(vec![("args", twice())]), &[]);
        check(
            &Map(vec![("metadata", Map(vec![("finalizers", twice())]))]),
            &[(
                "metadata.finalizers[1]",
                ".metadata.finalizers: duplicate entries for key [=\"x\"]",
            )],
        );
    }
}
