//! Finds duplicate items in keyed lists of untyped objects, as server-side apply does.

use rules::list_type::{self, Duplicate, Tree};
use serde_json::Value;

/// Items with the same keys as an earlier one, anywhere in an object.
pub(crate) fn duplicates(object: &Value) -> Vec<Duplicate> {
    list_type::duplicates(Json(object))
}

/// Converts a path with indices to server-side apply's form with the keys of items.
pub(crate) fn keyed_path(object: &Value, path: &str) -> String {
    list_type::keyed_path(Json(object), path)
}

#[derive(Clone, Copy)]
struct Json<'a>(&'a Value);

impl<'a> Tree<'a> for Json<'a> {
    fn fields(self) -> Vec<(&'a str, Self)> {
        let fields = self.0.as_object().into_iter().flatten();
        fields
            .map(|(name, value)| (name.as_str(), Self(value)))
            .collect()
    }

    fn items(self) -> Vec<Self> {
        self.0.as_array().into_iter().flatten().map(Self).collect()
    }

    fn json(self) -> String {
        self.0.to_string()
    }
}
