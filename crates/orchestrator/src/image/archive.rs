//! Builds the image archive: a tar of a layer, a configuration, a manifest and two indexes.
//!
//! The two indexes share the blobs: an OCI layout (`index.json`) for containerd and podman, and
//! `manifest.json` for Docker and kind.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Architecture;

/// The unprivileged user of the distroless images.
const USER: &str = "65532:65532";

/// The media type of the image's manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Builds the archive of an image that runs a program, whose file gets this name.
pub(super) fn pack(
    name: &str,
    program: &[u8],
    architecture: Architecture,
    tag: &str,
) -> io::Result<Vec<u8>> {
    let platform = json!({ "architecture": architecture.to_string(), "os": "linux" });
    let layer = Blob::new(
        "application/vnd.oci.image.layer.v1.tar",
        layer(name, program)?,
    )?;
    let config = config(name, &platform, &layer.digest);
    let config = Blob::new("application/vnd.oci.image.config.v1+json", config)?;
    let manifest = Blob::new(MANIFEST, manifest(&config, &layer))?;
    let docker = json!([{
        "Config": config.path(),
        "RepoTags": [tag],
        "Layers": [layer.path()],
    }]);
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let index = index(&manifest, &platform, tag);
    let mut archive = tar::Builder::new(Vec::new());
    for (path, document) in [
        ("oci-layout", layout),
        ("index.json", index),
        ("manifest.json", docker),
    ] {
        append(&mut archive, path, 0o644, &to_json(&document))?;
    }
    for blob in [&manifest, &config, &layer] {
        append(&mut archive, &blob.path(), 0o644, &blob.bytes)?;
    }
    archive.into_inner()
}

/// Content addressed by its digest.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
    descriptor: Value,
}

impl Blob {
    fn new(media_type: &str, bytes: Vec<u8>) -> io::Result<Self> {
        let mut digest = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(digest, "{byte:02x}").map_err(io::Error::other)?;
        }
        let descriptor = json!({
            "mediaType": media_type,
            "digest": format!("sha256:{digest}"),
            "size": bytes.len(),
        });
        Ok(Self {
            bytes,
            digest,
            descriptor,
        })
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }
}

fn layer(name: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    append(&mut layer, name, 0o755, program)?;
    layer.into_inner()
}

// The documents of the OCI image specification 1.1.

fn config(name: &str, platform: &Value, layer: &str) -> Vec<u8> {
    let entrypoint = format!("/{name}");
    let run = json!({ "User": USER, "Entrypoint": [entrypoint], "WorkingDir": "/" });
    to_json(&json!({
        "architecture": platform["architecture"],
        "os": platform["os"],
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
    }))
}

fn manifest(config: &Blob, layer: &Blob) -> Vec<u8> {
    to_json(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor],
    }))
}

fn index(manifest: &Blob, platform: &Value, tag: &str) -> Value {
    let mut descriptor = manifest.descriptor.clone();
    descriptor["platform"] = platform.clone();
    // containerd reads the first annotation, podman and skopeo the second.
    descriptor["annotations"] = json!({
        "io.containerd.image.name": full_name(tag),
        "org.opencontainers.image.ref.name": tag,
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [descriptor],
    })
}

/// The full name by Docker's rule: a name without a host is on `docker.io`, and one without a path
/// is in its `library`.
pub(super) fn full_name(tag: &str) -> String {
    match tag.split_once('/') {
        None => format!("docker.io/library/{tag}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => tag.to_owned(),
        Some(_) => format!("docker.io/{tag}"),
    }
}

fn to_json(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, bytes)
}
