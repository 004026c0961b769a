//! Finds duplicate items in keyed lists, which server-side apply rejects.

use rules::list_type::{self, Tree};

use super::Node;
use crate::input::problem::ProblemText;
use crate::input::source::Span;

/// The API groups whose lists [`rules::list_type`] knows.
const GROUPS: [&str; 3] = ["", "apps", "batch"];

impl Node {
    /// The duplicate keys in an object of this API version, with their spans.
    pub(crate) fn duplicates(&self, api_version: &str) -> Vec<(Span, ProblemText)> {
        let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
        // Metadata is the same in every group.
        let is_known = |path: &str| GROUPS.contains(&group) || path.starts_with("metadata.");
        list_type::duplicates(self)
            .iter()
            .filter(|duplicate| is_known(&duplicate.path))
            .map(|duplicate| {
                let fault = ProblemText::new(duplicate.to_string()).expected("each key once");
                (self.place(&duplicate.path), fault)
            })
            .collect()
    }
}

impl<'a> Tree<'a> for &'a Node {
    fn fields(self) -> Vec<(&'a str, Self)> {
        let fields = Node::fields(self).iter();
        fields.map(|(name, value)| (name.as_str(), value)).collect()
    }

    fn items(self) -> Vec<Self> {
        Node::items(self).iter().collect()
    }

    fn json(self) -> String {
        self.value().unwrap_or_default().to_string()
    }
}
