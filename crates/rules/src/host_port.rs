//! Host ports of Pods: whether they are free on a node.
//!
//! Rule: `pkg/scheduler/framework/plugins/nodeports/node_ports.go`, and `HostPortInfo` in
//! `staging/src/k8s.io/kube-scheduler/framework/types.go`.

/// The address that stands for all addresses of a node.
const ALL_ADDRESSES: &str = "0.0.0.0";

/// A `hostPort` of a container, with its address and protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// `hostIP`; empty for all addresses of the node.
    pub ip: String,
    /// `protocol`; empty for TCP.
    pub protocol: String,
    /// `hostPort`; above zero.
    pub port: i32,
}

impl HostPort {
    fn ip(&self) -> &str {
        match self.ip.as_str() {
            "" => ALL_ADDRESSES,
            ip => ip,
        }
    }

    fn protocol(&self) -> &str {
        match self.protocol.as_str() {
            "" => "TCP",
            protocol => protocol,
        }
    }

    /// Whether two host ports cannot be used together on one node. Addresses are compared as text,
    /// as upstream does.
    fn conflicts(&self, other: &Self) -> bool {
        let overlaps = self.ip() == other.ip() || [self.ip(), other.ip()].contains(&ALL_ADDRESSES);
        overlaps && (self.port, self.protocol()) == (other.port, other.protocol())
    }
}

/// Whether all wanted ports are free on a node where `taken` are in use.
pub fn are_free(wanted: &[HostPort], taken: &[HostPort]) -> bool {
    !wanted
        .iter()
        .any(|wanted| taken.iter().any(|taken| wanted.conflicts(taken)))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn port(ip: &str, protocol: &str, port: i32) -> HostPort {
        HostPort {
            ip: ip.into(),
            protocol: protocol.into(),
            port,
        }
    }

    fn check(one: &HostPort, other: &HostPort, expected: bool) {
        for (wanted, taken) in [(one, other), (other, one)] {
            let free = are_free(from_ref(wanted), from_ref(taken));
            assert_eq!(free, expected, "{wanted:?} beside {taken:?}");
        }
    }

    #[test]
    fn a_port_is_taken_for_its_protocol_and_address() {
        check(&port("", "", 80), &port("", "TCP", 80), false);
        check(&port("", "TCP", 80), &port("", "TCP", 81), true);
        check(&port("", "TCP", 80), &port("", "UDP", 80), true);
        check(
            &port("10.0.0.1", "TCP", 80),
            &port("10.0.0.2", "TCP", 80),
            true,
        );
        check(
            &port("10.0.0.1", "TCP", 80),
            &port("10.0.0.1", "", 80),
            false,
        );
    }

    #[test]
    fn all_addresses_include_each() {
        check(&port("", "TCP", 80), &port("10.0.0.1", "TCP", 80), false);
        check(&port("0.0.0.0", "TCP", 80), &port("::1", "TCP", 80), false);
    }

    #[test]
    fn one_taken_port_is_enough() {
        let wanted = [port("", "TCP", 80), port("", "TCP", 81)];
        assert!(!are_free(&wanted, &[port("", "TCP", 81)]));
        assert!(are_free(&wanted, &[]));
        assert!(are_free(&[], &wanted));
    }
}
