//! The untyped tree of a YAML document: keys and values with their source spans.
//!
//! A typed value carries its own span. The outline adds the key in front of a value, the mapping
//! around it, and the path to it.

use crate::input::experiment::written::Tree;
use crate::input::experiment::{Span, Spanned};

/// A document as written; empty if it is not YAML.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    text: &'a str,
    root: Option<Spanned<Tree>>,
}

/// One value of a document.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    /// `spec.steps[].flip`; empty for the document itself.
    pub(super) path: String,
    /// The value itself.
    pub(super) value: &'t Spanned<Tree>,
    /// Its key, if it is a field of a mapping.
    pub(super) key: Option<Span>,
    /// The mapping that contains it, as an index into `Outline::nodes`.
    mapping: Option<usize>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(text: &'a str, root: Option<Spanned<Tree>>) -> Self {
        Self { text, root }
    }

    /// The position of the document's root.
    pub(super) fn document(&self) -> Span {
        self.nodes()
            .first()
            .map_or_else(Span::default, |root| self.place(root))
    }

    /// The span of the key in front of this value; the value's own span if it has no key.
    pub(super) fn key(&self, value: Span) -> Span {
        let nodes = self.nodes();
        let mut keyed = nodes.iter().filter(|node| node.key.is_some());
        let found = keyed.find(|node| node.value.span.start == value.start);
        found.and_then(|node| node.key).unwrap_or(value)
    }

    /// The position for an error about a field missing from the mapping around this value.
    pub(super) fn mapping_around(&self, value: Span) -> Span {
        let nodes = self.nodes();
        let mut keyed = nodes.iter().filter(|node| node.key.is_some());
        let inside = keyed.find(|node| node.value.span.start == value.start);
        let mapping = inside.and_then(|node| node.mapping);
        mapping.map_or(value, |mapping| self.place(&nodes[mapping]))
    }

    /// The mapping that has a key at this position, or that is empty and begins there. The root
    /// otherwise.
    pub(super) fn mapping_of(&self, place: Span) -> Option<Node<'_>> {
        let nodes = self.nodes();
        let of_key = |node: &Node<'_>| node.key.is_some_and(|key| key.start == place.start);
        let empty = |node: &Node<'_>| {
            matches!(&node.value.value, Tree::Map(fields) if fields.is_empty())
                && node.value.span.start == place.start
        };
        let found = match nodes.iter().find(|node| of_key(node)) {
            Some(child) => child.mapping.map(|mapping| nodes[mapping].clone()),
            None => nodes.iter().find(|node| empty(node)).cloned(),
        };
        found.or_else(|| nodes.first().cloned())
    }

    /// The values that an error at this position may be about, likeliest first. The YAML parser
    /// reports an error at a value or at the key in front of it.
    pub(super) fn values_at(&self, place: Span) -> Vec<Node<'_>> {
        let nodes = self.nodes();
        let of_key = |node: &&Node<'_>| node.key.is_some_and(|key| key.start == place.start);
        let begins = |node: &&Node<'_>| node.value.span.start == place.start;
        let keyed = nodes.iter().filter(of_key);
        keyed.chain(nodes.iter().filter(begins)).cloned().collect()
    }

    /// The position for an error about a field missing from this mapping: its brace, or the key or
    /// the dash in front of it.
    pub(super) fn place(&self, node: &Node<'_>) -> Span {
        let span = node.value.span;
        let before = self.text.get(..span.start).unwrap_or_default();
        let rest = self.text.get(span.start..).unwrap_or_default();
        if rest.starts_with('{') {
            return span;
        }
        if let Some(key) = node.key {
            return key;
        }
        // The first key of a block mapping in a list is on the line of the item's dash.
        let trimmed = before.trim_end_matches([' ', '\t']);
        if trimmed.ends_with('-') {
            let start = trimmed.len() - 1;
            return Span {
                start,
                end: start + 1,
            };
        }
        span
    }

    /// Every value in preorder: a mapping or list comes before its contents.
    fn nodes(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        if let Some(root) = &self.root {
            let root = Node {
                path: String::new(),
                value: root,
                key: None,
                mapping: None,
            };
            collect(root, &mut nodes);
        }
        nodes
    }
}

fn collect<'t>(node: Node<'t>, nodes: &mut Vec<Node<'t>>) {
    let (number, path, value) = (nodes.len(), node.path.clone(), node.value);
    nodes.push(node);
    match &value.value {
        Tree::Null | Tree::Scalar(_) => {}
        Tree::List(items) => {
            for value in items {
                let item = Node {
                    path: format!("{path}[]"),
                    value,
                    key: None,
                    mapping: None,
                };
                collect(item, nodes);
            }
        }
        Tree::Map(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                let field = Node {
                    path: format!("{path}{dot}{}", name.value),
                    value,
                    key: Some(name.span),
                    mapping: Some(number),
                };
                collect(field, nodes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    const TEXT: &str = "a:\n  b: 1\n  c: { d: 2, e: {} }\nf:\n  - g: 3\n    h: 4\n  - { i: 5 }\n";

    fn check(word: &str, key: &str, mapping: &str) {
        let outline = yaml::outline(TEXT);
        let start = TEXT.find(word).unwrap();
        let value = Span {
            start,
            end: start + word.len(),
        };
        assert_eq!(&TEXT[outline.key(value).range()], key, "key of {word}");
        let around = outline.mapping_around(value);
        assert_eq!(
            TEXT[around.start..].lines().next().unwrap(),
            mapping,
            "mapping around {word}"
        );
    }

    #[test]
    fn a_value_has_a_key_and_a_mapping() {
        check("1", "b", "a:");
        check("{ d", "c", "a:");
        check("2", "d", "{ d: 2, e: {} }");
        check("3", "g", "- g: 3");
        check("4", "h", "- g: 3");
        check("5", "i", "{ i: 5 }");
        check("- g", "f", "a:");
    }

    #[test]
    fn a_mapping_is_found_by_its_keys_or_by_its_beginning() {
        let outline = yaml::outline(TEXT);
        for (word, path) in [("b:", "a"), ("h:", "f[]"), ("i:", "f[]"), ("{}", "a.c.e")] {
            let start = TEXT.find(word).unwrap();
            let found = outline.mapping_of(Span { start, end: start });
            assert_eq!(found.unwrap().path, path, "{word}");
        }
    }
}
