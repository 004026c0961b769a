//! Finds the source span of a field by its path in the notation of Kubernetes' error messages.

use super::Node;
use crate::input::source::Span;

impl Node {
    /// The span of the key or list item at a path such as `spec.containers[0].image`. If part of
    /// the path is not written, the span of the innermost part that is.
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
        // Label names contain dots, so the longest field name that matches wins.
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
