//! The place of a field by its path, as Kubernetes' messages name fields.

use super::Node;
use crate::input::experiment::Span;

impl Node {
    /// Where the field is written that a path such as `spec.containers[0].image` names: its key, or the item. Where a
    /// part of the path is not written, the innermost part that is.
    pub fn place(&self, path: &str) -> Span {
        self.find(path).unwrap_or(self.span)
    }

    fn find(&self, path: &str) -> Option<Span> {
        if let Some(inside) = path.strip_prefix('[') {
            let (key, rest) = inside.split_once(']')?;
            if let Some(item) = key.parse().ok().and_then(|at: usize| self.items().get(at)) {
                return Some(item.rest(rest).unwrap_or(item.span));
            }
            let (name, value) = self.fields().iter().find(|(name, _)| name.value == key)?;
            return Some(value.rest(rest).unwrap_or(name.span));
        }
        // Names of labels have dots in them: the longest name that fits is meant.
        let named = self.fields().iter().filter_map(|(name, value)| {
            let rest = path.strip_prefix(name.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['.', '[']);
            ends.then_some((name, value, rest))
        });
        let (name, value, rest) = named.max_by_key(|(name, ..)| name.len())?;
        Some(value.rest(rest).unwrap_or(name.span))
    }

    fn rest(&self, rest: &str) -> Option<Span> {
        self.find(rest.strip_prefix('.').unwrap_or(rest))
    }
}
