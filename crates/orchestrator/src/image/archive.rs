//! Builds the image archive: a tar of a layer, a configuration, a manifest and two indexes.
//!
//! The two indexes share the blobs: an OCI layout (`index.json`) for containerd and podman, and
//! `manifest.json` for Docker and kind.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, ImageConfigurationBuilder,
    ImageIndexBuilder, ImageManifestBuilder, MediaType, OciLayoutBuilder, Os, PlatformBuilder,
    RootFsBuilder, Sha256Digest,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Architecture;

/// The unprivileged user of the distroless images.
const USER: &str = "65532:65532";

/// Builds the archive of an image that runs `program`.
pub(super) fn pack(program: &[u8], architecture: Architecture, tag: &str) -> io::Result<Vec<u8>> {
    let layer = Blob::new(MediaType::ImageLayer, layer(program)?)?;
    let config = Blob::new(MediaType::ImageConfig, config(architecture, &layer.digest)?)?;
    let manifest = Blob::new(MediaType::ImageManifest, manifest(&config, &layer)?)?;
    let docker = json!([{
        "Config": config.path(),
        "RepoTags": [tag],
        "Layers": [layer.path()],
    }]);
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, "oci-layout", 0o644, &layout()?)?;
    append(
        &mut archive,
        "index.json",
        0o644,
        &index(&manifest, architecture, tag)?,
    )?;
    append(&mut archive, "manifest.json", 0o644, &to_json(&docker)?)?;
    for blob in [&manifest, &config, &layer] {
        append(&mut archive, &blob.path(), 0o644, &blob.bytes)?;
    }
    archive.into_inner()
}

/// Content addressed by its digest.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
    descriptor: Descriptor,
}

impl Blob {
    fn new(media_type: MediaType, bytes: Vec<u8>) -> io::Result<Self> {
        let mut digest = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(digest, "{byte:02x}").map_err(io::Error::other)?;
        }
        let sha256: Sha256Digest = digest.parse().map_err(io::Error::other)?;
        let descriptor = Descriptor::new(media_type, bytes.len() as u64, sha256);
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

fn layer(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    append(&mut layer, "probe-target", 0o755, program)?;
    layer.into_inner()
}

fn config(architecture: Architecture, layer: &str) -> io::Result<Vec<u8>> {
    let run = ConfigBuilder::default()
        .user(USER)
        .entrypoint(vec!["/probe-target".to_owned()])
        .working_dir("/")
        .build()
        .map_err(io::Error::other)?;
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(vec![format!("sha256:{layer}")])
        .build()
        .map_err(io::Error::other)?;
    let config = ImageConfigurationBuilder::default()
        .architecture(arch(architecture))
        .os(Os::Linux)
        .config(run)
        .rootfs(rootfs)
        .build()
        .map_err(io::Error::other)?;
    to_json(&config)
}

fn manifest(config: &Blob, layer: &Blob) -> io::Result<Vec<u8>> {
    let manifest = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(vec![layer.descriptor.clone()])
        .build()
        .map_err(io::Error::other)?;
    to_json(&manifest)
}

#[expect(
    clippy::disallowed_types,
    reason = "the builder takes nothing else, and `to_json` restores the order"
)]
fn index(manifest: &Blob, architecture: Architecture, tag: &str) -> io::Result<Vec<u8>> {
    let platform = PlatformBuilder::default()
        .architecture(arch(architecture))
        .os(Os::Linux)
        .build()
        .map_err(io::Error::other)?;
    // containerd reads the first annotation, podman and skopeo the second.
    let names = [
        ("io.containerd.image.name".to_owned(), full_name(tag)),
        (
            "org.opencontainers.image.ref.name".to_owned(),
            tag.to_owned(),
        ),
    ];
    let descriptor = DescriptorBuilder::default()
        .media_type(MediaType::ImageManifest)
        .size(manifest.descriptor.size())
        .digest(manifest.descriptor.digest().clone())
        .platform(platform)
        .annotations(
            names
                .into_iter()
                .collect::<std::collections::HashMap<_, _>>(),
        )
        .build()
        .map_err(io::Error::other)?;
    let index = ImageIndexBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageIndex)
        .manifests(vec![descriptor])
        .build()
        .map_err(io::Error::other)?;
    to_json(&index)
}

fn layout() -> io::Result<Vec<u8>> {
    let layout = OciLayoutBuilder::default()
        .image_layout_version("1.0.0")
        .build()
        .map_err(io::Error::other)?;
    to_json(&layout)
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

fn arch(architecture: Architecture) -> Arch {
    match architecture {
        Architecture::Amd64 => Arch::Amd64,
        Architecture::Arm64 => Arch::ARM64,
    }
}

/// Serializes through a JSON value, which sorts keys: annotations are in a map of random order.
fn to_json(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let value = serde_json::to_value(document)?;
    Ok(serde_json::to_vec(&value)?)
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
