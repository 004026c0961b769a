//! The kubelet's two HTTP clients.

/// The kubelet's HTTP clients, whose requests and TLS handshakes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Sends the requests of probes. Rule: `pkg/probe/http/http.go`, `New`.
    Probe,
    /// Sends the requests of lifecycle hooks: it would keep connections and decompress bodies, uses
    /// no HTTP/2 and limits no time. Rule: `pkg/kubelet/kubelet.go`,
    /// `insecureContainerLifecycleHTTPClient`.
    Lifecycle,
}

impl Client {
    /// The default `User-Agent`.
    pub(super) fn user_agent(self) -> &'static str {
        match self {
            Self::Probe => "kube-probe/1.36",
            Self::Lifecycle => "kube-lifecycle/1.36",
        }
    }
}
