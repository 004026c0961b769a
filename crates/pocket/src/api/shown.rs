//! Stored objects as text, in the form that the client wants.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::call::Call;
use super::continue_token::Rest;
use super::form::{Form, MetaVersion, RowObject};
use super::{events, table};
use crate::store::{StoredObject, Version};

impl Call {
    /// One object in the form that the client wants. `with_columns`: whether a table names its
    /// columns, which it does once in a watch.
    pub(super) fn object_text<'a>(
        &self,
        object: &'a StoredObject,
        with_columns: bool,
    ) -> Cow<'a, str> {
        let kind = self.target.kind;
        match self.form {
            Form::Whole => events::text(kind, object),
            Form::Metadata(version) => {
                let partial = partial_metadata(version, &object.metadata());
                partial.to_string().into()
            }
            Form::Table(meta, row_object) => {
                let metadata = object.metadata();
                let of_table = json!({"resourceVersion": metadata["resourceVersion"]});
                let rows = std::iter::once(object);
                let table = self.table(meta, row_object, &of_table, rows, with_columns);
                table.to_string().into()
            }
        }
    }

    /// A list of objects in the form that the client wants, as of `version`.
    pub(super) fn list_text<'a>(
        &self,
        version: Version,
        rest: &Rest,
        items: impl Iterator<Item = &'a StoredObject>,
    ) -> String {
        let kind = self.target.kind;
        let metadata = list_metadata(version, rest);
        match self.form {
            Form::Whole => {
                let items = items.map(|item| events::text(kind, item));
                let (api_version, name) = (kind.api_version(), format!("{}List", kind.name));
                list(&api_version, &name, &metadata, items)
            }
            Form::Metadata(meta) => {
                let items = items.map(|item| partial_metadata(meta, &item.metadata()).to_string());
                let name = "PartialObjectMetadataList";
                list(meta.api_version(), name, &metadata, items.map(Cow::from))
            }
            Form::Table(meta, row_object) => {
                let table = self.table(meta, row_object, &metadata, items, true);
                table.to_string()
            }
        }
    }

    fn table<'a>(
        &self,
        meta: MetaVersion,
        row_object: RowObject,
        metadata: &Value,
        items: impl Iterator<Item = &'a StoredObject>,
        with_columns: bool,
    ) -> Value {
        let kind = self.target.kind;
        let printer = table::printer(kind);
        let now = self.registry().clock().time().0;
        let rows: Vec<Value> = items
            .map(|item| {
                let mut row = printer.row(item, now);
                match row_object {
                    RowObject::None => row["object"] = Value::Null,
                    RowObject::Metadata => {
                        row["object"] = partial_metadata(meta, &item.metadata());
                    }
                    RowObject::Object => row["object"] = events::present(kind, &item.value()),
                }
                row
            })
            .collect();
        let columns = if with_columns {
            printer.column_definitions()
        } else {
            Value::Null
        };
        json!({
            "kind": "Table", "apiVersion": meta.api_version(),
            "metadata": metadata,
            "columnDefinitions": columns, "rows": rows,
        })
    }
}

fn list_metadata(version: Version, rest: &Rest) -> Value {
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(token) = &rest.token {
        metadata["continue"] = token.clone().into();
    }
    if let Some(count) = rest.count {
        metadata["remainingItemCount"] = count.into();
    }
    metadata
}

fn partial_metadata(version: MetaVersion, metadata: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": version.api_version(), "metadata": metadata,
    })
}

fn list<'a>(
    api_version: &str,
    name: &str,
    metadata: &Value,
    items: impl Iterator<Item = Cow<'a, str>>,
) -> String {
    let mut text = format!(r#"{{"apiVersion":"{api_version}","items":["#);
    for (number, item) in items.enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        text.push_str(&item);
    }
    text + &format!(r#"],"kind":"{name}","metadata":{metadata}}}"#)
}
