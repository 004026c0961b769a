//! Programs made of a header alone; archives read back as their consumers read them.

use std::{collections::BTreeMap, io::Read as _};

use serde_json::Value;

use super::{archive::full_name, *};

/// An ELF header and one program header of the given segment type.
fn program(machine: u16, segment: u32) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    bytes[16..18].copy_from_slice(&3u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
    bytes[64..68].copy_from_slice(&segment.to_le_bytes());
    bytes
}

const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;

#[test]
fn a_static_program_says_its_processor() {
    assert_eq!(
        elf::architecture(&program(62, LOAD)),
        Ok(Architecture::Amd64)
    );
    assert_eq!(
        elf::architecture(&program(183, LOAD)),
        Ok(Architecture::Arm64)
    );
}

#[test]
fn what_would_not_run_alone_is_refused() {
    assert_eq!(
        elf::architecture(&program(62, INTERPRETER)),
        Err(NotStatic::Interpreter)
    );
    assert_eq!(
        elf::architecture(&program(243, LOAD)),
        Err(NotStatic::Machine(243))
    );
    assert_eq!(elf::architecture(b"#!/bin/sh\n"), Err(NotStatic::NotElf));
    let whole = program(62, LOAD);
    for length in 0..whole.len() - 52 {
        assert_eq!(
            elf::architecture(&whole[..length]),
            Err(NotStatic::NotElf),
            "cut at {length}"
        );
    }
}

#[test]
fn both_indexes_lead_to_the_same_blobs() {
    let files =
        unpack(&archive::pack("a", &program(62, LOAD), Architecture::Amd64, "t:1").unwrap());
    let docker = &json(&files["manifest.json"])[0];
    assert_eq!(docker["RepoTags"][0], "t:1");
    let index = json(&files["index.json"]);
    let name = &index["manifests"][0]["annotations"]["io.containerd.image.name"];
    assert_eq!(name, "docker.io/library/t:1");
    let manifest = json(&files[&blob(&index["manifests"][0]["digest"])]);
    assert_eq!(docker["Config"], blob(&manifest["config"]["digest"]));
    assert_eq!(docker["Layers"][0], blob(&manifest["layers"][0]["digest"]));
}

#[test]
fn the_image_is_one_program_and_an_unprivileged_user() {
    let program = program(183, LOAD);
    let files =
        unpack(&archive::pack("probe-target", &program, Architecture::Arm64, "t:1").unwrap());
    let docker = &json(&files["manifest.json"])[0];
    let config = json(&files[docker["Config"].as_str().unwrap()]);
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"][0], "/probe-target");
    assert_eq!(config["architecture"], "arm64");
    let layer = unpack(&files[docker["Layers"][0].as_str().unwrap()]);
    assert_eq!(
        layer,
        BTreeMap::from([("probe-target".to_owned(), program)])
    );
}

#[test]
fn the_same_binary_gives_the_same_bytes() {
    let pack = || archive::pack("a", &program(62, LOAD), Architecture::Amd64, "t:1").unwrap();
    let first = pack();
    for _ in 0..8 {
        assert!(pack() == first);
    }
}

#[test]
fn names_are_completed_as_docker_does() {
    let check = |tag, expected| assert_eq!(full_name(tag), expected);
    check("t:1", "docker.io/library/t:1");
    check("me/t:1", "docker.io/me/t:1");
    check("localhost/t:1", "localhost/t:1");
    check("registry.example:5000/t:1", "registry.example:5000/t:1");
}

#[test]
fn a_name_without_a_tag_is_no_image() {
    for tag in ["probe-target:0.1.0", "registry.example:5000/a/b:v1_2"] {
        assert!(check_tag(tag).is_ok(), "{tag}");
    }
    for tag in [
        "probe-target",
        "Probe:1",
        "probe-target:",
        ":1",
        "a b:1",
        "a//b:1",
        "registry:5000/x",
    ] {
        assert!(check_tag(tag).is_err(), "{tag}");
    }
}

fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    });
    entries.collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn blob(digest: &Value) -> String {
    format!("blobs/{}", digest.as_str().unwrap().replace(':', "/"))
}
