//! Objects as kubectl 1.32 sends them and as a Kubernetes 1.36.3 node answers with them, beside the
//! JSON of the same client or server; and bytes that are no objects.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::messages::ValueType;
use super::{DecodeError, MAGIC, messages, object};
use crate::api::openapi;

/// A request, its bytes as protobuf, and the same as JSON.
fn recorded() -> impl Iterator<Item = (&'static str, Vec<u8>, Value)> {
    include_str!("tests/bodies.tsv").lines().map(|line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap();
        let request = column();
        let ByteString(bytes) = serde_json::from_value(json!(column())).unwrap();
        (request, bytes, serde_json::from_str(column()).unwrap())
    })
}

/// Without what means the same as nothing: JSON shows some empty fields, protobuf others.
fn without_zeros(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, without_zeros(value)));
            let counts = |value: &Value| {
                *value != json!("")
                    && *value != json!(0)
                    && *value != json!(false)
                    && !value.is_null()
            };
            Value::Object(fields.filter(|(_, value)| counts(value)).collect())
        }
        Value::Array(items) => items.into_iter().map(without_zeros).collect(),
        other => other,
    }
}

#[test]
fn an_object_is_the_same_as_in_json() {
    let mut count = 0;
    for (request, bytes, expected) in recorded() {
        let found = object(&bytes, ("", "")).unwrap();
        assert_eq!(without_zeros(found), without_zeros(expected), "{request}");
        count += 1;
    }
    assert_eq!(count, 23);
}

#[test]
fn zero_counts_where_go_has_a_pointer() {
    let (_, bytes, _) = recorded().next().unwrap();
    let deployment = object(&bytes, ("", "")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 0);
    assert_eq!(deployment["status"].get("replicas"), None);
}

#[test]
fn a_body_that_ends_early_is_no_object_or_a_smaller_one() {
    for (request, bytes, whole) in recorded() {
        // An envelope ends with two empty fields.
        for length in 0..bytes.len() - 4 {
            let part = object(&bytes[..length], ("", ""));
            assert_ne!(part.ok().as_ref(), Some(&whole), "{request} {length}");
        }
    }
}

#[test]
fn changed_bytes_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(1);
    for (_, bytes, _) in recorded() {
        for _ in 0..500 {
            let mut changed = bytes.clone();
            for _ in 0..random.usize(1..4) {
                let place = random.usize(MAGIC.len()..changed.len());
                changed[place] = random.u8(..);
            }
            drop(object(&changed, ("v1", "Pod")));
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let check = |bytes: &[u8], expected: DecodeError| {
        let bytes = [MAGIC, bytes].concat();
        assert_eq!(object(&bytes, ("v1", "Pod")), Err(expected));
    };
    assert_eq!(object(b"{}", ("v1", "Pod")), Err(DecodeError::NoMagic));
    // A field of bytes that promises more than there is; number 0; a group; eleven groups of bits.
    check(&[0x12, 9, 1], DecodeError::Truncated);
    check(&[0x02], DecodeError::OutOfRange);
    check(&[0x0b], DecodeError::WrongType { field: 1, wire: 3 });
    check(&[0xff; 11], DecodeError::OutOfRange);
    check(&[0x10, 1], DecodeError::WrongType { field: 2, wire: 0 });
    check(&[0x1a, 1, b'z'], DecodeError::Encoded("z".to_owned()));
    check(&[0x0a, 3, 0x12, 1, 0xff], DecodeError::NotText(2));
    let unknown = DecodeError::UnknownKind {
        api_version: "v1".to_owned(),
        kind: "x".to_owned(),
    };
    check(&[0x0a, 3, 0x12, 1, b'x'], unknown);
}

/// The messages that lie in this one, directly or not.
fn within(name: &str, found: &mut BTreeSet<&'static str>) {
    for field in messages().get(name).values() {
        if let ValueType::Message(inner) = field.value
            && found.insert(inner)
        {
            within(inner, found);
        }
    }
}

#[test]
fn no_message_holds_itself() {
    for name in messages().names() {
        let mut found = BTreeSet::new();
        within(name, &mut found);
        assert!(!found.contains(name), "{name}");
    }
}

#[test]
fn fields_have_their_names_in_json() {
    let mut count = 0;
    for group in ["", "apps", "batch", "discovery.k8s.io", "events.k8s.io"] {
        let document = openapi::write(group);
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let mut words = name.rsplit('.');
            let (kind, _version, package) = (words.next(), words.next(), words.next());
            let name = format!("{}.{}", package.unwrap(), kind.unwrap());
            // Version 1.37, of which the schemas are, changed this one.
            if name == "core.NodeAllocatableResourceClaimStatus" {
                continue;
            }
            for field in messages()
                .get(&name)
                .values()
                .filter_map(|field| field.name)
            {
                assert!(schema["properties"].get(field).is_some(), "{name}: {field}");
                count += 1;
            }
        }
    }
    assert!(count > 500, "{count}");
}
