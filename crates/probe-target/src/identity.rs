//! Who this process is: in the headers of every answer, so that a caller knows which container answered.

use std::collections::BTreeMap;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The header of control answers and of changes that mean one process only.
pub(crate) const INSTANCE: HeaderName = HeaderName::from_static("probeflip-instance");
pub(crate) const BOOT: HeaderName = HeaderName::from_static("probeflip-boot");
const POD: HeaderName = HeaderName::from_static("probeflip-pod");
const CONTAINER: HeaderName = HeaderName::from_static("probeflip-container");
const PORT: HeaderName = HeaderName::from_static("probeflip-port");

/// Who this process is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) instance: String,
    pub(crate) pod: Option<String>,
    pub(crate) container: Option<String>,
    /// Which start of the container this is, where that is counted.
    pub(crate) boot: Option<u64>,
}

impl Identity {
    /// From the environment a kubelet sets (`HOSTNAME`) and a manifest may (`PROBE_TARGET_CONTAINER`).
    pub(crate) fn new(instance: String, environment: &BTreeMap<String, String>) -> Self {
        let known = |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned()
        };
        Self {
            instance,
            pod: known("HOSTNAME"),
            container: known("PROBE_TARGET_CONTAINER"),
            boot: None,
        }
    }

    /// The headers of an answer from `port`; what is unknown, or could not stand in a header, is left out.
    pub(crate) fn headers(&self, port: u16) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(PORT, port.into());
        let named = [
            (POD, self.pod.as_deref()),
            (CONTAINER, self.container.as_deref()),
            (INSTANCE, Some(self.instance.as_str())),
        ];
        for (name, value) in named {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(boot) = self.boot {
            headers.insert(BOOT, boot.into());
        }
        headers
    }
}
