//! Rows as a node printed them: for each kind, objects of a Kubernetes 1.36.3 node and the table
//! that its API server made of them at that time.
//!
//! `tests/node.json` was recorded with the media type of `kubectl get` and `includeObject=Object`.
//! The Pods among the objects are in as many states as can be had: gated, waiting, initializing,
//! failing, half done, done, ending. Fields that no column reads were taken out.

use serde::Deserialize;
use serde_json::Value;

use super::printer;
use crate::kinds::Kind;
use crate::store::StoredObject;

/// The table of a kind, as the node answered at `now`.
#[derive(Deserialize)]
struct Recorded {
    group: String,
    plural: String,
    now: String,
    /// Name, type, format and, for a column of `-o wide`, `wide`.
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
    #[serde(default)]
    conditions: Value,
    object: Value,
}

fn column(definition: &Value) -> String {
    let text = |field: &str| definition[field].as_str().unwrap().to_owned();
    let wide = if definition["priority"] == 1 {
        "wide"
    } else {
        ""
    };
    let words = [text("name"), text("type"), text("format"), wide.to_owned()];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[test]
fn rows_are_as_a_node_prints_them() {
    let tables: Vec<Recorded> = serde_json::from_str(include_str!("tests/node.json")).unwrap();
    for table in tables {
        let kind = Kind::find(&table.group, &table.plural).unwrap();
        let printer = printer(kind);
        let columns = printer.column_definitions();
        let columns: Vec<String> = columns.as_array().unwrap().iter().map(column).collect();
        assert_eq!(columns, table.columns, "{}", table.plural);
        for row in table.rows {
            let found = printer.row(&StoredObject::new(&row.object), table.now.parse().unwrap());
            let name = &row.object["metadata"]["name"];
            assert_eq!(
                found["cells"],
                Value::from(row.cells),
                "{} {name}",
                table.plural
            );
            assert_eq!(
                found["conditions"], row.conditions,
                "{} {name}",
                table.plural
            );
        }
    }
}
