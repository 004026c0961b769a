//! Writes `messages.txt` from upstream's Go types: `just protobuf`.
//!
//! The `.proto` files lack what JSON needs: which fields are pointers, so that zero counts, and
//! which are embedded. The tags of the Go types have it, beside the numbers of the `.proto` files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The packages, by the name that the table gives them, and where their types are.
const PACKAGES: [(&str, &str); 11] = [
    ("apps", "api@v0.36.3/apps/v1/types.go"),
    ("authorization", "api@v0.36.3/authorization/v1/types.go"),
    ("autoscaling", "api@v0.36.3/autoscaling/v1/types.go"),
    ("batch", "api@v0.36.3/batch/v1/types.go"),
    ("coordination", "api@v0.36.3/coordination/v1/types.go"),
    ("core", "api@v0.36.3/core/v1/types.go"),
    ("discovery", "api@v0.36.3/discovery/v1/types.go"),
    ("events", "api@v0.36.3/events/v1/types.go"),
    ("meta", "apimachinery@v0.36.3/pkg/apis/meta/v1/types.go"),
    ("meta", "apimachinery@v0.36.3/pkg/apis/meta/v1/time.go"),
    ("policy", "api@v0.36.3/policy/v1/types.go"),
];

/// The objects that clients may send.
const ROOTS: [&str; 24] = [
    "apps.ControllerRevision",
    "apps.DaemonSet",
    "apps.Deployment",
    "apps.ReplicaSet",
    "apps.StatefulSet",
    "authorization.SelfSubjectAccessReview",
    "autoscaling.Scale",
    "batch.Job",
    "coordination.Lease",
    "core.ConfigMap",
    "core.Endpoints",
    "core.Event",
    "core.Namespace",
    "core.Node",
    "core.Pod",
    "core.ReplicationController",
    "core.Secret",
    "core.Service",
    "core.ServiceAccount",
    "discovery.EndpointSlice",
    "events.Event",
    "meta.DeleteOptions",
    "policy.Eviction",
    "policy.PodDisruptionBudget",
];

/// The messages whose JSON has a form of its own: `decode.rs` knows them.
const SPECIAL: [&str; 6] = [
    "intstr.IntOrString",
    "meta.FieldsV1",
    "meta.MicroTime",
    "meta.Time",
    "resource.Quantity",
    "runtime.RawExtension",
];

/// The types of all packages.
#[derive(Default)]
struct GoTypes {
    structs: BTreeMap<String, Vec<GoField>>,
    /// Named types that are no structs, and what they stand for.
    aliases: BTreeMap<String, String>,
}

struct GoField {
    number: u64,
    /// `-` if it is embedded.
    name: String,
    /// As the Go code writes it.
    go_type: String,
}

impl GoTypes {
    fn read(&mut self, package: &str, source: &str) {
        let mut current: Option<&mut Vec<GoField>> = None;
        for line in source.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["type", name, "struct", "{", ..] => {
                    let name = format!("{package}.{name}");
                    current = Some(self.structs.entry(name).or_default());
                }
                ["type", name, of, ..] => {
                    self.aliases
                        .insert(format!("{package}.{name}"), (*of).to_owned());
                }
                ["}"] => current = None,
                _ => {
                    if let Some(fields) = current.as_mut() {
                        fields.extend(GoField::of(line));
                    }
                }
            }
        }
    }

    /// A field's type as the table writes it, and the message in it.
    fn table_type(&self, package: &str, go_type: &str) -> (String, Option<String>) {
        let shaped = |mark: &str, rest: &str| {
            let (value, message) = self.table_type(package, rest);
            (format!("{mark}{value}"), message)
        };
        if go_type == "[]byte" {
            return ("bytes".to_owned(), None);
        }
        if let Some(rest) = go_type.strip_prefix("[]") {
            return shaped("[]", rest);
        }
        if let Some((_, rest)) = go_type
            .strip_prefix("map[")
            .and_then(|it| it.split_once(']'))
        {
            return shaped("map:", rest);
        }
        if let Some(rest) = go_type.strip_prefix('*') {
            let (value, message) = self.table_type(package, rest);
            // Of a message, only its presence counts.
            let mark = if message.is_some() { "" } else { "*" };
            return (format!("{mark}{value}"), message);
        }
        let simple = match go_type {
            "string" | "types.UID" | "types.NodeName" => Some("text"),
            "int" | "int32" | "int64" => Some("integer"),
            "bool" => Some("bool"),
            "float64" => Some("double"),
            _ => None,
        };
        if let Some(simple) = simple {
            return (simple.to_owned(), None);
        }
        let name = qualified(package, go_type);
        if let Some(of) = self.aliases.get(&name) {
            return self.table_type(name.split('.').next().unwrap(), of);
        }
        let known = self.structs.contains_key(&name) || SPECIAL.contains(&name.as_str());
        assert!(known, "{go_type} in {package} is not known");
        (name.clone(), Some(name))
    }

    /// The table: every message that a root leads to.
    fn table(&self) -> String {
        let mut pending: Vec<String> = ROOTS.map(str::to_owned).to_vec();
        let mut texts = BTreeMap::new();
        let mut seen = BTreeSet::new();
        while let Some(name) = pending.pop() {
            if SPECIAL.contains(&name.as_str()) || !seen.insert(name.clone()) {
                continue;
            }
            let package = name.split('.').next().unwrap();
            let mut text = format!("{name}\n");
            for field in &self.structs[&name] {
                let (table_type, message) = self.table_type(package, &field.go_type);
                writeln!(text, "{} {} {table_type}", field.number, field.name).unwrap();
                pending.extend(message);
            }
            texts.insert(name, text);
        }
        texts.into_values().collect::<Vec<_>>().join("\n")
    }
}

impl GoField {
    /// A line such as `Name string ⟨json:"name" protobuf:"bytes,1,opt,name=name"⟩`.
    fn of(line: &str) -> Option<Self> {
        // A field that was taken back stands there as a comment.
        let line = line.split("//").next()?;
        let (declared, tags) = line.split_once('`')?;
        let tag = |name: &str| tags.split_once(&format!("{name}:\""))?.1.split('"').next();
        let number = tag("protobuf")?.split(',').nth(1)?.parse().ok()?;
        let name = tag("json")?.split(',').next()?;
        let go_type = declared.split_whitespace().last()?.to_owned();
        let name = if name.is_empty() { "-" } else { name }.to_owned();
        Some(Self {
            number,
            name,
            go_type,
        })
    }
}

/// A type's name with its package, as the table names packages.
fn qualified(package: &str, go_type: &str) -> String {
    match go_type.split_once('.') {
        None => format!("{package}.{go_type}"),
        Some(("v1" | "corev1" | "apiv1", name)) => format!("core.{name}"),
        Some(("metav1", name)) => format!("meta.{name}"),
        Some((package, name)) => format!("{package}.{name}"),
    }
}

#[test]
#[ignore = "needs upstream's sources: `just protobuf`"]
fn the_table_is_that_of_upstream() {
    let modules = std::env::var("PROBEFLIP_TEST_GO_MODULES").unwrap();
    let mut types = GoTypes::default();
    for (package, path) in PACKAGES {
        let source = std::fs::read_to_string(format!("{modules}/k8s.io/{path}")).unwrap();
        types.read(package, &source);
    }
    expect_test::expect_file!["messages.txt"].assert_eq(&types.table());
}
