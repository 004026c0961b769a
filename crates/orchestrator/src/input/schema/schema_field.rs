//! `SchemaField`: a field of a JSON Schema with its description, type, values and own fields. Pure.

use probe_target::model::duration;
use serde_json::Value;

use super::alternatives;
use crate::input::problem::ProblemText;

/// A field of a schema by its path, such as `experiment.spec.steps`.
#[derive(Debug, Clone)]
pub(crate) struct SchemaField<'s> {
    root: &'s Value,
    /// The path, which begins with the name of the format.
    path: String,
    node: &'s Value,
    /// Whether the mapping that has it must have it; absent for the whole format.
    pub(crate) required: Option<bool>,
}

/// A word that a field takes, and what it means.
pub(crate) type Word<'s> = (String, Option<&'s str>);

impl<'s> SchemaField<'s> {
    /// The whole format.
    pub(crate) fn root(format: &str, root: &'s Value) -> Self {
        Self {
            root,
            path: format.to_owned(),
            node: root,
            required: None,
        }
    }

    /// The path: `experiment.spec.steps`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// The field of that name inside this one; of a list, inside its items.
    pub(crate) fn field(&self, name: &str) -> Result<Self, ProblemText> {
        let fields = self.fields();
        if fields.is_empty() {
            return Err(ProblemText::new(format!("`{}` has no fields", self.path)));
        }
        let found = fields.iter().find(|field| field.name() == name);
        found.cloned().ok_or_else(|| {
            let what = format!("no field `{name}` in `{}`", self.path);
            ProblemText::new(what).one_of(name, fields.iter().map(Self::name))
        })
    }

    /// The fields of the mapping, or of the mappings in the list.
    pub(crate) fn fields(&self) -> Vec<Self> {
        let mut fields: Vec<Self> = Vec::new();
        for schema in self.schemas() {
            let required = schema["required"].as_array();
            let properties = schema["properties"].as_object();
            for (name, node) in properties.into_iter().flatten() {
                let path = format!("{}.{name}", self.path);
                if fields.iter().all(|known| known.path != path) {
                    let is_named = |names: &Vec<Value>| names.iter().any(|it| it == name);
                    fields.push(Self {
                        root: self.root,
                        path,
                        node,
                        required: Some(required.is_some_and(is_named)),
                    });
                }
            }
        }
        fields
    }

    /// All fields below, each with its depth from 1. A schema that contains itself is entered once.
    pub(crate) fn below(&self) -> Vec<(Self, usize)> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, outer: &mut Vec<&'s Value>, found: &mut Vec<(Self, usize)>) {
        outer.push(self.node);
        for field in self.fields() {
            let is_new = !outer.iter().any(|node| std::ptr::eq(*node, field.node));
            found.push((field.clone(), outer.len()));
            if is_new {
                field.collect(outer, found);
            }
        }
        outer.pop();
    }

    /// What the field means, then what its mapping is.
    pub(crate) fn descriptions(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for (place, schema) in self.schemas().into_iter().enumerate() {
            // The description of a word stands beside the word.
            if place > 0 && !schema["properties"].is_object() {
                continue;
            }
            let text = schema["description"].as_str();
            let text = text.map(|text| text.replace('\n', " "));
            texts.extend(text.filter(|text| !texts.contains(text)));
        }
        texts
    }

    /// The type in words: `duration`, `integer from 200 to 999 or string`.
    pub(crate) fn type_text(&self) -> String {
        type_text(self.root, self.node)
    }

    /// The value if the field is absent, where the schema says it.
    pub(crate) fn default(&self) -> Option<String> {
        self.node.get("default").map(Value::to_string)
    }

    /// An example of its value.
    pub(crate) fn example(&self) -> Option<String> {
        let mut schemas = self.schemas().into_iter();
        schemas.find_map(|schema| Some(plain(schema["examples"].as_array()?.first()?)))
    }

    /// The words that it takes.
    pub(crate) fn words(&self) -> Vec<Word<'s>> {
        let mut words: Vec<Word<'s>> = Vec::new();
        for schema in self.schemas() {
            let description = schema["description"].as_str();
            let word = schema.get("const");
            let word = word.map(|word| (plain(word), description));
            let listed = schema["enum"].as_array().into_iter().flatten();
            let listed = listed.map(|word| (plain(word), None));
            for word in word.into_iter().chain(listed) {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        words
    }

    /// The schemas of the value, and of a list's items.
    fn schemas(&self) -> Vec<&'s Value> {
        let mut found = Vec::new();
        let mut pending = vec![self.node];
        while let Some(node) = pending.pop() {
            for schema in alternatives(self.root, node) {
                found.push(schema);
                pending.extend(schema.get("items"));
            }
        }
        found
    }
}

fn type_text(root: &Value, node: &Value) -> String {
    let mut types: Vec<String> = Vec::new();
    for schema in alternatives(root, node) {
        for name in type_names(schema) {
            let text = match name {
                "string" if schema["pattern"] == duration::PATTERN => "duration".to_owned(),
                "integer" | "number" => name.to_owned() + &range(schema),
                "boolean" => "true or false".to_owned(),
                "array" => match schema.get("items") {
                    Some(items) => format!("list of {}", type_text(root, items)),
                    None => "list".to_owned(),
                },
                "object" if schema["additionalProperties"].is_object() => {
                    let values = type_text(root, &schema["additionalProperties"]);
                    format!("map of {values}")
                }
                name => name.to_owned(),
            };
            if !types.contains(&text) {
                types.push(text);
            }
        }
    }
    if types.is_empty() {
        "any".to_owned()
    } else {
        types.join(" or ")
    }
}

/// The types that a schema itself names, or those of its words; none for `null`.
fn type_names(schema: &Value) -> Vec<&str> {
    let names = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => {
            let word = schema.get("const").or_else(|| schema["enum"].get(0));
            let is_text = word.is_some_and(Value::is_string);
            is_text.then_some("string").into_iter().collect()
        }
    };
    names.into_iter().filter(|name| *name != "null").collect()
}

fn range(schema: &Value) -> String {
    // The largest value of a Rust type is no rule of the format.
    let most = schema.get("maximum").filter(|_| schema["format"].is_null());
    match (schema.get("minimum"), most) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) if *least != 0 => format!(" of at least {least}"),
        _ => String::new(),
    }
}

/// A value, without the quotes of a string.
fn plain(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::schema::experiment;

    fn with(path: &str, check: impl FnOnce(&SchemaField<'_>)) {
        let schema = experiment().to_value();
        let root = SchemaField::root("experiment", &schema);
        let names = path.split('.').filter(|name| !name.is_empty());
        let field = names.fold(root, |field, name| field.field(name).unwrap());
        check(&field);
    }

    #[test]
    fn types_are_in_words() {
        for (path, expected) in [
            ("spec.steps", "list of object"),
            ("spec.steps.flip", "object or list of object"),
            ("spec.steps.flip.for", "duration"),
            ("spec.steps.flip.probe", "string"),
            ("spec.steps.flip.shared", "true or false"),
            (
                "spec.steps.flip.to",
                "integer from 200 to 999 or string or object",
            ),
            ("spec.steps.flip.to.headers", "map of string"),
            ("spec.steps.flip.count", "integer of at least 1"),
            (
                "spec.steps.expect.that.conditions",
                "map of true or false or string",
            ),
            ("spec.steps.patch.merge", "object"),
        ] {
            with(path, |field| {
                assert_eq!(field.type_text(), expected, "{path}");
            });
        }
    }

    #[test]
    fn words_have_their_descriptions() {
        with("spec.steps.flip.probe", |probe| {
            let words = probe.words();
            assert_eq!(words.len(), 3);
            assert_eq!(words[0].0, "liveness");
            assert!(words[0].1.unwrap().contains("restarts the container"));
            let expected = "The container's probe; requires `to`.";
            assert_eq!(probe.descriptions(), [expected]);
        });
        with("spec.steps.flip.to", |to| {
            assert!(to.words().contains(&("stall-body".to_owned(), None)));
        });
    }

    #[test]
    fn an_unknown_field_is_named_with_those_that_exist() {
        with("spec.steps.flip", |flip| {
            let error = flip.field("prob").unwrap_err().to_string();
            assert!(error.starts_with("no field `prob` in `experiment.spec.steps.flip`; "));
            assert!(error.ends_with("; did you mean `probe`?"), "{error}");
        });
        with("spec.steps.flip.for", |time| {
            let error = time.field("unit").unwrap_err().to_string();
            assert_eq!(error, "`experiment.spec.steps.flip.for` has no fields");
        });
    }

    #[test]
    fn every_field_is_described() {
        with("", |root| {
            let below = root.below();
            assert!(below.len() > 100);
            for (field, _) in below {
                assert!(!field.descriptions().is_empty(), "{}", field.path());
            }
        });
    }
}
