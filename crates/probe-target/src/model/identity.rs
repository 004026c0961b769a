//! The identity of this process in response headers: instance, boot, Pod, container and port.

use std::collections::BTreeMap;
use std::io::Write;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};

const INSTANCE: HeaderName = HeaderName::from_static("probeflip-instance");
const BOOT: HeaderName = HeaderName::from_static("probeflip-boot");
const POD: HeaderName = HeaderName::from_static("probeflip-pod");
const CONTAINER: HeaderName = HeaderName::from_static("probeflip-container");
const PORT: HeaderName = HeaderName::from_static("probeflip-port");

/// The identity of this process.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) instance: String,
    pub(crate) pod: Option<String>,
    pub(crate) container: Option<String>,
    /// The number of this start of the container, if boots are counted.
    pub(crate) boot: Option<u64>,
    /// The identity headers that are known and valid header values.
    named: Vec<(HeaderName, HeaderValue)>,
}

impl Identity {
    /// Reads the Pod's name from `HOSTNAME`, which the kubelet sets, and the container's from
    /// `PROBE_TARGET_CONTAINER`, which a manifest may set.
    pub(crate) fn new(instance: String, environment: &BTreeMap<String, String>) -> Self {
        let known = |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned()
        };
        let (pod, container) = (known("HOSTNAME"), known("PROBE_TARGET_CONTAINER"));
        let named = [
            (POD, pod.as_deref()),
            (CONTAINER, container.as_deref()),
            (INSTANCE, Some(instance.as_str())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value?).ok()?;
            Some((name, value))
        });
        Self {
            named: named.collect(),
            instance,
            pod,
            container,
            boot: None,
        }
    }

    /// The identity headers of a response from `port`. Unknown and invalid values are left out.
    pub(crate) fn headers(&self, port: u16) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(PORT, port.into());
        headers.extend(self.named.iter().cloned());
        if let Some(boot) = self.boot {
            headers.insert(BOOT, boot.into());
        }
        headers
    }

    /// Writes the identity headers as HTTP/1.1 text, except those for which `other` returns true.
    pub(crate) fn write(&self, port: u16, other: impl Fn(&str) -> bool, text: &mut Vec<u8>) {
        if !other(PORT.as_str()) {
            text.extend_from_slice(PORT.as_str().as_bytes());
            text.extend_from_slice(b": ");
            number(port.into(), text);
            text.extend_from_slice(b"\r\n");
        }
        self.write_process(other, text);
    }

    /// Writes only the headers that do not depend on the port.
    pub(crate) fn write_process(&self, other: impl Fn(&str) -> bool, text: &mut Vec<u8>) {
        for (name, value) in &self.named {
            if !other(name.as_str()) {
                header(name.as_str(), value.as_bytes(), text);
            }
        }
        if let Some(boot) = self.boot
            && !other(BOOT.as_str())
        {
            // Writing to a vector does not fail.
            _ = write!(text, "{BOOT}: {boot}\r\n");
        }
    }
}

/// Appends a number in decimal. Formatting with `write!` would take a tenth of a response's time.
pub(crate) fn number(number: usize, text: &mut Vec<u8>) {
    if number > 9 {
        self::number(number / 10, text);
    }
    text.push(b"0123456789"[number % 10]);
}

/// Appends one header line.
pub(crate) fn header(name: &str, value: &[u8], text: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        text.extend_from_slice(part);
    }
}
